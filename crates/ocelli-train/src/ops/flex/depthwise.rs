//! Convolutions of every channel by itself.

use std::ops::Range;

use ocelli_kernels::{DepthwiseGradients, DepthwiseMap, Kernels, OutOfBounds, PANEL};

use super::parts::{clamp, each, panels, sum, threads};
use super::{Found, Output, View, Wanted, Workspace};
use crate::ops::workspace::Buffer;

/// Values that a band of rows may have, so that they stay near.
const NEAR: usize = 1 << 17;

/// Rows of one photo's output, and what is written for them.
struct Band<'a> {
    photo: usize,
    rows: Range<usize>,
    out: &'a mut [f32],
}

fn map(view: &View<'_>) -> Result<DepthwiseMap, OutOfBounds> {
    let View { sizes, geometry, .. } = view;
    DepthwiseMap::new(
        sizes.outputs,
        [sizes.input, sizes.output],
        geometry.kernel,
        geometry.stride,
        geometry.before,
    )
}

/// All photos' rows, cut into bands, and the bands into parts. `len` says how many of `out` are a band's.
fn bands<'a>(
    view: &View<'_>,
    mut out: &'a mut [f32],
    len: impl Fn(&Range<usize>) -> usize,
) -> Vec<Vec<Band<'a>>> {
    let [height, width] = view.sizes.output;
    let step = (NEAR / (width * view.sizes.outputs).max(1)).max(1);
    let bands = height.div_ceil(step);
    let step = height.div_ceil(bands);
    let mut all = Vec::with_capacity(view.sizes.photos * bands);
    for photo in 0..view.sizes.photos {
        for start in (0..height).step_by(step) {
            let rows = start..height.min(start + step);
            let own;
            (own, out) = std::mem::take(&mut out).split_at_mut(len(&rows));
            all.push(Band { photo, rows, out: own });
        }
    }
    let size = all.len().div_ceil(threads());
    let mut parts = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(size.min(all.len()));
        parts.push(std::mem::replace(&mut all, rest));
    }
    parts
}

/// Scratch memory for any of these bands.
fn scratch(map: &DepthwiseMap, bands: &[Band<'_>], workspace: &Workspace) -> Buffer {
    workspace.take(bands.iter().map(|band| map.scratch_len(&band.rows)).max().unwrap_or(0))
}

pub(super) fn forward(view: &View<'_>, workspace: &Workspace) -> Result<Buffer, OutOfBounds> {
    let (map, kernels) = (map(view)?, Kernels::best());
    let mut weights = workspace.take(map.packed_len());
    let weight =
        |channel: usize, place: usize| view.weight[channel * map.weights() + place] * view.scale[channel];
    map.pack(weight, weights.values_mut())?;
    let shift = panels(view.shift, workspace);
    let clamp = clamp(shift.values(), view.geometry.relu6);

    let mut output = workspace.take(view.sizes.photos * view.sizes.output_len());
    let row = view.sizes.output[1] * view.sizes.outputs;
    let parts = bands(view, output.values_mut(), |rows| rows.len() * row).into_iter();
    let parts = parts.map(|bands| (scratch(&map, &bands, workspace), bands));
    each(parts.collect(), |(mut scratch, bands)| {
        bands.into_iter().try_for_each(|Band { photo, rows, out }| {
            let input = &view.input[photo * view.sizes.input_len()..][..view.sizes.input_len()];
            let weights = (weights.values(), &clamp);
            kernels.depthwise_forward(&map, rows, input, weights, scratch.values_mut(), out)
        })
    })?;
    Ok(output)
}

pub(super) fn backward(
    view: &View<'_>,
    read: &Output<'_>,
    wanted: Wanted,
    workspace: &Workspace,
) -> Result<Found, OutOfBounds> {
    let (map, kernels) = (map(view)?, Kernels::best());
    let (taps, channels) = (map.weights(), view.sizes.outputs);
    let mut weights = workspace.take(map.packed_len());
    let weight = |channel: usize, place: usize| view.weight[channel * taps + place] * view.scale[channel];
    map.pack_backward(weight, weights.values_mut())?;

    let mut input = wanted.input.then(|| workspace.take(view.input.len()));
    let row = view.sizes.input[1] * channels;
    let len = |rows: &Range<usize>| if wanted.input { map.input_rows(rows).len() * row } else { 0 };
    let parts = bands(view, input.as_mut().map_or(&mut [][..], Buffer::values_mut), len);
    let mut sums: Vec<[Buffer; 2]> = Vec::with_capacity(parts.len());
    sums.resize_with(parts.len(), || {
        [map.packed_len(), map.panels() * PANEL].map(|len| workspace.zeros(len))
    });
    let parts = parts.into_iter().zip(&mut sums);
    let parts = parts.map(|(bands, sums)| (scratch(&map, &bands, workspace), bands, sums));
    each(parts.collect(), |(mut scratch, bands, [of_weights, of_shift])| {
        bands.into_iter().try_for_each(|Band { photo, rows, out }| {
            let (input_len, output_len) = (view.sizes.input_len(), view.sizes.output_len());
            let input = &view.input[photo * input_len..][..input_len];
            let gradient = &read.gradient[photo * output_len..][..output_len];
            let clamped = read.clamped.map(|clamped| &clamped[photo * output_len..][..output_len]);
            let mut gradients = DepthwiseGradients {
                input: wanted.input.then_some(out),
                weights: wanted.parameters.then_some(of_weights.values_mut()),
                shift: of_shift.values_mut(),
            };
            let weights = (input, weights.values());
            kernels.depthwise_backward(
                &map,
                rows,
                weights,
                (gradient, clamped),
                scratch.values_mut(),
                &mut gradients,
            )
        })
    })?;
    let parameters = wanted.parameters.then(|| parameters(view, &map, sums, workspace)).transpose()?;
    Ok(Found { input, parameters })
}

/// The gradients of weight, scale and shift from what the parts have added up.
fn parameters(
    view: &View<'_>,
    map: &DepthwiseMap,
    sums: Vec<[Buffer; 2]>,
    workspace: &Workspace,
) -> Result<[Buffer; 3], OutOfBounds> {
    let (taps, channels) = (map.weights(), view.sizes.outputs);
    let (weights, shifts): (Vec<_>, Vec<_>) =
        sums.into_iter().map(|[weights, shift]| (weights, shift)).unzip();
    let (sums, shifts) = (sum(weights)?, sum(shifts)?);
    let mut found = [view.weight.len(), channels, channels].map(|len| workspace.take(len));
    let [weight, scale, shift] = &mut found;
    let order = map.backward_order();
    let per_channel = weight.values_mut().chunks_exact_mut(taps).zip(scale.values_mut());
    for (channel, (weight, scale)) in per_channel.enumerate() {
        *scale = 0.0;
        for (at, place) in order.iter().enumerate() {
            let sum = sums.values()[(channel / PANEL * taps + at) * PANEL + channel % PANEL];
            *scale += sum * view.weight[channel * taps + place];
            weight[*place] = sum * view.scale[channel];
        }
    }
    shift.values_mut().copy_from_slice(&shifts.values()[..channels]);
    Ok(found)
}
