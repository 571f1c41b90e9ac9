//! AVX2, through `pulp`, whose token proves that the processor has it.
//!
//! No closures here: an instruction is inlined only into what is itself inlined, by force, into a function that is
//! compiled for AVX2, and closures are not.

use std::arch::x86_64::{__m128i, __m256i};
use std::ops::{Add, Mul, Sub};

use pulp::cast;
use pulp::x86::V3;

use super::super::entropy::Block;
use super::super::idct::{LAST_ROUNDING, Samples};
use super::Level;

impl Level for V3 {
    #[inline(always)]
    fn full(self, block: &Block) -> Samples {
        let columns = transposed(self, pass::<10>(rows(self, block), 512));
        samples(self, pass::<17>(columns, LAST_ROUNDING))
    }

    #[inline(always)]
    fn corner(self, block: &Block) -> Samples {
        let [a, b, c, d, ..] = rows(self, block);
        let [a, b, c, d, ..] = transposed(self, half_pass::<10>([a, b, c, d], 512));
        samples(self, half_pass::<17>([a, b, c, d], LAST_ROUNDING))
    }

    #[inline(always)]
    fn colours(self, y: &[u8; 16], cb: &[u8; 16], cr: &[u8; 16]) -> [[u8; 16]; 3] {
        let v = self.avx2;
        let middle = self.avx._mm256_set1_epi16(128);
        let y = v._mm256_cvtepu8_epi16(cast(*y));
        let cb = v._mm256_sub_epi16(v._mm256_cvtepu8_epi16(cast(*cb)), middle);
        let cr = v._mm256_sub_epi16(v._mm256_cvtepu8_epi16(cast(*cr)), middle);
        let rounding = [self.avx._mm256_set1_epi32(8191); 2];
        let brightness = weighted(self, y, self.avx._mm256_set1_epi16(1), 16_384, 8191);
        let r = shifted(self, weighted(self, cr, y, 22_970, 16_384), rounding);
        let g = shifted(self, weighted(self, cr, cb, -11_700, -5638), brightness);
        let b = shifted(self, weighted(self, cb, y, 29_032, 16_384), rounding);
        cast(interleaved(self, r, g, b))
    }
}

/// Sums of two products for 16 pixels, in the order in which [`shifted`] takes them.
#[inline(always)]
fn weighted(level: V3, a: __m256i, b: __m256i, weight_a: i16, weight_b: i16) -> [__m256i; 2] {
    let weights = level.avx._mm256_set1_epi32(i32::from(weight_b) << 16 | i32::from(weight_a as u16));
    let low = level.avx2._mm256_unpacklo_epi16(a, b);
    let high = level.avx2._mm256_unpackhi_epi16(a, b);
    [level.avx2._mm256_madd_epi16(low, weights), level.avx2._mm256_madd_epi16(high, weights)]
}

/// Sums with 14 bits of fraction to bytes.
#[inline(always)]
fn shifted(level: V3, a: [__m256i; 2], b: [__m256i; 2]) -> __m128i {
    let low = level.avx2._mm256_srai_epi32::<14>(level.avx2._mm256_add_epi32(a[0], b[0]));
    let high = level.avx2._mm256_srai_epi32::<14>(level.avx2._mm256_add_epi32(a[1], b[1]));
    let packed = level.avx2._mm256_packs_epi32(low, high);
    let upper = level.avx2._mm256_extracti128_si256::<1>(packed);
    level.sse2._mm_packus_epi16(level.avx._mm256_castsi256_si128(packed), upper)
}

/// For each of 48 bytes of RGB, the pixel that it takes from this channel; -1 where it is another's.
const fn places(channel: usize) -> [[i8; 16]; 3] {
    let mut places = [[-1; 16]; 3];
    let mut pixel = 0;
    while pixel < 16 {
        let at = pixel * 3 + channel;
        places[at / 16][at % 16] = pixel as i8;
        pixel += 1;
    }
    places
}

const PLACES: [[[i8; 16]; 3]; 3] = [places(0), places(1), places(2)];

