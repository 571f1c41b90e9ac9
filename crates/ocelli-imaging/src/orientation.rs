use serde::{Deserialize, Serialize};

/// How the stored rows and columns of a photo lie in the upright photo: EXIF tag 0x0112, 1 to 8
/// (Exif 2.32, section 4.6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Orientation {
    /// 1: stored upright.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    MirroredHorizontally,
    /// 3: upside down.
    Rotated180,
    /// 4: mirrored top to bottom.
    MirroredVertically,
    /// 5: mirrored along the diagonal from the upper left.
    Transposed,
    /// 6: to be turned by 90 degrees clockwise.
    Rotated90,
    /// 7: mirrored along the diagonal from the upper right.
    Transversed,
    /// 8: to be turned by 270 degrees clockwise.
    Rotated270,
}

impl Orientation {
    /// Every orientation, in the order of their EXIF values.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::MirroredHorizontally,
        Self::Rotated180,
        Self::MirroredVertically,
        Self::Transposed,
        Self::Rotated90,
        Self::Transversed,
        Self::Rotated270,
    ];

    /// The orientation of an EXIF value; none where the value is not 1 to 8.
    pub fn from_exif(value: u16) -> Option<Self> {
        Self::ALL.get(usize::from(value).checked_sub(1)?).copied()
    }

    /// The EXIF value, 1 to 8.
    pub const fn to_exif(self) -> u16 {
        self as u16 + 1
    }

    /// Whether the upright photo's width is the stored photo's height.
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Transposed | Self::Rotated90 | Self::Transversed | Self::Rotated270)
    }

    /// The upright size of a photo stored as `width` x `height`.
    pub const fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }
}

/// Turns RGB8 pixels of a checked size upright: in place, or by one copy where the sides swap.
pub(crate) fn upright(mut pixels: Vec<u8>, width: u32, height: u32, orientation: Orientation) -> Vec<u8> {
    let row = width as usize * 3;
    match orientation {
        Orientation::Upright => pixels,
        Orientation::MirroredHorizontally => {
            pixels.chunks_exact_mut(row).for_each(reverse_pixels);
            pixels
        }
        Orientation::Rotated180 => {
            reverse_pixels(&mut pixels);
            pixels
        }
        Orientation::MirroredVertically => {
            let half = height as usize / 2 * row;
            let (upper, rest) = pixels.split_at_mut(half);
            for (a, b) in upper.chunks_exact_mut(row).zip(rest.rchunks_exact_mut(row)) {
                a.swap_with_slice(b);
            }
            pixels
        }
        Orientation::Transposed
        | Orientation::Rotated90
        | Orientation::Transversed
        | Orientation::Rotated270 => {
            let from_right = matches!(orientation, Orientation::Transversed | Orientation::Rotated270);
            let from_below = matches!(orientation, Orientation::Rotated90 | Orientation::Transversed);
            swap_sides(&pixels, width as usize, height as usize, from_right, from_below)
        }
    }
}

fn reverse_pixels(pixels: &mut [u8]) {
    pixels.reverse();
    for pixel in pixels.chunks_exact_mut(3) {
        pixel.swap(0, 2);
    }
}

/// Each stored column becomes an upright row; tile by tile, so that reads and writes both stay in the cache.
fn swap_sides(pixels: &[u8], width: usize, height: usize, from_right: bool, from_below: bool) -> Vec<u8> {
    const TILE: usize = 32;
    let mut out = vec![0; pixels.len()];
    for tile_y in (0..height).step_by(TILE) {
        for tile_x in (0..width).step_by(TILE) {
            for x in tile_x..(tile_x + TILE).min(width) {
                let out_row = if from_right { width - 1 - x } else { x };
                for y in tile_y..(tile_y + TILE).min(height) {
                    let out_column = if from_below { height - 1 - y } else { y };
                    let (from, to) = ((y * width + x) * 3, (out_row * height + out_column) * 3);
                    out[to..to + 3].copy_from_slice(&pixels[from..from + 3]);
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 3 x 2 photo whose pixels are numbered row by row.
    fn numbered() -> Vec<u8> {
        (0..6_u8).flat_map(|n| [n, n + 10, n + 20]).collect()
    }

    #[test]
    fn every_orientation_puts_each_pixel_where_exif_says() {
        let expected: [(Orientation, [u8; 6]); 8] = [
            (Orientation::Upright, [0, 1, 2, 3, 4, 5]),
            (Orientation::MirroredHorizontally, [2, 1, 0, 5, 4, 3]),
            (Orientation::Rotated180, [5, 4, 3, 2, 1, 0]),
            (Orientation::MirroredVertically, [3, 4, 5, 0, 1, 2]),
            (Orientation::Transposed, [0, 3, 1, 4, 2, 5]),
            (Orientation::Rotated90, [3, 0, 4, 1, 5, 2]),
            (Orientation::Transversed, [5, 2, 4, 1, 3, 0]),
            (Orientation::Rotated270, [2, 5, 1, 4, 0, 3]),
        ];
        for (orientation, order) in expected {
            let pixels: Vec<u8> = order.into_iter().flat_map(|n| [n, n + 10, n + 20]).collect();
            assert_eq!(upright(numbered(), 3, 2, orientation), pixels, "{orientation:?}");
        }
    }

    #[test]
    fn exif_values_are_1_to_8() {
        assert_eq!(Orientation::from_exif(0), None);
        assert_eq!(Orientation::from_exif(9), None);
        for value in 1..=8 {
            assert_eq!(Orientation::from_exif(value).map(Orientation::to_exif), Some(value));
        }
    }
}
