//! A convolution of all channels.

use std::ops::Range;

use ocelli_kernels::{Area, Kernels, Line, OutOfBounds, Rows, Weights};

use super::element::{Element, FloatFinish};
use super::layout::Layout;
use crate::graph::{self, Geometry};

/// A convolution of all channels, packed; also a fully connected layer.
#[derive(Debug)]
pub(super) struct Convolution<E: Element> {
    pub(super) geometry: Geometry,
    pub(super) weights: Weights,
    pub(super) finish: E::Finish,
}

/// Segments, and the values of each, of a convolution that reads a map.
pub(super) fn segments(geometry: &Geometry, input: &Layout) -> [usize; 2] {
    let [rows, columns] = geometry.kernel;
    [rows, (columns - 1) * input.pixel + geometry.inputs]
}

impl Convolution<f32> {
    pub(super) fn f32(layer: &graph::Convolution, input: &Layout) -> Self {
        let geometry = layer.geometry;
        let weights = Weights::f32(geometry.outputs, segments(&geometry, input), |output, row, value| {
            let (column, channel) = (value / input.pixel, value % input.pixel);
            if channel < geometry.inputs { layer.weight(output, channel, row, column) } else { 0.0 }
        });
        Self { geometry, weights, finish: FloatFinish::new(&layer.bias, layer.relu6) }
    }
}

impl<E: Element> Convolution<E> {
    /// Lines of scratch memory: where the input lacks the border that is read, a copy that has it.
    pub(super) fn scratch(&self, input: &Layout) -> usize {
        self.with_border(input).map_or(0, |bordered| bordered.lines::<E>())
    }

    /// The layout of the input with a border, if one is read that it does not have.
    fn with_border(&self, input: &Layout) -> Option<Layout> {
        let [top, left] = self.geometry.before;
        let [bottom, right] = self.geometry.after;
        if !self.geometry.is_padded() || input.has_border() {
            return None;
        }
        let row = (input.width + left + right) * input.pixel;
        let len = (input.height + top + bottom) * row;
        Some(Layout { row, len, start: top * row + left * input.pixel, ..*input })
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
        let geometry = &self.geometry;
        if geometry.is_pointwise() {
            // Rows follow one another, so they are one row.
            let area = Area { rows: 1, columns: rows.len() * layout.width };
            let source = layout.source(geometry, rows.start);
            let to = (out, &target.target());
            return E::convolution(
                kernels,
                &self.weights,
                area,
                (input, &source),
                (&self.finish, residual),
                to,
            );
        }
        let area = Area { rows: rows.len(), columns: geometry.output[1] };
        let Some(bordered) = self.with_border(layout) else {
            let source = layout.source(geometry, rows.start);
            let to = (out, &target.target());
            return E::convolution(
                kernels,
                &self.weights,
                area,
                (input, &source),
                (&self.finish, residual),
                to,
            );
        };
        let first = rows.start * geometry.stride[0];
        let count = (rows.len() - 1) * geometry.stride[0] + geometry.kernel[0];
        let scratch = E::view_mut(scratch);
        for (place, row) in scratch.chunks_exact_mut(bordered.row).take(count).enumerate() {
            row.fill(E::default());
            let from = (first + place).checked_sub(geometry.before[0]).filter(|row| *row < layout.height);
            if let Some(from) = from {
                let values = input.get(from * layout.row..(from + 1) * layout.row).ok_or(OutOfBounds)?;
                let left = geometry.before[1] * layout.pixel;
                row.get_mut(left..left + layout.row).ok_or(OutOfBounds)?.copy_from_slice(values);
            }
        }
        let mut source = bordered.source(geometry, 0);
        (source.start, source.rows) = (0, Rows { count: rows.len(), ..source.rows });
        let from = (&*scratch, &source);
        E::convolution(kernels, &self.weights, area, from, (&self.finish, residual), (out, &target.target()))
    }
}
