//! Sixteen lanes in one register: AVX-512 with its byte instructions and VNNI (Ice Lake and Zen 4 on).

use std::arch::x86_64::*;

use super::Lanes;
use crate::geometry::TileSize;

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// The first of sixteen lanes.
#[inline(always)]
fn first(count: usize) -> __mmask16 {
    ((1_u32 << count.min(16)) - 1) as __mmask16
}

/// In each quarter: four bytes of `a`, of `b`, of `c`, of `d`; saturated to 0..=255.
#[inline(always)]
unsafe fn fours([a, b, c, d]: [__m512i; 4]) -> __m512i {
    // SAFETY: instructions on registers; callers make sure of the features.
    unsafe { _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)) }
}

// SAFETY: callers make sure of the features; pointers are used as the trait says, without alignment.
#[allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is instructions on registers and on memory that the trait promises"
)]
unsafe impl Lanes for Avx512 {
    type F32 = __m512;
    type I32 = __m512i;
    // 24 of the 32 registers are sums; 3 hold weights and 1 the input.
    const TILE: TileSize = TileSize { pixels: 8, panels: 3 };
    const SUMS: usize = 14;
    // 16 or 24 of the 32 registers are sums.
    const PRODUCT_ROWS: [usize; 3] = [16, 12, 8];

    #[inline(always)]
    unsafe fn f32_splat(value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn f32_load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn f32_store(to: *mut f32, value: __m512) {
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn f32_min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn f32_max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn f32_add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn f32_load_some(from: *const f32, count: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(first(count), from) }
    }

    #[inline(always)]
    unsafe fn f32_store_some(to: *mut f32, value: __m512, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, first(count), value) }
    }

    #[inline(always)]
    unsafe fn f32_where_unclamped(value: __m512, of: __m512) -> __m512 {
        unsafe {
            let above = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(of, _mm512_setzero_ps());
            let within = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(above, of, _mm512_set1_ps(6.0));
            _mm512_maskz_mov_ps(within, value)
        }
    }

    #[inline(always)]
    unsafe fn f32_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn i32_splat(value: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn i32_load(from: *const u8) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn i32_store(to: *mut u8, value: __m512i) {
        unsafe { _mm512_storeu_si512(to.cast(), value) }
    }

    #[inline(always)]
    unsafe fn i32_and(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_and_si512(a, b) }
    }

    #[inline(always)]
    unsafe fn dot(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sum, a, b) }
    }

    #[inline(always)]
    unsafe fn to_f32(value: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(value) }
    }

    #[inline(always)]
    unsafe fn to_i32(value: __m512) -> __m512i {
        unsafe { _mm512_cvtps_epi32(value) }
    }

    #[inline(always)]
    unsafe fn u8_load(from: *const u8) -> __m512i {
        unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn u8_store(to: *mut u8, value: __m512i) {
        unsafe {
            let positive = _mm512_max_epi32(value, _mm512_setzero_si512());
            _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(positive));
        }
    }

    #[inline(always)]
    unsafe fn u8_store_four(to: [*mut u8; 4], values: [__m512i; 4]) {
        unsafe {
            let quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let bytes = _mm512_permutexvar_epi32(quarters, fours(values));
            _mm_storeu_si128(to[0].cast(), _mm512_castsi512_si128(bytes));
            _mm_storeu_si128(to[1].cast(), _mm512_extracti32x4_epi32(bytes, 1));
            _mm_storeu_si128(to[2].cast(), _mm512_extracti32x4_epi32(bytes, 2));
            _mm_storeu_si128(to[3].cast(), _mm512_extracti32x4_epi32(bytes, 3));
        }
    }

    #[inline(always)]
    unsafe fn pack(values: [__m512i; 4]) -> __m512i {
        unsafe {
            let transposed = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_shuffle_epi8(fours(values), _mm512_broadcast_i32x4(transposed))
        }
    }

    #[inline(always)]
    fn prefetch(at: *const u8) {
        // SAFETY: a hint, which reads nothing and has no effect where there is no such memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}
