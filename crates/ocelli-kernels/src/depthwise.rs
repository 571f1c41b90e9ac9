//! Convolutions of each channel by itself, over rows of columns.

use crate::arithmetic::Arithmetic;
use crate::convolution::parts;
use crate::geometry::{Area, Rows};
use crate::lanes::Lanes;
use crate::sink::Sink;
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
    // SAFETY: the caller's.
    unsafe {
        match call.weights.advance {
            1 => rows::<L, A, S, 1>(call, sink),
            2 => rows::<L, A, S, 2>(call, sink),
            _ => rows::<L, A, S, 0>(call, sink),
        }
    }
}

/// `ADVANCE` is that of the weights if it is known, else 0.
///
/// # Safety
///
/// As of [`run`].
#[inline(always)]
unsafe fn rows<L: Lanes, A: Arithmetic<L>, S: Sink<L, A>, const ADVANCE: usize>(
    call: &Depthwise<'_>,
    sink: &S,
) {
    let weights = call.weights;
    let groups = call.area.columns.div_ceil(A::COLUMN);
    // Outputs of a group are computed together where registers hold two groups, else one of each group.
    let together = if L::SUMS >= 2 * A::COLUMN { A::COLUMN } else { 1 };
    for panel in 0..weights.panels {
        for row in 0..call.area.rows {
            let mut rows = [call.input; DepthwiseShape::MAX_KERNEL];
            for (kernel_row, start) in rows.iter_mut().take(weights.kernel_rows).enumerate() {
                let offset = call.rows.offset(row * weights.row_stride + kernel_row);
                // SAFETY: inside the input, as the caller made sure.
                *start = unsafe { call.input.add(offset + panel * call.panel) };
            }
            for phase in (0..A::COLUMN).step_by(together) {
                let mut tile = Tile { call, rows: &rows, panel, to: sink.row(row), group: 0, phase };
                for groups in parts(groups, L::SUMS / together) {
                    macro_rules! tiles {
                        ($($p:literal * $phases:literal = $sums:literal)*) => {
                            match groups {
                                $($p if $phases == together && $sums <= L::SUMS =>
                                    // SAFETY: the caller's.
                                    unsafe { tile.compute::<L, A, S, ADVANCE, $p, $sums>(sink) },)*
                                _ => {}
                            }
                        };
                    }
                    tiles!(1*1=1 2*1=2 3*1=3 4*1=4 5*1=5 6*1=6 7*1=7 8*1=8 9*1=9 10*1=10 11*1=11 12*1=12 13*1=13
                        14*1=14 1*4=4 2*4=8 3*4=12);
                    tile.group += groups;
                }
            }
        }
    }
}

/// Some groups of outputs of a row.
struct Tile<'c> {
    call: &'c Depthwise<'c>,
    rows: &'c [*const u8; DepthwiseShape::MAX_KERNEL],
    panel: usize,
    /// Where the row of outputs starts.
    to: usize,
    /// The first group.
    group: usize,
    /// The first output of each group.
    phase: usize,
}

impl Tile<'_> {
    /// Of `P` groups, `SUMS / P` outputs each.
    ///
    /// # Safety
    ///
    /// As of [`run`].
    #[inline(always)]
    unsafe fn compute<L, A, S, const ADVANCE: usize, const P: usize, const SUMS: usize>(&self, sink: &S)
    where
        L: Lanes,
        A: Arithmetic<L>,
        S: Sink<L, A>,
    {
        let together = SUMS / P;
        let weights = self.call.weights;
        let advance = if ADVANCE > 0 { ADVANCE } else { weights.advance } * 64;
        let start = |phase: usize| (weights.phases[phase % 4] + self.group * weights.advance) * 64;
        // Of the phases, the first column's byte in a row.
        let starts = [0, 1, 2, 3].map(|phase| start(self.phase + phase));
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [A::zero(); SUMS];
            let first = self.panel * weights.per_panel() + self.phase;
            let mut operands = weights.lines.as_ptr().add(first).cast::<u8>();
            for row in self.rows.iter().take(weights.kernel_rows) {
                let mut from = *row;
                let mut needed = weights.needed >> self.phase;
                for _ in 0..weights.columns {
                    for phase in 0..together {
                        if A::COLUMN > 1 && needed >> phase & 1 == 0 {
                            continue;
                        }
                        let operand = A::load(operands.add(phase * 64));
                        for p in 0..P {
                            let sum = &mut sums[p * together + phase];
                            *sum = A::step(*sum, A::load(from.add(starts[phase] + p * advance)), operand);
                        }
                    }
                    operands = operands.add(A::COLUMN * 64);
                    from = from.add(64);
                    needed >>= 4;
                }
            }
            let x = self.group * A::COLUMN + self.phase;
            let columns = self.call.area.columns;
            let mut places = [S::Place::default(); SUMS];
            for (p, place) in places.iter_mut().enumerate() {
                *place = sink.place(self.to, x + p / together * A::COLUMN + p % together, columns);
            }
            // A row ends within a group if a group has more than one output.
            let present = match (A::COLUMN, together) {
                (1, _) => SUMS,
                (width, 1) => columns.saturating_sub(x).div_ceil(width),
                _ => columns - x,
            };
            sink.store(&sums, &places, self.panel, present);
        }
    }
}
