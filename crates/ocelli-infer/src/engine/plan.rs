//! A network as steps.

use std::collections::HashMap;

use ocelli_imaging::RgbView;
use ocelli_kernels::{Kernels, Line, OutOfBounds, as_f32, as_f32_mut, as_u8_mut};
use ocelli_model::{Calibration, Network, Preprocessing, Shape};

use super::block::{Block, Depthwise};
use super::convolution::Convolution;
use super::layout::{Layout, Slot};
use super::photo;
use super::quantisation::Quantisation;
use super::schedule::{self, Buffer, Unit};
use super::step::{Compute, Step, Threads};
use super::workspace::Workspace;
use crate::InferError;
use crate::graph::{self, Graph};

/// Whether layers are computed together, and buffers shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fusion {
    On,
    /// Each layer's output stays in the arena to be looked at.
    Off,
}

/// A compiled network.
#[derive(Debug)]
pub(crate) struct Plan {
    kernels: Kernels,
    preprocessing: Preprocessing,
    steps: Vec<Step>,
    input: Input,
    output: (Slot, Layout),
    shape: Shape,
    /// Without fusion, where each value is.
    values: Vec<(String, Slot, Layout)>,
    arena: usize,
    scratch: usize,
}

/// Where the photo goes, and as what.
#[derive(Debug)]
struct Input {
    slot: Slot,
    layout: Layout,
    form: Form,
    /// What surrounds the photo, by channel: zero, or as near as a byte is to it.
    border: [u8; 3],
}

/// In which form a value is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Form {
    F32,
    U8,
}

impl Plan {
    /// Compiles a network; with a calibration, convolutions are computed in int8.
    pub(crate) fn compile(
        network: &Network,
        calibration: Option<&Calibration>,
        kernels: Kernels,
        fusion: Fusion,
    ) -> Result<Self, InferError> {
        let graph = Graph::lower(network)?;
        let mut builder = Builder::new(&graph, network, calibration, fusion)?;
        for unit in schedule::units(&graph, fusion == Fusion::On, |expand| builder.may_expand(expand)) {
            builder.unit(&unit)?;
        }
        builder.finish(network, kernels, fusion)
    }

    /// How many values [`Plan::run`] writes.
    pub(crate) fn output_len(&self) -> usize {
        self.shape.values()
    }

    /// Computes the output for a photo.
    pub(crate) fn run(
        &self,
        workspace: &mut Workspace,
        photo: RgbView<'_>,
        threads: Threads,
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        self.prepare(workspace, threads);
        self.read(workspace, photo)?;
        self.compute(workspace, threads)?;
        let (slot, layout) = &self.output;
        unpack(layout, &as_f32(slot.of(&workspace.arena))[..layout.len], out);
        Ok(())
    }

    /// Computes a photo and shows the output of each layer, in the network's order: its name, its channels, and its rows with
    /// the distance between pixels. Only without fusion.
    pub(crate) fn observe(
        &self,
        workspace: &mut Workspace,
        photo: RgbView<'_>,
        mut show: impl FnMut(&str, usize, &mut dyn Iterator<Item = (usize, &[f32])>),
    ) -> Result<(), OutOfBounds> {
        self.prepare(workspace, Threads::One);
        self.read(workspace, photo)?;
        self.compute(workspace, Threads::One)?;
        for (name, slot, layout) in &self.values {
            let values = as_f32(slot.of(&workspace.arena)).get(..layout.len).ok_or(OutOfBounds)?;
            let mut rows = values.chunks_exact(layout.row).map(|row| (layout.pixel, row));
            show(name, layout.channels, &mut rows);
        }
        Ok(())
    }

    fn prepare(&self, workspace: &mut Workspace, threads: Threads) {
        // Each thread gets some, so that none is left out.
        let scratch = self.scratch.max(1) * threads.count();
        if workspace.arena.len() < self.arena {
            workspace.arena.resize(self.arena, Line::default());
        }
        if workspace.scratch.len() < scratch {
            workspace.scratch.resize(scratch, Line::default());
        }
    }

    fn compute(&self, workspace: &mut Workspace, threads: Threads) -> Result<(), OutOfBounds> {
        let Workspace { arena, scratch, .. } = workspace;
        self.steps.iter().try_for_each(|step| step.run(&self.kernels, arena, scratch, threads))
    }

