//! From coefficients to samples: the inverse discrete cosine transform in fixed point of 12 bits, after Loeffler,
//! Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989), in the arrangement
//! of stb_image. The results are those of `zune-jpeg`, bit by bit, whatever the coefficients are.

use super::entropy::Block;

/// Samples of one block, row by row.
pub(super) type Samples = [[u8; 8]; 8];

/// What is added before the last shift: rounding, and 128, the middle of the range.
pub(super) const LAST_ROUNDING: i32 = 512 + 65_536 + (128 << 17);

/// A block of which only the first coefficient is not zero has one value throughout.
pub(super) fn constant(first: i32) -> u8 {
    (first.wrapping_add(4 + 1024) >> 3).clamp(0, 255) as u8
}

/// A block scaled down to `N` x `N` (2 or 4): rounded means of squares of samples.
#[inline(always)]
pub(super) fn means<const N: usize>(samples: &Samples) -> [[u8; N]; N] {
    let side = 8 / N;
    let mut means = [[0; N]; N];
    for (means, rows) in means.iter_mut().zip(samples.chunks_exact(side)) {
        // At most 4 x 4 values of 8 bits.
        let mut sums = [0_u16; 8];
        for row in rows {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += u16::from(value);
            }
        }
        for (mean, sums) in means.iter_mut().zip(sums.chunks_exact(side)) {
            let sum: u16 = sums.iter().sum();
            *mean = ((sum + (side * side / 2) as u16) / (side * side) as u16) as u8;
        }
    }
    means
}

/// Both passes. Overflow wraps: it needs coefficients that no encoder writes.
#[inline(always)]
pub(super) fn full(block: &Block) -> Samples {
    let mut columns = *block;
    for column in 0..8 {
        let values = [0, 1, 2, 3, 4, 5, 6, 7].map(|row| block[row * 8 + column]);
        for (row, value) in pass(values, 512).into_iter().enumerate() {
            columns[row * 8 + column] = value >> 10;
        }
    }
    let mut samples = [[0; 8]; 8];
    for (row, samples) in columns.as_chunks().0.iter().zip(&mut samples) {
        *samples = pass(*row, LAST_ROUNDING).map(|value| (value >> 17).clamp(0, 255) as u8);
    }
    samples
}

#[inline(always)]
fn pass(s: [i32; 8], rounding: i32) -> [i32; 8] {
    let add = i32::wrapping_add;
    let sub = i32::wrapping_sub;
    let mul = i32::wrapping_mul;
    // Even part.
    let p1 = mul(add(s[2], s[6]), 2217);
    let t2 = add(p1, mul(s[6], -7567));
    let t3 = add(p1, mul(s[2], 3135));
    let t0 = add(mul(add(s[0], s[4]), 4096), rounding);
    let t1 = add(mul(sub(s[0], s[4]), 4096), rounding);
    let even = [add(t0, t3), add(t1, t2), sub(t1, t2), sub(t0, t3)];
    // Odd part.
    let (p1, p2) = (add(s[7], s[1]), add(s[5], s[3]));
    let (p3, p4) = (add(s[7], s[3]), add(s[5], s[1]));
    let p5 = mul(add(p3, p4), 4816);
    let (p1, p2) = (add(p5, mul(p1, -3685)), add(p5, mul(p2, -10_497)));
    let (p3, p4) = (mul(p3, -8034), mul(p4, -1597));
    let odd = [
        add(mul(s[1], 6149), add(p1, p4)),
        add(mul(s[3], 12_586), add(p2, p3)),
        add(mul(s[5], 8410), add(p2, p4)),
        add(mul(s[7], 1223), add(p1, p3)),
    ];
    [
        add(even[0], odd[0]),
        add(even[1], odd[1]),
        add(even[2], odd[2]),
        add(even[3], odd[3]),
        sub(even[3], odd[3]),
        sub(even[2], odd[2]),
        sub(even[1], odd[1]),
        sub(even[0], odd[0]),
    ]
}
