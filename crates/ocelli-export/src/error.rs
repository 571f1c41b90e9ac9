use ocelli_core::ErrorCode;

/// Why a network could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// An operation that the format has no equivalent for here.
    #[error("node {node:?} is a {op}, which cannot be exported to ONNX")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
    },
    /// A node whose weights or inputs are not those that the network's description promises.
    #[error("node {node:?} does not have the inputs that its network describes")]
    Inconsistent {
        /// The node.
        node: String,
    },
    /// A network larger than the format's files.
    #[error("the network takes {bytes} bytes with its weights in f32; one ONNX file holds at most {limit}")]
    TooLarge {
        /// How many bytes it takes.
        bytes: u64,
        /// How many may be.
        limit: u64,
    },
    /// A description that could not be written as JSON.
    #[error("the description of the network could not be written: {reason}")]
    Description {
        /// Why not.
        reason: String,
    },
}

impl ExportError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unsupported { .. } | Self::Inconsistent { .. } => ErrorCode::ErrorExporterInvalidFeaturizer,
            Self::TooLarge { .. } | Self::Description { .. } => ErrorCode::BadRequestExportValidationFailed,
        }
    }
}
