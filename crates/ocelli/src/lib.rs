#![doc = include_str!("../../../README.md")]

mod base;
#[cfg(feature = "train")]
mod calibration;
mod environment;
mod erasure;
mod error;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "train")]
mod features;
mod images;
mod iteration;
mod kept_exports;
mod networks;
mod ocelli;
mod pool;
mod predict;
mod predictions;
mod project;
#[cfg(feature = "train")]
mod retraining;
#[cfg(feature = "train")]
mod stored_photos;
#[cfg(feature = "train")]
mod training;
mod upload;

pub use environment::{Clock, ManualClock, Random, SystemClock, SystemRandom};
pub use error::Error;
pub use iteration::{IterationHandle, PublishOptions};
pub use ocelli::{Ocelli, OpenOptions};
pub use predict::Keep;
pub use predictions::UsePrediction;
pub use project::{NewProject, ProjectHandle};
#[cfg(feature = "train")]
pub use retraining::Retrained;
#[cfg(feature = "train")]
pub use training::TrainOptions;
pub use upload::{NewRegion, Upload, UploadResult, UploadSummary};

pub use ocelli_core::*;
#[cfg(feature = "export")]
pub use ocelli_export::{ExportError, ExportedFile, OnnxExport, OnnxInput};
pub use ocelli_imaging::{ImagingError, RgbImage, RgbView};
pub use ocelli_infer::{CompileOptions, InferError, Level, Model};
pub use ocelli_model::{ModelError, View};
pub use ocelli_store::{
    AddedImage, CheckOptions, CheckReport, Continuation, ImageFilter, ImageQuery, Missing, Order, Owner,
    PredictionPage, PredictionQuery, ProbabilityRange, Store, StoreError, TagSummary, TaggingStatus,
};
#[cfg(feature = "train")]
pub use ocelli_train::{Lack, StopToken, TrainError, TrainingEvent};