/// Three times 16 bytes: r0 g0 b0 r1 g1 b1 and so on.
#[inline(always)]
fn interleaved(level: V3, r: __m128i, g: __m128i, b: __m128i) -> [__m128i; 3] {
    [part(level, 0, r, g, b), part(level, 1, r, g, b), part(level, 2, r, g, b)]
}

#[inline(always)]
fn part(level: V3, part: usize, r: __m128i, g: __m128i, b: __m128i) -> __m128i {
    let r = level.ssse3._mm_shuffle_epi8(r, cast(PLACES[0][part]));
    let g = level.ssse3._mm_shuffle_epi8(g, cast(PLACES[1][part]));
    let b = level.ssse3._mm_shuffle_epi8(b, cast(PLACES[2][part]));
    level.sse2._mm_or_si128(level.sse2._mm_or_si128(r, g), b)
}

/// Eight integers of 32 bits.
#[derive(Clone, Copy)]
struct Lanes(V3, __m256i);

impl Lanes {
    #[inline(always)]
    fn same(level: V3, value: i32) -> Self {
        Self(level, level.avx._mm256_set1_epi32(value))
    }

    #[inline(always)]
    fn up<const BITS: i32>(self) -> Self {
        Self(self.0, self.0.avx2._mm256_slli_epi32::<BITS>(self.1))
    }

    #[inline(always)]
    fn down<const BITS: i32>(self) -> __m256i {
        self.0.avx2._mm256_srai_epi32::<BITS>(self.1)
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0, self.0.avx2._mm256_add_epi32(self.1, other.1))
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0, self.0.avx2._mm256_sub_epi32(self.1, other.1))
    }
}

impl Mul<i32> for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: i32) -> Self {
        Self(self.0, self.0.avx2._mm256_mullo_epi32(self.1, self.0.avx._mm256_set1_epi32(factor)))
    }
}

#[inline(always)]
fn rows(level: V3, block: &Block) -> [Lanes; 8] {
    let [a, b, c, d, e, f, g, h]: [__m256i; 8] = cast(*block);
    lanes(level, [a, b, c, d, e, f, g, h])
}

