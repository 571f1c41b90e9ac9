use ocelli_core::{IterationId, Timestamp};
use serde::{Deserialize, Serialize};

/// What an exported network takes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnnxInput {
    /// `photo`: one upright photo of any size, RGB in bytes, `[1, height, width, 3]`. Cropping, resizing and
    /// normalising are part of the file, so that nobody has to repeat them.
    #[default]
    Photo,
    /// `tensor`: photos that are cropped, resized and normalised already, `[batch, 3, height, width]` in f32, for
    /// programs that must do that themselves.
    Tensor,
}

/// How a network is exported to ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnnxOptions {
    /// What the network takes in.
    pub input: OnnxInput,
    /// The iteration that the manifest names, if the network is one's.
    pub iteration: Option<IterationId>,
    /// The moment that the manifest names.
    pub exported: Timestamp,
}
