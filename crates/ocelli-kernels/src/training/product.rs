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
        let mut left = call.left.add(row * call.depth);
        let mut right = call.right.add(panel * call.depth * PANEL);
        for _ in 0..call.depth {
            let mut columns = [L::f32_load(right); PANELS];
            for n in 1..PANELS {
                columns[n] = L::f32_load(right.add(n * call.depth * PANEL));
            }
            for r in 0..ROWS {
                let value = L::f32_splat(*left.add(r * call.depth));
                for n in 0..PANELS {
                    sums[r][n] = L::f32_mul_add(value, columns[n], sums[r][n]);
                }
            }
            left = left.add(1);
            right = right.add(PANEL);
        }
        let (low, high) = (L::f32_splat(call.low), L::f32_splat(call.high));
        let mut shift = [L::f32_splat(0.0); PANELS];
        if let Some(from) = call.shift {
            for n in 0..PANELS {
                shift[n] = L::f32_load(from.add((panel + n) * PANEL));
            }
        }
        let left_over = call.columns - panel * PANEL;
        for r in 0..ROWS {
            let out = call.out.add((row + r) * call.columns + panel * PANEL);
            for n in 0..PANELS {
                let value = L::f32_add(sums[r][n], shift[n]);
                let value = L::f32_max(L::f32_min(value, high), low);
                if left_over >= (n + 1) * PANEL {
                    L::f32_store(out.add(n * PANEL), value);
                } else {
                    L::f32_store_some(out.add(n * PANEL), value, left_over - n * PANEL);
                }
            }
        }
    }
}
