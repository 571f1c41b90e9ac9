//! What happens to finished sums: bias, residual, activation, requantisation, and the way to memory.

use crate::arithmetic::{Arithmetic, Bytes, Float};
use crate::geometry::Target;
use crate::lanes::Lanes;
use crate::weights::PANEL;

/// Where a pixel goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    /// In elements.
    pub(crate) offset: usize,
    /// In columns of four, which of the four pixels there are: a byte of ones each.
    pub(crate) present: u32,
}

/// Stores the sums of a tile.
///
/// # Safety
///
/// As of [`Lanes`]; the places were found to be inside what the sink's pointers are valid for.
pub(crate) unsafe trait Sink<L: Lanes, A: Arithmetic<L>> {
    /// Pixels that are stored together; tiles have a multiple of it.
    const COLUMN: usize;

    fn place(&self, row: usize, x: usize, columns: usize) -> Place;
    /// The sums of one panel.
    unsafe fn store<const P: usize>(&self, sums: &[A::Sum; P], places: &[Place; P], panel: usize);
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

    #[inline(always)]
    fn place(&self, row: usize, x: usize, _: usize) -> Place {
        Place { offset: self.target.rows.offset(row) + x * self.target.pixel, present: 0 }
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(&self, sums: &[L::F32; P], places: &[Place; P], panel: usize) {
        // SAFETY: the trait's.
        unsafe {
            let (low, high) = (L::f32_splat(self.low), L::f32_splat(self.high));
            let bias = L::f32_load(self.bias.add(panel * PANEL));
            for p in 0..P {
                let at = places[p].offset + panel * self.target.panel;
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

    #[inline(always)]
    fn place(&self, row: usize, x: usize, _: usize) -> Place {
        Place { offset: self.target.rows.offset(row) + x * self.target.pixel, present: 0 }
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(&self, sums: &[L::I32; P], places: &[Place; P], panel: usize) {
        // SAFETY: the trait's.
        unsafe {
            let channel = panel * PANEL;
            let factor = L::f32_load(self.requantise.factor.add(channel));
            let offset = L::f32_load(self.requantise.offset.add(channel));
            for p in 0..P {
                let at = places[p].offset + panel * self.target.panel;
                let mut value = L::f32_mul_add(L::to_f32(sums[p]), factor, offset);
                if !self.residual.is_null() {
                    let residual = L::to_f32(L::u8_load(self.residual.add(at)));
                    value = L::f32_mul_add(residual, L::f32_load(self.residual_factor.add(channel)), value);
                }
                L::u8_store(self.out.add(at), Requantise::round::<L>(value));
            }
        }
    }
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

    #[inline(always)]
    fn place(&self, row: usize, x: usize, columns: usize) -> Place {
        let absent = (x + 4).saturating_sub(columns).min(3) as u32;
        let offset = self.target.rows.offset(row) + x / 4 * self.target.pixel;
        Place { offset, present: u32::MAX >> (8 * absent) }
    }

    #[inline(always)]
    unsafe fn store<const P: usize>(&self, sums: &[L::I32; P], places: &[Place; P], panel: usize) {
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
