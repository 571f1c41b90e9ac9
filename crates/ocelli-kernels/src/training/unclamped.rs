//! A gradient without what was clamped.

use super::PANEL;
use crate::lanes::Lanes;

/// Copies rows to rows of whole panels, zero where the output was clamped, and adds up each column.
pub(crate) struct Unclamped {
    pub(crate) from: *const f32,
    /// What was put out, in the same places.
    pub(crate) output: Option<*const f32>,
    pub(crate) rows: usize,
    /// Also the distance from row to row.
    pub(crate) columns: usize,
    pub(crate) to: *mut f32,
    /// Whole panels.
    pub(crate) sums: *mut f32,
}

/// # Safety
///
/// As of [`Lanes`]; everything that the call describes lies inside what its pointers are valid for.
#[inline(always)]
pub(crate) unsafe fn run<L: Lanes>(call: &Unclamped) {
    let panels = call.columns.div_ceil(PANEL);
    // SAFETY: the caller's.
    unsafe {
        for row in 0..call.rows {
            let from = row * call.columns;
            for panel in 0..panels {
                let (place, lanes) = (from + panel * PANEL, (call.columns - panel * PANEL).min(PANEL));
                let mut value = some::<L>(call.from.add(place), lanes);
                if let Some(output) = call.output {
                    value = L::f32_where_unclamped(value, some::<L>(output.add(place), lanes));
                }
                L::f32_store(call.to.add((row * panels + panel) * PANEL), value);
                let sum = call.sums.add(panel * PANEL);
                L::f32_store(sum, L::f32_add(L::f32_load(sum), value));
            }
        }
    }
}

/// # Safety
///
/// As of [`Lanes`], for so many lanes.
#[inline(always)]
pub(super) unsafe fn some<L: Lanes>(from: *const f32, lanes: usize) -> L::F32 {
    // SAFETY: the caller's.
    unsafe { if lanes == PANEL { L::f32_load(from) } else { L::f32_load_some(from, lanes) } }
}
