use ocelli_model::{BatchNorm, Conv2d, Linear, Network, Node, Op, Shape};
use onnx_rs::ast::{Node as OnnxNode, OpType};

use super::element::{float, integer, integers, node};
use super::names::{Names, SIX, ZERO};
use crate::ExportError;

/// The ONNX operations that compute one node of a network.
pub(super) fn nodes<'a>(
    network: &'a Network,
    index: usize,
    names: &'a Names<'a>,
) -> Result<Vec<OnnxNode<'a>>, ExportError> {
    let described = network.nodes().get(index).ok_or_else(|| inconsistent("output"))?;
    let writer = Writer { network, node: described, names };
    let output = names.value(index).ok_or_else(|| inconsistent(&described.name))?;
    let single = |op_type, attributes| -> Result<_, ExportError> {
        Ok(vec![node(op_type, &[writer.input(0)?], output, attributes)])
    };
    match &described.op {
        Op::Input => Ok(Vec::new()),
        Op::Conv2d(conv) => writer.conv2d(conv, output),
        Op::BatchNorm(norm) => writer.batch_norm(norm, output),
        Op::Linear(linear) => writer.linear(linear, output),
        Op::Relu6 => Ok(vec![node(OpType::Clip, &[writer.input(0)?, ZERO, SIX], output, vec![])]),
        Op::Add => Ok(vec![node(OpType::Add, &[writer.input(0)?, writer.input(1)?], output, vec![])]),
        Op::GlobalAveragePool => {
            let pooled = names.pooled(index).ok_or_else(|| inconsistent(&described.name))?;
            Ok(vec![
                node(OpType::GlobalAveragePool, &[writer.input(0)?], pooled, vec![]),
                node(OpType::Flatten, &[pooled], output, vec![integer("axis", 1)]),
            ])
        }
        Op::Softmax => single(OpType::Softmax, vec![integer("axis", 1)]),
        Op::Sigmoid => single(OpType::Sigmoid, vec![]),
        other => Err(ExportError::Unsupported { node: described.name.clone(), op: other.name() }),
    }
}

fn inconsistent(node: &str) -> ExportError {
    ExportError::Inconsistent { node: node.to_owned() }
}

/// A node of the network, and what it needs to be written.
struct Writer<'a> {
    network: &'a Network,
    node: &'a Node,
    names: &'a Names<'a>,
}

impl<'a> Writer<'a> {
    fn input(&self, place: usize) -> Result<&'a str, ExportError> {
        let value = self.node.inputs.get(place).and_then(|input| self.names.value(input.index()));
        value.ok_or_else(|| inconsistent(&self.node.name))
    }

    fn tensor(&self, name: &str) -> Result<&'a str, ExportError> {
        self.names.tensor(name).ok_or_else(|| inconsistent(&self.node.name))
    }

    fn conv2d(&self, conv: &Conv2d, output: &'a str) -> Result<Vec<OnnxNode<'a>>, ExportError> {
        let kernel = match self.network.tensor(&conv.weight).map(|weight| weight.shape()) {
            Some(&[_, _, rows, columns]) => [rows, columns],
            _ => return Err(inconsistent(&self.node.name)),
        };
        let input = self.node.inputs.first().and_then(|input| self.network.shape(*input));
        let Some(Shape::Map { height, width, .. }) = input else {
            return Err(inconsistent(&self.node.name));
        };
        let [[top, bottom], [left, right]] = conv.padding.amounts([height, width], kernel, conv.stride);
        let mut inputs = vec![self.input(0)?, self.tensor(&conv.weight)?];
        if let Some(bias) = &conv.bias {
            inputs.push(self.tensor(bias)?);
        }
        let attributes = vec![
            integers("kernel_shape", &kernel),
            integers("strides", &conv.stride),
            // All starts, then all ends.
            integers("pads", &[top, left, bottom, right]),
            integer("group", i64::try_from(conv.groups).unwrap_or(i64::MAX)),
        ];
        Ok(vec![node(OpType::Conv, &inputs, output, attributes)])
    }

    fn batch_norm(&self, norm: &BatchNorm, output: &'a str) -> Result<Vec<OnnxNode<'a>>, ExportError> {
        let inputs = [
            self.input(0)?,
            self.tensor(&norm.scale)?,
            self.tensor(&norm.shift)?,
            self.tensor(&norm.mean)?,
            self.tensor(&norm.variance)?,
        ];
        let epsilon = float("epsilon", norm.epsilon);
        Ok(vec![node(OpType::BatchNormalization, &inputs, output, vec![epsilon])])
    }

    fn linear(&self, linear: &Linear, output: &'a str) -> Result<Vec<OnnxNode<'a>>, ExportError> {
        let inputs = [self.input(0)?, self.tensor(&linear.weight)?, self.tensor(&linear.bias)?];
        Ok(vec![node(OpType::Gemm, &inputs, output, vec![integer("transB", 1)])])
    }
}
