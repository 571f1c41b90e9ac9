//! Convolutions as matrix products, except where each channel has its own kernel.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use ocelli_model::{Conv2d, Shape};

use super::depthwise;

/// The most values that unfolded patches may take at a time (4 MiB).
const MAX_PATCH_VALUES: usize = 1 << 20;

/// A convolution with bias, for inputs of one shape.
#[derive(Debug)]
pub(super) struct Convolution {
    /// `[outputs, inputs / groups, rows, columns]`.
    weight: Vec<f32>,
    /// `[outputs]`.
    bias: Vec<f32>,
    geometry: Geometry,
}

/// Sizes; pairs are `[down, across]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) groups: usize,
    /// Of an input map.
    pub(super) input: [usize; 2],
    /// Of an output map.
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    /// Zeros above and to the left.
    pub(super) before: [usize; 2],
    /// Zeros below and to the right.
    pub(super) after: [usize; 2],
}

impl Convolution {
    /// `kernel` is the weight's shape, `[outputs, inputs / groups, rows, columns]`; none if the sizes do not fit.
    pub(super) fn new(
        conv: &Conv2d,
        [input, output]: [Shape; 2],
        kernel: &[usize],
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
    ) -> Option<Self> {
        let Shape::Map { channels: inputs, height, width } = input else {
            return None;
        };
        let Shape::Map { channels: outputs, height: output_height, width: output_width } = output else {
            return None;
        };
        let &[_, _, rows, columns] = kernel else {
            return None;
        };
        let [down, across] = conv.padding.amounts([height, width], [rows, columns], conv.stride);
        let geometry = Geometry {
            inputs,
            outputs,
            groups: conv.groups,
            input: [height, width],
            output: [output_height, output_width],
            kernel: [rows, columns],
            stride: conv.stride,
            before: [down[0], across[0]],
            after: [down[1], across[1]],
        };
        let bias = bias.unwrap_or_else(|| vec![0.0; outputs]);
        let fits = weight.len() == outputs * geometry.patch() && bias.len() == outputs;
        fits.then_some(Self { weight, bias, geometry })
    }

    /// Folds a factor and an offset for each output channel into weights and bias.
    pub(super) fn scale(&mut self, scale: &[(f32, f32)]) {
        let kernels = self.weight.chunks_exact_mut(self.geometry.patch());
        for ((kernel, bias), (factor, offset)) in kernels.zip(&mut self.bias).zip(scale) {
            kernel.iter_mut().for_each(|weight| *weight *= factor);
            *bias = *bias * factor + offset;
        }
    }

    /// The output maps, `[outputs, height, width]`; none if `maps` is not of the shape it was made for.
    pub(super) fn apply(&self, maps: &[f32]) -> Option<Vec<f32>> {
        let g = &self.geometry;
        let [input_pixels, pixels] = [g.input[0] * g.input[1], g.output[0] * g.output[1]];
        if maps.len() != g.inputs * input_pixels {
            return None;
        }
        let mut out: Vec<f32> = Vec::with_capacity(g.outputs * pixels);
        self.bias.iter().for_each(|bias| out.extend(std::iter::repeat_n(*bias, pixels)));
        if g.groups == g.inputs && g.groups > 1 {
            depthwise::accumulate(g, &self.weight, maps, &mut out);
            return Some(out);
        }
        let (group_inputs, group_outputs) = (g.inputs / g.groups, g.outputs / g.groups);
        let kernels = self.weight.chunks_exact(group_outputs * g.patch());
        let inputs = maps.chunks_exact(group_inputs * input_pixels);
        let outputs = out.chunks_exact_mut(group_outputs * pixels);
        for ((kernels, maps), out) in kernels.zip(inputs).zip(outputs) {
            let kernels = ArrayView2::from_shape((group_outputs, g.patch()), kernels).ok()?;
            let mut out = ArrayViewMut2::from_shape((group_outputs, pixels), out).ok()?;
            if g.is_pointwise() {
                let maps = ArrayView2::from_shape((group_inputs, pixels), maps).ok()?;
                general_mat_mul(1.0, &kernels, &maps, 1.0, &mut out);
                continue;
            }
            let block = (MAX_PATCH_VALUES / g.patch()).clamp(1, pixels);
            let mut patches = vec![0.0; g.patch() * block];
            for start in (0..pixels).step_by(block) {
                let len = block.min(pixels - start);
                let patches = &mut patches[..g.patch() * len];
                g.unfold(maps, start, patches);
                let patches = ArrayView2::from_shape((g.patch(), len), &*patches).ok()?;
                let mut out = out.slice_axis_mut(Axis(1), Slice::from(start..start + len));
                general_mat_mul(1.0, &kernels, &patches, 1.0, &mut out);
            }
        }
        Some(out)
    }
}

impl Geometry {
    /// How many input values one output value depends on.
    fn patch(&self) -> usize {
        self.inputs / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Whether an output pixel depends on the same pixel of the input alone.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.before == [0, 0] && self.after == [0, 0]
    }

    /// Writes the patches of the output pixels from `start` on, `[patch, pixels]` ("im2col"; Chellapilla et
    /// al., 2006).
    fn unfold(&self, maps: &[f32], start: usize, patches: &mut [f32]) {
        let len = patches.len() / self.patch();
        for (row, values) in patches.chunks_exact_mut(len).enumerate() {
            let (column, row) = (row % self.kernel[1], row / self.kernel[1]);
            let (row, channel) = (row % self.kernel[0], row / self.kernel[0]);
            let map = &maps[channel * self.input[0] * self.input[1]..][..self.input[0] * self.input[1]];
            for (index, value) in values.iter_mut().enumerate() {
                let (y, x) = ((start + index) / self.output[1], (start + index) % self.output[1]);
                // Beyond the upper or left border the subtraction wraps around, and is out of bounds as well.
                let y = (y * self.stride[0] + row).wrapping_sub(self.before[0]);
                let x = (x * self.stride[1] + column).wrapping_sub(self.before[1]);
                let inside = y < self.input[0] && x < self.input[1];
                *value = if inside { map[y * self.input[1] + x] } else { 0.0 };
            }
        }
    }
}
