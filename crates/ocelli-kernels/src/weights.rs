//! Weights in the order in which kernels read them.
//!
//! A panel is sixteen output channels. Its weights follow one another step by step: of f32 one step is one input value, of
//! int8 it is four, so that a step is always 64 bytes. Channels beyond the last have weights of zero.

use crate::line::{Line, as_f32_mut, as_i8_mut};

/// Output channels of a panel.
pub const PANEL: usize = 16;

/// A convolution's packed weights.
#[derive(Clone, Debug)]
pub struct Weights {
    pub(crate) lines: Vec<Line>,
    pub(crate) panels: usize,
    pub(crate) segments: usize,
    /// Steps of a segment.
    pub(crate) steps: usize,
    /// Input values of a step: one f32 or four bytes.
    pub(crate) width: usize,
}

impl Weights {
    /// Packs f32 weights: `weight(output, segment, input)` for `segments` of `depth` values.
    pub fn f32(
        outputs: usize,
        [segments, depth]: [usize; 2],
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let mut weights = Self::zero(outputs, segments, depth, 1);
        let mut steps = as_f32_mut(&mut weights.lines).chunks_exact_mut(PANEL);
        for first in (0..outputs).step_by(PANEL) {
            for (segment, input) in (0..segments).flat_map(|s| (0..depth).map(move |input| (s, input))) {
                for (lane, value) in steps.next().into_iter().flatten().enumerate().take(outputs - first) {
                    *value = weight(first + lane, segment, input);
                }
            }
        }
        weights
    }

    /// Packs int8 weights: `weight(output, segment, input)` for `segments` of `depth` values; a segment is read in steps of
    /// four, the last of which may be filled up with zeros.
    pub fn i8(
        outputs: usize,
        [segments, depth]: [usize; 2],
        weight: impl Fn(usize, usize, usize) -> i8,
    ) -> Self {
        let steps = depth.div_ceil(4);
        let mut weights = Self::zero(outputs, segments, steps, 4);
        let mut lines = as_i8_mut(&mut weights.lines).chunks_exact_mut(Line::BYTES);
        for first in (0..outputs).step_by(PANEL) {
            for (segment, step) in (0..segments).flat_map(|s| (0..steps).map(move |step| (s, step))) {
                let lanes = lines.next().into_iter().flat_map(|line| line.chunks_exact_mut(4));
                for (lane, values) in lanes.enumerate().take(outputs - first) {
                    for (value, input) in values.iter_mut().zip(step * 4..depth) {
                        *value = weight(first + lane, segment, input);
                    }
                }
            }
        }
        weights
    }

    fn zero(outputs: usize, segments: usize, steps: usize, width: usize) -> Self {
        let panels = outputs.div_ceil(PANEL);
        Self { lines: vec![Line::default(); panels * segments * steps], panels, segments, steps, width }
    }

    /// Panels of output channels.
    pub fn panels(&self) -> usize {
        self.panels
    }
}

/// The weights of a convolution of each channel by itself, over rows in columns.
///
/// A column is the 64 bytes that one step reads: of f32 one pixel of a panel, of u8 four pixels. As many consecutive
/// outputs are a group, computed whole. Each of its outputs, its phases, reads `columns` columns of a row, and its weights
/// stand where the pixels that it needs do within them. The next group reads columns that are `advance` further on.
///
/// Weights lie by panel, row of the kernel, column and phase.
#[derive(Clone, Debug)]
pub struct DepthwiseWeights {
    pub(crate) lines: Vec<Line>,
    pub(crate) panels: usize,
    /// Outputs of a group, pixels of a column.
    pub(crate) width: usize,
    /// The first column that each output of a group reads, counted from the leftmost that the first group does.
    pub(crate) phases: [usize; 4],
    pub(crate) columns: usize,
    /// For each of its columns and each output of a group a bit, four of them a column: whether weights are not all zero.
    pub(crate) needed: u64,
    pub(crate) advance: usize,
    pub(crate) kernel_rows: usize,
    pub(crate) row_stride: usize,
    /// Columns that the first output reads left of the first pixel.
    pub(crate) before: usize,
}

/// The kernel of a depthwise convolution.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseShape {
    /// Channels.
    pub channels: usize,
    /// Rows and columns of the kernel, at least 1 and at most [`DepthwiseShape::MAX_KERNEL`].
    pub kernel: [usize; 2],
    /// Steps down and across, at least 1 and at most [`DepthwiseShape::MAX_KERNEL`].
    pub stride: [usize; 2],
    /// Columns of zeros to the left of the input, at most [`DepthwiseShape::MAX_KERNEL`].
    pub left: usize,
}

