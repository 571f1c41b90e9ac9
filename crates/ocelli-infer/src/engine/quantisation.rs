//! From f32 to bytes: scales of activations from their ranges, scales of weights from the weights.
//!
//! Weights are signed bytes, symmetric, with a scale for each output channel. Activations are unsigned bytes with a zero point
//! (Jacob et al., 2018): what ReLU6 bounds has one scale, which makes the saturation of bytes the activation itself; other maps
//! have one for each channel, which costs nothing, since it becomes part of the weights of the layer that reads the map.

use ocelli_kernels::{DepthwiseWeights, PANEL, Weights};
use ocelli_model::{Calibration, ChannelStatistics};

use super::block::{Depthwise, shape};
use super::convolution::{Convolution, segments};
use super::element::ByteFinish;
use super::layout::Layout;
use super::rounding::Rounding;
use crate::graph;

/// How the bytes of a value stand for its channels: `(byte - zero) * scale`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantisation {
    pub(super) channels: Vec<ChannelQuantisation>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChannelQuantisation {
    pub(super) scale: f32,
    pub(super) zero: f32,
    /// The mean of the channel's values.
    pub(super) mean: f32,
}

impl ChannelQuantisation {
    /// The mean of `byte - zero`.
    fn mean_byte(&self) -> f32 {
        self.mean / self.scale
    }
}

/// How much wider than what was seen a range is taken to be.
const MARGIN: f32 = 1.1;

impl Quantisation {
    /// Of a node that ReLU6 bounds: the same scale for every channel, whatever was seen of it. Rare channels of late
    /// blocks reach far beyond what some photos show, so that ranges by channel would cut them off.
    pub(super) fn of_relu6(calibration: &Calibration, node: &str) -> Option<Self> {
        let seen = calibration.nodes.get(node)?;
        let channel =
            |seen: &ChannelStatistics| ChannelQuantisation { scale: 6.0 / 255.0, zero: 0.0, mean: seen.mean };
        Some(Self { channels: seen.iter().map(channel).collect() })
    }

    /// Of any other node: a scale and a zero point for each channel, from what was seen of it.
    pub(super) fn of_range(calibration: &Calibration, node: &str) -> Option<Self> {
        let seen = calibration.nodes.get(node)?;
        let channels = seen.iter().map(|seen| {
            let centre = (seen.max + seen.min) / 2.0;
            let half = (MARGIN * (seen.max - seen.min) / 2.0).max(5e-4);
            let scale = 2.0 * half / 255.0;
            ChannelQuantisation { scale, zero: ((half - centre) / scale).round(), mean: seen.mean }
        });
        Some(Self { channels: channels.collect() })
    }

    /// Of a photo's normalised values, whose bytes are its grey levels.
    pub(super) fn of_photo(mean: [f32; 3], std: [f32; 3]) -> Self {
        // Neighbouring weights are rounded together, which leaves no mean to take back.
        let channels = mean.iter().zip(std);
        let channels =
            channels.map(|(mean, std)| ChannelQuantisation { scale: 1.0 / std, zero: *mean, mean: 0.0 });
        Self { channels: channels.collect() }
    }

    /// Whether no byte stands for less than zero.
    pub(super) fn is_positive(&self) -> bool {
        self.channels.iter().all(|channel| channel.zero == 0.0)
    }

    /// The values of pixels of `pixel` bytes.
    pub(super) fn dequantise(&self, pixel: usize, bytes: &[u8], out: &mut [f32]) {
        for (bytes, out) in bytes.chunks_exact(pixel).zip(out.chunks_exact_mut(pixel)) {
            out.fill(0.0);
            for ((byte, out), channel) in bytes.iter().zip(out).zip(&self.channels) {
                *out = (f32::from(*byte) - channel.zero) * channel.scale;
            }
        }
    }

    /// The mean of each channel of pixels of `pixel` bytes, summed exactly.
    pub(super) fn global_average_pool(&self, pixel: usize, bytes: &[u8], out: &mut [f32]) {
        out.fill(0.0);
        let pixels = (bytes.len() / pixel) as f32;
        let bytes_of = |panel: usize| {
            bytes.chunks_exact(pixel).filter_map(move |pixel| pixel.get(panel..)?.first_chunk())
        };
        for (panel, out) in out.chunks_mut(PANEL).enumerate() {
            let mut sums = [0_u64; PANEL];
            for bytes in bytes_of(panel * PANEL) {
                let bytes: &[u8; PANEL] = bytes;
                for (sum, byte) in sums.iter_mut().zip(bytes) {
                    *sum += u64::from(*byte);
                }
            }
            for ((out, sum), channel) in
                out.iter_mut().zip(sums).zip(self.channels.iter().skip(panel * PANEL))
            {
                *out = (sum as f32 / pixels - channel.zero) * channel.scale;
            }
        }
    }