    /// Resizes and normalises a photo into the input.
    fn read(&self, workspace: &mut Workspace, photo: RgbView<'_>) -> Result<(), OutOfBounds> {
        let Workspace { arena, resampler, .. } = workspace;
        let Input { slot, layout, form, border } = &self.input;
        let lines = arena.get_mut(slot.0.clone()).ok_or(OutOfBounds)?;
        let kernels = &self.kernels;
        match form {
            Form::F32 => {
                let input = as_f32_mut(lines);
                surround(layout, input, [0.0; 3]);
                let scale = photo::normalisation(&self.preprocessing);
                if let (Some(rows), 3) = (photo::rows_as_they_are(&self.preprocessing, &photo), layout.pixel)
                {
                    for (row, bytes) in rows.enumerate() {
                        normalise(bytes, scale, row_of(layout, row, input)?);
                    }
                    return Ok(());
                }
                resampler.run(kernels, &self.preprocessing, photo, scale, |row, values| {
                    let to = row_of(layout, row, input)?;
                    if layout.pixel == 3 {
                        to.get_mut(..values.len()).ok_or(OutOfBounds)?.copy_from_slice(values);
                    } else {
                        photo::spread(values, layout.pixel, to);
                    }
                    Ok(())
                })
            }
            Form::U8 => {
                let input = as_u8_mut(lines);
                surround(layout, input, *border);
                if let Some(rows) = photo::rows_as_they_are(&self.preprocessing, &photo) {
                    for (row, bytes) in rows.enumerate() {
                        let to = row_of(layout, row, input)?;
                        to.get_mut(..bytes.len()).ok_or(OutOfBounds)?.copy_from_slice(bytes);
                    }
                    return Ok(());
                }
                resampler.run(kernels, &self.preprocessing, photo, [[1.0; 3], [0.0; 3]], |row, values| {
                    let to = row_of(layout, row, input)?;
                    kernels.to_bytes(values, to.get_mut(..values.len()).ok_or(OutOfBounds)?)
                })
            }
        }
    }
}

/// The values of RGB bytes, as `value * factor + offset` by channel.
fn normalise(bytes: &[u8], [factor, offset]: [[f32; 3]; 2], to: &mut [f32]) {
    for (bytes, to) in bytes.chunks_exact(3).zip(to.chunks_exact_mut(3)) {
        for channel in 0..3 {
            to[channel] = f32::from(bytes[channel]) * factor[channel] + offset[channel];
        }
    }
}

/// A row of a map, from its first pixel on.
fn row_of<'a, T>(layout: &Layout, row: usize, values: &'a mut [T]) -> Result<&'a mut [T], OutOfBounds> {
    values.get_mut(layout.start + row * layout.row..).ok_or(OutOfBounds)
}

/// Fills the border around a map.
fn surround<T: Copy>(layout: &Layout, values: &mut [T], border: [T; 3]) {
    if !layout.has_border() {
        return;
    }
    let inner = layout.width * layout.pixel;
    let mut fill = |from: usize, to: usize| {
        // Borders begin where a pixel does.
        for (value, border) in values[from..to].iter_mut().zip(border.iter().cycle()) {
            *value = *border;
        }
    };
    let mut end = 0;
    for row in 0..layout.height {
        let start = layout.start + row * layout.row;
        fill(end, start);
        end = start + inner;
    }
    fill(end, layout.len);
}

/// Takes the channels out of their panels: `[channels, height, width]`.
fn unpack(layout: &Layout, values: &[f32], out: &mut [f32]) {
    let pixels = layout.height * layout.width;
    for (channel, map) in out.chunks_exact_mut(pixels.max(1)).enumerate() {
        for (row, out) in map.chunks_exact_mut(layout.width.max(1)).enumerate() {
            let start = layout.start + row * layout.row + channel;
            for (value, out) in values[start..].iter().step_by(layout.pixel).zip(out) {
                *out = *value;
            }
        }
    }
}

/// Whether the border that a convolution reads, if any, is there.
fn has_its_border(convolution: &graph::Convolution, layout: &Layout) -> bool {
    !convolution.geometry.is_padded() || layout.has_border()
}

/// Steps whose buffers have no place yet.
struct Builder<'a> {
    graph: &'a Graph,
    calibration: Option<&'a Calibration>,
    layouts: Vec<Layout>,
    quantisations: HashMap<usize, Quantisation>,
    steps: Vec<Draft>,
    buffers: Vec<Buffer>,
    /// The buffer of each value in each form.
    forms: HashMap<(usize, Form), usize>,
    fusion: Fusion,
}

/// A step, with buffers by number.
struct Draft {
    compute: Compute,
    input: (usize, Layout),
    residual: Option<usize>,
    output: (usize, Layout),
}

