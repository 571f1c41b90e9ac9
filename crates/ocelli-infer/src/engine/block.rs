//! A depthwise convolution, fused with the convolutions before and after it.
//!
//! An inverted residual block (Sandler et al., 2018) widens a map, convolves each channel by itself, and narrows it again.
//! Its wide maps are by far the largest of the network, so they are never stored: strip by strip, the rows that a few output
//! rows need are expanded into a ring of rows, convolved, and projected, all within the cache.

use std::ops::Range;

use ocelli_kernels::{
    Area, DepthwiseShape, DepthwiseWeights, Kernels, Line, OutOfBounds, PANEL, Rows, Target,
};

use super::convolution::Convolution;
use super::element::{Element, FloatFinish};
use super::layout::Layout;
use crate::graph::{self, Geometry};

/// What a strip may take: the wide maps of a strip stay in a second-level cache, beside the weights.
const STRIP_BYTES: usize = 320 << 10;

/// A convolution of each channel by itself.
#[derive(Debug)]
pub(super) struct Depthwise<E: Element> {
    pub(super) geometry: Geometry,
    pub(super) weights: DepthwiseWeights,
    pub(super) finish: E::Finish,
}

impl Depthwise<f32> {
    /// None if it is not one that kernels compute.
    pub(super) fn f32(layer: &graph::Convolution) -> Option<Self> {
        let geometry = layer.geometry;
        let weights = DepthwiseWeights::f32(shape(&geometry), |channel, row, column| {
            layer.weight(channel, 0, row, column)
        })?;
        Some(Self { geometry, weights, finish: FloatFinish::new(&layer.bias, layer.relu6) })
    }
}

pub(super) fn shape(geometry: &Geometry) -> DepthwiseShape {
    DepthwiseShape {
        channels: geometry.inputs,
        kernel: geometry.kernel,
        stride: geometry.stride,
        left: geometry.before[1],
    }
}

/// A depthwise convolution with what is computed together with it.
#[derive(Debug)]
pub(super) struct Block<E: Element> {
    expand: Option<Convolution<E>>,
    depthwise: Depthwise<E>,
    project: Option<Convolution<E>>,
    strip: Strip,
}

/// The memory of a strip.
#[derive(Clone, Copy, Debug)]
struct Strip {
    /// Output rows of a strip.
    rows: usize,
    /// Rows of the ring.
    ring: usize,
    /// Columns of a row of the ring, and those before the first pixel's.
    columns: usize,
    before: usize,
    /// Values of a row of the ring.
    row: usize,
    /// Values of a row that the depthwise convolution puts out.
    wide: usize,
}

impl<E: Element> Block<E> {
    pub(super) fn new(
        expand: Option<Convolution<E>>,
        depthwise: Depthwise<E>,
        project: Option<Convolution<E>>,
    ) -> Self {
        let geometry = &depthwise.geometry;
        let before = depthwise.weights.columns_before();
        let columns = before + geometry.input[1].div_ceil(E::COLUMN);
        let columns = columns.max(depthwise.weights.columns(geometry.output[1]));
        let panels = depthwise.weights.panels();
        let row = panels * columns * E::PER_LINE;
        let wide = if project.is_some() { geometry.output[1] * panels * PANEL } else { 0 };
        let ring = |rows: usize| (rows - 1) * geometry.stride[0] + geometry.kernel[0];
        let bytes = |rows: usize| (ring(rows) * row + rows * wide) * size_of::<E>();
        let mut rows = 1;
        while rows < geometry.output[0] && bytes(rows + 1) <= STRIP_BYTES {
            rows += 1;
        }
        // Strips of about the same height.
        let rows = geometry.output[0].div_ceil(geometry.output[0].div_ceil(rows));
        let strip = Strip { rows, ring: ring(rows), columns, before, row, wide };
        Self { expand, depthwise, project, strip }
    }

    /// Lines of scratch memory.
    pub(super) fn scratch(&self) -> usize {
        let Strip { rows, ring, row, wide, .. } = self.strip;
        (ring * row).div_ceil(E::PER_LINE) + (rows * wide).div_ceil(E::PER_LINE) + 1
    }