    /// The bytes of pixels of `pixel` values.
    pub(super) fn quantise(&self, pixel: usize, values: &[f32], out: &mut [u8]) {
        for (values, out) in values.chunks_exact(pixel).zip(out.chunks_exact_mut(pixel)) {
            out.fill(0);
            for ((value, out), channel) in values.iter().zip(out).zip(&self.channels) {
                *out = (value / channel.scale + channel.zero).round() as u8;
            }
        }
    }
}

/// Weights of one output channel, as bytes, and what becomes of their sums.
struct Channel {
    weights: Vec<i8>,
    factor: f32,
    offset: f32,
}

/// Quantises the weights of one output; `round` makes bytes of weights that lie between -127 and 127. `inputs` says how the
/// activation that each weight multiplies is quantised.
fn channel(
    weights: &[f32],
    inputs: &[ChannelQuantisation],
    bias: f32,
    output: ChannelQuantisation,
    round: impl Fn(&[f32]) -> Vec<i8>,
) -> Channel {
    let mut scaled: Vec<f32> =
        weights.iter().zip(inputs).map(|(weight, input)| weight * input.scale).collect();
    let largest = scaled.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    // Weights of next to nothing are nothing.
    let scale = if largest > 127.0 * f32::MIN_POSITIVE { largest / 127.0 } else { 1.0 };
    scaled.iter_mut().for_each(|weight| *weight /= scale);
    let bytes = round(&scaled);
    // What rounding the weights adds on average is taken back (Nagel et al., 2019), as is what zero points add.
    let mut real_bias = bias;
    let mut zeros = 0.0;
    for ((weight, byte), input) in scaled.iter().zip(&bytes).zip(inputs) {
        real_bias += (weight - f32::from(*byte)) * scale * input.mean_byte();
        zeros += f32::from(*byte) * input.zero;
    }
    Channel {
        weights: bytes,
        factor: scale / output.scale,
        offset: (real_bias - scale * zeros) / output.scale + output.zero,
    }
}

impl ByteFinish {
    fn new(channels: &[Channel]) -> Self {
        let padded = channels.len().next_multiple_of(PANEL);
        let mut finish =
            Self { factor: vec![0.0; padded], offset: vec![0.0; padded], residual: vec![0.0; padded] };
        for (place, channel) in channels.iter().enumerate() {
            (finish.factor[place], finish.offset[place]) = (channel.factor, channel.offset);
        }
        finish
    }

    /// Adds a residual to what is put out.
    fn add(&mut self, residual: &Quantisation, output: &Quantisation) {
        for (place, (residual, output)) in residual.channels.iter().zip(&output.channels).enumerate() {
            let factor = residual.scale / output.scale;
            self.residual[place] = factor;
            self.offset[place] -= residual.zero * factor;
        }
    }
}

impl Convolution<u8> {
    pub(super) fn u8(
        layer: &graph::Convolution,
        input: &Layout,
        [from, to]: [&Quantisation; 2],
        residual: Option<&Quantisation>,
    ) -> Self {
        let geometry = layer.geometry;
        let [rows, columns] = geometry.kernel;
        let rounding = Rounding::of(geometry.inputs, geometry.kernel);
        // In the order of the weights: channel, row, column.
        let inputs: Vec<ChannelQuantisation> =
            from.channels.iter().flat_map(|channel| std::iter::repeat_n(*channel, rows * columns)).collect();
        let kernels = layer.weight.chunks_exact(geometry.patch().max(1)).zip(&layer.bias).zip(&to.channels);
        let channels: Vec<Channel> = kernels
            .map(|((weights, bias), output)| {
                channel(weights, &inputs, *bias, *output, |weights| rounding.round(weights))
            })
            .collect();
        let weights = Weights::i8(geometry.outputs, segments(&geometry, input), |output, row, value| {
            let (column, channel) = (value / input.pixel, value % input.pixel);
            match channel < geometry.inputs {
                true => channels[output].weights[(channel * rows + row) * columns + column],
                false => 0,
            }
        });
        let mut finish = ByteFinish::new(&channels);
        if let Some(residual) = residual {
            finish.add(residual, to);
        }
        Self { geometry, weights, finish }
    }
}

impl Depthwise<u8> {
    /// None if it is not one that kernels compute.
    pub(super) fn u8(layer: &graph::Convolution, [from, to]: [&Quantisation; 2]) -> Option<Self> {
        let geometry = layer.geometry;
        let [rows, columns] = geometry.kernel;
        let rounding = Rounding::of(1, geometry.kernel);
        let kernels = layer.weight.chunks_exact(rows * columns).zip(&layer.bias);
        let channels: Vec<Channel> = kernels
            .zip(from.channels.iter().zip(&to.channels))
            .map(|((weights, bias), (input, output))| {
                let inputs = vec![*input; weights.len()];
                channel(weights, &inputs, *bias, *output, |weights| rounding.round(weights))
            })
            .collect();
        let weights = DepthwiseWeights::i8(shape(&geometry), |channel, row, column| {
            channels[channel].weights[row * columns + column]
        })?;
        Some(Self { geometry, weights, finish: ByteFinish::new(&channels) })
    }
}
