//! Matrix products: a tile of rows times panels of sixteen columns, summed in registers.

use super::PANEL;
use crate::lanes::Lanes;

/// Values of the left matrix that are kept near while all panels are multiplied with them.
const NEAR: usize = 1 << 15;

/// `out = clamp(left * right + shift, low, high)`; distances are in values.
pub(crate) struct Product {
    pub(crate) left: *const f32,
    pub(crate) rows: usize,
    /// Columns of the left matrix, rows of the right one.
    pub(crate) depth: usize,
    /// In panels: `[columns / 16][depth][16]`.
    pub(crate) right: *const f32,
    pub(crate) columns: usize,
    /// Whole panels.
    pub(crate) shift: Option<*const f32>,
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) out: *mut f32,
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn run<L: Lanes>(call: &Product) {
    let panels = call.columns.div_ceil(PANEL);
    let most = L::PRODUCT_ROWS;
    let most_panels = most.iter().take_while(|rows| **rows > 0).count();
    let near = (NEAR / call.depth.max(1)).max(1).next_multiple_of(most[0]);
    let mut first = 0;
    while first < call.rows {
        let end = call.rows.min(first + near);
        let mut panel = 0;
        while panel < panels {
            // Four are two and two, not three and one.
            let mut count = match panels - panel {
                4 => 2,
                left => left.min(3),
            }
            .min(most_panels);
            macro_rules! tiles {
                ($count:literal, $rows:literal) => {
                    // SAFETY: the caller's.
                    unsafe { block::<L, $rows, $count>(call, first..end, panel) }
                };
            }
            match (count, most[count - 1]) {
                (1, 16) if most[0] == 16 => tiles!(1, 16),
                (1, 6) if most[0] == 6 => tiles!(1, 6),
                (2, 12) if most[1] == 12 => tiles!(2, 12),
                (3, 8) if most[2] == 8 => tiles!(3, 8),
                _ => {
                    // One panel of the fewest rows is what every level has.
                    count = 1;
                    tiles!(1, 2);
                }
            }
            panel += count;
        }
        first = end;
    }
}

/// All tiles of some rows and panels. The last tile overlaps the one before it where rows are left over.
#[inline(always)]
unsafe fn block<L: Lanes, const ROWS: usize, const PANELS: usize>(
    call: &Product,
    rows: std::ops::Range<usize>,
    panel: usize,
) {
    let count = rows.len();
    // SAFETY: the caller's; rows are those of the call.
    unsafe {
        if count < ROWS {
            for row in rows {
                tile::<L, 1, PANELS>(call, row, panel);
            }
            return;
        }
        for tile_number in 0..count / ROWS {
            tile::<L, ROWS, PANELS>(call, rows.start + tile_number * ROWS, panel);
        }
        if !count.is_multiple_of(ROWS) {
            tile::<L, ROWS, PANELS>(call, rows.end - ROWS, panel);
        }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const ROWS: usize, const PANELS: usize>(call: &Product, row: usize, panel: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[L::f32_splat(0.0); PANELS]; ROWS];
        let stride = call.depth;
        // Rows in fours, which share the distances within a four.
        let mut fours = [call.left.add(row * stride); 4];
        for four in 1..ROWS.div_ceil(4) {
            fours[four] = fours[four - 1].add(4 * stride);
        }
        let within = [0, stride, 2 * stride, 3 * stride];
        let mut right = call.right.add(panel * stride * PANEL);
        for _ in 0..call.depth {
            let mut columns = [L::f32_load(right); PANELS];
            for n in 1..PANELS {
                columns[n] = L::f32_load(right.add(n * stride * PANEL));
            }
            for r in 0..ROWS {
                let value = L::f32_splat(*fours[r / 4].add(within[r % 4]));
                for n in 0..PANELS {
                    sums[r][n] = L::f32_mul_add(value, columns[n], sums[r][n]);
                }
            }
            for four in 0..ROWS.div_ceil(4) {
                fours[four] = fours[four].wrapping_add(1);
            }
            right = right.add(PANEL);
        }
        // Written out, not a loop: sums that a loop indexes would be in memory all along.
        macro_rules! rows {
            ($($r:literal)*) => {
                $(if $r < ROWS {
                    store::<L, PANELS>(call, row + $r, panel, sums[$r % ROWS]);
                })*
            };
        }
        rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
}

/// Stores the sums of a row and some panels.
#[inline(always)]
unsafe fn store<L: Lanes, const PANELS: usize>(
    call: &Product,
    row: usize,
    panel: usize,
    sums: [L::F32; PANELS],
) {
    // SAFETY: the caller's.
    unsafe {
        let (low, high) = (L::f32_splat(call.low), L::f32_splat(call.high));
        let out = call.out.add(row * call.columns + panel * PANEL);
        let left_over = call.columns - panel * PANEL;
        let one = |n: usize, sum: L::F32| {
            let shifted = match call.shift {
                Some(shift) => L::f32_add(sum, L::f32_load(shift.add((panel + n) * PANEL))),
                None => sum,
            };
            let value = L::f32_max(L::f32_min(shifted, high), low);
            if left_over >= (n + 1) * PANEL {
                L::f32_store(out.add(n * PANEL), value);
            } else {
                L::f32_store_some(out.add(n * PANEL), value, left_over - n * PANEL);
            }
        };
        one(0, sums[0]);
        if PANELS > 1 {
            one(1, sums[1 % PANELS]);
        }
        if PANELS > 2 {
            one(2, sums[2 % PANELS]);
        }
    }
}
