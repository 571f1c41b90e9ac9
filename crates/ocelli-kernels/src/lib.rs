//! The vector code of the inference engine, behind safe functions; the only crate of the workspace with `unsafe`.
//!
//! [`Kernels`] computes at one [`Level`]: convolutions in f32 and in int8, convolutions of each channel by itself,
//! and the resampling of photos. A convolution is a matrix product whose tile of sums stays in registers; its
//! result goes through bias, residual sum, activation and requantisation on the way to memory.
//!
//! Kernels are written once, over sixteen lanes (`lanes.rs`); a processor is one file that says how it holds sixteen
//! lanes. Each call checks that everything it will read and write lies inside the slices that it was given; only then
//! does it use pointers.

#![allow(
    clippy::needless_range_loop,
    reason = "tiles and lanes are indexed, so that loops of known length become straight code"
)]

mod arithmetic;
mod convolution;
mod depthwise;
mod error;
mod geometry;
mod lanes;
mod level;
mod line;
mod resample;
mod sink;
mod weights;

use arithmetic::{Bytes, Float};
pub use error::{OutOfBounds, UnavailableLevel};
pub use geometry::{Area, Rows, Source, Target};
use geometry::{check_area, check_source, check_target};
pub use level::Level;
pub use line::{Line, as_f32, as_f32_mut, as_u8, as_u8_mut};
pub use resample::PixelFilter;
use sink::{ByteSink, ColumnSink, FloatSink, Requantise};
pub use training::{Clamp, DepthwiseGradients, DepthwiseMap, Matrix, pack, packed_len};
pub use weights::{DepthwiseShape, DepthwiseWeights, PANEL, Weights};

/// Kernels at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    level: Level,
}

/// What becomes of f32 sums: `clamp(sum + bias + residual, low, high)`.
#[derive(Clone, Copy, Debug)]
pub struct FloatOutput<'a> {
    /// Of each channel, whole panels.
    pub bias: &'a [f32],
    /// The least value.
    pub low: f32,
    /// The greatest value.
    pub high: f32,
    /// Added before clamping; laid out as the output.
    pub residual: Option<&'a [f32]>,
}

/// What becomes of int8 sums: `round(sum * factor + offset + residual * residual_factor)`, saturated to a byte.
#[derive(Clone, Copy, Debug)]
pub struct ByteOutput<'a> {
    /// Of each channel, whole panels.
    pub factor: &'a [f32],
    /// Of each channel, whole panels.
    pub offset: &'a [f32],
    /// What is added, laid out as the output, and the factor of each of its channels.
    pub residual: Option<(&'a [u8], &'a [f32])>,
}

