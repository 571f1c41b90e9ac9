//! Shape inference, and every rule that a network obeys.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::{
    BatchNorm, Conv2d, Linear, ModelError, NetworkDescription, Node, Op, Shape, Tensor, file, limits, shape,
};

/// What checking a network yields.
#[derive(Debug)]
pub(crate) struct Validated {
    /// Each node's output shape.
    pub(crate) shapes: Vec<Shape>,
    /// Multiplications with a weight, for one photo.
    pub(crate) multiply_adds: u64,
}

/// Checks a whole network: order, names, shapes, tensors, labels, sizes.
pub(crate) fn validate(
    description: &NetworkDescription,
    tensors: &BTreeMap<String, Tensor>,
) -> Result<Validated, ModelError> {
    let NetworkDescription { preprocessing, nodes, output, labels } = description;
    preprocessing.validate()?;
    within("a network's number of nodes", nodes.len() as u64, limits::MAX_NODES as u64)?;
    if output.index() >= nodes.len() {
        return Err(ModelError::UnknownOutput { output: output.index(), nodes: nodes.len() });
    }

    let mut validated = Validated { shapes: Vec::with_capacity(nodes.len()), multiply_adds: 0 };
    let (mut names, mut used_tensors) = (HashSet::new(), BTreeSet::new());
    let mut is_read = vec![false; nodes.len()];
    is_read[output.index()] = true;
    for (index, node) in nodes.iter().enumerate() {
        if (index == 0) != (node.op == Op::Input) {
            return Err(ModelError::InputPlacement { index });
        }
        if !names.insert(&node.name) {
            return Err(ModelError::DuplicateNode { node: node.name.clone() });
        }
        let inputs = input_shapes(node, &validated.shapes, nodes.len())?;
        node.inputs.iter().for_each(|input| is_read[input.index()] = true);
        used_tensors.extend(node.op.tensors());
        let checked = CheckedNode { node, tensors };
        let shape = match node.op {
            Op::Input => Shape::Map {
                channels: 3,
                height: preprocessing.height as usize,
                width: preprocessing.width as usize,
            },
            _ => checked.output_shape(&inputs)?,
        };
        within("a node's number of values", shape.values() as u64, limits::MAX_NODE_VALUES as u64)?;
        let work = checked.multiply_adds(shape);
        validated.multiply_adds = validated.multiply_adds.saturating_add(work);
        validated.shapes.push(shape);
    }
    within("a network's number of multiply-adds", validated.multiply_adds, limits::MAX_MULTIPLY_ADDS)?;
    let held = most_values_held(nodes, &validated.shapes);
    within("a network's number of values held at once", held, limits::MAX_VALUES_HELD)?;

    if let Some(index) = is_read.iter().position(|read| !read) {
        return Err(ModelError::UnusedNode { node: nodes[index].name.clone() });
    }
    if let Some(reserved) = file::RESERVED_TENSORS.into_iter().find(|name| tensors.contains_key(*name)) {
        return Err(ModelError::ReservedTensor { tensor: reserved.to_owned() });
    }
    if let Some(tensor) = tensors.keys().find(|name| !used_tensors.contains(name.as_str())) {
        return Err(ModelError::UnusedTensor { tensor: tensor.clone() });
    }
    let outputs = validated.shapes[output.index()].values();
    if !labels.is_empty() && labels.len() != outputs {
        return Err(ModelError::Labels { found: labels.len(), outputs });
    }
    let mut tags = HashSet::new();
    match labels.iter().find(|label| !tags.insert(label.tag_id)) {
        Some(label) => Err(ModelError::DuplicateLabel { tag: label.tag_id }),
        None => Ok(validated),
    }
}

fn within(what: &'static str, found: u64, limit: u64) -> Result<(), ModelError> {
    if found > limit { Err(ModelError::TooLarge { what, found, limit }) } else { Ok(()) }
}

