//! Depthwise convolutions (Sifre, 2014): each channel has its own kernels.

use super::convolution::Geometry;

/// Adds each channel's convolution to `out`, `[outputs, height, width]`. There are as many groups as inputs;
/// `weight` is `[outputs, 1, rows, columns]`.
pub(super) fn accumulate(g: &Geometry, weight: &[f32], maps: &[f32], out: &mut [f32]) {
    let phases = Phases::new(g);
    let mut split = vec![0.0; phases.len * g.stride[0] * g.stride[1]];
    // Rows of the output, each followed by columns that are computed but not used.
    let mut wide = vec![0.0; phases.columns * g.output[0]];
    let multiplier = g.outputs / g.inputs;
    let kernel_len = g.kernel[0] * g.kernel[1];
    let inputs = maps.chunks_exact(g.input[0] * g.input[1]);
    let outputs = out.chunks_exact_mut(g.output[0] * g.output[1] * multiplier);
    let kernels = weight.chunks_exact(kernel_len * multiplier);
    for ((map, outs), kernels) in inputs.zip(outputs).zip(kernels) {
        phases.split(g, map, &mut split);
        let outs = outs.chunks_exact_mut(g.output[0] * g.output[1]);
        for (out, kernel) in outs.zip(kernels.chunks_exact(kernel_len)) {
            let used = wide.len() - phases.columns + g.output[1];
            let wide = &mut wide[..used];
            wide.fill(0.0);
            for (tap, weight) in kernel.iter().enumerate() {
                let (row, column) = (tap / g.kernel[1], tap % g.kernel[1]);
                let source = &split[phases.offset(g, row, column)..][..used];
                wide.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
            }
            for (out, wide) in out.chunks_exact_mut(g.output[1]).zip(wide.chunks(phases.columns)) {
                out.iter_mut().zip(wide).for_each(|(out, sum)| *out += sum);
            }
        }
    }
}

/// A padded map, taken apart into one map for each pair of remainders of row and column modulo the stride.
///
/// What one tap of the kernel reads for all output pixels then lies one behind the other in one of these maps,
/// whatever the stride: the inner loop runs over contiguous values, across the ends of rows.
struct Phases {
    /// Columns of each map.
    columns: usize,
    /// Values of each map.
    len: usize,
}

impl Phases {
    fn new(g: &Geometry) -> Self {
        let padded = |axis: usize| (g.before[axis] + g.input[axis] + g.after[axis]).div_ceil(g.stride[axis]);
        let columns = padded(1);
        Self { columns, len: padded(0) * columns }
    }

    /// Where the value for a row and column of the padded map lies.
    fn offset(&self, g: &Geometry, row: usize, column: usize) -> usize {
        let phase = row % g.stride[0] * g.stride[1] + column % g.stride[1];
        phase * self.len + row / g.stride[0] * self.columns + column / g.stride[1]
    }

    /// Overwrites the values inside the padding; those of the padding are zero from the start.
    fn split(&self, g: &Geometry, map: &[f32], split: &mut [f32]) {
        for (y, row) in map.chunks_exact(g.input[1]).enumerate() {
            for first in 0..g.stride[1].min(row.len()) {
                let start = self.offset(g, y + g.before[0], first + g.before[1]);
                let values = row[first..].iter().step_by(g.stride[1]);
                split[start..].iter_mut().zip(values).for_each(|(slot, value)| *slot = *value);
            }
        }
    }
}
