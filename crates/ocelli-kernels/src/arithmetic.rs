//! What one step of a sum is: 64 bytes of weights, and as many of input or four of them for all.

use crate::lanes::Lanes;

/// f32 with f32, or unsigned with signed bytes.
///
/// # Safety
///
/// As of [`Lanes`]; pointers are valid for the bytes of a step.
pub(crate) unsafe trait Arithmetic<L: Lanes> {
    /// Pixels of a panel that 64 bytes of input are.
    const COLUMN: usize;
    type Sum: Copy;
    type Operand: Copy;
    /// Whether weights are worth asking for ahead of their use.
    const PREFETCH: bool;

    unsafe fn zero() -> Self::Sum;
    /// 64 bytes.
    unsafe fn load(from: *const u8) -> Self::Operand;
    /// Four bytes, repeated.
    unsafe fn repeat(from: *const u8) -> Self::Operand;
    unsafe fn step(sum: Self::Sum, input: Self::Operand, weights: Self::Operand) -> Self::Sum;
}

/// One f32 a lane.
#[derive(Clone, Copy)]
pub(crate) struct Float;

// SAFETY: passed on.
unsafe impl<L: Lanes> Arithmetic<L> for Float {
    const COLUMN: usize = 1;
    type Sum = L::F32;
    type Operand = L::F32;
    const PREFETCH: bool = true;

    #[inline(always)]
    unsafe fn zero() -> L::F32 {
        // SAFETY: passed on.
        unsafe { L::f32_splat(0.0) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> L::F32 {
        // SAFETY: passed on.
        unsafe { L::f32_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn repeat(from: *const u8) -> L::F32 {
        // SAFETY: passed on.
        unsafe { L::f32_splat(from.cast::<f32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn step(sum: L::F32, input: L::F32, weights: L::F32) -> L::F32 {
        // SAFETY: passed on.
        unsafe { L::f32_mul_add(input, weights, sum) }
    }
}

/// Four bytes a lane, summed exactly in i32.
#[derive(Clone, Copy)]
pub(crate) struct Bytes;

// SAFETY: passed on.
unsafe impl<L: Lanes> Arithmetic<L> for Bytes {
    const COLUMN: usize = 4;
    type Sum = L::I32;
    type Operand = L::I32;
    // A quarter of the bytes for the same sums arrives in time by itself.
    const PREFETCH: bool = false;

    #[inline(always)]
    unsafe fn zero() -> L::I32 {
        // SAFETY: passed on.
        unsafe { L::i32_splat(0) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> L::I32 {
        // SAFETY: passed on.
        unsafe { L::i32_load(from) }
    }

    #[inline(always)]
    unsafe fn repeat(from: *const u8) -> L::I32 {
        // SAFETY: passed on.
        unsafe { L::i32_splat(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn step(sum: L::I32, input: L::I32, weights: L::I32) -> L::I32 {
        // SAFETY: passed on.
        unsafe { L::dot(sum, input, weights) }
    }
}
