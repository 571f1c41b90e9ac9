//! Convolutions as matrix products: a tile of pixels times panels of channels, summed in registers.

use crate::arithmetic::Arithmetic;
use crate::geometry::{Area, Rows};
use crate::lanes::Lanes;
use crate::sink::Sink;

/// The most pixels that any level's tile has.
const MOST_PIXELS: usize = 8;

/// What one call computes; distances are in bytes.
pub(crate) struct Convolution {
    pub(crate) area: Area,
    pub(crate) input: *const u8,
    pub(crate) rows: Rows,
    pub(crate) pixel: usize,
    pub(crate) segment: usize,
    pub(crate) weights: *const u8,
    pub(crate) panels: usize,
    pub(crate) segments: usize,
    pub(crate) steps: usize,
}

/// Divides `total` into parts of nearly the same size, none larger than `most`.
#[inline(always)]
pub(crate) fn parts(total: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = total.div_ceil(most);
    let (size, larger) = match total.checked_div(count) {
        Some(size) => (size, total % count),
        None => (0, 0),
    };
    (0..count).map(move |part| size + usize::from(part < larger))
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn run<L: Lanes, A: Arithmetic<L>, S: Sink<L, A>>(call: &Convolution, sink: &S) {
    let columns = call.area.columns;
    let width = columns.next_multiple_of(S::COLUMN);
    let most = (L::TILE.pixels / S::COLUMN).max(1);
    let mut panel = 0;
    for n in parts(call.panels, L::TILE.panels) {
        let (mut row, mut x) = (0, 0);
        let (mut from, mut to) = (call.rows.offset(0), sink.row(0));
        let panel_bytes = call.segments * call.steps * 64;
        // While the first tiles are summed, the weights of the next panels are on their way: a panel for each tile.
        let (own, next) = (call.weights.wrapping_add(panel * panel_bytes), panel + n);
        for (tile_number, part) in parts(call.area.rows * width / S::COLUMN, most).enumerate() {
            let ahead = next + tile_number;
            let near = tile_number < n && ahead < call.panels;
            let ahead = if near { call.weights.wrapping_add(ahead * panel_bytes) } else { own };
            let mut inputs = [call.input; MOST_PIXELS];
            let mut places = [S::Place::default(); MOST_PIXELS];
            let p = part * S::COLUMN;
            for (input, place) in inputs.iter_mut().zip(&mut places).take(p) {
                // SAFETY: inside the input, as the caller made sure.
                *input = unsafe { call.input.add(from) };
                *place = sink.place(to, x, columns);
                x += 1;
                if x < columns {
                    from += call.pixel;
                } else if x == width && row + 1 < call.area.rows {
                    // Pixels before here that fill up a column repeat the last one.
                    (x, row) = (0, row + 1);
                    (from, to) = (call.rows.offset(row), sink.row(row));
                }
            }
            macro_rules! tiles {
                ($($pixels:literal)*) => {
                    match (p, n) {
                        $(($pixels, 1) if $pixels <= L::TILE.pixels.max(S::COLUMN) =>
                            // SAFETY: the caller's.
                            unsafe { tile::<L, A, S, $pixels, 1>(call, sink, &inputs, &places, (panel, ahead)) },
                        ($pixels, 2) if $pixels <= L::TILE.pixels && L::TILE.panels >= 2 =>
                            // SAFETY: the caller's.
                            unsafe { tile::<L, A, S, $pixels, 2>(call, sink, &inputs, &places, (panel, ahead)) },
                        ($pixels, 3) if $pixels <= L::TILE.pixels && L::TILE.panels >= 3 =>
                            // SAFETY: the caller's.
                            unsafe { tile::<L, A, S, $pixels, 3>(call, sink, &inputs, &places, (panel, ahead)) },)*
                        _ => {}
                    }
                };
            }
            tiles!(1 2 3 4 5 6 7 8);
        }
        panel += n;
    }
}

/// # Safety
///
/// As of [`run`].
#[inline(always)]
unsafe fn tile<L: Lanes, A: Arithmetic<L>, S: Sink<L, A>, const P: usize, const N: usize>(
    call: &Convolution,
    sink: &S,
    inputs: &[*const u8; MOST_PIXELS],
    places: &[S::Place; MOST_PIXELS],
    (panel, mut ahead): (usize, *const u8),
) {
    if !P.is_multiple_of(S::COLUMN) {
        return;
    }
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[A::zero(); P]; N];
        let mut own = [S::Place::default(); P];
        own.copy_from_slice(&places[..P]);
        let panel_bytes = call.segments * call.steps * 64;
        let mut weights = call.weights.add(panel * panel_bytes);
        for segment in 0..call.segments {
            let mut from = segment * call.segment;
            for _ in 0..call.steps {
                if A::PREFETCH {
                    L::prefetch(ahead);
                    ahead = ahead.wrapping_add(64);
                }
                let mut operands = [A::load(weights); N];
                for n in 1..N {
                    operands[n] = A::load(weights.add(n * panel_bytes));
                }
                for p in 0..P {
                    let input = A::repeat(inputs[p].add(from));
                    for n in 0..N {
                        sums[n][p] = A::step(sums[n][p], input, operands[n]);
                    }
                }
                from += 4;
                weights = weights.add(64);
            }
        }
        // Written out, not a loop: sums that a loop indexes would be in memory all along.
        sink.store(&sums[0], &own, panel, P);
        if N > 1 {
            sink.store(&sums[1 % N], &own, panel + 1, P);
        }
        if N > 2 {
            sink.store(&sums[2 % N], &own, panel + 2, P);
        }
    }
}
