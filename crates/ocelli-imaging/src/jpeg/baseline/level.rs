//! The steps that gain from vector instructions, for each level of instructions.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;

use super::entropy::Block;
use super::idct::{self, Samples};

/// A level of instructions. Every level gives the same bits.
pub(super) trait Level: Copy {
    /// Samples of a block.
    fn full(self, block: &Block) -> Samples;

    /// Samples of a block that is zero but for the first four rows and columns.
    fn corner(self, block: &Block) -> Samples;

    /// RGB of 16 pixels: ITU-R BT.601 in full range, 14 bits of fixed point.
    fn colours(self, y: &[u8; 16], cb: &[u8; 16], cr: &[u8; 16]) -> [[u8; 16]; 3];
}

/// What every processor has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Level for Portable {
    #[inline(always)]
    fn full(self, block: &Block) -> Samples {
        idct::full(block)
    }

    #[inline(always)]
    fn corner(self, block: &Block) -> Samples {
        idct::full(block)
    }

    #[inline(always)]
    fn colours(self, y: &[u8; 16], cb: &[u8; 16], cr: &[u8; 16]) -> [[u8; 16]; 3] {
        let mut rgb = [[0; 3]; 16];
        for (((rgb, &y), &cb), &cr) in rgb.iter_mut().zip(y).zip(cb).zip(cr) {
            let y = i32::from(y) * 16_384 + 8191;
            let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
            *rgb = [y + cr * 22_970, y - cr * 11_700 - cb * 5638, y + cb * 29_032]
                .map(|value| (value >> 14).clamp(0, 255) as u8);
        }
        let mut out = [[0; 16]; 3];
        out.as_flattened_mut().copy_from_slice(rgb.as_flattened());
        out
    }
}