/// The most values that must be held at once, if each node's output is dropped after its last reader.
fn most_values_held(nodes: &[Node], shapes: &[Shape]) -> u64 {
    let mut last_reader: Vec<usize> = (0..nodes.len()).collect();
    for (index, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last_reader[input.index()] = index);
    }
    let (mut held, mut most) = (0_u64, 0_u64);
    for (index, node) in nodes.iter().enumerate() {
        held += shapes[index].values() as u64;
        most = most.max(held);
        let mut dropped: Vec<_> =
            node.inputs.iter().filter(|input| last_reader[input.index()] == index).collect();
        dropped.dedup();
        held -= dropped.iter().map(|input| shapes[input.index()].values() as u64).sum::<u64>();
    }
    most
}

/// The shapes that a node reads; `known` are those of the nodes before it.
fn input_shapes(node: &Node, known: &[Shape], nodes: usize) -> Result<Vec<Shape>, ModelError> {
    if node.inputs.len() != node.op.arity() {
        return Err(ModelError::Arity {
            node: node.name.clone(),
            op: node.op.name(),
            found: node.inputs.len(),
            expected: node.op.arity(),
        });
    }
    let shape_of = |input: usize| match known.get(input) {
        Some(shape) => Ok(*shape),
        None if input < nodes => Err(ModelError::Order { node: node.name.clone(), input }),
        None => Err(ModelError::UnknownInput { node: node.name.clone(), input, nodes }),
    };
    node.inputs.iter().map(|input| shape_of(input.index())).collect()
}

/// A node whose number of inputs is right.
struct CheckedNode<'a> {
    node: &'a Node,
    tensors: &'a BTreeMap<String, Tensor>,
}

