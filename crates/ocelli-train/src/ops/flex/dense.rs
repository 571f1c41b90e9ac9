//! Convolutions of all channels as matrix products: pixels times weights.

use std::ops::Range;

use ocelli_kernels::{Clamp, Kernels, Matrix, OutOfBounds, PANEL, pack, packed_len};

use super::parts::{clamp, each, panels, ranges, sum, threads};
use super::{Found, Output, View, Wanted, Workspace};
use crate::ops::workspace::Buffer;

/// Values that a block of pixels may have, so that they stay near.
const NEAR: usize = 1 << 16;
/// Pixels of a block are a multiple of this, so that tiles of every size fill it.
const UNIT: usize = 48;

/// The convolution as a product of matrices.
struct Product<'a> {
    view: &'a View<'a>,
    /// Columns of the left matrix: values that an output pixel is computed of.
    depth: usize,
    /// Of each of those, the place among an output's weights.
    order: Vec<usize>,
}

impl<'a> Product<'a> {
    fn new(view: &'a View<'a>) -> Self {
        let ([rows, columns], inputs) = (view.geometry.kernel, view.sizes.inputs);
        let place = |at: usize| at % inputs * rows * columns + at / inputs;
        let depth = inputs * rows * columns;
        Self { view, depth, order: (0..depth).map(place).collect() }
    }

    fn weight(&self, output: usize, at: usize) -> f32 {
        self.view.weight[output * self.depth + self.order[at]]
    }

    fn pixels(&self) -> usize {
        let sizes = &self.view.sizes;
        sizes.photos * sizes.output[0] * sizes.output[1]
    }

    fn block(&self) -> usize {
        let outputs = self.view.sizes.outputs.next_multiple_of(PANEL);
        (NEAR / (self.depth + outputs)).max(1).next_multiple_of(UNIT)
    }

    /// The values that some output pixels are computed of: the input itself, or copied to `patches`.
    fn left<'b>(&'b self, pixels: Range<usize>, patches: &'b mut [f32]) -> Matrix<'b> {
        let rows = pixels.len();
        if self.view.geometry.is_pointwise() {
            let values = &self.view.input[pixels.start * self.depth..pixels.end * self.depth];
            return Matrix { values, rows, columns: self.depth };
        }
        let patches = &mut patches[..rows * self.depth];
        for (pixel, patch) in pixels.zip(patches.chunks_exact_mut(self.depth)) {
            self.patch(pixel, patch);
        }
        Matrix { values: patches, rows, columns: self.depth }
    }

    /// What the kernel sees at an output pixel.
    fn patch(&self, pixel: usize, patch: &mut [f32]) {
        let View { sizes, geometry, input, .. } = self.view;
        let [rows, columns] = geometry.kernel;
        let (photo, pixel) =
            (pixel / (sizes.output[0] * sizes.output[1]), pixel % (sizes.output[0] * sizes.output[1]));
        let [y, x] =
            [pixel / sizes.output[1] * geometry.stride[0], pixel % sizes.output[1] * geometry.stride[1]];
        let photo = &input[photo * sizes.input_len()..][..sizes.input_len()];
        for (row, patch) in patch.chunks_exact_mut(columns * sizes.inputs).enumerate().take(rows) {
            patch.fill(0.0);
            let Some(y) = (y + row).checked_sub(geometry.before[0]).filter(|y| *y < sizes.input[0]) else {
                continue;
            };
            // The part of the kernel's row that lies on the map.
            let first = geometry.before[1].saturating_sub(x).min(columns);
            let end = (sizes.input[1] + geometry.before[1]).saturating_sub(x).clamp(first, columns);
            if first == end {
                continue;
            }
            let from = (y * sizes.input[1] + x + first - geometry.before[1]) * sizes.inputs;
            let len = (end - first) * sizes.inputs;
            patch[first * sizes.inputs..][..len].copy_from_slice(&photo[from..from + len]);
        }
    }

    /// Room for the patches of a block.
    fn patches(&self, block: usize, workspace: &Workspace) -> Buffer {
        workspace.take(if self.view.geometry.is_pointwise() { 0 } else { block * self.depth })
    }
}

/// A packed matrix, on all threads.
fn packed(
    [rows, columns]: [usize; 2],
    value: impl Fn(usize, usize) -> f32 + Send + Sync,
    workspace: &Workspace,
) -> Result<Buffer, OutOfBounds> {
    let mut buffer = workspace.take(packed_len(rows, columns));
    let panel = packed_len(rows, PANEL);
    let parts = ranges(columns.div_ceil(PANEL), threads(), 1);
    let mut rest = buffer.values_mut();
    let parts = parts.into_iter().map(|panels| {
        let own;
        (own, rest) = std::mem::take(&mut rest).split_at_mut(panels.len() * panel);
        (panels.start * PANEL..columns.min(panels.end * PANEL), own)
    });
    each(parts.collect(), |(own, out)| {
        pack(rows, own.len(), |row, column| value(row, own.start + column), out)
    })?;
    Ok(buffer)
}

pub(super) fn forward(view: &View<'_>, workspace: &Workspace) -> Result<Buffer, OutOfBounds> {
    let (product, outputs, kernels) = (Product::new(view), view.sizes.outputs, Kernels::best());
    let weight = |at: usize, output: usize| product.weight(output, at) * view.scale[output];
    let weights = packed([product.depth, outputs], weight, workspace)?;
    let shift = panels(view.shift, workspace);
    let clamp = clamp(shift.values(), view.geometry.relu6);

    let block = product.block();
    let mut output = workspace.take(view.sizes.photos * view.sizes.output_len());
    let mut rest = output.values_mut();
    let parts = ranges(product.pixels(), threads(), UNIT).into_iter().map(|pixels| {
        let own;
        (own, rest) = std::mem::take(&mut rest).split_at_mut(pixels.len() * outputs);
        (pixels, own, product.patches(block, workspace))
    });
    each(parts.collect(), |(pixels, out, mut patches)| {
        let blocks = pixels.clone().step_by(block).zip(out.chunks_mut(block * outputs));
        for (start, out) in blocks {
            let left = product.left(start..pixels.end.min(start + block), patches.values_mut());
            kernels.product(left, (weights.values(), outputs), &clamp, out)?;
        }
        Ok(())
    })?;
    Ok(output)
}

