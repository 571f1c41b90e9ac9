//! Convolutions of each channel by itself, over rows of columns.

use crate::arithmetic::Arithmetic;
use crate::convolution::parts;
use crate::geometry::{Area, Rows};
use crate::lanes::Lanes;
use crate::sink::{Place, Sink};
use crate::weights::{DepthwiseShape, DepthwiseWeights};

/// What one call computes; distances are in bytes, a column has 64.
pub(crate) struct Depthwise<'a> {
    pub(crate) area: Area,
    pub(crate) input: *const u8,
    pub(crate) rows: Rows,
    pub(crate) panel: usize,
    pub(crate) weights: &'a DepthwiseWeights,
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn run<L: Lanes, A: Arithmetic<L>, S: Sink<L, A>>(call: &Depthwise<'_>, sink: &S) {
    let weights = call.weights;
    let period = weights.phases.len();
    let per_panel = weights.per_panel();
    for panel in 0..weights.panels {
        for row in 0..call.area.rows {
            let mut rows = [call.input; DepthwiseShape::MAX_KERNEL];
            for (kernel_row, start) in rows.iter_mut().take(weights.kernel_rows).enumerate() {
                let offset = call.rows.offset(row * weights.row_stride + kernel_row);
                // SAFETY: inside the input, as the caller made sure.
                *start = unsafe { call.input.add(offset + panel * call.panel) };
            }
            for (place, phase) in weights.phases.iter().enumerate() {
                let mut x = place;
                let mut column = phase.column;
                let of_phase = call.area.columns.saturating_sub(place).div_ceil(period);
                // SAFETY: inside the weights.
                let lines =
                    unsafe { weights.lines.as_ptr().add(panel * per_panel + phase.line).cast::<u8>() };
                for p in parts(of_phase, L::TILE.pixels) {
                    let mut places = [Place::default(); 8];
                    for place in places.iter_mut().take(p) {
                        *place = sink.place(row, x, call.area.columns);
                        x += period;
                    }
                    let at = (lines, column * 64, phase.columns);
                    macro_rules! tiles {
                        ($($pixels:literal)*) => {
                            match p {
                                $($pixels if $pixels <= L::TILE.pixels =>
                                    // SAFETY: the caller's.
                                    unsafe { tile::<L, A, S, $pixels>(call, sink, &rows, at, &places, panel) },)*
                                _ => {}
                            }
                        };
                    }
                    tiles!(1 2 3 4 5 6 7 8);
                    column += p * weights.advance;
                }
            }
        }
    }
}

/// # Safety
///
/// As of [`run`].
#[inline(always)]
unsafe fn tile<L: Lanes, A: Arithmetic<L>, S: Sink<L, A>, const P: usize>(
    call: &Depthwise<'_>,
    sink: &S,
    rows: &[*const u8; DepthwiseShape::MAX_KERNEL],
    (mut weights, start, columns): (*const u8, usize, usize),
    places: &[Place; 8],
    panel: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [A::zero(); P];
        let mut own = [Place::default(); P];
        own.copy_from_slice(&places[..P]);
        let advance = call.weights.advance * 64;
        for row in rows.iter().take(call.weights.kernel_rows) {
            let mut from = row.add(start);
            for _ in 0..columns {
                let operand = A::load(weights);
                for p in 0..P {
                    sums[p] = A::step(sums[p], A::load(from.add(p * advance)), operand);
                }
                weights = weights.add(64);
                from = from.add(64);
            }
        }
        sink.store(&sums, &own, panel);
    }
}
