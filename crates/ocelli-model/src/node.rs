use serde::{Deserialize, Serialize};

/// A node's place in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The node's index in [`Network::nodes`](crate::Network::nodes).
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Unique within the network, for example `block03.expand.conv`. By convention the last node of a block has
    /// the block's own name.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The nodes whose outputs it reads, all of them earlier in the network.
    pub inputs: Vec<NodeId>,
}

/// What a node computes. Weights are named tensors of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Op {
    /// The preprocessed photo, `[3, height, width]`; always the first node, and only there.
    Input,
    /// A convolution.
    Conv2d(Conv2d),
    /// Batch normalisation with fixed statistics (Ioffe and Szegedy, 2015).
    BatchNorm(BatchNorm),
    /// `min(max(x, 0), 6)` (Krizhevsky, 2010).
    Relu6,
    /// The sum of two outputs of the same shape.
    Add,
    /// The mean over each channel's map: `[channels, height, width]` to `[channels]` (Lin et al., 2013).
    GlobalAveragePool,
    /// A fully connected layer: `[inputs]` to `[outputs]`.
    Linear(Linear),
    /// `exp(x) / sum(exp(x))` over a vector.
    Softmax,
    /// `1 / (1 + exp(-x))` of each value.
    Sigmoid,
}

impl Op {
    /// The operation's name, as the model file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv2d(_) => "conv2d",
            Self::BatchNorm(_) => "batch_norm",
            Self::Relu6 => "relu6",
            Self::Add => "add",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Linear(_) => "linear",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// How many inputs the operation reads.
    pub fn arity(&self) -> usize {
        match self {
            Self::Input => 0,
            Self::Add => 2,
            _ => 1,
        }
    }

    /// The names of the tensors that the operation reads.
    pub fn tensors(&self) -> Vec<&str> {
        match self {
            Self::Conv2d(conv) => {
                [Some(conv.weight.as_str()), conv.bias.as_deref()].into_iter().flatten().collect()
            }
            Self::BatchNorm(norm) => vec![&norm.scale, &norm.shift, &norm.mean, &norm.variance],
            Self::Linear(linear) => vec![&linear.weight, &linear.bias],
            _ => Vec::new(),
        }
    }
}

/// A two-dimensional convolution (cross-correlation, as every framework means it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// The kernel's tensor, `[outputs, inputs / groups, rows, columns]`.
    pub weight: String,
    /// The bias' tensor, `[outputs]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<String>,
    /// Steps down and across.
    pub stride: [usize; 2],
    /// What surrounds the input.
    pub padding: Padding,
    /// Groups of channels that do not see each other; as many as channels for a depthwise convolution.
    pub groups: usize,
}

/// Zeros around a convolution's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Padding {
    /// TensorFlow's `SAME`: the output has `ceil(input / stride)` rows and columns, and where the zeros needed
    /// for that are odd in number, the extra one goes below and to the right.
    Same,
    /// Rows and columns of zeros on each side.
    Explicit {
        /// Rows above.
        top: usize,
        /// Columns to the left.
        left: usize,
        /// Rows below.
        bottom: usize,
        /// Columns to the right.
        right: usize,
    },
}

/// Batch normalisation: `(x - mean) / sqrt(variance + epsilon) * scale + shift` per channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// The tensor of factors (gamma), `[channels]`.
    pub scale: String,
    /// The tensor of offsets (beta), `[channels]`.
    pub shift: String,
    /// The tensor of means, `[channels]`.
    pub mean: String,
    /// The tensor of variances, `[channels]`, none negative.
    pub variance: String,
    /// Added to the variance; positive.
    pub epsilon: f32,
}

/// A fully connected layer: `weight . x + bias`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// The weights' tensor, `[outputs, inputs]`.
    pub weight: String,
    /// The bias' tensor, `[outputs]`.
    pub bias: String,
}
