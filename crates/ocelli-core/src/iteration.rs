use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Augmentations, CalibrationRecord, ClassificationType, DomainId, ErrorCode, Evaluation, FineTuningRecord,
    ImageId, IterationId, MeasuredInt8, Name, Precision, ProjectId, TagId, TagType, Threshold, Thresholds,
    Timestamp,
};

/// Why a training ended without a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "reason")]
pub enum TrainingFailure {
    /// The caller asked it to stop.
    Stopped,
    /// The process that trained ended before the training did.
    Interrupted,
    /// An error.
    Error {
        /// Its code.
        code: ErrorCode,
        /// Its message.
        message: String,
    },
}

impl std::fmt::Display for TrainingFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped on request"),
            Self::Interrupted => f.write_str("the process that trained it ended before the training did"),
            Self::Error { message, .. } => f.write_str(message),
        }
    }
}

/// Where an iteration is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "status")]
pub enum IterationStatus {
    /// A training is under way.
    Training,
    /// It has a model, and can be asked and published.
    #[serde(rename_all = "camelCase")]
    Completed {
        /// When the training ended.
        trained_at: Timestamp,
        /// What the training took, in milliseconds.
        training_millis: u64,
    },
    /// It has no model.
    Failed {
        /// Why not.
        #[serde(flatten)]
        failure: TrainingFailure,
    },
}

/// How thoroughly an iteration was trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrainingType {
    /// A head on the features of the frozen base.
    #[default]
    Regular,
    /// The base's last stages are adapted with the head.
    Advanced,
}

/// The iteration whose model a training starts from, of the same project or of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaseIteration {
    /// Its project.
    pub project_id: ProjectId,
    /// The iteration.
    pub iteration_id: IterationId,
}

/// How an iteration answers predictions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Publication {
    /// The name under which it answers, its own within the project.
    #[serde(rename = "publishName")]
    pub name: Name,
    /// The numbers in which it computes its answers; f32 where none are named.
    #[serde(rename = "publishPrecision", default)]
    pub precision: Precision,
}

/// One training of a project, and the model that came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Iteration {
    /// Identifies the iteration.
    pub id: IterationId,
    /// The project that was trained.
    pub project_id: ProjectId,
    /// Its name: `Iteration N` until it is renamed.
    pub name: Name,
    /// Where it is in its life.
    #[serde(flatten)]
    pub status: IterationStatus,
    /// When its training began.
    pub created: Timestamp,
    /// When it was last changed: trained, renamed, published, unpublished.
    pub last_modified: Timestamp,
    /// The project's domain at the time.
    pub domain_id: DomainId,
    /// The project's classification type at the time.
    pub classification_type: ClassificationType,
    /// How thoroughly it was trained.
    pub training_type: TrainingType,
    /// The time that its training was given, in milliseconds; 0 where it was given none.
    #[serde(default)]
    pub reserved_budget_millis: u64,
    /// The iteration whose model its training started from; none where it started from the domain's base model.
    #[serde(rename = "customBaseModelInfo", default)]
    pub custom_base: Option<BaseIteration>,
    /// How it answers predictions, if it is published.
    #[serde(flatten, deserialize_with = "publication")]
    pub publication: Option<Publication>,
}

/// Serde reads a flattened `Option` as none whatever is wrong with it, which would unpublish in silence.
fn publication<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Publication>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        publish_name: Option<Name>,
        #[serde(default)]
        publish_precision: Precision,
    }
    let Fields { publish_name, publish_precision: precision } = Fields::deserialize(deserializer)?;
    Ok(publish_name.map(|name| Publication { name, precision }))
}

impl Iteration {
    /// Whether it has a model.
    pub fn is_completed(&self) -> bool {
        matches!(self.status, IterationStatus::Completed { .. })
    }

    /// The name under which it answers predictions, if it is published.
    pub fn publish_name(&self) -> Option<&Name> {
        self.publication.as_ref().map(|publication| &publication.name)
    }
}

/// A tag as it was when an iteration was trained.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainedTag {
    /// The tag, which may have been deleted since.
    pub id: TagId,
    /// Its name at the time.
    pub name: Name,
    /// Its type at the time.
    #[serde(rename = "type")]
    pub tag_type: TagType,
}

/// Why a photo with tags took no part in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LeftOut {
    /// It has several tags, and the project allows one a photo (multiclass).
    SeveralTags,
    /// It has the negative tag, and the project's settings leave the negative set out.
    NegativeSet,
    /// Its stored bytes could not be read or decoded.
    Unreadable,
}

/// Which photos a model is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EvaluatedOn {
    /// The photos that it was trained on, each answered by a model trained without its fold.
    #[default]
    Folds,
    /// Photos that the caller set aside, answered by the model itself.
    TestSet,
}