impl<'a> Builder<'a> {
    fn new(
        graph: &'a Graph,
        network: &Network,
        calibration: Option<&'a Calibration>,
        fusion: Fusion,
    ) -> Result<Self, InferError> {
        let inconsistent = |value: &graph::Value| InferError::Inconsistent { node: value.name.clone() };
        let layouts = graph.values.iter().map(|value| {
            let (size, channels) = match value.shape {
                Shape::Map { channels, height, width } => ([height, width], channels),
                Shape::Vector { len } => ([1, 1], len),
            };
            Layout::panels(size, channels).ok_or_else(|| inconsistent(value))
        });
        let mut layouts = layouts.collect::<Result<Vec<_>, _>>()?;
        // Where one convolution alone reads the photo, the photo is as that convolution wants it.
        let mut readers = graph.layers.iter().filter(|layer| layer.inputs.contains(&0));
        if let (Some(layer), None, true) = (readers.next(), readers.next(), fusion == Fusion::On)
            && let graph::Compute::Convolution(reader) = &layer.compute
            && (reader.geometry.groups == 1 && !reader.dense && layer.inputs.len() == 1 && graph.output != 0)
        {
            layouts[0] = Layout::bordered(&reader.geometry).ok_or_else(|| inconsistent(&graph.values[0]))?;
        }
        let mut quantisations = HashMap::new();
        if let Some(calibration) = calibration {
            let Preprocessing { mean, std, .. } = *network.preprocessing();
            // Read as bytes only where no panel has to be filled up, and where a byte stands for zero.
            if layouts[0].pixel == 3 && mean.iter().all(|mean| (0.0..=255.0).contains(mean)) {
                quantisations.insert(0, Quantisation::of_photo(mean, std));
            }
            for layer in &graph.layers {
                let name = &graph.values[layer.output].name;
                let relu6 = match &layer.compute {
                    graph::Compute::Convolution(convolution) => convolution.relu6,
                    compute => matches!(compute, graph::Compute::Relu6),
                };
                let quantisation = match relu6 {
                    true => Quantisation::of_relu6(calibration, name),
                    false => Quantisation::of_range(calibration, name),
                };
                if let Some(quantisation) = quantisation {
                    quantisations.insert(layer.output, quantisation);
                }
            }
        }
        let buffers = Vec::new();
        let forms = HashMap::new();
        Ok(Self { graph, calibration, layouts, quantisations, steps: Vec::new(), buffers, forms, fusion })
    }

    /// Whether a block can compute this convolution strip by strip: a border would have to be there already.
    fn may_expand(&self, layer: usize) -> bool {
        let layer = &self.graph.layers[layer];
        match &layer.compute {
            graph::Compute::Convolution(convolution) => {
                has_its_border(convolution, &self.layouts[layer.inputs[0]])
            }
            _ => false,
        }
    }

    /// A new buffer for a value in a form.
    fn buffer(&mut self, value: usize, form: Form) -> usize {
        let layout = &self.layouts[value];
        let lines = match form {
            Form::F32 => layout.lines::<f32>(),
            Form::U8 => layout.lines::<u8>(),
        };
        let step = self.steps.len();
        self.buffers.push(Buffer { lines, steps: step..step + 1 });
        let buffer = self.buffers.len() - 1;
        self.forms.insert((value, form), buffer);
        buffer
    }

    /// The buffer of a value in a form, converted if need be.
    fn read(&mut self, value: usize, form: Form) -> Result<usize, InferError> {
        if let Some(buffer) = self.forms.get(&(value, form)) {
            return Ok(*buffer);
        }
        if value == 0 && !self.forms.contains_key(&(0, Form::F32)) && !self.forms.contains_key(&(0, Form::U8))
        {
            // The photo comes in the form in which it is first read.
            return Ok(self.buffer(0, form));
        }
        let other = if form == Form::F32 { Form::U8 } else { Form::F32 };
        let Some(from) = self.forms.get(&(value, other)).copied() else {
            return Err(InferError::Inconsistent { node: self.graph.values[value].name.clone() });
        };
        let layout = self.layouts[value];
        let quantisation =
            self.quantisations.get(&value).cloned().unwrap_or(Quantisation { channels: Vec::new() });
        let compute = match form {
            Form::F32 => Compute::Dequantise(quantisation),
            Form::U8 => Compute::Quantise(quantisation),
        };
        let output = (self.buffer(value, form), layout);
        self.push(Draft { compute, input: (from, layout), residual: None, output });
        Ok(output.0)
    }

