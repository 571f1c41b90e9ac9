use std::ops::Range;

use ocelli_kernels::{Clamp, OutOfBounds, PANEL};
use rayon::prelude::*;

use crate::ops::workspace::{Buffer, Workspace};

/// Into how many parts work is cut.
pub(super) fn threads() -> usize {
    rayon::current_num_threads().max(1)
}

/// Cuts `0..count` into at most so many parts, each but the last a multiple of `unit`.
pub(super) fn ranges(count: usize, most: usize, unit: usize) -> Vec<Range<usize>> {
    let size = count.div_ceil(most.max(1)).next_multiple_of(unit.max(1)).max(1);
    (0..count).step_by(size).map(|start| start..count.min(start + size)).collect()
}

/// Runs every part on a thread of its own.
pub(super) fn each<T: Send>(
    parts: Vec<T>,
    run: impl Fn(T) -> Result<(), OutOfBounds> + Send + Sync,
) -> Result<(), OutOfBounds> {
    if parts.len() < 2 {
        return parts.into_iter().try_for_each(run);
    }
    parts.into_par_iter().with_max_len(1).try_for_each(run)
}

/// Adds the values of all but the first of these to the first, in their order.
pub(super) fn sum(parts: Vec<Buffer>) -> Result<Buffer, OutOfBounds> {
    let mut parts = parts.into_iter();
    let mut first = parts.next().ok_or(OutOfBounds)?;
    for part in parts {
        first.values_mut().iter_mut().zip(part.values()).for_each(|(sum, value)| *sum += value);
    }
    Ok(first)
}

/// A vector in whole panels.
pub(super) fn panels(vector: &[f32], workspace: &Workspace) -> Buffer {
    let mut buffer = workspace.zeros(vector.len().next_multiple_of(PANEL));
    buffer.values_mut()[..vector.len()].copy_from_slice(vector);
    buffer
}

/// What becomes of the sums of a convolution.
pub(super) fn clamp(shift: &[f32], relu6: bool) -> Clamp<'_> {
    let [low, high] = if relu6 { [0.0, 6.0] } else { [f32::NEG_INFINITY, f32::INFINITY] };
    Clamp { shift: Some(shift), low, high }
}
