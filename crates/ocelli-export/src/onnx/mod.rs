//! A network as an ONNX file: one [`operations`] rule for each of its nodes, behind the [`preprocessing`].

mod element;
mod names;
mod operations;
mod preprocessing;

use ocelli_model::{Network, Op, Shape};
use onnx_rs::ast::{DataType, Dimension, Graph, Model, OpType, OperatorSetId, StringStringEntry};

use self::element::{Constant, node, side, tensor};
use self::names::{Names, PHOTO, SIX, TENSOR, ZERO};
use crate::{ExportError, OnnxInput};

/// The opset whose `Resize` can filter as Ocelli does.
const OPSET: i64 = 18;
/// The version of the file format that goes with it.
const IR_VERSION: i64 = 8;
/// What protobuf admits for one message, and so for a file.
const MAX_BYTES: usize = i32::MAX as usize;

/// The bytes of the ONNX file, which carries `metadata`.
pub(crate) fn encode(
    network: &Network,
    input: OnnxInput,
    metadata: &[(String, String)],
) -> Result<Vec<u8>, ExportError> {
    // Before anything is expanded; the rest of the file is counted when it is there.
    let weights = network.tensors().map(|(_, tensor)| tensor.len().saturating_mul(size_of::<f32>()));
    within_limit(weights.fold(0, usize::saturating_add))?;
    let names = Names::new(network, input);
    let constants = constants(network, input, &names);
    let graph = graph(network, input, &names, &constants)?;
    let model = Model {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetId { domain: "", version: OPSET }],
        producer_name: "ocelli",
        producer_version: env!("CARGO_PKG_VERSION"),
        graph: Some(graph),
        metadata_props: metadata.iter().map(|(key, value)| StringStringEntry { key, value }).collect(),
        ..Model::default()
    };
    let bytes = onnx_rs::encode(&model);
    within_limit(bytes.len())?;
    Ok(bytes)
}

fn within_limit(bytes: usize) -> Result<(), ExportError> {
    let (bytes, limit) = (bytes as u64, MAX_BYTES as u64);
    if bytes > limit { Err(ExportError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// The network's weights, and what its operations and its preprocessing read beside them.
fn constants(network: &Network, input: OnnxInput, names: &Names<'_>) -> Vec<Constant> {
    let weights = network.tensors().map(|(name, tensor)| {
        let name = names.tensor(name).unwrap_or(name);
        Constant::floats(name, tensor.shape(), &tensor.to_f32())
    });
    let mut constants: Vec<Constant> = weights.collect();
    if network.nodes().iter().any(|node| node.op == Op::Relu6) {
        constants.extend([Constant::floats(ZERO, &[], &[0.0]), Constant::floats(SIX, &[], &[6.0])]);
    }
    if input == OnnxInput::Photo {
        constants.extend(preprocessing::constants(network.preprocessing()));
    }
    constants
}

fn graph<'a>(
    network: &'a Network,
    input: OnnxInput,
    names: &'a Names<'a>,
    constants: &'a [Constant],
) -> Result<Graph<'a>, ExportError> {
    let preprocessing = network.preprocessing();
    let first = names.value(0).unwrap_or(TENSOR);
    let (input, batch, mut nodes) = match input {
        OnnxInput::Photo => {
            let sides = vec![side(1), Dimension::Param("height"), Dimension::Param("width"), side(3)];
            let input = tensor(PHOTO, "An upright photo: RGB, 8 bits a channel.", DataType::Uint8, sides);
            (input, side(1), preprocessing::nodes(preprocessing, first))
        }
        OnnxInput::Tensor => {
            let [height, width] = [preprocessing.height, preprocessing.width].map(|length| length as usize);
            let sides = vec![Dimension::Param("batch"), side(3), side(height), side(width)];
            let about = "Resized photos in red, green, blue: (value - mean) / std of values of 0 to 255.";
            (tensor(TENSOR, about, DataType::Float, sides), Dimension::Param("batch"), Vec::new())
        }
    };
    for index in 0..network.nodes().len() {
        nodes.extend(operations::nodes(network, index, names)?);
    }
    if names.value(network.output().index()) != Some(names.output()) {
        // A network without any operation, whose input is its output.
        nodes.push(node(OpType::Identity, &[first], names.output(), vec![]));
    }
    let mut sides = vec![batch];
    match network.output_shape() {
        Shape::Vector { len } => sides.push(side(len)),
        Shape::Map { channels, height, width } => sides.extend([channels, height, width].map(side)),
    }
    let about = match network.labels().is_empty() {
        true => "The base model's features.",
        false => "The probability of each tag, in the order of the labels.",
    };
    Ok(Graph {
        name: "network",
        node: nodes,
        initializer: constants.iter().map(Constant::initializer).collect(),
        input: vec![input],
        output: vec![tensor(names.output(), about, DataType::Float, sides)],
        ..Graph::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_protobuf_message_at_most() {
        assert!(within_limit(MAX_BYTES).is_ok());
        let error = within_limit(MAX_BYTES + 1).unwrap_err();
        assert!(matches!(error, ExportError::TooLarge { bytes: 2_147_483_648, limit: 2_147_483_647 }));
    }
}
