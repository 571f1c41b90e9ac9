//! What a processor must offer: arithmetic on sixteen lanes at once.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

use crate::geometry::TileSize;

/// Sixteen lanes of f32 or i32, held in as many registers as the processor needs.
///
/// Kernels are written once over this trait. Every method is inlined into a function that enables the
/// processor's features; outside of one it must not be called.
///
/// # Safety
///
/// Callers make sure that the processor has the features of the implementation, and that pointers are valid for the
/// 64 bytes (sixteen u8: 16 bytes) that a method reads or writes. No alignment is needed.
pub(crate) unsafe trait Lanes: Copy {
    /// Sixteen f32.
    type F32: Copy;
    /// Sixteen i32, or sixteen times four bytes.
    type I32: Copy;
    /// The pixels that a tile of a convolution has at most, and the panels of sixteen channels.
    const TILE: TileSize;
    /// The sums that a depthwise convolution has at once at most.
    const SUMS: usize;

    /// The rows that a tile of a matrix product has, by its panels of sixteen columns; zero where there are never so many
    /// panels.
    const PRODUCT_ROWS: [usize; 3];

    unsafe fn f32_splat(value: f32) -> Self::F32;
    unsafe fn f32_load(from: *const f32) -> Self::F32;
    unsafe fn f32_store(to: *mut f32, value: Self::F32);
    unsafe fn f32_min(a: Self::F32, b: Self::F32) -> Self::F32;
    unsafe fn f32_max(a: Self::F32, b: Self::F32) -> Self::F32;
    unsafe fn f32_add(a: Self::F32, b: Self::F32) -> Self::F32;
    /// The first `count` of sixteen lanes, at most sixteen; zero in the others, of which no memory is read.
    unsafe fn f32_load_some(from: *const f32, count: usize) -> Self::F32;
    /// Stores the first `count` of sixteen lanes, at most sixteen.
    unsafe fn f32_store_some(to: *mut f32, value: Self::F32, count: usize);
    /// In each lane, `value` where `of` lies between 0 and 6 and is neither; else zero.
    unsafe fn f32_where_unclamped(value: Self::F32, of: Self::F32) -> Self::F32;
    /// `a * b + c`.
    unsafe fn f32_mul_add(a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;

    unsafe fn i32_splat(value: i32) -> Self::I32;
    unsafe fn i32_load(from: *const u8) -> Self::I32;
    unsafe fn i32_store(to: *mut u8, value: Self::I32);
    unsafe fn i32_and(a: Self::I32, b: Self::I32) -> Self::I32;
    /// In each lane, the sum of the four products of an unsigned byte of `a` and a signed byte of `b`, exactly, plus
    /// `sum`.
    unsafe fn dot(sum: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;

    unsafe fn to_f32(value: Self::I32) -> Self::F32;
    /// To the nearest, ties to even.
    unsafe fn to_i32(value: Self::F32) -> Self::I32;
    /// Sixteen bytes, unsigned.
    unsafe fn u8_load(from: *const u8) -> Self::I32;
    /// Sixteen bytes, saturated to 0..=255.
    unsafe fn u8_store(to: *mut u8, value: Self::I32);
    /// Four times sixteen bytes, saturated to 0..=255.
    #[inline(always)]
    unsafe fn u8_store_four(to: [*mut u8; 4], values: [Self::I32; 4]) {
        for (to, value) in to.into_iter().zip(values) {
            // SAFETY: as the trait says.
            unsafe { Self::u8_store(to, value) };
        }
    }
    /// The four values of each lane as four bytes, the first lowest, saturated to 0..=255.
    unsafe fn pack(values: [Self::I32; 4]) -> Self::I32;

    /// Asks for the line at this address to be brought near, whether it is memory of ours or not.
    fn prefetch(at: *const u8);
}