/// What an iteration was trained on and what it answered: ids and numbers, never photos.
///
/// It is enough to compute the performance at any threshold, and to repeat the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The seed that folds were drawn with.
    pub seed: u64,
    /// The fingerprint of the base model, its preprocessing included, in hexadecimal.
    pub base: String,
    /// The strength of the L2 regularisation that the folds favoured.
    pub strength: f64,
    /// How far the weights of tags make up for unequal numbers of photos, 0 (not at all) to 1 (fully).
    pub balance: f32,
    /// How many folds there were.
    pub folds: u16,
    /// Photos that had tags but took no part.
    pub left_out: Vec<(ImageId, LeftOut)>,
    /// Tags, photos, their folds and the probabilities that a model trained without each photo's fold gave it.
    pub evaluation: Evaluation,
    /// What its answers in int8 are worth; none where it was trained without.
    #[serde(default)]
    pub int8: Option<MeasuredInt8>,
    /// How the probabilities were made to tell the truth; none where they are as the training left them.
    #[serde(default)]
    pub calibration: Option<CalibrationRecord>,
    /// The threshold of each tag, in the order of the evaluation's, at which its F1 was highest; empty where none
    /// were chosen, and the default counts for all.
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    /// How the base was adapted; none in a quick training.
    #[serde(default)]
    pub fine_tuning: Option<FineTuningRecord>,
    /// Photos that it was trained on and that have been erased since. They are no longer among the evaluation's.
    #[serde(default)]
    pub erased: u32,
    /// What it answered to the photos that the caller set aside to test it, whose fold is 0; none where none were. It
    /// was not trained on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
    /// Photos of the test that have been erased since. They are no longer among it.
    #[serde(default)]
    pub test_erased: u32,
    /// The project's switches at the time of the training; none where they were not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentations: Option<Augmentations>,
    /// Whether the caller named the part of the photos that the network sees; else the folds chose it, or there was no choice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub view_named: bool,
}

impl Manifest {
    /// The photos that the iteration is judged by: those of its test where any are left, else those of its folds.
    pub fn evaluated_on(&self) -> EvaluatedOn {
        match &self.test {
            Some(test) if !test.photos.is_empty() => EvaluatedOn::TestSet,
            _ => EvaluatedOn::Folds,
        }
    }

    /// What the iteration answered to the photos that it is judged by.
    pub fn judged_by(&self) -> &Evaluation {
        match &self.test {
            Some(test) if !test.photos.is_empty() => test,
            _ => &self.evaluation,
        }
    }

    /// The thresholds that count where none are named: its own, or the default for all tags where it has none.
    pub fn own_thresholds(&self) -> Thresholds {
        if self.thresholds.is_empty() { Thresholds::default() } else { Thresholds::from(&self.thresholds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_two_fields_of_its_iteration() {
        let at = Timestamp::from_millis(0);
        let unpublished = Iteration {
            id: IterationId::new(at, [1; 10]),
            project_id: ProjectId::new(at, [2; 10]),
            name: Name::new("first").unwrap(),
            status: IterationStatus::Training,
            created: at,
            last_modified: at,
            domain_id: DomainId::new(at, [3; 10]),
            classification_type: ClassificationType::Multiclass,
            training_type: TrainingType::Advanced,
            reserved_budget_millis: 60_000,
            custom_base: Some(BaseIteration {
                project_id: ProjectId::new(at, [4; 10]),
                iteration_id: IterationId::new(at, [5; 10]),
            }),
            publication: None,
        };
        let publication = Publication { name: Name::new("live").unwrap(), precision: Precision::Int8 };
        let published = Iteration { publication: Some(publication), ..unpublished.clone() };
        for iteration in [&unpublished, &published] {
            let json = serde_json::to_value(iteration).unwrap();
            assert_eq!(&serde_json::from_value::<Iteration>(json).unwrap(), iteration);
        }
        let json = serde_json::to_value(&published).unwrap();
        assert_eq!((&json["publishName"], &json["publishPrecision"]), (&"live".into(), &"int8".into()));

        let named = |precision: Option<&str>| {
            let mut json = serde_json::to_value(&published).unwrap();
            let fields = json.as_object_mut().unwrap();
            fields.remove("publishPrecision");
            fields.extend(precision.map(|precision| ("publishPrecision".to_owned(), precision.into())));
            serde_json::from_value::<Iteration>(json)
        };
        assert_eq!(named(None).unwrap().publication.unwrap().precision, Precision::F32);
        assert!(named(Some("int4")).unwrap_err().to_string().contains("int4"));
    }

    #[test]
    fn what_was_stored_before_there_was_more_to_say_still_reads() {
        let at = Timestamp::from_millis(0);
        let json = serde_json::json!({
            "id": IterationId::new(at, [1; 10]), "projectId": ProjectId::new(at, [2; 10]), "name": "first",
            "status": "Training", "created": at, "lastModified": at, "domainId": DomainId::new(at, [3; 10]),
            "classificationType": "Multiclass", "trainingType": "Regular",
        });
        let mut json = json;
        json["status"] = serde_json::to_value(IterationStatus::Training).unwrap()["status"].clone();
        let iteration: Iteration = serde_json::from_value(json).unwrap();
        assert_eq!((iteration.custom_base, iteration.reserved_budget_millis), (None, 0));

        let json = serde_json::json!({
            "seed": 1, "base": "ab", "strength": 0.1, "balance": 0.0, "folds": 5, "leftOut": [],
            "evaluation": {"classificationType": "Multilabel", "tags": [], "photos": []},
        });
        let manifest: Manifest = serde_json::from_value(json).unwrap();
        assert_eq!(manifest.evaluated_on(), EvaluatedOn::Folds);
        assert_eq!(manifest.judged_by(), &manifest.evaluation);
        assert_eq!(manifest.own_thresholds(), Thresholds::default());
        assert_eq!((manifest.calibration, manifest.thresholds), (None, vec![]));
    }
}
