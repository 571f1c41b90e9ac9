use std::time::Duration;

use ocelli_core::{BaseIteration, FineTuningOptions, ImageId, Name, TagId};
use ocelli_model::View;
use ocelli_train::{HeadOptions, TrainingDevice};
use serde::{Deserialize, Serialize};

/// How thoroughly a project is trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Training {
    /// A head on the features of the base model as it is: seconds.
    #[default]
    Quick,
    /// First a head as in quick training; then the base model's last stages are adapted together with it. Minutes to hours.
    /// The better of the two, on photos held out, is kept.
    Advanced(AdvancedOptions),
}

/// How the base model is adapted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AdvancedOptions {
    /// How long the whole training may take; none for as long as it learns something. It ends within 5 % of this, unless
    /// already the quick training before it takes longer, or the machine becomes slower when the finished model is asked (for
    /// int8 and test photos).
    pub budget: Option<Duration>,
    /// Bytes in which the frozen part's activations are kept.
    ///
    /// A photo's activations take `2 * height * width * channels` bytes a view, of the maps at the cut. What finds no room is computed each time that
    /// it is needed, which takes longer and changes no result.
    pub activation_memory: u64,
    /// What computes it.
    pub device: TrainingDevice,
    /// The node of the base after which layers are adapted, by name (`block08`), one of [`cuts`](ocelli_train::cuts); none
    /// for the one that leaves seven tenths of its multiplications to adapt.
    pub cut: Option<String>,
    /// Learning rate, rounds and the like.
    pub fine_tuning: FineTuningOptions,
}

impl Default for AdvancedOptions {
    fn default() -> Self {
        Self {
            budget: None,
            activation_memory: 1 << 30,
            device: TrainingDevice::default(),
            cut: None,
            fine_tuning: FineTuningOptions::default(),
        }
    }
}

/// How a project is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrainOptions {
    /// Quick, the default, or advanced.
    pub training: Training,
    /// Draws the folds; the same seed, photos and options give the same bits on the same machine, unless a budget
    /// cuts the training short.
    pub seed: u64,
    /// How far rare tags are favoured, 0 (not at all, the default) to 1 (fully); see
    /// [`HeadOptions::balance`].
    pub balance: f32,
    /// Which part of a photo the network sees: the whole of it, squashed, or the centre square. Without one (the default) the
    /// folds choose: the whole, unless the centre square lowers the loss on photos held out by 0.005.
    /// With more than 500 photos it is the whole.
    pub view: Option<View>,
    /// The tags to train; all where none are named. Photos that have none of them take no part.
    pub tags: Vec<TagId>,
    /// Photos set aside to judge the model by. They take no part in training; without any, the folds judge it.
    pub test_photos: Vec<ImageId>,
    /// The iteration to start from in place of the domain's base model, of this project or of another. Its layers, where
    /// they are adapted, are what is frozen or adapted further; its head plays no part. Where they were adapted to the same
    /// photos, those have been seen before the folds are drawn, and the figures are too good: judge it by `test_photos` that
    /// the earlier iteration was not trained on.
    pub custom_base: Option<BaseIteration>,
    /// Measure what the model answers in int8, so that it can be published in it (the default).
    ///
    /// The features of every photo are then computed in both precisions. The first training of a project also
    /// makes a calibration: it reads the bytes of every photo to draw up to
    /// [`MAX_CALIBRATION_PHOTOS`](ocelli_core::limits::MAX_CALIBRATION_PHOTOS) of them, and decodes those
    /// once more. So does a training that has twice as many photos as the calibration was made for, and it
    /// computes the int8 features of all photos anew. Where the folds choose the [`view`](Self::view), both views have a
    /// calibration and int8 features.
    pub int8: bool,
    /// Train even where nothing has changed since the last training.
    pub force: bool,
    /// The iteration's name; `Iteration N` where there is none.
    pub name: Option<Name>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        let HeadOptions { seed, balance } = HeadOptions::default();
        Self {
            training: Training::default(),
            seed,
            balance,
            view: None,
            tags: Vec::new(),
            test_photos: Vec::new(),
            custom_base: None,
            int8: true,
            force: false,
            name: None,
        }
    }
}
