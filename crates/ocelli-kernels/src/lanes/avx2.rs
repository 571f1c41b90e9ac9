//! Sixteen lanes in two registers: AVX2 with FMA, and with AVX-VNNI where it is present.

use std::arch::x86_64::*;

use super::Lanes;
use crate::geometry::TileSize;

/// `VNNI`: the processor multiplies and sums bytes in one instruction.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>;

/// The first of sixteen lanes, as masks of both halves.
#[inline(always)]
unsafe fn first(count: usize) -> [__m256i; 2] {
    // SAFETY: instructions on registers; callers make sure of the features.
    unsafe {
        let count = _mm256_set1_epi32(count as i32);
        let low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let high = _mm256_add_epi32(low, _mm256_set1_epi32(8));
        [_mm256_cmpgt_epi32(count, low), _mm256_cmpgt_epi32(count, high)]
    }
}

#[inline(always)]
unsafe fn dot_half<const VNNI: bool>(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: instructions on registers; callers make sure of the features.
    unsafe {
        if VNNI {
            return _mm256_dpbusd_avx_epi32(sum, a, b);
        }
        // `maddubs` would saturate its sums of two products, so bytes are widened: the even and the odd ones.
        let low = _mm256_set1_epi16(0xff);
        let even = _mm256_madd_epi16(_mm256_and_si256(a, low), _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
        let odd = _mm256_madd_epi16(_mm256_srli_epi16(a, 8), _mm256_srai_epi16(b, 8));
        _mm256_add_epi32(sum, _mm256_add_epi32(even, odd))
    }
}

#[inline(always)]
unsafe fn pack_half([a, b, c, d]: [__m256i; 4]) -> __m256i {
    // SAFETY: instructions on registers; callers make sure of the features.
    unsafe {
        let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        let transposed = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(transposed))
    }
}

// SAFETY: callers make sure of the features; pointers are used as the trait says, without alignment.
#[allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is instructions on registers and on memory that the trait promises"
)]
unsafe impl<const VNNI: bool> Lanes for Avx2<VNNI> {
    type F32 = [__m256; 2];
    type I32 = [__m256i; 2];
    // 12 of the 16 registers are sums; 2 hold weights and 1 the input.
    const TILE: TileSize = TileSize { pixels: 6, panels: 1 };
    const SUMS: usize = 6;
    const PRODUCT_ROWS: [usize; 3] = [6, 0, 0];

    #[inline(always)]
    unsafe fn f32_splat(value: f32) -> [__m256; 2] {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn f32_load(from: *const f32) -> [__m256; 2] {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn f32_store(to: *mut f32, [low, high]: [__m256; 2]) {
        unsafe {
            _mm256_storeu_ps(to, low);
            _mm256_storeu_ps(to.add(8), high);
        }
    }

    #[inline(always)]
    unsafe fn f32_min(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn f32_max(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn f32_add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn f32_load_some(from: *const f32, count: usize) -> [__m256; 2] {
        unsafe {
            let [low, high] = first(count);
            [_mm256_maskload_ps(from, low), _mm256_maskload_ps(from.wrapping_add(8), high)]
        }
    }

    #[inline(always)]
    unsafe fn f32_store_some(to: *mut f32, value: [__m256; 2], count: usize) {
        unsafe {
            let [low, high] = first(count);
            _mm256_maskstore_ps(to, low, value[0]);
            _mm256_maskstore_ps(to.wrapping_add(8), high, value[1]);
        }
    }

    #[inline(always)]
    unsafe fn f32_where_unclamped(value: [__m256; 2], of: [__m256; 2]) -> [__m256; 2] {
        unsafe {
            let half = |value, of| {
                let above = _mm256_cmp_ps::<_CMP_GT_OQ>(of, _mm256_setzero_ps());
                let below = _mm256_cmp_ps::<_CMP_LT_OQ>(of, _mm256_set1_ps(6.0));
                _mm256_and_ps(value, _mm256_and_ps(above, below))
            };
            [half(value[0], of[0]), half(value[1], of[1])]
        }
    }

    #[inline(always)]
    unsafe fn f32_mul_add(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    unsafe fn i32_splat(value: i32) -> [__m256i; 2] {
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    unsafe fn i32_load(from: *const u8) -> [__m256i; 2] {
        unsafe { [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(32).cast())] }
    }

    #[inline(always)]
    unsafe fn i32_store(to: *mut u8, [low, high]: [__m256i; 2]) {
        unsafe {
            _mm256_storeu_si256(to.cast(), low);
            _mm256_storeu_si256(to.add(32).cast(), high);
        }
    }

    #[inline(always)]
    unsafe fn i32_and(a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        unsafe { [_mm256_and_si256(a[0], b[0]), _mm256_and_si256(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn dot(sum: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        unsafe { [dot_half::<VNNI>(sum[0], a[0], b[0]), dot_half::<VNNI>(sum[1], a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn to_f32(value: [__m256i; 2]) -> [__m256; 2] {
        unsafe { [_mm256_cvtepi32_ps(value[0]), _mm256_cvtepi32_ps(value[1])] }
    }

    #[inline(always)]
    unsafe fn to_i32(value: [__m256; 2]) -> [__m256i; 2] {
        unsafe { [_mm256_cvtps_epi32(value[0]), _mm256_cvtps_epi32(value[1])] }
    }

    #[inline(always)]
    unsafe fn u8_load(from: *const u8) -> [__m256i; 2] {
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            [_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes))]
        }
    }

    #[inline(always)]
    unsafe fn u8_store(to: *mut u8, [low, high]: [__m256i; 2]) {
        unsafe {
            // Packing works in each half of a register: fours of low, high, low, high, put in order afterwards.
            let words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0b11_01_10_00);
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128(to.cast(), bytes);
        }
    }

    #[inline(always)]
    unsafe fn pack([a, b, c, d]: [[__m256i; 2]; 4]) -> [__m256i; 2] {
        unsafe { [pack_half([a[0], b[0], c[0], d[0]]), pack_half([a[1], b[1], c[1], d[1]])] }
    }

    #[inline(always)]
    fn prefetch(at: *const u8) {
        // SAFETY: a hint, which reads nothing and has no effect where there is no such memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}