#[inline(always)]
fn lanes(level: V3, [a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [Lanes; 8] {
    [
        Lanes(level, a),
        Lanes(level, b),
        Lanes(level, c),
        Lanes(level, d),
        Lanes(level, e),
        Lanes(level, f),
        Lanes(level, g),
        Lanes(level, h),
    ]
}

/// The transform of eight lanes, as in [`idct`](super::super::idct).
#[inline(always)]
fn pass<const SHIFT: i32>(s: [Lanes; 8], rounding: i32) -> [__m256i; 8] {
    let p1 = (s[2] + s[6]) * 2217;
    let (t2, t3) = (p1 + s[6] * -7567, p1 + s[2] * 3135);
    let rounding = Lanes::same(s[0].0, rounding);
    let t0 = (s[0] + s[4]).up::<12>() + rounding;
    let t1 = (s[0] - s[4]).up::<12>() + rounding;
    let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];

    let p3 = s[7] + s[3];
    let p4 = s[5] + s[1];
    let p5 = (p3 + p4) * 4816;
    let p1 = p5 + (s[7] + s[1]) * -3685;
    let p2 = p5 + (s[5] + s[3]) * -10_497;
    let (p3, p4) = (p3 * -8034, p4 * -1597);
    let odd = [
        s[1] * 6149 + (p1 + p4),
        s[3] * 12_586 + (p2 + p3),
        s[5] * 8410 + (p2 + p4),
        s[7] * 1223 + (p1 + p3),
    ];
    butterflies::<SHIFT>(even, odd)
}

/// [`pass`] where the last four inputs are zero.
#[inline(always)]
fn half_pass<const SHIFT: i32>(s: [Lanes; 4], rounding: i32) -> [__m256i; 8] {
    let t0 = s[0].up::<12>() + Lanes::same(s[0].0, rounding);
    let (t2, t3) = (s[2] * 2217, s[2] * (2217 + 3135));
    let even = [t0 + t3, t0 + t2, t0 - t2, t0 - t3];

    let p5 = (s[1] + s[3]) * 4816;
    let odd = [
        p5 + s[1] * (6149 - 3685 - 1597),
        p5 + s[3] * (12_586 - 10_497 - 8034),
        p5 + s[3] * -10_497 + s[1] * -1597,
        p5 + s[1] * -3685 + s[3] * -8034,
    ];
    butterflies::<SHIFT>(even, odd)
}

#[inline(always)]
fn butterflies<const SHIFT: i32>(even: [Lanes; 4], odd: [Lanes; 4]) -> [__m256i; 8] {
    [
        (even[0] + odd[0]).down::<SHIFT>(),
        (even[1] + odd[1]).down::<SHIFT>(),
        (even[2] + odd[2]).down::<SHIFT>(),
        (even[3] + odd[3]).down::<SHIFT>(),
        (even[3] - odd[3]).down::<SHIFT>(),
        (even[2] - odd[2]).down::<SHIFT>(),
        (even[1] - odd[1]).down::<SHIFT>(),
        (even[0] - odd[0]).down::<SHIFT>(),
    ]
}

/// Four rows to columns, half of each column in either vector of a pair of lanes.
#[inline(always)]
fn quads(level: V3, a: __m256i, b: __m256i, c: __m256i, d: __m256i) -> [__m256i; 4] {
    let v = level.avx2;
    let (ab_low, ab_high) = (v._mm256_unpacklo_epi32(a, b), v._mm256_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (v._mm256_unpacklo_epi32(c, d), v._mm256_unpackhi_epi32(c, d));
    [
        v._mm256_unpacklo_epi64(ab_low, cd_low),
        v._mm256_unpackhi_epi64(ab_low, cd_low),
        v._mm256_unpacklo_epi64(ab_high, cd_high),
        v._mm256_unpackhi_epi64(ab_high, cd_high),
    ]
}

#[inline(always)]
fn transposed(level: V3, [a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [Lanes; 8] {
    let v = level.avx2;
    let upper = quads(level, a, b, c, d);
    let lower = quads(level, e, f, g, h);
    lanes(
        level,
        [
            v._mm256_permute2x128_si256::<0x20>(upper[0], lower[0]),
            v._mm256_permute2x128_si256::<0x20>(upper[1], lower[1]),
            v._mm256_permute2x128_si256::<0x20>(upper[2], lower[2]),
            v._mm256_permute2x128_si256::<0x20>(upper[3], lower[3]),
            v._mm256_permute2x128_si256::<0x31>(upper[0], lower[0]),
            v._mm256_permute2x128_si256::<0x31>(upper[1], lower[1]),
            v._mm256_permute2x128_si256::<0x31>(upper[2], lower[2]),
            v._mm256_permute2x128_si256::<0x31>(upper[3], lower[3]),
        ],
    )
}

/// Eight columns of values, clamped to 8 bits and put into rows.
#[inline(always)]
fn samples(level: V3, [a, b, c, d, e, f, g, h]: [__m256i; 8]) -> Samples {
    let (left, right) = (four_columns(level, a, b, c, d), four_columns(level, e, f, g, h));
    let [r0, r1, r4, r5]: [[u8; 8]; 4] = cast(level.avx2._mm256_unpacklo_epi32(left, right));
    let [r2, r3, r6, r7]: [[u8; 8]; 4] = cast(level.avx2._mm256_unpackhi_epi32(left, right));
    [r0, r1, r2, r3, r4, r5, r6, r7]
}

/// Bytes of four columns: rows 0 to 3, then rows 4 to 7.
#[inline(always)]
fn four_columns(level: V3, a: __m256i, b: __m256i, c: __m256i, d: __m256i) -> __m256i {
    /// Within four columns of four values: from column by column to row by row.
    const TURN: [[i8; 16]; 2] = [[0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]; 2];
    let (first, second) = (level.avx2._mm256_packs_epi32(a, b), level.avx2._mm256_packs_epi32(c, d));
    level.avx2._mm256_shuffle_epi8(level.avx2._mm256_packus_epi16(first, second), cast(TURN))
}