/// What one part of the pixels adds up.
struct Sums {
    /// `[depth][outputs]`, in whole panels.
    weights: Option<Buffer>,
    shift: Buffer,
}

/// The gradient of the input is found for convolutions of one pixel only.
pub(super) fn backward(
    view: &View<'_>,
    read: &Output<'_>,
    wanted: Wanted,
    workspace: &Workspace,
) -> Result<Found, OutOfBounds> {
    let (product, outputs, kernels) = (Product::new(view), view.sizes.outputs, Kernels::best());
    let (depth, whole) = (product.depth, outputs.next_multiple_of(PANEL));
    let transposed = if wanted.input {
        let weight = |output: usize, at: usize| match output < outputs {
            true => product.weight(output, at) * view.scale[output],
            false => 0.0,
        };
        Some(packed([whole, depth], weight, workspace)?)
    } else {
        None
    };
    let block = product.block();
    let mut input = wanted.input.then(|| workspace.take(view.input.len()));
    let mut rest = input.as_mut().map_or(&mut [][..], Buffer::values_mut);
    let ranges = ranges(product.pixels(), threads(), UNIT);
    let mut sums: Vec<Sums> = Vec::with_capacity(ranges.len());
    sums.resize_with(ranges.len(), || Sums {
        weights: wanted.parameters.then(|| workspace.zeros(depth * whole)),
        shift: workspace.zeros(whole),
    });
    let parts = ranges.into_iter().zip(&mut sums).map(|(pixels, sums)| {
        let own;
        let len = if wanted.input { pixels.len() * depth } else { 0 };
        (own, rest) = std::mem::take(&mut rest).split_at_mut(len);
        (pixels, own, sums, [workspace.take(block * whole), product.patches(block, workspace)])
    });
    each(parts.collect(), |(pixels, mut of_input, sums, [mut gradient, mut patches])| {
        for start in pixels.clone().step_by(block) {
            let pixels = start..pixels.end.min(start + block);
            let own = pixels.start * outputs..pixels.end * outputs;
            let from = Matrix { values: &read.gradient[own.clone()], rows: pixels.len(), columns: outputs };
            let gradient = &mut gradient.values_mut()[..pixels.len() * whole];
            let clamped = read.clamped.map(|clamped| &clamped[own]);
            kernels.unclamped(from, clamped, gradient, sums.shift.values_mut())?;
            let gradient = Matrix { values: gradient, rows: pixels.len(), columns: whole };
            if let Some(sums) = &mut sums.weights {
                let left = product.left(pixels.clone(), patches.values_mut());
                kernels.add_outer_products(left, gradient, sums.values_mut())?;
            }
            if let Some(weights) = &transposed {
                let out;
                (out, of_input) = of_input.split_at_mut(pixels.len() * depth);
                kernels.product(gradient, (weights.values(), depth), &Clamp::NONE, out)?;
            }
        }
        Ok(())
    })?;
    let parameters = wanted.parameters.then(|| parameters(&product, sums, workspace)).transpose()?;
    Ok(Found { input, parameters })
}

/// The gradients of weight, scale and shift from what the parts have added up.
fn parameters(
    product: &Product<'_>,
    sums: Vec<Sums>,
    workspace: &Workspace,
) -> Result<[Buffer; 3], OutOfBounds> {
    let (view, outputs) = (product.view, product.view.sizes.outputs);
    let (weights, shifts): (Vec<_>, Vec<_>) = sums.into_iter().map(|sums| (sums.weights, sums.shift)).unzip();
    let (sums, shifts) = (sum(weights.into_iter().flatten().collect())?, sum(shifts)?);
    let mut found = [view.weight.len(), outputs, outputs].map(|len| workspace.take(len));
    let [weight, scale, shift] = &mut found;
    let (depth, whole) = (product.depth, outputs.next_multiple_of(PANEL));
    let parts = ranges(outputs, threads(), PANEL);
    let (mut weights, mut scales) = (weight.values_mut(), scale.values_mut());
    let parts = parts.into_iter().map(|own| {
        let (weight, scale);
        (weight, weights) = std::mem::take(&mut weights).split_at_mut(own.len() * depth);
        (scale, scales) = std::mem::take(&mut scales).split_at_mut(own.len());
        (own, weight, scale)
    });
    each(parts.collect(), |(own, weight, scale)| {
        scale.fill(0.0);
        let panels = weight.chunks_mut(PANEL * depth).zip(scale.chunks_mut(PANEL)).enumerate();
        for (panel, (weight, scale)) in panels {
            let first = own.start + panel * PANEL;
            let (old, factors) = (&view.weight[first * depth..][..weight.len()], &view.scale[first..]);
            // Sixteen sums lie next to each other, and each output's weights.
            for (place, sums) in product.order.iter().zip(sums.values().chunks_exact(whole)) {
                for (lane, (scale, sum)) in scale.iter_mut().zip(&sums[first..]).enumerate() {
                    let at = lane * depth + place;
                    *scale += sum * old[at];
                    weight[at] = sum * factors[lane];
                }
            }
        }
        Ok(())
    })?;
    shift.values_mut().copy_from_slice(&shifts.values()[..outputs]);
    Ok(found)
}
