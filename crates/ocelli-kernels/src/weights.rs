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
}

impl Weights {
    /// Packs f32 weights: `weight(output, segment, input)` for `segments` of `depth` values.
    pub fn f32(
        outputs: usize,
        [segments, depth]: [usize; 2],
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let mut weights = Self::zero(outputs, segments, depth);
        for (index, value) in as_f32_mut(&mut weights.lines).iter_mut().enumerate() {
            let (step, lane) = (index / PANEL, index % PANEL);
            let (panel, step) = (step / (segments * depth), step % (segments * depth));
            let output = panel * PANEL + lane;
            if output < outputs {
                *value = weight(output, step / depth, step % depth);
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
        let mut weights = Self::zero(outputs, segments, steps);
        for (index, value) in as_i8_mut(&mut weights.lines).iter_mut().enumerate() {
            let (step, byte) = (index / 64, index % 64);
            let (panel, step) = (step / (segments * steps), step % (segments * steps));
            let output = panel * PANEL + byte / 4;
            let input = step % steps * 4 + byte % 4;
            if output < outputs && input < depth {
                *value = weight(output, step / steps, input);
            }
        }
        weights
    }

    fn zero(outputs: usize, segments: usize, steps: usize) -> Self {
        let panels = outputs.div_ceil(PANEL);
        Self { lines: vec![Line::default(); panels * segments * steps], panels, segments, steps }
    }

    /// Panels of output channels.
    pub fn panels(&self) -> usize {
        self.panels
    }

    /// The memory that they take.
    pub fn bytes(&self) -> usize {
        self.lines.len() * Line::BYTES
    }
}

/// The weights of a convolution of each channel by itself, over rows in columns.
///
/// A column is the 64 bytes that one step reads: of f32 one pixel of a panel, of u8 four pixels. Outputs at the same place
/// within their column read their neighbours in the same way: they are one phase.
#[derive(Clone, Debug)]
pub struct DepthwiseWeights {
    pub(crate) lines: Vec<Line>,
    pub(crate) panels: usize,
    pub(crate) phases: Vec<Phase>,
    /// Columns from one output of a phase to the next.
    pub(crate) advance: usize,
    pub(crate) kernel_rows: usize,
    pub(crate) row_stride: usize,
    /// Columns that the first output reads left of the first pixel.
    pub(crate) before: usize,
}

/// Outputs that read their columns alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// The first column that the first of them reads, counted from the leftmost column that any output reads.
    pub(crate) column: usize,
    /// How many columns they read of each row.
    pub(crate) columns: usize,
    /// Their weights' first line within a panel.
    pub(crate) line: usize,
}

/// The kernel of a depthwise convolution.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseShape {
    /// Channels.
    pub channels: usize,
    /// Rows and columns of the kernel, at least 1 and at most [`DepthwiseShape::MAX_KERNEL`].
    pub kernel: [usize; 2],
    /// Steps down and across, at least 1.
    pub stride: [usize; 2],
    /// Columns of zeros to the left of the input.
    pub left: usize,
}

impl DepthwiseShape {
    /// The largest kernel, either way.
    pub const MAX_KERNEL: usize = 16;

    fn is_valid(&self) -> bool {
        let kernel = self.kernel.iter().all(|size| (1..=Self::MAX_KERNEL).contains(size));
        kernel && self.stride.iter().all(|stride| *stride > 0) && self.channels > 0
    }
}

impl DepthwiseWeights {
    /// Packs f32 weights: `weight(channel, row, column)`; none if the shape is not one that kernels compute.
    pub fn f32(shape: DepthwiseShape, weight: impl Fn(usize, usize, usize) -> f32) -> Option<Self> {
        let mut weights = Self::zero(shape, 1)?;
        let (phases, per_panel) = (weights.phases.clone(), weights.per_panel());
        let lines = as_f32_mut(&mut weights.lines);
        for (channel, row, phase, column) in taps(shape, &phases) {
            let line = phase.line + row * phase.columns + column;
            lines[((channel / PANEL) * per_panel + line) * PANEL + channel % PANEL] =
                weight(channel, row, column);
        }
        Some(weights)
    }

    /// Packs int8 weights: `weight(channel, row, column)`; none if the shape is not one that kernels compute.
    pub fn i8(shape: DepthwiseShape, weight: impl Fn(usize, usize, usize) -> i8) -> Option<Self> {
        let mut weights = Self::zero(shape, 4)?;
        let (phases, per_panel, before) = (weights.phases.clone(), weights.per_panel(), weights.before);
        let lines = as_i8_mut(&mut weights.lines);
        for (place, phase) in phases.iter().enumerate() {
            // Where the first pixel that the phase's first output reads lies within the phase's first column.
            let first = before * 4 + place * shape.stride[1] - shape.left - phase.column * 4;
            for channel in 0..shape.channels {
                for (row, column) in
                    (0..shape.kernel[0]).flat_map(|r| (0..shape.kernel[1]).map(move |c| (r, c)))
                {
                    let pixel = first + column;
                    let line = phase.line + row * phase.columns + pixel / 4;
                    let lane = (channel / PANEL * per_panel + line) * PANEL + channel % PANEL;
                    lines[lane * 4 + pixel % 4] = weight(channel, row, column);
                }
            }
        }
        Some(weights)
    }

    /// Phases for columns of `width` pixels, and room for their weights.
    fn zero(shape: DepthwiseShape, width: usize) -> Option<Self> {
        if !shape.is_valid() {
            return None;
        }
        let stride = shape.stride[1];
        // Outputs come back to the same place within a column after this many of them.
        let period = width / greatest_common_divisor(width, stride);
        let before = shape.left.div_ceil(width);
        let mut line = 0;
        let phases = (0..period)
            .map(|place| {
                let first = before * width + place * stride - shape.left;
                let column = first / width;
                let columns = (first + shape.kernel[1] - 1) / width - column + 1;
                let phase = Phase { column, columns, line };
                line += columns * shape.kernel[0];
                phase
            })
            .collect();
        let panels = shape.channels.div_ceil(PANEL);
        Some(Self {
            lines: vec![Line::default(); panels * line],
            panels,
            phases,
            advance: period * stride / width,
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

    /// Columns of a row that `outputs` outputs read, those before the first pixel's included.
    pub fn columns(&self, outputs: usize) -> usize {
        let last = |(place, phase): (usize, &Phase)| {
            let of_phase = outputs.saturating_sub(place).div_ceil(self.phases.len());
            of_phase.checked_sub(1).map(|last| phase.column + last * self.advance + phase.columns)
        };
        self.phases.iter().enumerate().filter_map(last).max().unwrap_or(0)
    }
}

/// Every weight of an f32 kernel, with its phase, of which there is one.
fn taps(shape: DepthwiseShape, phases: &[Phase]) -> impl Iterator<Item = (usize, usize, Phase, usize)> {
    let [rows, columns] = shape.kernel;
    phases.to_vec().into_iter().flat_map(move |phase| {
        (0..shape.channels).flat_map(move |channel| {
            (0..rows).flat_map(move |row| (0..columns).map(move |column| (channel, row, phase, column)))
        })
    })
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
