//! Requantisation far outside of a byte.

use ocelli_kernels::*;

use crate::scene::kernels;

/// What a sum of 1 becomes.
fn bytes(factor: f32, offset: f32) -> Vec<(Level, [u8; 3])> {
    let convolution = Weights::i8(1, [1, 1], |_, _, _| 1);
    let shape = DepthwiseShape { channels: 1, kernel: [1, 1], stride: [1, 1], left: 0 };
    let depthwise = DepthwiseWeights::i8(shape, |_, _, _| 1).unwrap();
    let (factor, offset) = ([factor; PANEL], [offset; PANEL]);
    let output = ByteOutput { factor: &factor, offset: &offset, residual: None };
    let area = Area { rows: 1, columns: 1 };
    let rows = Rows::plain(1, 64);
    let source = Source { start: 0, rows, pixel: 64, segment: 0 };
    let target = Target { start: 0, rows, pixel: 64, panel: 64 };
    let ones = [1_u8; 64];
    kernels()
        .into_iter()
        .map(|kernels| {
            let mut out = [[7_u8; 64]; 3];
            let [plain, columns, each] = &mut out;
            let from = (&ones[..], &source);
            kernels.convolution_u8(&convolution, area, from, &output, (plain, &target)).unwrap();
            kernels.convolution_columns(&convolution, area, from, &output, (columns, &target)).unwrap();
            kernels.depthwise_u8(&depthwise, area, (&ones, rows, 64), &output, (each, &target)).unwrap();
            (kernels.level(), out.map(|out| out[0]))
        })
        .collect()
}

#[test]
fn large_values_become_255_and_small_ones_0() {
    for value in [256.0, 32_767.0, 32_768.0, 70_000.0, 2.2e9, 1e30, f32::INFINITY] {
        for (factor, offset) in [(value, 0.0), (0.0, value)] {
            if factor.is_finite() {
                for (level, bytes) in bytes(factor, offset) {
                    assert_eq!(bytes, [255; 3], "{value} at {level}");
                }
                for (level, bytes) in bytes(-factor, -offset) {
                    assert_eq!(bytes, [0; 3], "-{value} at {level}");
                }
            }
        }
    }
}

#[test]
fn ties_go_to_even() {
    for (value, byte) in [(0.5, 0), (1.5, 2), (2.5, 2), (254.5, 254), (255.5, 255), (-0.5, 0)] {
        for (level, bytes) in bytes(0.0, value) {
            assert_eq!(bytes, [byte; 3], "{value} at {level}");
        }
    }
}
