//! Convolutions in groups of channels that the kernels do not have, in plain f32 loops.

use super::layout::Layout;
use crate::graph::Convolution;

pub(super) fn run(
    layer: &Convolution,
    (input, from): (&[f32], &Layout),
    residual: Option<&[f32]>,
    (out, to): (&mut [f32], &Layout),
) {
    let geometry = &layer.geometry;
    let (inputs, outputs) = (geometry.inputs / geometry.groups, geometry.outputs / geometry.groups);
    for y in 0..to.height {
        for x in 0..to.width {
            let at = y * to.row + x * to.pixel;
            out[at..at + to.pixel].fill(0.0);
            for output in 0..geometry.outputs {
                let mut sum = layer.bias[output];
                for row in 0..geometry.kernel[0] {
                    let source = (y * geometry.stride[0] + row).checked_sub(geometry.before[0]);
                    let Some(source_y) = source.filter(|row| *row < from.height) else { continue };
                    for column in 0..geometry.kernel[1] {
                        let source = (x * geometry.stride[1] + column).checked_sub(geometry.before[1]);
                        let Some(source_x) = source.filter(|column| *column < from.width) else { continue };
                        let pixel = source_y * from.row + source_x * from.pixel + output / outputs * inputs;
                        for channel in 0..inputs {
                            sum += input[pixel + channel] * layer.weight(output, channel, row, column);
                        }
                    }
                }
                sum += residual.map_or(0.0, |residual| residual[at + output]);
                out[at + output] = if layer.relu6 { sum.clamp(0.0, 6.0) } else { sum };
            }
        }
    }
}
