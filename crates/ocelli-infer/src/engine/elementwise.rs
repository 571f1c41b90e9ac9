//! What is computed value by value, or channel by channel, in f32.
//!
//! Channels that fill up a panel are written too: a convolution multiplies them by zero, which has to give zero.

use super::layout::Layout;

/// `value * factor + offset` by channel.
pub(super) fn scale(scale: &[(f32, f32)], layout: &Layout, input: &[f32], out: &mut [f32]) {
    for (from, to) in input.chunks_exact(layout.pixel).zip(out.chunks_exact_mut(layout.pixel)) {
        to.fill(0.0);
        for ((value, out), (factor, offset)) in from.iter().zip(to).zip(scale) {
            *out = value * factor + offset;
        }
    }
}

pub(super) fn relu6(input: &[f32], out: &mut [f32]) {
    for (value, out) in input.iter().zip(out) {
        *out = value.clamp(0.0, 6.0);
    }
}

pub(super) fn add(input: &[f32], other: &[f32], out: &mut [f32]) {
    for ((value, other), out) in input.iter().zip(other).zip(out) {
        *out = value + other;
    }
}

/// The mean of each channel.
pub(super) fn global_average_pool(layout: &Layout, input: &[f32], out: &mut [f32]) {
    let out = &mut out[..layout.pixel];
    out.fill(0.0);
    for pixel in input[..layout.len].chunks_exact(layout.pixel) {
        for (sum, value) in out.iter_mut().zip(pixel) {
            *sum += value;
        }
    }
    let pixels = (layout.height * layout.width) as f32;
    out.iter_mut().for_each(|sum| *sum /= pixels);
}

/// Probabilities that sum to 1.
pub(super) fn softmax(scores: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    // Shifted by the largest score, so that no exponential overflows.
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (score, out) in scores.iter().zip(&mut *out) {
        *out = (score - largest).exp();
    }
    let sum: f32 = out[..scores.len()].iter().sum();
    out[..scores.len()].iter_mut().for_each(|value| *value /= sum);
}

pub(super) fn sigmoid(input: &[f32], out: &mut [f32]) {
    for (score, out) in input.iter().zip(out) {
        *out = 1.0 / (1.0 + (-score).exp());
    }
}
