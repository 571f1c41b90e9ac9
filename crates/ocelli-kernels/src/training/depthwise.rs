use std::ops::Range;

use super::{Clamp, Copy, PANEL, Slide, Sums};
use crate::{Kernels, Level, OutOfBounds, portable};
#[cfg(target_arch = "x86_64")]
use crate::{avx_vnni, avx2, avx512};

/// The sizes of a convolution of each channel by itself; pairs are `[down, across]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseMap {
    channels: usize,
    input: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    /// Zeros above and to the left.
    before: [usize; 2],
}

/// The gradients that are wanted of what a convolution reads.
#[derive(Debug)]
pub struct DepthwiseGradients<'a> {
    /// Of the input's rows of [`DepthwiseMap::input_rows`], in place of what is there.
    pub input: Option<&'a mut [f32]>,
    /// Of the weights, in the order of [`DepthwiseMap::backward_order`]; added.
    pub weights: Option<&'a mut [f32]>,
    /// Of the shift, whole panels; added.
    pub shift: &'a mut [f32],
}

/// Inputs that meet the same weights: those at a distance from each other of a stride.
struct Phase {
    /// Of the first such input.
    first: [usize; 2],
    /// Such inputs.
    inputs: [usize; 2],
    /// Weights that they meet.
    kernel: [usize; 2],
    /// The output that the first of them meets with the last of these weights.
    output: [isize; 2],
    /// The place of its first weight among those of all phases.
    place: usize,
}

impl DepthwiseMap {
    /// The largest side that is computed with; products of three sides are far from where they overflow.
    const MOST: usize = 1 << 16;
    const MOST_KERNEL: usize = 1 << 8;

