use serde::{Deserialize, Serialize};

/// Declares the enumeration once, with the wire name of each code.
macro_rules! error_codes {
    ($($code:ident,)*) => {
        /// The error codes of Custom Vision (`CustomVisionError.code`), so that a program or a service that
        /// knows them from there meets the same ones here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", stringify!($code), "`")] $code,)*
        }

        impl ErrorCode {
            /// Every code, in Custom Vision's order.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The code as Custom Vision writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }
        }
    };
}

error_codes! {
    NoError,
    BadRequest,
    BadRequestExceededBatchSize,
    BadRequestNotSupported,
    BadRequestInvalidIds,
    BadRequestProjectName,
    BadRequestProjectNameNotUnique,
    BadRequestProjectDescription,
    BadRequestProjectUnknownDomain,
    BadRequestProjectUnknownClassification,
    BadRequestProjectUnsupportedDomainTypeChange,
    BadRequestProjectUnsupportedExportPlatform,
    BadRequestProjectImagePreprocessingSettings,
    BadRequestProjectDuplicated,
    BadRequestIterationName,
    BadRequestIterationNameNotUnique,
    BadRequestIterationDescription,
    BadRequestIterationIsNotTrained,
    BadRequestIterationValidationFailed,
    BadRequestWorkspaceCannotBeModified,
    BadRequestWorkspaceNotDeletable,
    BadRequestTagName,
    BadRequestTagNameNotUnique,
    BadRequestTagDescription,
    BadRequestTagType,
    BadRequestMultipleNegativeTag,
    BadRequestMultipleGeneralProductTag,
    BadRequestImageTags,
    BadRequestImageRegions,
    BadRequestNegativeAndRegularTagOnSameImage,
    BadRequestUnsupportedDomain,
    BadRequestRequiredParamIsNull,
    BadRequestIterationIsPublished,
    BadRequestInvalidPublishName,
    BadRequestInvalidPublishTarget,
    BadRequestUnpublishFailed,
    BadRequestIterationNotPublished,
    BadRequestSubscriptionApi,
    BadRequestExceedProjectLimit,
    BadRequestExceedIterationPerProjectLimit,
    BadRequestExceedTagPerProjectLimit,
    BadRequestExceedTagPerImageLimit,
    BadRequestExceededQuota,
    BadRequestCannotMigrateProjectWithName,
    BadRequestNotLimitedTrial,
    BadRequestImageBatch,
    BadRequestImageStream,
    BadRequestImageUrl,
    BadRequestImageFormat,
    BadRequestImageSizeBytes,
    BadRequestImageDimensions,
    BadRequestImageAspectRatio,
    BadRequestImageExceededCount,
    BadRequestTrainingNotNeeded,
    BadRequestTrainingNotNeededButTrainingPipelineUpdated,
    BadRequestTrainingValidationFailed,
    BadRequestClassificationTrainingValidationFailed,
    BadRequestMultiClassClassificationTrainingValidationFailed,
    BadRequestMultiLabelClassificationTrainingValidationFailed,
    BadRequestDetectionTrainingValidationFailed,
    BadRequestTrainingAlreadyInProgress,
    BadRequestDetectionTrainingNotAllowNegativeTag,
    BadRequestInvalidEmailAddress,
    BadRequestRetiredDomainNotSupportedForTraining,
    BadRequestDomainNotSupportedForAdvancedTraining,
    BadRequestExportPlatformNotSupportedForAdvancedTraining,
    BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining,
    BadRequestCustomBaseModelIterationStatusNotCompleted,
    BadRequestCustomBaseModelDomainNotCompatible,
    BadRequestCustomBaseModelArchitectureRetired,
    BadRequestExportValidationFailed,
    BadRequestExportAlreadyInProgress,
    BadRequestPredictionIdsMissing,
    BadRequestPredictionIdsExceededCount,
    BadRequestPredictionTagsExceededCount,
    BadRequestPredictionResultsExceededCount,
    BadRequestPredictionInvalidApplicationName,
    BadRequestPredictionInvalidQueryParameters,
    BadRequestInvalidImportToken,
    BadRequestExportWhileTraining,
    BadRequestImageMetadataKey,
    BadRequestImageMetadataValue,
    BadRequestOperationNotSupported,
    BadRequestInvalidArtifactUri,
    BadRequestCustomerManagedKeyRevoked,
    BadRequestInvalidUri,
    BadRequestInvalid,
    UnsupportedMediaType,
    Forbidden,
    ForbiddenUser,
    ForbiddenUserResource,
    ForbiddenUserSignupDisabled,
    ForbiddenUserSignupAllowanceExceeded,
    ForbiddenUserDoesNotExist,
    ForbiddenUserDisabled,
    ForbiddenUserInsufficientCapability,
    ForbiddenDRModeEnabled,
    ForbiddenInvalid,
    NotFound,
    NotFoundProject,
    NotFoundProjectDefaultIteration,
    NotFoundIteration,
    NotFoundIterationPerformance,
    NotFoundTag,
    NotFoundImage,
    NotFoundDomain,
    NotFoundApimSubscription,
    NotFoundInvalid,
    Conflict,
    ConflictInvalid,
    ErrorUnknown,
    ErrorIterationCopyFailed,
    ErrorPreparePerformanceMigrationFailed,
    ErrorProjectInvalidWorkspace,
    ErrorProjectInvalidPipelineConfiguration,
    ErrorProjectInvalidDomain,
    ErrorProjectTrainingRequestFailed,
    ErrorProjectImportRequestFailed,
    ErrorProjectExportRequestFailed,
    ErrorFeaturizationServiceUnavailable,
    ErrorFeaturizationQueueTimeout,
    ErrorFeaturizationInvalidFeaturizer,
    ErrorFeaturizationAugmentationUnavailable,
    ErrorFeaturizationUnrecognizedJob,
    ErrorFeaturizationAugmentationError,
    ErrorExporterInvalidPlatform,
    ErrorExporterInvalidFeaturizer,
    ErrorExporterInvalidClassifier,
    ErrorPredictionServiceUnavailable,
    ErrorPredictionModelNotFound,
    ErrorPredictionModelNotCached,
    ErrorPrediction,
    ErrorPredictionStorage,
    ErrorRegionProposal,
    ErrorUnknownBaseModel,
    ErrorServerTimeOut,
    ErrorInvalid,
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_vision_has_137_codes_and_each_is_its_own_wire_name() {
        assert_eq!(ErrorCode::ALL.len(), 137);
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
        }
    }
}
