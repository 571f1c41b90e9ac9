#![doc = include_str!("../../../README.md")]

mod account;
#[cfg(feature = "archive")]
mod archive;
mod augmentation_preview;
mod base;
#[cfg(feature = "train")]
mod calibration;
#[cfg(feature = "archive")]
mod custom_vision_import;
mod erasure;
mod error;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "train")]
mod features;
#[cfg(feature = "report")]
mod findings;
mod heat_map;
mod holds;
mod images;
mod iteration;
mod kept_exports;
mod networks;
mod ocelli;
#[cfg(feature = "retention")]
mod person;
mod pool;
mod predict;
mod predictions;
mod project;
#[cfg(feature = "retention")]
mod proof;
#[cfg(feature = "report")]
mod report;
#[cfg(feature = "retention")]
mod retention;
#[cfg(feature = "train")]
mod retraining;
#[cfg(feature = "train")]
mod signatures;
mod stored_photos;
mod suggestions;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
mod training_views;
mod upload;

#[cfg(feature = "archive")]
pub use archive::{
    ExportOptions, ExportSummary, ExportedProject, ImportOptions, ImportSummary, ImportedIds,
    ImportedIteration, ImportedProject, TransferProblem,
};
#[cfg(feature = "archive")]
pub use custom_vision_import::{CustomVisionImport, CustomVisionOptions};
pub use error::Error;
pub use iteration::{IterationHandle, PublishOptions};
pub use ocelli::{Ocelli, OpenOptions};
pub use predict::Keep;
pub use predictions::UsePrediction;
pub use project::{NewProject, ProjectHandle};
#[cfg(feature = "report")]
pub use report::ReportOptions;
#[cfg(feature = "train")]
pub use retraining::Retrained;
#[cfg(feature = "train")]
pub use training::{AdvancedOptions, TrainOptions, Training};
pub use upload::{NewRegion, Upload, UploadResult, UploadSummary};

#[cfg(feature = "archive")]
pub use ocelli_archive::{
    ArchiveError, ArchiveReader, Contents, ContentsEntry, ImageRecord, IterationRecord, PredictionRecord,
    ProjectReader, ProjectRecord, ReadLimits, Written, custom_vision,
};
pub use ocelli_core::*;
#[cfg(feature = "export")]
pub use ocelli_export::{ExportError, ExportedFile, OnnxExport, OnnxInput};
pub use ocelli_imaging::{HeatMap, ImagingError, RgbImage, RgbView, encode_png, overlay};
pub use ocelli_infer::{CompileOptions, InferError, Level, Model, Views};
pub use ocelli_keys::{DataKey, KeyError, KeyFile, KeyProvider, Keys, PublicKey, Signature};
pub use ocelli_model::{ModelError, View};
#[cfg(feature = "report")]
pub use ocelli_report::{
    AnsweredPhoto, Calibrated, Compared, ComparedTag, Estimate, Flaw, Headline, IterationReport,
    LeftOutCounts, Measure, NextStep, Overall, PhotoFindings, Picture, PoorPhoto, Provenance, ReportedCell,
    ReportedPhoto, ReportedProject, ReportedTag, Thumbnail,
};
#[cfg(feature = "retention")]
pub use ocelli_retention::{
    AuditHead, AuditLog, Budget, ChainedEntry, Checkpoint, DueCount, DueItem, Findings, ItemCount,
    MembershipProof, PersonErased, Plan, ProofError, Receipt, ReceiptBody, ReceiptKind, ReceiptStatement,
    RetentionError, SweepOptions, Swept, Ticking, Why, verify_photo,
};
pub use ocelli_store::{
    AddedImage, CheckOptions, CheckReport, Clock, Continuation, ImageFilter, ImageQuery, Item, ManualClock,
    Missing, Order, Owner, PredictionPage, PredictionQuery, ProbabilityRange, Random, Store, StoreError,
    StoreOptions, SystemClock, SystemRandom, TagSummary, TaggingStatus,
};
#[cfg(feature = "train")]
pub use ocelli_train::{Lack, StopToken, TrainError, TrainingDevice, TrainingEvent};