impl DepthwiseShape {
    /// The largest kernel, either way.
    pub const MAX_KERNEL: usize = 16;

    /// Whether kernels compute it.
    pub fn is_valid(&self) -> bool {
        let is_size = |size: &usize| (1..=Self::MAX_KERNEL).contains(size);
        self.kernel.iter().chain(&self.stride).all(is_size)
            && self.left <= Self::MAX_KERNEL
            && self.channels > 0
    }
}

impl DepthwiseWeights {
    /// Packs f32 weights: `weight(channel, row, column)`; none if the shape is not one that kernels compute.
    pub fn f32(shape: DepthwiseShape, weight: impl Fn(usize, usize, usize) -> f32) -> Option<Self> {
        let mut weights = Self::zero(shape, 1)?;
        let taps = weights.taps(shape, 1);
        let values = as_f32_mut(&mut weights.lines);
        taps.iter()
            .for_each(|(value, [channel, row, column])| values[*value] = weight(*channel, *row, *column));
        Some(weights)
    }

    /// Packs int8 weights: `weight(channel, row, column)`; none if the shape is not one that kernels compute.
    pub fn i8(shape: DepthwiseShape, weight: impl Fn(usize, usize, usize) -> i8) -> Option<Self> {
        let mut weights = Self::zero(shape, 4)?;
        let taps = weights.taps(shape, 4);
        let values = as_i8_mut(&mut weights.lines);
        taps.iter()
            .for_each(|(value, [channel, row, column])| values[*value] = weight(*channel, *row, *column));
        Some(weights)
    }

    /// For columns of `width` pixels, each place of a value, and the channel, row and column of the kernel whose weight
    /// goes there.
    fn taps(&self, shape: DepthwiseShape, width: usize) -> Vec<(usize, [usize; 3])> {
        let mut taps = Vec::new();
        for (place, phase) in self.phases.iter().enumerate().take(width) {
            // Where the first pixel that the phase's first output needs lies within the phase's first column.
            let first = self.before * width + place * shape.stride[1] - shape.left - phase * width;
            for channel in 0..shape.channels {
                let panel = channel / PANEL * self.per_panel();
                for row in 0..shape.kernel[0] {
                    for column in 0..shape.kernel[1] {
                        let pixel = first + column;
                        let line = (row * self.columns + pixel / width) * width + place;
                        let lane = (panel + line) * PANEL + channel % PANEL;
                        taps.push((lane * width + pixel % width, [channel, row, column]));
                    }
                }
            }
        }
        taps
    }

    /// Phases for columns of `width` pixels, and room for their weights.
    fn zero(shape: DepthwiseShape, width: usize) -> Option<Self> {
        if !shape.is_valid() {
            return None;
        }
        let before = shape.left.div_ceil(width);
        // The first and the last column that each phase needs.
        let needed = (0..width).map(|place| {
            let first = before * width + place * shape.stride[1] - shape.left;
            (first / width, (first + shape.kernel[1] - 1) / width)
        });
        let columns = needed.clone().map(|(first, last)| last - first + 1).max()?;
        let panels = shape.channels.div_ceil(PANEL);
        let (mut phases, mut bits) = ([0; 4], 0);
        for (place, (first, last)) in needed.enumerate() {
            phases[place] = (last + 1).saturating_sub(columns);
            bits |= (first..=last).map(|column| 1 << ((column - phases[place]) * 4 + place)).sum::<u64>();
        }
        Some(Self {
            lines: vec![Line::default(); panels * shape.kernel[0] * columns * width],
            panels,
            width,
            phases,
            columns,
            needed: bits,
            advance: shape.stride[1],
            kernel_rows: shape.kernel[0],
            row_stride: shape.stride[0],
            before,
        })
    }

    /// Lines of a panel.
    pub(crate) fn per_panel(&self) -> usize {
        self.lines.len() / self.panels.max(1)
    }

    /// Panels of channels.
    pub fn panels(&self) -> usize {
        self.panels
    }

    /// Columns that lie left of the first pixel's, to be filled with zeros.
    pub fn columns_before(&self) -> usize {
        self.before
    }

    /// Columns of a row that are read for `outputs` outputs, those before the first pixel's included.
    pub fn columns(&self, outputs: usize) -> usize {
        let Some(last) = outputs.div_ceil(self.width).checked_sub(1) else { return 0 };
        let phase = self.phases.iter().max().copied().unwrap_or(0);
        last.saturating_mul(self.advance).saturating_add(phase + self.columns)
    }
}
