//! Reports of iterations that were never trained: their answers are drawn.

use ocelli::{
    BaseIteration, CalibrationFigures, CalibrationRecord, ClassificationType, Description, Domain,
    EpochFigures, EvaluatedOn, EvaluatedPhoto, Evaluation, Flaw, ImageId, Iteration, IterationId, IterationReport,
    IterationStatus, LeftOut, Manifest, Name, PhotoFindings, Picture, PoorPhoto, ProbabilityCalibration, Project,
    ProjectId, ProjectSettings, Random, ReportSource, SuspiciousLabel, TagId, TagType, Thumbnail, Timestamp,
    TrainedTag, TrainingType,
};