    fn push(&mut self, draft: Draft) {
        let step = self.steps.len();
        for buffer in [Some(draft.input.0), draft.residual, Some(draft.output.0)].into_iter().flatten() {
            let steps = &mut self.buffers[buffer].steps;
            steps.end = steps.end.max(step + 1);
        }
        self.steps.push(draft);
    }

    /// Adds a step that reads `inputs` of which the second is added.
    fn step(
        &mut self,
        compute: Compute,
        form: Form,
        inputs: &[usize],
        output: usize,
    ) -> Result<(), InferError> {
        let input = (self.read(inputs[0], form)?, self.layouts[inputs[0]]);
        let residual = inputs.get(1).map(|value| self.read(*value, form)).transpose()?;
        let output = (self.buffer(output, form), self.layouts[output]);
        self.push(Draft { compute, input, residual, output });
        Ok(())
    }

    fn unit(&mut self, unit: &Unit) -> Result<(), InferError> {
        let graph = self.graph;
        match *unit {
            Unit::One(place) => {
                let layer = &graph.layers[place];
                let compute = match &layer.compute {
                    graph::Compute::Convolution(convolution) => {
                        return self.convolution(layer, convolution);
                    }
                    graph::Compute::Scale(scale) => Compute::Scale(scale.clone()),
                    graph::Compute::Relu6 => Compute::Relu6,
                    graph::Compute::Add => Compute::Add,
                    graph::Compute::GlobalAveragePool => {
                        return self.global_average_pool(layer);
                    }
                    graph::Compute::Softmax => Compute::Softmax,
                    graph::Compute::Sigmoid => Compute::Sigmoid,
                };
                self.step(compute, Form::F32, &layer.inputs, layer.output)
            }
            Unit::Block { expand, depthwise, project } => self.block(expand, depthwise, project),
        }
    }

    /// Of bytes where the value is there as bytes only.
    fn global_average_pool(&mut self, layer: &graph::Layer) -> Result<(), InferError> {
        let input = layer.inputs[0];
        let in_bytes =
            self.forms.contains_key(&(input, Form::U8)) && !self.forms.contains_key(&(input, Form::F32));
        let Some(quantisation) = self.quantisations.get(&input).filter(|_| in_bytes).cloned() else {
            return self.step(Compute::GlobalAveragePool, Form::F32, &layer.inputs, layer.output);
        };
        let read = (self.read(input, Form::U8)?, self.layouts[input]);
        let output = (self.buffer(layer.output, Form::F32), self.layouts[layer.output]);
        let compute = Compute::GlobalAveragePoolU8(quantisation);
        self.push(Draft { compute, input: read, residual: None, output });
        Ok(())
    }

    fn convolution(
        &mut self,
        layer: &graph::Layer,
        convolution: &graph::Convolution,
    ) -> Result<(), InferError> {
        let input = layer.inputs[0];
        let layout = self.layouts[input];
        if convolution.geometry.groups > 1 {
            let compute = Compute::Grouped(Box::new(convolution.clone()));
            return self.step(compute, Form::F32, &layer.inputs, layer.output);
        }
        let bytes = if !convolution.dense
            && convolution.geometry.fits_bytes()
            && has_its_border(convolution, &layout)
        {
            self.quantised(&layer.inputs, layer.output)
        } else {
            None
        };
        let (compute, form) = match bytes {
            Some((from, residual, to)) => {
                let convolution = Convolution::<u8>::u8(convolution, &layout, [from, to], residual);
                (Compute::ConvolutionU8(convolution), Form::U8)
            }
            None => (Compute::ConvolutionF32(Convolution::<f32>::f32(convolution, &layout)), Form::F32),
        };
        self.step(compute, form, &layer.inputs, layer.output)
    }

    /// How a step's inputs and output are quantised, if all of them can be.
    fn quantised(
        &self,
        inputs: &[usize],
        output: usize,
    ) -> Option<(&Quantisation, Option<&Quantisation>, &Quantisation)> {
        self.calibration?;
        let from = self.quantisations.get(inputs.first()?)?;
        let residual = match inputs.get(1) {
            Some(value) => Some(self.quantisations.get(value)?),
            None => None,
        };
        Some((from, residual, self.quantisations.get(&output)?))
    }