/// The same functions for each level, with its features.
macro_rules! level {
    ($name:ident, $lanes:ty $(, $features:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn convolution_f32(call: &convolution::Convolution, sink: &FloatSink) {
                // SAFETY: the caller's.
                unsafe { convolution::run::<$lanes, Float, _>(call, sink) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn convolution_u8(call: &convolution::Convolution, sink: &ByteSink) {
                // SAFETY: the caller's.
                unsafe { convolution::run::<$lanes, Bytes, _>(call, sink) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn convolution_columns(call: &convolution::Convolution, sink: &ColumnSink) {
                // SAFETY: the caller's.
                unsafe { convolution::run::<$lanes, Bytes, _>(call, sink) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn depthwise_f32(call: &depthwise::Depthwise<'_>, sink: &FloatSink) {
                // SAFETY: the caller's.
                unsafe { depthwise::run::<$lanes, Float, _>(call, sink) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn depthwise_u8(call: &depthwise::Depthwise<'_>, sink: &ByteSink) {
                // SAFETY: the caller's.
                unsafe { depthwise::run::<$lanes, Bytes, _>(call, sink) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn combine_rows(
                rows: &[u8],
                stride: usize,
                weights: &[f32],
                out: &mut [f32],
            ) {
                // SAFETY: the caller's.
                unsafe { resample::combine_rows::<$lanes>(rows, stride, weights, out) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn combine_pixels(
                filter: &PixelFilter,
                row: &[f32],
                scale: [[f32; 4]; 2],
                out: &mut [f32],
            ) {
                // SAFETY: the caller's.
                unsafe { resample::combine_pixels(filter, row, scale, out) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn product(call: &training::Product) {
                // SAFETY: the caller's.
                unsafe { training::product::<$lanes>(call) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn outer(call: &training::Outer) {
                // SAFETY: the caller's.
                unsafe { training::outer::<$lanes>(call) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn unclamped(call: &training::Unclamped) {
                // SAFETY: the caller's.
                unsafe { training::unclamped::<$lanes>(call) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn copy(call: &training::Copy) {
                // SAFETY: the caller's.
                unsafe { training::copy::<$lanes>(call) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn slide(call: &training::Slide, sums: &training::Sums) {
                // SAFETY: the caller's.
                unsafe { training::slide::<$lanes>(call, sums) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn correlate(call: &training::Slide, map: *const f32, gradient: *mut f32) {
                // SAFETY: the caller's.
                unsafe { training::correlate::<$lanes>(call, map, gradient) }
            }

            $(#[target_feature(enable = $features)])?
            pub(crate) unsafe fn to_bytes(values: &[f32], out: &mut [u8]) {
                // SAFETY: the caller's.
                unsafe { resample::to_bytes::<$lanes>(values, out) }
            }
        }
    };
}

level!(portable, lanes::portable::Portable);
#[cfg(target_arch = "x86_64")]
level!(avx2, lanes::avx2::Avx2<false>, "avx2,fma");
#[cfg(target_arch = "x86_64")]
level!(avx_vnni, lanes::avx2::Avx2<true>, "avx2,fma,avxvnni");
#[cfg(target_arch = "x86_64")]
level!(avx512, lanes::avx512::Avx512, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");

/// Calls a function at the level of these kernels.
macro_rules! at_level {
    ($self:ident . $function:ident ($($argument:expr),*)) => {
        // SAFETY: `Kernels` exist only for levels that the machine has; that everything is in bounds, the safe function
        // around this has checked.
        unsafe {
            match $self.level {
                Level::Portable => portable::$function($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => avx2::$function($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Level::AvxVnni => avx_vnni::$function($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => avx512::$function($($argument),*),
                #[cfg(not(target_arch = "x86_64"))]
                _ => portable::$function($($argument),*),
            }
        }
    };
}

// Here, since it uses the macro.
mod training;

impl Kernels {
    /// Kernels at the best level that the machine has.
    pub fn best() -> Self {
        Self { level: Level::best() }
    }

    /// Kernels at a level.
    ///
    /// # Errors
    ///
    /// If the machine does not have it.
    pub fn at(level: Level) -> Result<Self, UnavailableLevel> {
        if level.is_available() { Ok(Self { level }) } else { Err(UnavailableLevel(level)) }
    }

    /// Their level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// A convolution of all channels, or a matrix product, in f32.
    ///
    /// # Errors
    ///
    /// If the layouts do not fit the slices.
    pub fn convolution_f32(
        &self,
        weights: &Weights,
        area: Area,
        (input, source): (&[f32], &Source),
        output: &FloatOutput<'_>,
        (out, target): (&mut [f32], &Target),
    ) -> Result<(), OutOfBounds> {
        let call = convolution(weights, area, input, source, 4)?;
        let sink = float_sink(weights.panels, area, output, out, target)?;
        at_level!(self.convolution_f32(&call, &sink));
        Ok(())
    }

    /// A convolution of all channels in int8: unsigned bytes with signed weights.
    ///
    /// # Errors
    ///
    /// If the layouts do not fit the slices.
    pub fn convolution_u8(
        &self,
        weights: &Weights,
        area: Area,
        (input, source): (&[u8], &Source),
        output: &ByteOutput<'_>,
        (out, target): (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        let call = convolution(weights, area, input, source, 1)?;
        let sink = byte_sink(weights.panels, area, output, out, target)?;
        at_level!(self.convolution_u8(&call, &sink));
        Ok(())
    }

    /// As [`Kernels::convolution_u8`], but writes columns of four pixels, as [`Kernels::depthwise_u8`] reads them: 64 bytes,
    /// of each channel its four pixels. Pixels that a row's last column has too many are zero. There is no residual.
    ///
    /// # Errors
    ///
    /// If the layouts do not fit the slices.
    pub fn convolution_columns(
        &self,
        weights: &Weights,
        area: Area,
        (input, source): (&[u8], &Source),
        output: &ByteOutput<'_>,
        (out, target): (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        let call = convolution(weights, area, input, source, 1)?;
        check_area(area)?;
        let columns = Area { rows: area.rows, columns: area.columns.div_ceil(4) };
        check_target(target, columns, weights.panels, 64, out.len())?;
        let requantise = requantise(weights.panels, output)?;
        let sink = ColumnSink { out: out[target.start..].as_mut_ptr(), target: *target, requantise };
        at_level!(self.convolution_columns(&call, &sink));
        Ok(())
    }

    /// A convolution of each channel by itself in f32. `rows` says where the rows of columns (here one pixel of sixteen
    /// channels) start, `panel` how far the next panel's columns are.
    ///
    /// # Errors
    ///
    /// If the layouts do not fit the slices.
    pub fn depthwise_f32(
        &self,
        weights: &DepthwiseWeights,
        area: Area,
        (input, rows, panel): (&[f32], Rows, usize),
        output: &FloatOutput<'_>,
        (out, target): (&mut [f32], &Target),
    ) -> Result<(), OutOfBounds> {
        let call = depthwise(weights, area, input, rows, panel, 4)?;
        let sink = float_sink(weights.panels, area, output, out, target)?;
        at_level!(self.depthwise_f32(&call, &sink));
        Ok(())
    }

    /// A convolution of each channel by itself in int8, over columns of four pixels.
    ///
    /// # Errors
    ///
    /// If the layouts do not fit the slices.
    pub fn depthwise_u8(
        &self,
        weights: &DepthwiseWeights,
        area: Area,
        (input, rows, panel): (&[u8], Rows, usize),
        output: &ByteOutput<'_>,
        (out, target): (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        let call = depthwise(weights, area, input, rows, panel, 1)?;
        let sink = byte_sink(weights.panels, area, output, out, target)?;
        at_level!(self.depthwise_u8(&call, &sink));
        Ok(())
    }

    /// The weighted sum of rows of bytes, `stride` apart: `out[i] = sum(weights[t] * rows[t * stride + i])`.
    ///
    /// # Errors
    ///
    /// If the rows are not inside the slice.
    pub fn combine_rows(
        &self,
        rows: &[u8],
        stride: usize,
        weights: &[f32],
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        let last = weights.len().saturating_sub(1).checked_mul(stride).ok_or(OutOfBounds)?;
        if last.checked_add(out.len()).ok_or(OutOfBounds)? > rows.len() {
            return Err(OutOfBounds);
        }
        at_level!(self.combine_rows(rows, stride, weights, out));
        Ok(())
    }

    /// For each RGB pixel of `out`, the weighted sum of its run of pixels of `row`, at most 255, then `value * factor +
    /// offset` by channel. Both rows have one value more than their pixels have; that of `out` is overwritten.
    ///
    /// # Errors
    ///
    /// If a row is shorter.
    pub fn combine_pixels(
        &self,
        filter: &PixelFilter,
        row: &[f32],
        [factor, offset]: [[f32; 3]; 2],
        out: &mut [f32],
    ) -> Result<(), OutOfBounds> {
        if row.len() < filter.row_len() || out.len() < filter.out_len() {
            return Err(OutOfBounds);
        }
        let four = |[red, green, blue]: [f32; 3]| [red, green, blue, 0.0];
        at_level!(self.combine_pixels(filter, row, [four(factor), four(offset)], out));
        Ok(())
    }

    /// Values rounded to bytes, saturated to 0..=255.
    ///
    /// # Errors
    ///
    /// If there are not as many bytes as values.
    pub fn to_bytes(&self, values: &[f32], out: &mut [u8]) -> Result<(), OutOfBounds> {
        if values.len() != out.len() {
            return Err(OutOfBounds);
        }
        at_level!(self.to_bytes(values, out));
        Ok(())
    }
}

/// Rows with their distance in bytes. A distance that is checked fits; one that is never gone may be any number.
fn in_bytes(rows: Rows, bytes: usize) -> Rows {
    Rows { stride: rows.stride.wrapping_mul(bytes), ..rows }
}

/// A call whose reads lie inside `input`, in bytes.
fn convolution<T>(
    weights: &Weights,
    area: Area,
    input: &[T],
    source: &Source,
    bytes: usize,
) -> Result<convolution::Convolution, OutOfBounds> {
    let step = 4 / bytes;
    if weights.width != step {
        return Err(OutOfBounds);
    }
    check_source(source, area, [weights.segments, weights.steps * step], input.len())?;
    Ok(convolution::Convolution {
        area,
        input: input[source.start..].as_ptr().cast(),
        rows: in_bytes(source.rows, bytes),
        pixel: source.pixel.wrapping_mul(bytes),
        segment: source.segment.wrapping_mul(bytes),
        weights: weights.lines.as_ptr().cast(),
        panels: weights.panels,
        segments: weights.segments,
        steps: weights.steps,
    })
}

/// A call whose reads lie inside `input`, in bytes.
fn depthwise<'a, T>(
    weights: &'a DepthwiseWeights,
    area: Area,
    input: &[T],
    rows: Rows,
    panel: usize,
    bytes: usize,
) -> Result<depthwise::Depthwise<'a>, OutOfBounds> {
    if weights.width != 4 / bytes {
        return Err(OutOfBounds);
    }
    let read = area.rows.checked_sub(1).ok_or(OutOfBounds)?;
    let read = read.checked_mul(weights.row_stride).ok_or(OutOfBounds)?;
    let read = Area { rows: read.checked_add(weights.kernel_rows).ok_or(OutOfBounds)?, columns: 1 };
    let column = Line::BYTES / bytes;
    let last = Target { start: 0, rows, pixel: 0, panel };
    let columns = weights.columns(area.columns).checked_mul(column).ok_or(OutOfBounds)?;
    check_target(&last, read, weights.panels, columns, input.len())?;
    Ok(depthwise::Depthwise {
        area,
        input: input.as_ptr().cast(),
        rows: in_bytes(rows, bytes),
        panel: panel.wrapping_mul(bytes),
        weights,
    })
}

fn float_sink(
    panels: usize,
    area: Area,
    output: &FloatOutput<'_>,
    out: &mut [f32],
    target: &Target,
) -> Result<FloatSink, OutOfBounds> {
    check_target(target, area, panels, PANEL, out.len())?;
    if output.bias.len() < panels * PANEL {
        return Err(OutOfBounds);
    }
    let residual = match output.residual {
        Some(residual) => {
            check_target(target, area, panels, PANEL, residual.len())?;
            residual[target.start..].as_ptr()
        }
        None => std::ptr::null(),
    };
    Ok(FloatSink {
        out: out[target.start..].as_mut_ptr(),
        target: *target,
        bias: output.bias.as_ptr(),
        low: output.low,
        high: output.high,
        residual,
    })
}

fn requantise(panels: usize, output: &ByteOutput<'_>) -> Result<Requantise, OutOfBounds> {
    if output.factor.len() < panels * PANEL || output.offset.len() < panels * PANEL {
        return Err(OutOfBounds);
    }
    Ok(Requantise { factor: output.factor.as_ptr(), offset: output.offset.as_ptr() })
}

fn byte_sink(
    panels: usize,
    area: Area,
    output: &ByteOutput<'_>,
    out: &mut [u8],
    target: &Target,
) -> Result<ByteSink, OutOfBounds> {
    check_target(target, area, panels, PANEL, out.len())?;
    let requantise = requantise(panels, output)?;
    let (residual, residual_factor) = match output.residual {
        Some((residual, factor)) => {
            check_target(target, area, panels, PANEL, residual.len())?;
            if factor.len() < panels * PANEL {
                return Err(OutOfBounds);
            }
            (residual[target.start..].as_ptr(), factor.as_ptr())
        }
        None => (std::ptr::null(), std::ptr::null()),
    };
    Ok(ByteSink {
        out: out[target.start..].as_mut_ptr(),
        target: *target,
        requantise,
        residual,
        residual_factor,
    })
}
