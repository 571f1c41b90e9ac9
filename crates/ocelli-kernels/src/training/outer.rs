//! Sums of outer products: what a weight's gradient is.

use super::PANEL;
use crate::lanes::Lanes;

/// `out += transposed(left) * right`; distances are in values.
pub(crate) struct Outer {
    pub(crate) left: *const f32,
    /// Columns of the left matrix, rows of the result.
    pub(crate) rows: usize,
    pub(crate) right: *const f32,
    /// Of the right matrix, whole ones.
    pub(crate) panels: usize,
    /// Rows of both matrices.
    pub(crate) depth: usize,
    pub(crate) out: *mut f32,
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn run<L: Lanes>(call: &Outer) {
    let most = L::PRODUCT_ROWS;
    let most_panels = most.iter().take_while(|rows| **rows > 0).count();
    let mut panel = 0;
    while panel < call.panels {
        let mut count = match call.panels - panel {
            4 => 2,
            left => left.min(3),
        }
        .min(most_panels);
        macro_rules! tiles {
            ($count:literal, $rows:literal) => {
                // SAFETY: the caller's.
                unsafe { block::<L, $rows, $count>(call, panel) }
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
}

/// All tiles of some panels. Rows that the last tile shares with the one before it are not added again.
#[inline(always)]
unsafe fn block<L: Lanes, const ROWS: usize, const PANELS: usize>(call: &Outer, panel: usize) {
    // SAFETY: the caller's.
    unsafe {
        if call.rows < ROWS {
            for row in 0..call.rows {
                tile::<L, 1, PANELS>(call, row, panel, 0);
            }
            return;
        }
        for tile_number in 0..call.rows / ROWS {
            tile::<L, ROWS, PANELS>(call, tile_number * ROWS, panel, 0);
        }
        let left_over = call.rows % ROWS;
        if left_over > 0 {
            tile::<L, ROWS, PANELS>(call, call.rows - ROWS, panel, ROWS - left_over);
        }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const ROWS: usize, const PANELS: usize>(
    call: &Outer,
    row: usize,
    panel: usize,
    skipped: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[L::f32_splat(0.0); PANELS]; ROWS];
        let mut left = call.left.add(row);
        let mut right = call.right.add(panel * PANEL);
        for _ in 0..call.depth {
            let mut columns = [L::f32_load(right); PANELS];
            for n in 1..PANELS {
                columns[n] = L::f32_load(right.add(n * PANEL));
            }
            for r in 0..ROWS {
                let value = L::f32_splat(*left.add(r));
                for n in 0..PANELS {
                    sums[r][n] = L::f32_mul_add(value, columns[n], sums[r][n]);
                }
            }
            left = left.wrapping_add(call.rows);
            right = right.wrapping_add(call.panels * PANEL);
        }
        // Written out, not a loop: sums that a loop indexes would be in memory all along.
        macro_rules! rows {
            ($($r:literal)*) => {
                $(if $r < ROWS && $r >= skipped {
                    add::<L, PANELS>(call, row + $r, panel, sums[$r % ROWS]);
                })*
            };
        }
        rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
}

/// Adds the sums of a row and some panels.
#[inline(always)]
unsafe fn add<L: Lanes, const PANELS: usize>(call: &Outer, row: usize, panel: usize, sums: [L::F32; PANELS]) {
    // SAFETY: the caller's.
    unsafe {
        let out = call.out.add((row * call.panels + panel) * PANEL);
        let one = |n: usize, sum: L::F32| {
            let to = out.add(n * PANEL);
            L::f32_store(to, L::f32_add(L::f32_load(to), sum));
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
