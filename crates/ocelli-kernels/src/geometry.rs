//! Where the pixels of a call lie. Distances are in elements of the slice that they are about.

use crate::OutOfBounds;

/// How many pixels and panels one register tile has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileSize {
    pub(crate) pixels: usize,
    pub(crate) panels: usize,
}

/// Consecutive rows, in a buffer that may be a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The first row's place in the buffer, less than `count`.
    pub first: usize,
    /// How many rows the buffer has; after the last comes the first.
    pub count: usize,
    /// From one row to the next.
    pub stride: usize,
}

impl Rows {
    /// Rows one after the other.
    pub fn plain(count: usize, stride: usize) -> Self {
        Self { first: 0, count, stride }
    }

    /// Where the `row`th row starts; `row` is less than `count`.
    #[inline(always)]
    pub fn offset(&self, row: usize) -> usize {
        let place = self.first + row;
        (if place >= self.count { place - self.count } else { place }) * self.stride
    }

    /// The largest offset of the first `rows` rows.
    fn last_offset(&self, rows: usize) -> Result<usize, OutOfBounds> {
        if rows == 0 || rows > self.count || self.first >= self.count {
            return Err(OutOfBounds);
        }
        let wraps = self.first.checked_add(rows).ok_or(OutOfBounds)? > self.count;
        let last = if wraps { self.count - 1 } else { self.first + rows - 1 };
        last.checked_mul(self.stride).ok_or(OutOfBounds)
    }
}

/// Where a convolution reads: for each output pixel, segments (the kernel's rows) of consecutive values.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The first value of the first pixel.
    pub start: usize,
    /// From output row to output row.
    pub rows: Rows,
    /// From output pixel to output pixel.
    pub pixel: usize,
    /// From one segment of a pixel to the next.
    pub segment: usize,
}

/// Where a kernel writes: sixteen channels of a pixel, a panel, at a time.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The first pixel's first value.
    pub start: usize,
    /// From row to row.
    pub rows: Rows,
    /// From pixel to pixel; in columns of four pixels, from column to column.
    pub pixel: usize,
    /// From panel to panel.
    pub panel: usize,
}

/// How many output pixels a call computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Down.
    pub rows: usize,
    /// Across.
    pub columns: usize,
}

/// `a * b + ...`, or out of bounds.
fn sum_of_products(products: &[(usize, usize)]) -> Result<usize, OutOfBounds> {
    products.iter().try_fold(0_usize, |sum, (a, b)| sum.checked_add(a.checked_mul(*b)?)).ok_or(OutOfBounds)
}

/// Whether what is read of `len` values lies inside.
pub(crate) fn check_source(
    source: &Source,
    area: Area,
    [segments, depth]: [usize; 2],
    len: usize,
) -> Result<(), OutOfBounds> {
    let columns = area.columns.checked_sub(1).ok_or(OutOfBounds)?;
    let segments = segments.checked_sub(1).ok_or(OutOfBounds)?;
    let end = sum_of_products(&[
        (source.start, 1),
        (source.rows.last_offset(area.rows)?, 1),
        (columns, source.pixel),
        (segments, source.segment),
        (depth, 1),
    ])?;
    if end <= len { Ok(()) } else { Err(OutOfBounds) }
}

/// Whether pixels can be counted, up to whole columns of four.
pub(crate) fn check_area(area: Area) -> Result<(), OutOfBounds> {
    let pixels = area.columns.checked_add(3).and_then(|columns| columns.checked_mul(area.rows));
    pixels.map(drop).ok_or(OutOfBounds)
}

/// Whether what is written to `len` values, `width` to a pixel and panel, lies inside.
pub(crate) fn check_target(
    target: &Target,
    area: Area,
    panels: usize,
    width: usize,
    len: usize,
) -> Result<(), OutOfBounds> {
    check_area(area)?;
    let columns = area.columns.checked_sub(1).ok_or(OutOfBounds)?;
    let panels = panels.checked_sub(1).ok_or(OutOfBounds)?;
    let end = sum_of_products(&[
        (target.start, 1),
        (target.rows.last_offset(area.rows)?, 1),
        (columns, target.pixel),
        (panels, target.panel),
        (width, 1),
    ])?;
    if end <= len { Ok(()) } else { Err(OutOfBounds) }
}
