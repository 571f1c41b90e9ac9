//! Training for Ocelli: heads on the features of a frozen base.
//!
//! A head is an L2-regularised logistic regression (softmax where a photo has one tag, independent sigmoids where
//! it may have several) on the features of a base that stays as it is. [`Labels`] says which photos have which
//! tags and that they are enough. [`TrainingSet`] adds their features, of one view a photo or of several, says which
//! photos are near-duplicates and stay in one fold; [`held_out_loss`] tells what they are worth. [`train_head`] chooses the strength of
//! the regularisation by cross-validation, fits the head on all photos, and returns with it the folds' heads and what
//! they answered to the photos that they had not seen; [`TrainedHead::held_out`] asks them again about other features
//! of those photos, as a base in another precision makes them. [`nearest_centroid`] makes a head at once, from one photo a tag
//! on.
//!
//! ```
//! use ocelli_core::{ClassificationType, ImageId, Name, TagId, TagType, Timestamp, TrainedTag};
//! use ocelli_train::{HeadOptions, LabelledPhoto, Labels, StopToken, TrainingSet, train_head};
//!
//! # let id = |n: u8| [n; 10];
//! # let at = Timestamp::from_millis(0);
//! let tags = ["left", "right"].into_iter().zip(0..).map(|(name, n)| {
//!     Ok(TrainedTag { id: TagId::new(at, id(n)), name: Name::new(name)?, tag_type: TagType::Regular })
//! });
//! let tags = tags.collect::<Result<Vec<_>, ocelli_core::InvalidValue>>()?;
//! let photo = |n: u8| LabelledPhoto { image: ImageId::new(at, id(n)), tags: vec![u16::from(n % 2)] };
//! let labels = Labels::new(ClassificationType::Multiclass, tags, (0..20).map(photo).collect())?;
//! // Two features a photo: the first tells the tags apart.
//! let features = (0u8..20).flat_map(|n| [f32::from(n % 2), f32::from(n)]).collect();
//! let set = TrainingSet::new(labels, features)?;
//! let trained = train_head(&set, &HeadOptions::default(), &StopToken::new(), &|_| {})?;
//! assert_eq!(trained.evaluation.top1(), Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calibration;
mod device;
mod error;
mod fine_tuning;
mod folds;
mod head;
mod labels;
mod linear;
mod minimum;
mod nearest_centroid;
mod network;
pub mod ops;
mod progress;
mod regression;
mod scaling;
mod training_set;

pub use calibration::{calibrate, calibrated, fit_calibration};
pub use device::TrainingDevice;
pub use error::{Lack, TrainError};
pub use fine_tuning::{
    Activations, AdaptedLayers, Checkpoints, FineTuned, FineTuning, TimeLimit, check_fine_tuning, fine_tune,
};
pub use head::{HeadOptions, TrainedHead, held_out_loss, train_head};
pub use labels::{LabelledPhoto, Labels};
pub use linear::LinearHead;
pub use nearest_centroid::nearest_centroid;
pub use network::{Cut, Tail, cuts};
pub use progress::{StopToken, TrainingEvent};
pub use training_set::TrainingSet;
