//! The parts of an ONNX file, as short to write as they are to read.

use onnx_rs::ast::{
    Attribute, AttributeType, DataType, Dimension, Node, OpType, TensorProto, TensorShape,
    TensorShapeDimension, TensorTypeProto, TypeProto, TypeValue, ValueInfo,
};

/// A weight or another value that the file carries.
#[derive(Debug)]
pub(super) struct Constant {
    pub(super) name: String,
    dims: Vec<i64>,
    data_type: DataType,
    bytes: Vec<u8>,
}

impl Constant {
    /// 32-bit floats, row-major; no dimensions for a scalar.
    pub(super) fn floats(name: impl Into<String>, dims: &[usize], values: &[f32]) -> Self {
        let dims = dims.iter().map(|side| i64::try_from(*side).unwrap_or(i64::MAX)).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), dims, data_type: DataType::Float, bytes }
    }

    /// A vector of 64-bit integers.
    pub(super) fn integers(name: impl Into<String>, values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), dims: vec![values.len() as i64], data_type: DataType::Int64, bytes }
    }

    /// The constant as the file names it, an initializer.
    pub(super) fn initializer(&self) -> TensorProto<'_> {
        TensorProto::from_raw(&self.name, self.dims.clone(), self.data_type, &self.bytes)
    }
}

/// An operation named after its output.
pub(super) fn node<'a>(
    op_type: OpType<'a>,
    input: &[&'a str],
    output: &'a str,
    attribute: Vec<Attribute<'a>>,
) -> Node<'a> {
    Node { op_type, input: input.to_vec(), output: vec![output], name: output, attribute, ..Node::default() }
}

pub(super) fn integer(name: &str, value: i64) -> Attribute<'_> {
    Attribute { name, r#type: AttributeType::Int, i: value, ..Attribute::default() }
}

pub(super) fn integers<'a>(name: &'a str, values: &[usize]) -> Attribute<'a> {
    let ints = values.iter().map(|value| i64::try_from(*value).unwrap_or(i64::MAX)).collect();
    Attribute { name, r#type: AttributeType::Ints, ints, ..Attribute::default() }
}

pub(super) fn float(name: &str, value: f32) -> Attribute<'_> {
    Attribute { name, r#type: AttributeType::Float, f: value, ..Attribute::default() }
}

pub(super) fn text<'a>(name: &'a str, value: &'a str) -> Attribute<'a> {
    Attribute { name, r#type: AttributeType::String, s: value.as_bytes(), ..Attribute::default() }
}

/// An input or output of the whole graph; sides are a name where they are free.
pub(super) fn tensor<'a>(
    name: &'a str,
    doc_string: &'a str,
    elem_type: DataType,
    sides: Vec<Dimension<'a>>,
) -> ValueInfo<'a> {
    let dim = sides.into_iter().map(|value| TensorShapeDimension { value, denotation: "" }).collect();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShape { dim }) };
    let r#type = Some(TypeProto { value: Some(TypeValue::Tensor(tensor)), denotation: "" });
    ValueInfo { name, r#type, doc_string, metadata_props: Vec::new() }
}

pub(super) fn side(length: usize) -> Dimension<'static> {
    Dimension::Value(i64::try_from(length).unwrap_or(i64::MAX))
}
