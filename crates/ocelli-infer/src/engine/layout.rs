//! How the values of a map lie in memory.

use std::ops::Range;

use ocelli_kernels::{Line, PANEL, Rows, Source, Target};

use super::element::Element;
use crate::graph::Geometry;

/// A map, pixel by pixel; the channels of a pixel are next to each other.
///
/// Within the engine they fill whole panels. The network's input can be compact instead, three values a pixel, with a border
/// as wide as its reader needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// From pixel to pixel.
    pub(crate) pixel: usize,
    /// From row to row.
    pub(crate) row: usize,
    /// The first pixel.
    pub(crate) start: usize,
    /// Values, the border included.
    pub(crate) len: usize,
}

impl Layout {
    /// Whole panels, without a border; none if there are more values than memory could hold.
    pub(crate) fn panels([height, width]: [usize; 2], channels: usize) -> Option<Self> {
        let pixel = channels.checked_next_multiple_of(PANEL)?;
        let row = width.checked_mul(pixel)?;
        let len = height.checked_mul(row)?;
        // Far from where sums of offsets overflow.
        (len < isize::MAX as usize / 64).then_some(Self {
            height,
            width,
            channels,
            pixel,
            row,
            start: 0,
            len,
        })
    }

    /// Three values a pixel, with the border that a convolution of this geometry reads.
    pub(crate) fn bordered(geometry: &Geometry) -> Option<Self> {
        let [height, width] = geometry.input;
        let ([top, left], [bottom, right]) = (geometry.before, geometry.after);
        let pixel = geometry.inputs;
        let row = width.checked_add(left)?.checked_add(right)?.checked_mul(pixel)?;
        let len = height.checked_add(top)?.checked_add(bottom)?.checked_mul(row)?;
        let start = top * row + left * pixel;
        let layout = Self { height, width, channels: pixel, pixel, row, start, len };
        (len < isize::MAX as usize / 64).then_some(layout)
    }

    pub(crate) fn has_border(&self) -> bool {
        self.row > self.width * self.pixel || self.len > self.height * self.row
    }

    /// Where a convolution reads for its output rows from `first` on, with `rows` rows in all.
    pub(crate) fn source(&self, geometry: &Geometry, first: usize) -> Source {
        let [down, across] = geometry.stride;
        let border = geometry.before[0] * self.row + geometry.before[1] * self.pixel;
        Source {
            start: (self.start + first * down * self.row).saturating_sub(border),
            rows: Rows::plain(geometry.output[0], down * self.row),
            pixel: across * self.pixel,
            segment: self.row,
        }
    }

    /// Where a kernel writes the rows of a slice that begins with one of them.
    pub(crate) fn target(&self) -> Target {
        Target { start: 0, rows: Rows::plain(self.height, self.row), pixel: self.pixel, panel: PANEL }
    }

    /// The values of some rows, where there is no border.
    pub(crate) fn rows(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.row..rows.end * self.row
    }

    /// The lines that the map takes. A line more, since the last step of a kernel may read beyond the last value.
    pub(crate) fn lines<E: Element>(&self) -> usize {
        self.len.div_ceil(E::PER_LINE) + 1
    }
}

/// Lines of the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) Range<usize>);

impl Slot {
    pub(crate) fn of<'a>(&self, arena: &'a [Line]) -> &'a [Line] {
        arena.get(self.0.clone()).unwrap_or(&[])
    }
}

/// The slot that is written, and those that are read, which lie elsewhere.
pub(crate) fn split<'a, const N: usize>(
    arena: &'a mut [Line],
    write: &Slot,
    read: [Option<&Slot>; N],
) -> (&'a mut [Line], [Option<&'a [Line]>; N]) {
    let (before, rest) = arena.split_at_mut(write.0.start.min(arena.len()));
    let (written, after) = rest.split_at_mut(write.0.len().min(rest.len()));
    let (before, after) = (&*before, &*after);
    let read = read.map(|slot| {
        let Slot(range) = slot?;
        if range.end <= write.0.start {
            before.get(range.clone())
        } else {
            after.get(range.start.checked_sub(write.0.end)?..range.end - write.0.end)
        }
    });
    (written, read)
}
