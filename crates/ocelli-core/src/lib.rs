//! The data model of Ocelli: what projects, tags, photos, iterations and predictions are, which values they
//! admit, which limits hold, and how an iteration is judged.
//!
//! Everything here is plain data and arithmetic: no files, no clock, no randomness. Ids and moments are made
//! from what the caller passes in.
//!
//! ```
//! use ocelli_core::{BoundingBox, Domain, Name};
//!
//! let name = Name::new("hemlock")?;
//! assert_eq!(name.as_str(), "hemlock");
//! assert!(BoundingBox::new(0.5, 0.5, 0.6, 0.2).is_err(), "reaches beyond the photo");
//! assert_eq!(Domain::from_id(Domain::FOOD.id), Some(Domain::FOOD));
//! # Ok::<(), ocelli_core::InvalidValue>(())
//! ```

mod account;
mod audit;
mod calibration;
mod code;
mod commitment;
mod comparison;
mod curve;
mod domain;
mod erasure;
mod error;
mod evaluation;
mod export;
mod fine_tuning;
mod hold;
mod id;
mod image;
mod int8;
mod interval;
mod iteration;
mod label_issues;
pub mod limits;
mod metadata_filter;
mod metrics;
mod precision;
mod prediction;
mod project;
mod region;
mod reliability;
mod retention;
mod suggestion;
mod tag;
#[cfg(test)]
mod testing;
mod text;
mod threshold;
mod thresholds;
mod timestamp;

pub use account::Account;
pub use audit::{AuditAction, AuditEntry, AuditEvent, AuditSubject};
pub use calibration::{CalibrationFigures, CalibrationRecord, ProbabilityCalibration};
pub use code::ErrorCode;
pub use commitment::{Commitment, Digest, Salt};
pub use comparison::{ComparedFigures, Comparison, SharedFigures, TagComparison};
pub use curve::CurvePoint;
pub use domain::{BaseModel, Domain, DomainType};
pub use erasure::{
    Affected, AffectedIteration, AffectedOutcome, Erased, ErasedItem, Erasure, ErasureOperation,
    ErasureReason, ErasureRecord, ErasureStatus,
};
pub use error::InvalidValue;
pub use evaluation::{Cell, Confusion, EvaluatedPhoto, Evaluation, IterationPerformance, TagPerformance};
pub use export::{Export, ExportFile, ExportPlatform};
pub use fine_tuning::{FineTuningOptions, FineTuningRecord, FineTuningRound};
pub use hold::{HeldItem, Hold, HoldTarget};
pub use id::{
    AccountId, DomainId, ExportId, HoldId, ImageId, IterationId, PredictionId, ProjectId, RegionId, TagId,
};
pub use image::{Image, ImageCreateStatus, ImageTag, Metadata, Origin};
pub use int8::{Int8Cost, MeasuredInt8};
pub use interval::Interval;
pub use iteration::{
    BaseIteration, EvaluatedOn, Iteration, IterationStatus, LeftOut, Manifest, Publication, TrainedTag,
    TrainingFailure, TrainingType,
};
pub use label_issues::{LabelIssue, LabelProblem};
pub use limits::Limits;
pub use metadata_filter::MetadataFilter;
pub use metrics::average_precision;
pub use precision::Precision;
pub use prediction::{ImagePrediction, Prediction, StoredPrediction};
pub use project::{Augmentations, ClassificationType, Project, ProjectSettings, ProjectUpdate};
pub use region::{BoundingBox, Region};
pub use reliability::{Reliability, ReliabilityBin};
pub use retention::{
    AccountPolicy, DataClass, Latch, Period, Retention, RetentionPolicy, RetentionRule, Rules,
};
pub use suggestion::{
    Suggestion, SuggestionContinuation, SuggestionOrder, SuggestionPage, SuggestionQuery, Suggestions,
    entropy, greatest_entropy,
};
pub use tag::{Tag, TagType, TagUpdate};
pub use text::{Description, Name};
pub use threshold::Threshold;
pub use thresholds::Thresholds;
pub use timestamp::Timestamp;
