//! What the tests of kernels share: the levels that the machine has, noise, and layouts around which nothing is written.

use ocelli_kernels::{Kernels, Level, PANEL, Rows, Target};

/// What lies where nothing is to be written.
pub(crate) const GUARD: u8 = 0xa5;

/// Kernels at every level that the machine has.
pub(crate) fn kernels() -> Vec<Kernels> {
    let kernels: Vec<_> = Level::ALL.into_iter().filter_map(|level| Kernels::at(level).ok()).collect();
    assert!(!kernels.is_empty(), "every machine has the portable level");
    kernels
}

/// Numbers without a pattern (xorshift, Marsaglia 2003).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// Between -1 and 1.
    pub(crate) fn f32(&mut self) -> f32 {
        (self.next() % 20_001) as f32 / 10_000.0 - 1.0
    }

    pub(crate) fn f32s(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.f32()).collect()
    }

    /// Bytes, among them many of the extremes.
    pub(crate) fn u8s(&mut self, count: usize) -> Vec<u8> {
        let byte = |value: u64| if value.is_multiple_of(5) { 255 } else { (value >> 8) as u8 };
        (0..count).map(|_| byte(self.next())).collect()
    }

    /// Bytes, among them many of the extremes.
    pub(crate) fn i8s(&mut self, count: usize) -> Vec<i8> {
        let byte = |value: u64| match value % 7 {
            0 => -128,
            1 => 127,
            _ => (value >> 8) as u8 as i8,
        };
        (0..count).map(|_| byte(self.next())).collect()
    }
}

/// The place of a row, by the definition of a ring.
pub(crate) fn ring(rows: &Rows, row: usize) -> usize {
    (rows.first + row) % rows.count * rows.stride
}

/// A target of `rows * columns` pixels, with room that is not written between pixels, rows and panels; and how much memory
/// it takes. Panels lie within the pixels, or the pixels within the panels. `width` values are written at a time.
pub(crate) fn target(
    [rows, columns, panels]: [usize; 3],
    width: usize,
    within_pixels: bool,
    first: usize,
) -> (Target, usize) {
    let count = rows + first % 3;
    let (pixel, panel, stride) = if within_pixels {
        let pixel = panels * width + 3;
        (pixel, width, columns * pixel + 5)
    } else {
        let stride = columns * width + 5;
        (width, count * stride + 7, stride)
    };
    let rows = Rows { first: first % count, count, stride };
    let len = 11 + count * stride + panels * panel + 13;
    (Target { start: 11, rows, pixel, panel }, len)
}

/// Where a pixel of a panel goes.
pub(crate) fn place(target: &Target, row: usize, x: usize, panel: usize) -> usize {
    target.start + ring(&target.rows, row) + x * target.pixel + panel * target.panel
}

/// A byte from what its exact sum became.
pub(crate) fn byte(value: f64) -> u8 {
    value.round_ties_even().clamp(0.0, 255.0) as u8
}

/// Of each channel, a factor and an offset with which requantisation is exact in f32, and saturates at both ends.
pub(crate) fn requantisation(noise: &mut Noise, panels: usize, terms: usize) -> [Vec<f32>; 2] {
    let scale = 2.0_f32.powi(-(terms as f32 * 40.0).log2() as i32);
    let factor =
        (0..panels * PANEL).map(|_| scale * [1.0, 0.5, 2.0, 16.0][noise.next() as usize % 4]).collect();
    let offset = (0..panels * PANEL).map(|_| (noise.next() % 256) as f32).collect();
    [factor, offset]
}

/// Values with what they should be, and how large the terms are of which they are sums.
pub(crate) fn assert_close(got: &[f32], want: &[(f64, f64)], level: Level) {
    assert_eq!(got.len(), want.len());
    for (place, (got, (want, magnitude))) in got.iter().zip(want).enumerate() {
        let error = (f64::from(*got) - want).abs();
        assert!(error <= 1e-6 * magnitude, "{level}: {got} instead of {want} at {place}");
    }
}

pub(crate) fn assert_same(got: &[u8], want: &[u8], level: Level) {
    assert_eq!(got.len(), want.len());
    let wrong = got.iter().zip(want).position(|(got, want)| got != want);
    assert!(
        wrong.is_none(),
        "{level}: {:?} (place, got, instead of)",
        wrong.map(|at| (at, got[at], want[at]))
    );
}
