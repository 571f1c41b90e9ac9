use super::{Outer, PANEL, Product, Unclamped};
use crate::{Kernels, Level, OutOfBounds, portable};
#[cfg(target_arch = "x86_64")]
use crate::{avx_vnni, avx2, avx512};

/// A matrix, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// Its values.
    pub values: &'a [f32],
    /// Its rows.
    pub rows: usize,
    /// Values of a row.
    pub columns: usize,
}

impl Matrix<'_> {
    fn check(&self) -> Result<(), OutOfBounds> {
        let len = self.rows.checked_mul(self.columns).ok_or(OutOfBounds)?;
        if len == self.values.len() { Ok(()) } else { Err(OutOfBounds) }
    }
}

/// What becomes of sums: `clamp(sum + shift, low, high)`.
#[derive(Clone, Copy, Debug)]
pub struct Clamp<'a> {
    /// Of each column or channel, whole panels; none is zero.
    pub shift: Option<&'a [f32]>,
    /// The least value.
    pub low: f32,
    /// The greatest value.
    pub high: f32,
}

impl Clamp<'_> {
    /// Sums as they are.
    pub const NONE: Self = Self { shift: None, low: f32::NEG_INFINITY, high: f32::INFINITY };

    pub(super) fn check(&self, panels: usize) -> Result<(), OutOfBounds> {
        match self.shift {
            Some(shift) if shift.len() < panels * PANEL => Err(OutOfBounds),
            _ => Ok(()),
        }
    }
}

/// How many values a packed matrix has.
pub fn packed_len(rows: usize, columns: usize) -> usize {
    columns.div_ceil(PANEL).saturating_mul(rows).saturating_mul(PANEL)
}

/// Packs a matrix for [`Kernels::product`]: panels of sixteen columns, one after the other, each row by row. Columns that
/// the last panel has too many are zero.
///
/// # Errors
///
/// If `out` has not [`packed_len`] values.
pub fn pack(
    rows: usize,
    columns: usize,
    value: impl Fn(usize, usize) -> f32,
    out: &mut [f32],
) -> Result<(), OutOfBounds> {
    if out.len() != packed_len(rows, columns) {
        return Err(OutOfBounds);
    }
    for (panel, out) in out.chunks_exact_mut((rows * PANEL).max(1)).enumerate() {
        let first = panel * PANEL;
        let lanes = (columns - first).min(PANEL);
        for (row, out) in out.chunks_exact_mut(PANEL).enumerate() {
            for (lane, out) in out.iter_mut().enumerate() {
                *out = if lane < lanes { value(row, first + lane) } else { 0.0 };
            }
        }
    }
    Ok(())
}

impl Kernels {
    /// `out = clamp(left * right + shift)`, row by row without gaps; `right` is [packed](pack), `columns` are its columns.
    ///
    /// # Errors
    ///
    /// If the sizes do not fit each other.
    pub fn product(
        &self,
        left: Matrix<'_>,
        (right, columns): (&[f32], usize),
        clamp: &Clamp<'_>,
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        left.check()?;
        clamp.check(columns.div_ceil(PANEL))?;
        let fits = left.rows.checked_mul(columns) == Some(out.len())
            && right.len() == packed_len(left.columns, columns);
        if !fits {
            return Err(OutOfBounds);
        }
        let call = Product {
            left: left.values.as_ptr(),
            rows: left.rows,
            depth: left.columns,
            right: right.as_ptr(),
            columns,
            shift: clamp.shift.map(<[f32]>::as_ptr),
            low: clamp.low,
            high: clamp.high,
            out: out.as_mut_ptr(),
        };
        at_level!(self.product(&call));
        Ok(())
    }

    /// `out += transposed(left) * right`, row by row without gaps; the right matrix has whole panels of sixteen columns.
    ///
    /// # Errors
    ///
    /// If the sizes do not fit each other.
    pub fn add_outer_products(
        &self,
        left: Matrix<'_>,
        right: Matrix<'_>,
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        left.check()?;
        right.check()?;
        let fits = left.rows == right.rows
            && right.columns.is_multiple_of(PANEL)
            && left.columns.checked_mul(right.columns) == Some(out.len());
        if !fits {
            return Err(OutOfBounds);
        }
        if left.rows == 0 {
            return Ok(());
        }
        let call = Outer {
            left: left.values.as_ptr(),
            rows: left.columns,
            right: right.values.as_ptr(),
            panels: right.columns / PANEL,
            depth: left.rows,
            out: out.as_mut_ptr(),
        };
        at_level!(self.outer(&call));
        Ok(())
    }

    /// Copies a gradient to rows of whole panels, as [`Kernels::add_outer_products`] reads it: zero where `output`, which
    /// was clamped to 0..=6, is not between the two. Each column is added up into `sums`, which has whole panels.
    ///
    /// # Errors
    ///
    /// If the sizes do not fit each other.
    pub fn unclamped(
        &self,
        gradient: Matrix<'_>,
        output: Option<&[f32]>,
        out: &mut [f32],
        sums: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        gradient.check()?;
        let whole = gradient.columns.div_ceil(PANEL) * PANEL;
        let fits = gradient.rows.checked_mul(whole) == Some(out.len())
            && sums.len() == whole
            && output.is_none_or(|output| output.len() == gradient.values.len());
        if !fits {
            return Err(OutOfBounds);
        }
        let call = Unclamped {
            from: gradient.values.as_ptr(),
            output: output.map(<[f32]>::as_ptr),
            rows: gradient.rows,
            columns: gradient.columns,
            to: out.as_mut_ptr(),
            sums: sums.as_mut_ptr(),
        };
        at_level!(self.unclamped(&call));
        Ok(())
    }
}