    /// Computes some rows of the output; `residual` and `out` are these rows alone.
    pub(super) fn run(
        &self,
        kernels: &Kernels,
        rows: Range<usize>,
        (input, layout): (&[E], &Layout),
        residual: Option<&[E]>,
        (out, target): (&mut [E], &Layout),
        scratch: &mut [Line],
    ) -> Result<(), OutOfBounds> {
        let geometry = &self.depthwise.geometry;
        let Strip { rows: height, ring, columns, before, row, wide } = self.strip;
        let (ring_lines, wide_lines) =
            scratch.split_at_mut_checked((ring * row).div_ceil(E::PER_LINE)).ok_or(OutOfBounds)?;
        let (ring_rows, wide_rows) = (E::view_mut(ring_lines), E::view_mut(wide_lines));
        self.clear_borders(ring_rows);
        let panel = columns * E::PER_LINE;
        // Rows are counted with those above the map; this one comes next.
        let mut next = rows.start * geometry.stride[0];
        for first in rows.clone().step_by(height) {
            let strip = first..rows.end.min(first + height);
            let start = first * geometry.stride[0];
            let end = (strip.end - 1) * geometry.stride[0] + geometry.kernel[0];
            self.fill(kernels, next.max(start)..end, (input, layout), (ring_rows, before))?;
            next = end;

            let done = (strip.start - rows.start)..(strip.end - rows.start);
            let out = out.get_mut(target.rows(&done)).ok_or(OutOfBounds)?;
            let area = Area { rows: strip.len(), columns: geometry.output[1] };
            let from = (&*ring_rows, Rows { first: start % ring, count: ring, stride: row }, panel);
            let (weights, finish) = (&self.depthwise.weights, &self.depthwise.finish);
            let Some(project) = &self.project else {
                E::depthwise(kernels, weights, area, from, finish, (out, &target.target()))?;
                continue;
            };
            let middle =
                Layout::panels([strip.len(), geometry.output[1]], geometry.outputs).ok_or(OutOfBounds)?;
            debug_assert_eq!(middle.row, wide);
            E::depthwise(kernels, weights, area, from, finish, (&mut *wide_rows, &middle.target()))?;
            let residual = match residual {
                Some(residual) => Some(residual.get(target.rows(&done)).ok_or(OutOfBounds)?),
                None => None,
            };
            let all = 0..strip.len();
            project.run(kernels, all, (&*wide_rows, &middle), residual, (out, target), &mut [])?;
        }
        Ok(())
    }

    /// Zeros to the left and to the right of each row's pixels; nobody else writes there.
    fn clear_borders(&self, ring_rows: &mut [E]) {
        let Strip { columns, before, .. } = self.strip;
        let pixels = self.depthwise.geometry.input[1].div_ceil(E::COLUMN);
        for panel in ring_rows.chunks_exact_mut(columns * E::PER_LINE) {
            panel[..before * E::PER_LINE].fill(E::default());
            panel[(before + pixels) * E::PER_LINE..].fill(E::default());
        }
    }

    /// Brings rows into the ring: expanded, or as they are, or zeros where they lie outside of the map.
    fn fill(
        &self,
        kernels: &Kernels,
        rows: Range<usize>,
        (input, layout): (&[E], &Layout),
        (ring_rows, before): (&mut [E], usize),
    ) -> Result<(), OutOfBounds> {
        let geometry = &self.depthwise.geometry;
        let Strip { ring, columns, row, .. } = self.strip;
        let (top, height) = (geometry.before[0], geometry.input[0]);
        let inside = rows.start.clamp(top, top + height)..rows.end.clamp(top, top + height);
        for outside in (rows.start..inside.start.min(rows.end)).chain(inside.end.max(rows.start)..rows.end) {
            let start = outside % ring * row;
            ring_rows.get_mut(start..start + row).ok_or(OutOfBounds)?.fill(E::default());
        }
        if inside.is_empty() {
            return Ok(());
        }
        let panel = columns * E::PER_LINE;
        let target = Target {
            start: before * E::PER_LINE,
            rows: Rows { first: inside.start % ring, count: ring, stride: row },
            pixel: E::PER_LINE,
            panel,
        };
        let first = inside.start - top;
        if let Some(expand) = &self.expand {
            let area = Area { rows: inside.len(), columns: geometry.input[1] };
            let mut source = layout.source(&expand.geometry, first);
            source.rows.count = inside.len();
            let to = (ring_rows, &target);
            return E::columns(kernels, &expand.weights, area, (input, &source), &expand.finish, to);
        }
        // Only in f32, where a column is a pixel's panel.
        for place in 0..inside.len() {
            let from = input.get(layout.rows(&(first + place..first + place + 1))).ok_or(OutOfBounds)?;
            let to = target.start + target.rows.offset(place);
            let to = ring_rows.get_mut(to..).ok_or(OutOfBounds)?;
            for (x, pixel) in from.chunks_exact(layout.pixel).enumerate() {
                for (channels, values) in pixel.chunks_exact(PANEL).enumerate() {
                    let at = channels * panel + x * E::PER_LINE;
                    to.get_mut(at..at + PANEL).ok_or(OutOfBounds)?.copy_from_slice(values);
                }
            }
        }
        Ok(())
    }
}

/// Whether kernels compute a depthwise convolution of these sizes.
pub(super) fn is_computed(geometry: &Geometry) -> bool {
    shape(geometry).is_valid()
}
