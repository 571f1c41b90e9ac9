//! What happens to finished sums: bias, residual, activation, requantisation, and the way to memory.

use crate::arithmetic::{Arithmetic, Bytes, Float};
use crate::geometry::Target;
use crate::lanes::Lanes;
use crate::weights::PANEL;

/// Stores the sums of a tile.
///
/// # Safety
///
/// As of [`Lanes`]; the places were found to be inside what the sink's pointers are valid for.
pub(crate) unsafe trait Sink<L: Lanes, A: Arithmetic<L>> {
    /// Pixels that are stored together; tiles have a multiple of it.
    const COLUMN: usize;
    /// Where a pixel goes.
    type Place: Copy + Default;

    /// Where a row starts.
    fn row(&self, row: usize) -> usize;
    /// Where a pixel goes of a row of `columns` pixels that starts at `row`.
    fn place(&self, row: usize, x: usize, columns: usize) -> Self::Place;
    /// The sums of one panel, as many as are present of the pixels.
    unsafe fn store<const P: usize>(
        &self,
        sums: &[A::Sum; P],
        places: &[Self::Place; P],
        panel: usize,
        present: usize,
    );
}

/// f32 out: `clamp(sum + bias + residual, low, high)`.
pub(crate) struct FloatSink {
    pub(crate) out: *mut f32,
    pub(crate) target: Target,
    pub(crate) bias: *const f32,
    pub(crate) low: f32,
    pub(crate) high: f32,
    /// Laid out as `out`, or null.
    pub(crate) residual: *const f32,
}

// SAFETY: the caller's.
unsafe impl<L: Lanes> Sink<L, Float> for FloatSink {
    const COLUMN: usize = 1;
    type Place = usize;

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        self.target.rows.offset(row)
    }

    #[inline(always)]
    fn place(&self, row: usize, x: usize, _: usize) -> usize {
        row + x * self.target.pixel
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(
        &self,
        sums: &[L::F32; P],
        places: &[usize; P],
        panel: usize,
        present: usize,
    ) {
        // SAFETY: the trait's.
        unsafe {
            let (low, high) = (L::f32_splat(self.low), L::f32_splat(self.high));
            let bias = L::f32_load(self.bias.add(panel * PANEL));
            for p in 0..P.min(present) {
                let at = places[p] + panel * self.target.panel;
                let mut value = L::f32_add(sums[p], bias);
                if !self.residual.is_null() {
                    value = L::f32_add(value, L::f32_load(self.residual.add(at)));
                }
                L::f32_store(self.out.add(at), L::f32_min(L::f32_max(value, low), high));
            }
        }
    }
}

/// Requantisation by channel: `sum * factor + offset`.
#[derive(Clone, Copy)]
pub(crate) struct Requantise {
    pub(crate) factor: *const f32,
    pub(crate) offset: *const f32,
}

impl Requantise {
    /// To a byte's greatest value first: processors make a negative number of one that is too large for an i32.
    #[inline(always)]
    unsafe fn round<L: Lanes>(value: L::F32) -> L::I32 {
        // SAFETY: arithmetic on registers, at the caller's level.
        unsafe { L::to_i32(L::f32_min(value, L::f32_splat(255.0))) }
    }
}

/// u8 out: `round(sum * factor + offset + residual * residual_factor)`, saturated.
pub(crate) struct ByteSink {
    pub(crate) out: *mut u8,
    pub(crate) target: Target,
    pub(crate) requantise: Requantise,
    /// Laid out as `out`, or null; and the factor of each of its channels.
    pub(crate) residual: *const u8,
    pub(crate) residual_factor: *const f32,
}

// SAFETY: the caller's.
unsafe impl<L: Lanes> Sink<L, Bytes> for ByteSink {
    const COLUMN: usize = 1;
    type Place = usize;

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        self.target.rows.offset(row)
    }

    #[inline(always)]
    fn place(&self, row: usize, x: usize, _: usize) -> usize {
        // Of a pixel that is not present, anything.
        row.wrapping_add(x.wrapping_mul(self.target.pixel))
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(
        &self,
        sums: &[L::I32; P],
        places: &[usize; P],
        panel: usize,
        present: usize,
    ) {
        // SAFETY: the trait's.
        unsafe {
            let channel = panel * PANEL;
            let factor = L::f32_load(self.requantise.factor.add(channel));
            let offset = L::f32_load(self.requantise.offset.add(channel));
            let mut to = [self.out; P];
            let mut bytes = *sums;
            for p in 0..P {
                let at = places[p].wrapping_add(panel * self.target.panel);
                let mut value = L::f32_mul_add(L::to_f32(sums[p]), factor, offset);
                if !self.residual.is_null() && p < present {
                    let residual = L::to_f32(L::u8_load(self.residual.add(at)));
                    value = L::f32_mul_add(residual, L::f32_load(self.residual_factor.add(channel)), value);
                }
                to[p] = self.out.wrapping_add(at);
                bytes[p] = Requantise::round::<L>(value);
            }
            for p in (0..P).step_by(4) {
                if p + 4 <= P && p + 4 <= present {
                    let to = [to[p], to[p + 1], to[p + 2], to[p + 3]];
                    L::u8_store_four(to, [bytes[p], bytes[p + 1], bytes[p + 2], bytes[p + 3]]);
                } else {
                    for p in p..P.min(p + 4) {
                        if p < present {
                            L::u8_store(to[p], bytes[p]);
                        }
                    }
                }
            }
        }
    }
}

/// Where a column of four pixels goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct ColumnPlace {
    offset: usize,
    /// Which of the four there are: a byte of ones each.
    present: u32,
}

/// u8 out, in columns of four pixels: 64 bytes, of each channel its four pixels.
pub(crate) struct ColumnSink {
    pub(crate) out: *mut u8,
    pub(crate) target: Target,
    pub(crate) requantise: Requantise,
}

// SAFETY: the caller's.
unsafe impl<L: Lanes> Sink<L, Bytes> for ColumnSink {
    const COLUMN: usize = 4;
    type Place = ColumnPlace;

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        self.target.rows.offset(row)
    }

    #[inline(always)]
    fn place(&self, row: usize, x: usize, columns: usize) -> ColumnPlace {
        let absent = (x + 4).saturating_sub(columns).min(3) as u32;
        ColumnPlace { offset: row + x / 4 * self.target.pixel, present: u32::MAX >> (8 * absent) }
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(
        &self,
        sums: &[L::I32; P],
        places: &[ColumnPlace; P],
        panel: usize,
        _: usize,
    ) {
        // SAFETY: the trait's.
        unsafe {
            let channel = panel * PANEL;
            let factor = L::f32_load(self.requantise.factor.add(channel));
            let offset = L::f32_load(self.requantise.offset.add(channel));
            for column in 0..P / 4 {
                let mut values = [L::i32_splat(0); 4];
                for pixel in 0..4 {
                    let sum = L::to_f32(sums[column * 4 + pixel]);
                    values[pixel] = Requantise::round::<L>(L::f32_mul_add(sum, factor, offset));
                }
                let place = places[column * 4];
                let present = L::i32_splat(place.present as i32);
                let at = place.offset + panel * self.target.panel;
                L::i32_store(self.out.add(at), L::i32_and(L::pack(values), present));
            }
        }
    }
}
