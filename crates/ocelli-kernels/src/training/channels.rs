//! Convolutions of each channel by itself, sixteen channels at a time over a copy with its border.

use super::PANEL;
use super::unclamped::some;
use crate::convolution::parts;
use crate::lanes::Lanes;

/// Copies a part of a map to panels of sixteen channels, `[channels / 16][rows][columns][16]`. What lies outside the map is
/// zero.
///
/// All channels of a pixel are read together, in the order in which they lie.
pub(crate) struct Copy {
    /// The map's first pixel.
    pub(crate) from: *const f32,
    /// What the map was clamped to, in the same places; where it was, zero is copied.
    pub(crate) output: Option<*const f32>,
    pub(crate) channels: usize,
    /// Rows and columns of the map.
    pub(crate) map: [usize; 2],
    /// Where the copy begins in the map, before it or in it.
    pub(crate) first: [isize; 2],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) to: *mut f32,
    /// Rows of the map whose values are added up, and where to, whole panels.
    pub(crate) sums: Option<(std::ops::Range<usize>, *mut f32)>,
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn copy<L: Lanes>(call: &Copy) {
    let [height, width] = call.map;
    let inside = |place: isize, size: usize| usize::try_from(place).ok().filter(|place| *place < size);
    // Columns before the map, in it, and after it.
    let left = call.first[1].min(0).unsigned_abs().min(call.columns);
    let start = usize::try_from(call.first[1]).unwrap_or(0).min(width);
    let middle = (width - start).min(call.columns - left);
    let (panels, panel) = (call.channels.div_ceil(PANEL), call.rows * call.columns * PANEL);
    // SAFETY: the caller's.
    unsafe {
        let zero = |to: *mut f32, columns: usize| {
            for panel in (0..panels).map(|number| to.add(number * panel)) {
                for column in 0..columns {
                    L::f32_store(panel.add(column * PANEL), L::f32_splat(0.0));
                }
            }
        };
        for row in 0..call.rows {
            let to = call.to.add(row * call.columns * PANEL);
            let Some(y) = inside(call.first[0] + row as isize, height) else {
                zero(to, call.columns);
                continue;
            };
            zero(to, left);
            zero(to.wrapping_add((left + middle) * PANEL), call.columns - left - middle);
            let sums = match &call.sums {
                Some((rows, sums)) if rows.contains(&y) => Some(*sums),
                _ => None,
            };
            for column in 0..middle {
                let place = (y * width + start + column) * call.channels;
                let to = to.add((left + column) * PANEL);
                for number in 0..panels {
                    let place = place + number * PANEL;
                    let lanes = (call.channels - number * PANEL).min(PANEL);
                    let mut value = some::<L>(call.from.add(place), lanes);
                    if let Some(output) = call.output {
                        value = L::f32_where_unclamped(value, some::<L>(output.add(place), lanes));
                    }
                    if let Some(sums) = sums {
                        let sum = sums.add(number * PANEL);
                        L::f32_store(sum, L::f32_add(L::f32_load(sum), value));
                    }
                    L::f32_store(to.add(number * panel), value);
                }
            }
        }
    }
}

/// Slides a kernel over a copy; distances are in values.
pub(crate) struct Slide {
    /// The copy's pixel under the first weight, for the first output.
    pub(crate) from: *const f32,
    /// From row to row of the copy.
    pub(crate) row: usize,
    /// From output to output, in the copy.
    pub(crate) step: [usize; 2],
    /// Rows and columns.
    pub(crate) kernel: [usize; 2],
    /// Rows and columns of the outputs.
    pub(crate) outputs: [usize; 2],
    /// In the map, `lanes` channels of each output.
    pub(crate) to_row: usize,
    pub(crate) to_pixel: usize,
    pub(crate) lanes: usize,
}

/// What becomes of the sums.
pub(crate) struct Sums {
    /// `[rows][columns][16]`
    pub(crate) weights: *const f32,
    pub(crate) shift: Option<*const f32>,
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) out: *mut f32,
}

/// Outputs that are summed at once.
const AT_ONCE: usize = 8;