    /// A convolution of `channels` maps of `input` rows and columns to maps of `output` ones, whose first output is `before`
    /// rows above and columns to the left of the first input.
    ///
    /// # Errors
    ///
    /// If a size is zero, or far larger than a network has.
    pub fn new(
        channels: usize,
        [input, output]: [[usize; 2]; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        before: [usize; 2],
    ) -> Result<Self, OutOfBounds> {
        let sides = [input, output, kernel, stride].concat();
        let fits = sides.iter().chain([&channels]).all(|side| (1..=Self::MOST).contains(side))
            && before.iter().chain(&kernel).all(|side| *side <= Self::MOST_KERNEL);
        if fits { Ok(Self { channels, input, output, kernel, stride, before }) } else { Err(OutOfBounds) }
    }

    /// Panels of sixteen channels.
    pub fn panels(&self) -> usize {
        self.channels.div_ceil(PANEL)
    }

    /// Weights of one channel.
    pub fn weights(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// How many values packed weights have, and their gradients.
    pub fn packed_len(&self) -> usize {
        self.panels().saturating_mul(self.weights()).saturating_mul(PANEL)
    }

    /// The weights of a channel, as their places in `[rows, columns]`, in the order in which they are packed for the
    /// gradients.
    pub fn backward_order(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.weights());
        for down in 0..self.stride[0] {
            for across in 0..self.stride[1] {
                let first = [down, across];
                let of = |axis: usize| {
                    let first = (first[axis] + self.before[axis]) % self.stride[axis];
                    (first..self.kernel[axis]).step_by(self.stride[axis]).rev()
                };
                order.extend(of(0).flat_map(|row| of(1).map(move |column| row * self.kernel[1] + column)));
            }
        }
        order
    }

    /// Packs weights, `weight(channel, place in [rows, columns])`, for the output.
    ///
    /// # Errors
    ///
    /// If `out` has not [`DepthwiseMap::packed_len`] values.
    pub fn pack(&self, weight: impl Fn(usize, usize) -> f32, out: &mut [f32]) -> Result<(), OutOfBounds> {
        self.pack_in_order(&(0..self.weights()).collect::<Vec<_>>(), weight, out)
    }

    /// Packs weights for the gradients.
    ///
    /// # Errors
    ///
    /// As of [`DepthwiseMap::pack`].
    pub fn pack_backward(
        &self,
        weight: impl Fn(usize, usize) -> f32,
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        self.pack_in_order(&self.backward_order(), weight, out)
    }

    fn pack_in_order(
        &self,
        order: &[usize],
        weight: impl Fn(usize, usize) -> f32,
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        if out.len() != self.packed_len() {
            return Err(OutOfBounds);
        }
        for (panel, out) in out.chunks_exact_mut((self.weights() * PANEL).max(1)).enumerate() {
            for (place, out) in order.iter().zip(out.chunks_exact_mut(PANEL)) {
                for (channel, out) in (panel * PANEL..).zip(out) {
                    *out = if channel < self.channels { weight(channel, *place) } else { 0.0 };
                }
            }
        }
        Ok(())
    }

    /// The input's rows whose gradients come with those of some of the output's rows, so that each comes once.
    pub fn input_rows(&self, outputs: &Range<usize>) -> Range<usize> {
        let row = |output: usize| match output {
            output if output >= self.output[0] => self.input[0],
            output => (output * self.stride[0]).min(self.input[0]),
        };
        row(outputs.start)..row(outputs.end)
    }

    /// The output's rows that are read for the gradients of some of the input's.
    fn rows_read(&self, inputs: &Range<usize>) -> Range<isize> {
        let reach = |input: usize| (input + self.before[0]) as isize;
        let first = (reach(inputs.start) - self.kernel[0] as isize + 1).div_euclid(self.stride[0] as isize);
        first..reach(inputs.end.max(1) - 1).div_euclid(self.stride[0] as isize) + 1
    }

    /// Values of scratch memory that some of the output's rows need, forward or backward.
    pub fn scratch_len(&self, outputs: &Range<usize>) -> usize {
        let reach = |outputs: usize, axis: usize| {
            outputs.saturating_sub(1).saturating_mul(self.stride[axis]).saturating_add(self.kernel[axis])
        };
        let forward = reach(outputs.len(), 0).saturating_mul(reach(self.output[1], 1));
        let read = self.copied(outputs);
        let backward = read.0.len().saturating_mul(read.1.len());
        forward.max(backward).saturating_mul(self.panels()).saturating_mul(PANEL)
    }

    /// The output's rows and columns that are copied for the gradients, borders included.
    fn copied(&self, outputs: &Range<usize>) -> (Range<isize>, Range<isize>) {
        let read = self.rows_read(&self.input_rows(outputs));
        let own = outputs.start as isize..outputs.end as isize;
        let rows = read.start.min(own.start)..read.end.max(own.end);
        let stride = self.stride[1] as isize;
        let first = (self.before[1] as isize - self.kernel[1] as isize + 1).div_euclid(stride);
        let end = ((self.input[1] + self.before[1]) as isize - 1).div_euclid(stride) + 1;
        (rows, first.min(0)..end.max(self.output[1] as isize))
    }

    /// Which of some of the input's rows meet which weights.
    fn phases(&self, rows: &Range<usize>) -> Vec<Phase> {
        let mut phases = Vec::with_capacity(self.stride[0] * self.stride[1]);
        let mut place = 0;
        for down in 0..self.stride[0] {
            for across in 0..self.stride[1] {
                let phase = [down, across];
                let kernel = [0, 1].map(|axis| {
                    let first = (phase[axis] + self.before[axis]) % self.stride[axis];
                    self.kernel[axis].saturating_sub(first).div_ceil(self.stride[axis])
                });
                // The first input of this phase from the first row on.
                let skipped = (down + self.stride[0] - rows.start % self.stride[0]) % self.stride[0];
                let first = [rows.start + skipped, across];
                let ends = [rows.end, self.input[1]];
                let inputs =
                    [0, 1].map(|axis| ends[axis].saturating_sub(first[axis]).div_ceil(self.stride[axis]));
                let output = [0, 1].map(|axis| {
                    let met = (first[axis] + self.before[axis]) / self.stride[axis];
                    met as isize - (kernel[axis] as isize - 1)
                });
                phases.push(Phase { first, inputs, kernel, output, place });
                place += kernel[0] * kernel[1];
            }
        }
        phases
    }

    fn image(&self, size: [usize; 2]) -> usize {
        size[0].saturating_mul(size[1]).saturating_mul(self.channels)
    }
}

impl Kernels {
    /// A convolution of each channel by itself: some rows of the output, `clamp(sums + shift)`, for a whole input. The
    /// weights are [packed](DepthwiseMap::pack).
    ///
    /// # Errors
    ///
    /// If the sizes do not fit each other.
    pub fn depthwise_forward(
        &self,
        map: &DepthwiseMap,
        rows: Range<usize>,
        input: &[f32],
        (weights, clamp): (&[f32], &Clamp<'_>),
        scratch: &mut [f32],
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        clamp.check(map.panels())?;
        let row = map.output[1] * map.channels;
        let fits = rows.start <= rows.end
            && rows.end <= map.output[0]
            && input.len() == map.image(map.input)
            && weights.len() == map.packed_len()
            && scratch.len() >= map.scratch_len(&rows)
            && rows.len().checked_mul(row) == Some(out.len());
        if !fits {
            return Err(OutOfBounds);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let reach = |outputs: usize, axis: usize| (outputs.max(1) - 1) * map.stride[axis] + map.kernel[axis];
        let (copied_rows, copied_columns) = (reach(rows.len(), 0), reach(map.output[1], 1));
        let first = (rows.start * map.stride[0]) as isize - map.before[0] as isize;
        let copy = Copy {
            from: input.as_ptr(),
            output: None,
            channels: map.channels,
            map: map.input,
            first: [first, -(map.before[1] as isize)],
            rows: copied_rows,
            columns: copied_columns,
            to: scratch.as_mut_ptr(),
            sums: None,
        };
        at_level!(self.copy(&copy));
        for panel in 0..map.panels() {
            let channel = panel * PANEL;
            let lanes = (map.channels - channel).min(PANEL);
            let slide = Slide {
                from: scratch[panel * copied_rows * copied_columns * PANEL..].as_ptr(),
                row: copied_columns * PANEL,
                step: [map.stride[0] * copied_columns * PANEL, map.stride[1] * PANEL],
                kernel: map.kernel,
                outputs: [rows.len(), map.output[1]],
                to_row: row,
                to_pixel: map.channels,
                lanes,
            };
            let sums = Sums {
                weights: weights[panel * map.weights() * PANEL..].as_ptr(),
                shift: clamp.shift.map(|shift| shift[channel..].as_ptr()),
                low: clamp.low,
                high: clamp.high,
                out: out.get_mut(channel..).ok_or(OutOfBounds)?.as_mut_ptr(),
            };
            at_level!(self.slide(&slide, &sums));
        }
        Ok(())
    }

    /// The gradients of such a convolution that come of some rows of the output: of a whole `input`, and the gradient of the
    /// whole output, which counts only where `output`, if given, lies between 0 and 6. The weights are
    /// [packed](DepthwiseMap::pack_backward).
    ///
    /// # Errors
    ///
    /// If the sizes do not fit each other.
    pub fn depthwise_backward(
        &self,
        map: &DepthwiseMap,
        rows: Range<usize>,
        (input, weights): (&[f32], &[f32]),
        (gradient, output): (&[f32], Option<&[f32]>),
        scratch: &mut [f32],
        gradients: &mut DepthwiseGradients<'_>,
    ) -> Result<(), OutOfBounds> {
        let whole = map.image(map.output);
        let row = map.input[1] * map.channels;
        if rows.is_empty() {
            return Ok(());
        }
        let inputs = map.input_rows(&rows);
        let fits = rows.start <= rows.end
            && rows.end <= map.output[0]
            && input.len() == map.image(map.input)
            && gradient.len() == whole
            && output.is_none_or(|output| output.len() == whole)
            && weights.len() == map.packed_len()
            && scratch.len() >= map.scratch_len(&rows)
            && gradients.shift.len() == map.panels() * PANEL
            && gradients.weights.as_ref().is_none_or(|weights| weights.len() == map.packed_len())
            && gradients.input.as_ref().is_none_or(|input| input.len() == inputs.len() * row);
        if !fits {
            return Err(OutOfBounds);
        }
        let (copied_rows, copied_columns) = map.copied(&rows);
        let phases = map.phases(&inputs);
        let width = copied_columns.len() * PANEL;
        let copy = Copy {
            from: gradient.as_ptr(),
            output: output.map(<[f32]>::as_ptr),
            channels: map.channels,
            map: map.output,
            first: [copied_rows.start, copied_columns.start],
            rows: copied_rows.len(),
            columns: copied_columns.len(),
            to: scratch.as_mut_ptr(),
            sums: Some((rows.clone(), gradients.shift.as_mut_ptr())),
        };
        at_level!(self.copy(&copy));
        for panel in 0..map.panels() {
            let channel = panel * PANEL;
            let lanes = (map.channels - channel).min(PANEL);
            let scratch = &scratch[panel * copied_rows.len() * width..];
            for phase in phases.iter().filter(|phase| !phase.inputs.contains(&0)) {
                let place = (panel * map.weights() + phase.place) * PANEL;

                // Where there are no weights, nothing is read.
                let from = if phase.kernel.contains(&0) {
                    0
                } else {
                    (phase.output[0] - copied_rows.start) as usize * width
                        + (phase.output[1] - copied_columns.start) as usize * PANEL
                };
                let slide = Slide {
                    from: scratch[from..].as_ptr(),
                    row: width,
                    step: [width, PANEL],
                    kernel: phase.kernel,
                    outputs: phase.inputs,
                    to_row: map.stride[0] * row,
                    to_pixel: map.stride[1] * map.channels,
                    lanes,
                };
                let at = |first_row: usize| {
                    (phase.first[0] - first_row) * row + phase.first[1] * map.channels + channel
                };
                if let Some(out) = &mut gradients.input {
                    let sums = Sums {
                        weights: weights[place..].as_ptr(),
                        shift: None,
                        low: f32::NEG_INFINITY,
                        high: f32::INFINITY,
                        out: out[at(inputs.start)..].as_mut_ptr(),
                    };
                    at_level!(self.slide(&slide, &sums));
                }
                if let Some(weights) = &mut gradients.weights {
                    let map = input[at(0)..].as_ptr();
                    at_level!(self.correlate(&slide, map, weights[place..].as_mut_ptr()));
                }
            }
        }
        Ok(())
    }
}
