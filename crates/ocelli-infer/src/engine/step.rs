//! One step of a plan.

use std::ops::Range;

use ocelli_kernels::{Kernels, Line, OutOfBounds};
use rayon::prelude::*;

use super::block::Block;
use super::convolution::Convolution;
use super::element::Element;
use super::layout::{Layout, Slot};
use super::quantisation::Quantisation;
use super::{elementwise, grouped};
use crate::graph;

/// A computation with its buffers.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) compute: Compute,
    pub(super) input: Slot,
    pub(super) from: Layout,
    /// What is added.
    pub(super) residual: Option<Slot>,
    pub(super) output: Slot,
    pub(super) to: Layout,
}

#[derive(Debug)]
pub(super) enum Compute {
    ConvolutionF32(Convolution<f32>),
    ConvolutionU8(Convolution<u8>),
    BlockF32(Box<Block<f32>>),
    BlockU8(Box<Block<u8>>),
    Grouped(Box<graph::Convolution>),
    Scale(Vec<(f32, f32)>),
    Relu6,
    Add,
    GlobalAveragePool,
    /// Of bytes, to f32.
    GlobalAveragePoolU8(Quantisation),
    Softmax,
    Sigmoid,
    Quantise(Quantisation),
    Dequantise(Quantisation),
}

/// On whose threads a step is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// The caller's.
    One,
    /// This many of the current rayon pool.
    Pool(usize),
}

impl Threads {
    pub(super) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Pool(threads) => threads.max(1),
        }
    }
}

impl Compute {
    /// Lines of scratch memory that one thread needs.
    pub(super) fn scratch(&self, from: &Layout) -> usize {
        match self {
            Self::ConvolutionF32(convolution) => convolution.scratch(from),
            Self::ConvolutionU8(convolution) => convolution.scratch(from),
            Self::BlockF32(block) => block.scratch(),
            Self::BlockU8(block) => block.scratch(),
            _ => 0,
        }
    }
}

impl Step {
    pub(super) fn run(
        &self,
        kernels: &Kernels,
        arena: &mut [Line],
        scratch: &mut [Line],
        threads: Threads,
    ) -> Result<(), OutOfBounds> {
        let (out, [input, residual]) =
            super::layout::split(arena, &self.output, [Some(&self.input), self.residual.as_ref()]);
        let input = input.ok_or(OutOfBounds)?;
        let (from, to) = (&self.from, &self.to);
        let buffers = Buffers { input, residual, out, scratch };
        match &self.compute {
            Compute::ConvolutionF32(convolution) => {
                return self.by_rows::<f32>(threads, buffers, |rows, input, residual, out, scratch| {
                    convolution.run(kernels, rows, (input, from), residual, (out, to), scratch)
                });
            }
            Compute::ConvolutionU8(convolution) => {
                return self.by_rows::<u8>(threads, buffers, |rows, input, residual, out, scratch| {
                    convolution.run(kernels, rows, (input, from), residual, (out, to), scratch)
                });
            }
            Compute::BlockF32(block) => {
                return self.by_rows::<f32>(threads, buffers, |rows, input, residual, out, scratch| {
                    block.run(kernels, rows, (input, from), residual, (out, to), scratch)
                });
            }
            Compute::BlockU8(block) => {
                return self.by_rows::<u8>(threads, buffers, |rows, input, residual, out, scratch| {
                    block.run(kernels, rows, (input, from), residual, (out, to), scratch)
                });
            }
            _ => {}
        }
        let Buffers { input, residual, out, .. } = buffers;
        match &self.compute {
            Compute::Dequantise(quantisation) => {
                let values = values_mut::<f32>(out, to)?;
                quantisation.dequantise(from.pixel, values_of::<u8>(input, from)?, values);
                return Ok(());
            }
            Compute::GlobalAveragePoolU8(quantisation) => {
                let values = values_mut::<f32>(out, to)?;
                quantisation.global_average_pool(from.pixel, values_of::<u8>(input, from)?, values);
                return Ok(());
            }
            Compute::Quantise(quantisation) => {
                let bytes = values_mut::<u8>(out, to)?;
                quantisation.quantise(from.pixel, values_of::<f32>(input, from)?, bytes);
                return Ok(());
            }
            _ => {}
        }
        let input = values_of::<f32>(input, from)?;
        let residual = residual.map(|residual| values_of::<f32>(residual, to)).transpose()?;
        let out = values_mut::<f32>(out, to)?;
        match &self.compute {
            Compute::Grouped(layer) => grouped::run(layer, (input, from), residual, (out, to)),
            Compute::Scale(scale) => elementwise::scale(scale, from, input, out),
            Compute::Relu6 => elementwise::relu6(input, out),
            Compute::Add => elementwise::add(input, residual.unwrap_or(input), out),
            Compute::GlobalAveragePool => elementwise::global_average_pool(from, input, out),
            Compute::Softmax => elementwise::softmax(&input[..from.channels], out),
            Compute::Sigmoid => elementwise::sigmoid(input, out),
            _ => {}
        }
        Ok(())
    }

    /// Runs a computation of rows, on each thread some.
    fn by_rows<E: Element>(
        &self,
        threads: Threads,
        buffers: Buffers<'_>,
        run: impl Fn(Range<usize>, &[E], Option<&[E]>, &mut [E], &mut [Line]) -> Result<(), OutOfBounds> + Sync,
    ) -> Result<(), OutOfBounds> {
        let to = &self.to;
        let input = E::view(buffers.input);
        let residual = buffers.residual.map(|residual| values_of::<E>(residual, to)).transpose()?;
        let out = values_mut::<E>(buffers.out, to)?;
        let scratch = self.compute.scratch(&self.from);
        let parts = threads.count().min(to.height);
        if parts < 2 {
            let scratch = buffers.scratch.get_mut(..scratch).ok_or(OutOfBounds)?;
            return run(0..to.height, input, residual, out, scratch);
        }
        let rows = to.height.div_ceil(parts);
        // Nobody needs scratch memory of no lines, but chunks have at least one.
        let scratches = buffers.scratch.par_chunks_mut(scratch.max(1));
        out.par_chunks_mut(rows * to.row).zip(scratches).enumerate().try_for_each(|(part, (out, scratch))| {
            let rows = part * rows..to.height.min((part + 1) * rows);
            let residual = match residual {
                Some(residual) => Some(residual.get(to.rows(&rows)).ok_or(OutOfBounds)?),
                None => None,
            };
            run(rows, input, residual, out, scratch)
        })
    }
}

struct Buffers<'a> {
    input: &'a [Line],
    residual: Option<&'a [Line]>,
    out: &'a mut [Line],
    scratch: &'a mut [Line],
}

fn values_of<'a, E: Element>(lines: &'a [Line], layout: &Layout) -> Result<&'a [E], OutOfBounds> {
    E::view(lines).get(..layout.len).ok_or(OutOfBounds)
}

fn values_mut<'a, E: Element>(lines: &'a mut [Line], layout: &Layout) -> Result<&'a mut [E], OutOfBounds> {
    E::view_mut(lines).get_mut(..layout.len).ok_or(OutOfBounds)
}
