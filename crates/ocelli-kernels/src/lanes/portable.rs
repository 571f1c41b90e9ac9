//! Sixteen lanes in plain Rust, for any processor; the compiler vectorises them.

use super::Lanes;
use crate::geometry::TileSize;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

// SAFETY: no features are needed; pointers are used as the trait says.
unsafe impl Lanes for Portable {
    type F32 = [f32; 16];
    type I32 = [i32; 16];
    const TILE: TileSize = TileSize { pixels: 2, panels: 1 };
    const SUMS: usize = 2;
    const PRODUCT_ROWS: [usize; 3] = [2, 0, 0];

    #[inline(always)]
    unsafe fn f32_splat(value: f32) -> [f32; 16] {
        [value; 16]
    }

    #[inline(always)]
    unsafe fn f32_load(from: *const f32) -> [f32; 16] {
        // SAFETY: as the trait says.
        unsafe { from.cast::<[f32; 16]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn f32_store(to: *mut f32, value: [f32; 16]) {
        // SAFETY: as the trait says.
        unsafe { to.cast::<[f32; 16]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn f32_min(mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for lane in 0..16 {
            a[lane] = if a[lane] < b[lane] { a[lane] } else { b[lane] };
        }
        a
    }

    #[inline(always)]
    unsafe fn f32_max(mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for lane in 0..16 {
            a[lane] = if a[lane] > b[lane] { a[lane] } else { b[lane] };
        }
        a
    }

    #[inline(always)]
    unsafe fn f32_add(mut a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        for lane in 0..16 {
            a[lane] += b[lane];
        }
        a
    }

    #[inline(always)]
    unsafe fn f32_load_some(from: *const f32, count: usize) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        for lane in 0..count.min(16) {
            // SAFETY: as the trait says, of the lanes that are read.
            lanes[lane] = unsafe { from.add(lane).read_unaligned() };
        }
        lanes
    }

    #[inline(always)]
    unsafe fn f32_store_some(to: *mut f32, value: [f32; 16], count: usize) {
        for lane in 0..count.min(16) {
            // SAFETY: as the trait says, of the lanes that are written.
            unsafe { to.add(lane).write_unaligned(value[lane]) };
        }
    }

    #[inline(always)]
    unsafe fn f32_where_unclamped(mut value: [f32; 16], of: [f32; 16]) -> [f32; 16] {
        for lane in 0..16 {
            value[lane] = if of[lane] > 0.0 && of[lane] < 6.0 { value[lane] } else { 0.0 };
        }
        value
    }

    #[inline(always)]
    unsafe fn f32_mul_add(a: [f32; 16], b: [f32; 16], mut c: [f32; 16]) -> [f32; 16] {
        // Two roundings: where there is no instruction that does it in one, the one rounding would be a call.
        for lane in 0..16 {
            c[lane] += a[lane] * b[lane];
        }
        c
    }

    #[inline(always)]
    unsafe fn i32_splat(value: i32) -> [i32; 16] {
        [value; 16]
    }

    #[inline(always)]
    unsafe fn i32_load(from: *const u8) -> [i32; 16] {
        // SAFETY: as the trait says.
        let lanes = unsafe { from.cast::<[[u8; 4]; 16]>().read_unaligned() };
        lanes.map(i32::from_le_bytes)
    }

    #[inline(always)]
    unsafe fn i32_store(to: *mut u8, value: [i32; 16]) {
        // SAFETY: as the trait says.
        unsafe { to.cast::<[[u8; 4]; 16]>().write_unaligned(value.map(i32::to_le_bytes)) }
    }

    #[inline(always)]
    unsafe fn i32_and(mut a: [i32; 16], b: [i32; 16]) -> [i32; 16] {
        for lane in 0..16 {
            a[lane] &= b[lane];
        }
        a
    }

    #[inline(always)]
    unsafe fn dot(mut sum: [i32; 16], a: [i32; 16], b: [i32; 16]) -> [i32; 16] {
        for lane in 0..16 {
            let (a, b) = (a[lane], b[lane]);
            let product = |shift: u32| ((a >> shift) & 0xff) * ((b << (24 - shift)) >> 24);
            sum[lane] = sum[lane].wrapping_add(product(0) + product(8) + product(16) + product(24));
        }
        sum
    }

    #[inline(always)]
    unsafe fn to_f32(value: [i32; 16]) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        for lane in 0..16 {
            lanes[lane] = value[lane] as f32;
        }
        lanes
    }

    #[inline(always)]
    unsafe fn to_i32(value: [f32; 16]) -> [i32; 16] {
        let mut lanes = [0; 16];
        for lane in 0..16 {
            lanes[lane] = value[lane].round_ties_even() as i32;
        }
        lanes
    }

    #[inline(always)]
    unsafe fn u8_load(from: *const u8) -> [i32; 16] {
        // SAFETY: as the trait says.
        unsafe { from.cast::<[u8; 16]>().read_unaligned() }.map(i32::from)
    }

    #[inline(always)]
    unsafe fn u8_store(to: *mut u8, value: [i32; 16]) {
        let bytes = value.map(|value| value.clamp(0, 255) as u8);
        // SAFETY: as the trait says.
        unsafe { to.cast::<[u8; 16]>().write_unaligned(bytes) }
    }

    #[inline(always)]
    unsafe fn pack(values: [[i32; 16]; 4]) -> [i32; 16] {
        let mut packed = [0; 16];
        for lane in 0..16 {
            let byte = |place: usize| values[place][lane].clamp(0, 255) << (8 * place);
            packed[lane] = byte(0) | byte(1) | byte(2) | byte(3);
        }
        packed
    }

    #[inline(always)]
    fn prefetch(_: *const u8) {}
}