impl CheckedNode<'_> {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ModelError> {
        let Some(&input) = inputs.first() else {
            return Err(ModelError::InputPlacement { index: 0 });
        };
        match &self.node.op {
            Op::Conv2d(conv) => self.conv2d(conv, input),
            Op::BatchNorm(norm) => self.batch_norm(norm, input),
            Op::Linear(linear) => self.linear(linear, input),
            Op::Add => match inputs.iter().find(|other| **other != input) {
                Some(other) => Err(self.input_error(*other, format!("{input}, as its other input has"))),
                None => Ok(input),
            },
            Op::GlobalAveragePool => match input {
                Shape::Map { channels, .. } => Ok(Shape::Vector { len: channels }),
                Shape::Vector { .. } => Err(self.input_error(input, "[channels, height, width]".into())),
            },
            Op::Softmax => match input {
                Shape::Vector { .. } => Ok(input),
                Shape::Map { .. } => Err(self.input_error(input, "a vector".into())),
            },
            Op::Relu6 | Op::Sigmoid | Op::Input => Ok(input),
        }
    }

    fn conv2d(&self, conv: &Conv2d, input: Shape) -> Result<Shape, ModelError> {
        let Shape::Map { channels, height, width } = input else {
            return Err(self.input_error(input, "[channels, height, width]".into()));
        };
        let weight = self.tensor(&conv.weight)?;
        let &[outputs, group_inputs, rows, columns] = weight.shape() else {
            return Err(self.tensor_error(
                &conv.weight,
                weight,
                "[outputs, inputs / groups, rows, columns]".into(),
            ));
        };
        if conv.groups == 0 || channels % conv.groups != 0 || outputs % conv.groups != 0 {
            let right = format!("a divisor of its {channels} inputs and {outputs} outputs");
            return Err(self.parameter_error(format!("{} groups", conv.groups), right));
        }
        if group_inputs != channels / conv.groups {
            let expected = format!("[{outputs}, {}, {rows}, {columns}]", channels / conv.groups);
            return Err(self.tensor_error(&conv.weight, weight, expected));
        }
        let side_ok = |side: usize| (1..=limits::MAX_KERNEL_SIDE).contains(&side);
        if ![rows, columns, conv.stride[0], conv.stride[1]].into_iter().all(side_ok) {
            let what = format!("a kernel of {rows} x {columns} and a stride of {:?}", conv.stride);
            return Err(self.parameter_error(what, format!("sides of 1 to {}", limits::MAX_KERNEL_SIDE)));
        }
        let [down, across] = conv.padding.amounts([height, width], [rows, columns], conv.stride);
        if down.iter().any(|zeros| *zeros >= rows) || across.iter().any(|zeros| *zeros >= columns) {
            let what = format!("{down:?} rows and {across:?} columns of padding");
            return Err(self.parameter_error(what, format!("less than its kernel's {rows} x {columns}")));
        }
        if let Some(bias) = &conv.bias {
            self.vector(bias, outputs)?;
        }
        let height = shape::convolved(height, down, rows, conv.stride[0]);
        let width = shape::convolved(width, across, columns, conv.stride[1]);
        match (height, width) {
            (Some(height), Some(width)) => Ok(Shape::Map { channels: outputs, height, width }),
            _ => Err(self.input_error(input, format!("at least {rows} x {columns}, its padding included"))),
        }
    }

    fn batch_norm(&self, norm: &BatchNorm, input: Shape) -> Result<Shape, ModelError> {
        let Shape::Map { channels, .. } = input else {
            return Err(self.input_error(input, "[channels, height, width]".into()));
        };
        if !(norm.epsilon.is_finite() && norm.epsilon > 0.0) {
            return Err(
                self.parameter_error(format!("the epsilon {}", norm.epsilon), "a positive one".into())
            );
        }
        for name in [&norm.scale, &norm.shift, &norm.mean, &norm.variance] {
            self.vector(name, channels)?;
        }
        match self.tensor(&norm.variance)?.to_f32().iter().find(|variance| **variance < 0.0) {
            Some(variance) => {
                Err(self.parameter_error(format!("the variance {variance}"), "none below 0".into()))
            }
            None => Ok(input),
        }
    }

    fn linear(&self, linear: &Linear, input: Shape) -> Result<Shape, ModelError> {
        let Shape::Vector { len } = input else {
            return Err(self.input_error(input, "a vector".into()));
        };
        let weight = self.tensor(&linear.weight)?;
        match *weight.shape() {
            [outputs, inputs] if inputs == len => {
                self.vector(&linear.bias, outputs)?;
                Ok(Shape::Vector { len: outputs })
            }
            _ => Err(self.tensor_error(&linear.weight, weight, format!("[outputs, {len}]"))),
        }
    }

    /// For each output value of a weighted operation, the weights that it multiplies; one value of another
    /// operation counts as one.
    fn multiply_adds(&self, output: Shape) -> u64 {
        let weight = match &self.node.op {
            Op::Conv2d(conv) => self.tensors.get(&conv.weight),
            Op::Linear(linear) => self.tensors.get(&linear.weight),
            _ => None,
        };
        let weights = weight.map_or(1, |tensor| tensor.len() / tensor.shape()[0]);
        (output.values() as u64).saturating_mul(weights as u64)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor, ModelError> {
        let missing = || ModelError::MissingTensor { node: self.node.name.clone(), tensor: name.to_owned() };
        self.tensors.get(name).ok_or_else(missing)
    }

    fn vector(&self, name: &str, len: usize) -> Result<(), ModelError> {
        let tensor = self.tensor(name)?;
        if tensor.shape() == [len] {
            Ok(())
        } else {
            Err(self.tensor_error(name, tensor, format!("[{len}]")))
        }
    }

    fn input_error(&self, found: Shape, expected: String) -> ModelError {
        let (node, op) = (self.node.name.clone(), self.node.op.name());
        ModelError::InputShape { node, op, found, expected }
    }

    fn parameter_error(&self, what: String, right: String) -> ModelError {
        ModelError::Parameter { node: self.node.name.clone(), what, right }
    }

    fn tensor_error(&self, name: &str, tensor: &Tensor, expected: String) -> ModelError {
        ModelError::TensorShape {
            node: self.node.name.clone(),
            tensor: name.to_owned(),
            found: tensor.shape().to_vec(),
            expected,
        }
    }
}
