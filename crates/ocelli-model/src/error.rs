use std::path::PathBuf;

use ocelli_core::ErrorCode;

use crate::{Fingerprint, Shape};

/// Why a network or a model file was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Preprocessing that no network can use.
    #[error("the preprocessing has {what}; it needs {right}")]
    Preprocessing {
        /// What it has.
        what: String,
        /// What it should have.
        right: String,
    },
    /// The input node is missing, misplaced or there twice.
    #[error("node {index} is out of place; the first node, and no other, is the input")]
    InputPlacement {
        /// The node's index.
        index: usize,
    },
    /// Two nodes of one name.
    #[error("two nodes are named {node:?}; a node's name is its own")]
    DuplicateNode {
        /// The name.
        node: String,
    },
    /// A node reads a node that does not exist.
    #[error("node {node:?} reads node {input}, but the network has only {nodes} nodes")]
    UnknownInput {
        /// The reading node.
        node: String,
        /// The index it reads.
        input: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A node reads itself or a later node, as in every cycle.
    #[error("node {node:?} reads node {input}, which does not come before it; a network has no cycles")]
    Order {
        /// The reading node.
        node: String,
        /// The index it reads.
        input: usize,
    },
    /// The output is not a node.
    #[error("the output is node {output}, but the network has only {nodes} nodes")]
    UnknownOutput {
        /// The index.
        output: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A node that nothing reads and that is not the output.
    #[error("nothing reads node {node:?} and it is not the output; leave it out")]
    UnusedNode {
        /// The node.
        node: String,
    },
    /// The wrong number of inputs.
    #[error("node {node:?} ({op}) reads {found} nodes; it needs {expected}")]
    Arity {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
        /// How many it reads.
        found: usize,
        /// How many it should read.
        expected: usize,
    },
    /// An input of the wrong shape.
    #[error("node {node:?} ({op}) reads the shape {found}; it needs {expected}")]
    InputShape {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
        /// The input's shape.
        found: Shape,
        /// What would be right.
        expected: String,
    },
    /// A parameter outside what its operation admits.
    #[error("node {node:?} has {what}; it needs {right}")]
    Parameter {
        /// The node.
        node: String,
        /// The parameter and its value.
        what: String,
        /// What would be right.
        right: String,
    },
    /// A tensor that a node names is not there.
    #[error("node {node:?} needs the tensor {tensor:?}, which is missing")]
    MissingTensor {
        /// The node.
        node: String,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor has another shape than its node needs.
    #[error("the tensor {tensor:?} of node {node:?} has the shape {found:?}; it needs {expected}")]
    TensorShape {
        /// The node.
        node: String,
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// What would be right.
        expected: String,
    },
    /// A tensor that no node names.
    #[error("no node uses the tensor {tensor:?}; leave it out")]
    UnusedTensor {
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor of a name that the model file keeps for something else.
    #[error("a tensor cannot be named {tensor:?}; the model file keeps that name for itself")]
    ReservedTensor {
        /// The name.
        tensor: String,
    },
    /// A replacement for a tensor that the network does not have.
    #[error("the network has no tensor {tensor:?} to replace")]
    UnknownTensor {
        /// The tensor's name.
        tensor: String,
    },
    /// As many values as the shape says are not there.
    #[error(
        "a tensor of shape {shape:?} was given {found} values; it needs the product of its sides, at least 1"
    )]
    TensorLength {
        /// The shape.
        shape: Vec<usize>,
        /// How many values there are.
        found: usize,
    },
    /// A weight that is infinite, not a number, or too large for f16.
    #[error("a tensor of shape {shape:?} holds a value that is not finite in its precision")]
    NotFinite {
        /// The shape.
        shape: Vec<usize>,
    },
    /// More than this program computes with (see [`crate::limits`]).
    #[error("{what} of {found} is too large; at most {limit} is accepted")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// Not one label for each output.
    #[error("there are {found} labels for {outputs} outputs; each output has one label")]
    Labels {
        /// How many labels there are.
        found: usize,
        /// How many outputs there are.
        outputs: usize,
    },
    /// Two labels of one tag.
    #[error("two labels are the tag {tag}; each output is a tag of its own")]
    DuplicateLabel {
        /// The tag's id.
        tag: ocelli_core::TagId,
    },
    /// A head on a network that has one.
    #[error("the network already has a head; attach heads to a base model, which has no labels")]
    HeadAttached,
    /// A head for other features, or one that does not add up.
    #[error(
        "the head has {weights} weights and {bias} biases for {labels} labels on {features} features; it needs one label or more, a bias for each, and a weight for each label and feature"
    )]
    Head {
        /// How many weights there are.
        weights: usize,
        /// How many biases there are.
        bias: usize,
        /// How many labels there are.
        labels: usize,
        /// How many features the base has.
        features: usize,
    },
    /// A calibration of no photos or no nodes.
    #[error("the calibration is empty; it needs at least one photo and one node")]
    EmptyCalibration,
    /// A calibration of another network.
    #[error("the calibration names the node {node:?}, which the network does not have")]
    UnknownCalibratedNode {
        /// The node.
        node: String,
    },
    /// Not one range for each channel.
    #[error("the calibration has {found} ranges for node {node:?}; its output has {expected} channels")]
    CalibratedChannels {
        /// The node.
        node: String,
        /// How many ranges there are.
        found: usize,
        /// How many channels there are.
        expected: usize,
    },
    /// A range that is none.
    #[error(
        "the calibration's range {channel} of node {node:?} is none; it needs min <= mean <= max, from -1e30 to 1e30"
    )]
    CalibratedRange {
        /// The node.
        node: String,
        /// The channel, from 0.
        channel: usize,
    },
    /// Something else than 64 hexadecimal digits.
    #[error("a fingerprint has 64 hexadecimal digits; this text has not")]
    Fingerprint,

    /// Something else than a model file.
    #[error("this is not a model file: {reason}")]
    NotAModelFile {
        /// How that is known.
        reason: String,
    },
    /// A model file whose end is missing.
    #[error("the model file is cut off: it has {found} bytes of {expected}")]
    Truncated {
        /// How many bytes there are.
        found: u64,
        /// How many there should be, as far as can be told.
        expected: u64,
    },
    /// A model file with something behind its end.
    #[error("the model file has {found} bytes, but ends after {expected}")]
    TrailingBytes {
        /// How many bytes there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A model file that was altered or damaged.
    #[error("the model file is damaged: its content does not have the checksum it names; fetch it again")]
    Checksum,
    /// A model file of a later version of this program.
    #[error("the model file has version {found}; this program reads versions up to {supported}")]
    NewerVersion {
        /// The file's version.
        found: u32,
        /// The latest that can be read.
        supported: u32,
    },
    /// A model file with a description that this program does not understand.
    #[error("the model file's network description cannot be read: {reason}")]
    Description {
        /// What is wrong with it.
        reason: String,
    },
    /// A file that holds only what differs from a base model, read without it.
    #[error("the file holds only what differs from the base model {base}; read it together with that")]
    NeedsBase {
        /// The base model's fingerprint.
        base: Fingerprint,
    },
    /// A file that holds what differs from another base model.
    #[error("the file was written for the base model {expected}, not {found}")]
    WrongBase {
        /// The given base model's fingerprint.
        found: Fingerprint,
        /// The fingerprint of the one it was written for.
        expected: Fingerprint,
    },
    /// A file that could not be read from disk.
    #[error("the model file {path} could not be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl ModelError {
    /// The Custom Vision code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                ErrorCode::ErrorPredictionModelNotFound
            }
            Self::Io { .. } => ErrorCode::ErrorPredictionStorage,
            Self::NeedsBase { .. } | Self::WrongBase { .. } => ErrorCode::ErrorUnknownBaseModel,
            Self::Head { .. } | Self::HeadAttached | Self::Labels { .. } | Self::DuplicateLabel { .. } => {
                ErrorCode::ErrorExporterInvalidClassifier
            }
            _ => ErrorCode::BadRequestInvalid,
        }
    }
}