/// Sums the products of the copy and the weights.
///
/// # Safety
///
/// As of [`copy`].
#[inline(always)]
pub(crate) unsafe fn slide<L: Lanes>(call: &Slide, sums: &Sums) {
    // SAFETY: the caller's.
    unsafe {
        for row in 0..call.outputs[0] {
            // Where the kernel has no weights, there may be nothing there.
            let mut from = call.from.wrapping_add(row * call.step[0]);
            let mut to = sums.out.add(row * call.to_row);
            for part in parts(call.outputs[1], AT_ONCE.min(L::SUMS)) {
                match part {
                    8 => outputs::<L, 8>(call, sums, from, to),
                    7 => outputs::<L, 7>(call, sums, from, to),
                    6 => outputs::<L, 6>(call, sums, from, to),
                    5 => outputs::<L, 5>(call, sums, from, to),
                    4 => outputs::<L, 4>(call, sums, from, to),
                    3 => outputs::<L, 3>(call, sums, from, to),
                    2 => outputs::<L, 2>(call, sums, from, to),
                    _ => outputs::<L, 1>(call, sums, from, to),
                }
                from = from.wrapping_add(part * call.step[1]);
                to = to.wrapping_add(part * call.to_pixel);
            }
        }
    }
}

#[inline(always)]
unsafe fn outputs<L: Lanes, const N: usize>(call: &Slide, sums: &Sums, from: *const f32, to: *mut f32) {
    // SAFETY: the caller's.
    unsafe {
        let mut values = [L::f32_splat(0.0); N];
        let mut weights = sums.weights;
        for row in 0..call.kernel[0] {
            let mut from = from.add(row * call.row);
            for _ in 0..call.kernel[1] {
                let weight = L::f32_load(weights);
                for n in 0..N {
                    values[n] = L::f32_mul_add(weight, L::f32_load(from.add(n * call.step[1])), values[n]);
                }
                weights = weights.add(PANEL);
                from = from.add(PANEL);
            }
        }
        let shift = match sums.shift {
            Some(shift) => L::f32_load(shift),
            None => L::f32_splat(0.0),
        };
        let (low, high) = (L::f32_splat(sums.low), L::f32_splat(sums.high));
        let one = |n: usize, sum: L::F32| {
            let value = L::f32_max(L::f32_min(L::f32_add(sum, shift), high), low);
            let to = to.add(n * call.to_pixel);
            if call.lanes == PANEL {
                L::f32_store(to, value);
            } else {
                L::f32_store_some(to, value, call.lanes);
            }
        };
        // Written out, not a loop: sums that a loop indexes would be in memory all along.
        macro_rules! each {
            ($($n:literal)*) => {
                $(if $n < N {
                    one($n, values[$n % N]);
                })*
            };
        }
        each!(0 1 2 3 4 5 6 7);
    }
}

/// Adds to the weights' gradient, `[rows][columns][16]`, the products of the copy and the `map` from which the outputs would
/// have been.
///
/// # Safety
///
/// As of [`copy`].
#[inline(always)]
pub(crate) unsafe fn correlate<L: Lanes>(call: &Slide, map: *const f32, gradient: *mut f32) {
    for row in 0..call.kernel[0] {
        let mut column = 0;
        for part in parts(call.kernel[1], L::SUMS.min(6) / 2) {
            // SAFETY: the caller's.
            unsafe {
                let gradient = gradient.add((row * call.kernel[1] + column) * PANEL);
                let from = call.from.add(row * call.row + column * PANEL);
                match part {
                    3 => weights::<L, 3>(call, from, map, gradient),
                    2 => weights::<L, 2>(call, from, map, gradient),
                    _ => weights::<L, 1>(call, from, map, gradient),
                }
            }
            column += part;
        }
    }
}

#[inline(always)]
unsafe fn weights<L: Lanes, const N: usize>(
    call: &Slide,
    from: *const f32,
    map: *const f32,
    gradient: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe {
        // Two sums each, so that additions need not wait for each other.
        let mut even = [L::f32_splat(0.0); N];
        let mut odd = even;
        let columns = call.outputs[1];
        for row in 0..call.outputs[0] {
            let mut from = from.add(row * call.step[0]);
            let mut map = map.add(row * call.to_row);
            for _ in 0..columns / 2 {
                let [first, second] = [map, map.add(call.to_pixel)].map(|map| some::<L>(map, call.lanes));
                for n in 0..N {
                    even[n] = L::f32_mul_add(first, L::f32_load(from.add(n * PANEL)), even[n]);
                }
                let next = from.add(call.step[1]);
                for n in 0..N {
                    odd[n] = L::f32_mul_add(second, L::f32_load(next.add(n * PANEL)), odd[n]);
                }
                from = from.wrapping_add(2 * call.step[1]);
                map = map.wrapping_add(2 * call.to_pixel);
            }
            if columns % 2 == 1 {
                let value = some::<L>(map, call.lanes);
                for n in 0..N {
                    even[n] = L::f32_mul_add(value, L::f32_load(from.add(n * PANEL)), even[n]);
                }
            }
        }
        for n in 0..N {
            let to = gradient.add(n * PANEL);
            L::f32_store(to, L::f32_add(L::f32_load(to), L::f32_add(even[n], odd[n])));
        }
    }
}