    fn block(
        &mut self,
        expand: Option<usize>,
        depthwise: usize,
        project: Option<usize>,
    ) -> Result<(), InferError> {
        let graph = self.graph;
        let layer = |place: usize| {
            let layer = &graph.layers[place];
            match &layer.compute {
                graph::Compute::Convolution(convolution) => Ok((layer, convolution)),
                _ => Err(InferError::Inconsistent { node: graph.values[layer.output].name.clone() }),
            }
        };
        let expand = expand.map(layer).transpose()?;
        let project = project.map(layer).transpose()?;
        let (middle, middle_layer) = layer(depthwise)?;
        let first = expand.map_or(middle, |(layer, _)| layer);
        let last = project.map_or(middle, |(layer, _)| layer);
        let mut inputs = vec![first.inputs[0]];
        inputs.extend(project.and_then(|(layer, _)| layer.inputs.get(1)));
        let layout = self.layouts[inputs[0]];
        let wide = self.layouts[middle.output];

        let unknown = || InferError::Inconsistent { node: graph.values[middle.output].name.clone() };
        if let (Some((expand, expand_layer)), Some((_, project_layer))) = (expand, project)
            && let Some((from, residual, to)) = self.quantised(&inputs, last.output)
            && let Some((widened, _, convolved)) = self.quantised(&[expand.output], middle.output)
            // Zeros around the map are bytes of zero.
            && widened.is_positive()
            && [expand_layer, middle_layer, project_layer].iter().all(|layer| layer.geometry.fits_bytes())
        {
            let block = Block::new(
                Some(Convolution::<u8>::u8(expand_layer, &layout, [from, widened], None)),
                Depthwise::<u8>::u8(middle_layer, [widened, convolved]).ok_or_else(unknown)?,
                Some(Convolution::<u8>::u8(project_layer, &wide, [convolved, to], residual)),
            );
            return self.step(Compute::BlockU8(Box::new(block)), Form::U8, &inputs, last.output);
        }
        let block = Block::new(
            expand.map(|(_, layer)| Convolution::<f32>::f32(layer, &layout)),
            Depthwise::<f32>::f32(middle_layer).ok_or_else(unknown)?,
            project.map(|(_, layer)| Convolution::<f32>::f32(layer, &wide)),
        );
        self.step(Compute::BlockF32(Box::new(block)), Form::F32, &inputs, last.output)
    }

    /// Gives each buffer its place.
    fn finish(mut self, network: &Network, kernels: Kernels, fusion: Fusion) -> Result<Plan, InferError> {
        let output = self.read(self.graph.output, Form::F32)?;
        let end = self.steps.len() + 1;
        self.buffers[output].steps.end = end;
        let (input, form) = match self.forms.get(&(0, Form::U8)) {
            // Read as bytes first; a conversion to f32 comes after.
            Some(buffer) if self.buffers[*buffer].steps.start == 0 => (*buffer, Form::U8),
            _ => (self.read(0, Form::F32)?, Form::F32),
        };
        self.buffers[input].steps.start = 0;
        if fusion == Fusion::Off {
            self.buffers.iter_mut().for_each(|buffer| buffer.steps = 0..end);
        }
        let (slots, arena) = schedule::place(&self.buffers);
        let slot = |buffer: usize| slots[buffer].clone();
        let zeros = self.quantisations.get(&0).map_or([0; 3], |photo| {
            std::array::from_fn(|channel| photo.channels.get(channel).map_or(0, |own| own.zero.round() as u8))
        });
        let values = self.graph.values.iter().enumerate().filter(|_| self.fusion == Fusion::Off);
        let values = values.filter_map(|(place, value)| {
            let buffer = self.forms.get(&(place, Form::F32))?;
            Some((value.name.clone(), slot(*buffer), self.layouts[place]))
        });
        let values = values.collect();
        let output = (slot(output), self.layouts[self.graph.output]);
        let input = Input { slot: slot(input), layout: self.layouts[0], form, border: zeros };
        let steps: Vec<Step> = self
            .steps
            .into_iter()
            .map(|Draft { compute, input, residual, output }| Step {
                compute,
                input: slots[input.0].clone(),
                from: input.1,
                residual: residual.map(|buffer| slots[buffer].clone()),
                output: slots[output.0].clone(),
                to: output.1,
            })
            .collect();
        let scratch = steps.iter().map(|step| step.compute.scratch(&step.from)).max().unwrap_or(0);
        graph::check_memory(arena.saturating_add(scratch).saturating_mul(Line::BYTES) as u128)?;
        Ok(Plan {
            kernels,
            preprocessing: *network.preprocessing(),
            steps,
            input,
            output,
            shape: network.output_shape(),
            values,
            arena,
            scratch,
        })
    }
}
