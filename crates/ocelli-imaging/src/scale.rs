use serde::{Deserialize, Serialize};

/// How a photo is decoded, beside the limits that it has to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DecodeOptions {
    /// Width and height that the upright photo is needed in, at least; none, the default, for all its pixels.
    ///
    /// A baseline JPEG is then decoded at 1/2, 1/4 or 1/8 of its size, the smallest at which neither side is
    /// shorter than asked: each sample is the mean of the 4, 16 or 64 that it stands for, taken before colours are
    /// interpolated and converted. That is a small part of the work on a large photo, and changes what a resize
    /// makes of it: by about one grey level on average, by tens at sharp edges. Where a side is no multiple of what
    /// is taken together, the last mean reaches over the border, which stretches the photo by less than one of its
    /// new pixels. To ask for twice of what is needed keeps closer. Every other file is decoded whole.
    pub scale_to: Option<(u32, u32)>,
}

/// Eighths of its full size that a JPEG is decoded at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    #[default]
    Whole = 8,
    Half = 4,
    Quarter = 2,
    Eighth = 1,
}

impl Scale {
    /// The smallest scale that leaves a photo of `width` x `height` at least as large as needed.
    pub(crate) fn for_size((width, height): (u32, u32), needed: Option<(u32, u32)>) -> Self {
        let Some((needed_width, needed_height)) = needed else { return Self::Whole };
        let suffices = |scale: &Self| {
            let (width, height) = scale.size(width, height);
            width >= needed_width && height >= needed_height
        };
        [Self::Eighth, Self::Quarter, Self::Half].into_iter().find(suffices).unwrap_or_default()
    }

    /// Samples of a block of 8 x 8 in each direction.
    pub(crate) fn side(self) -> usize {
        self as usize
    }

    /// The size of a photo of `width` x `height` at this scale.
    pub(crate) fn size(self, width: u32, height: u32) -> (u32, u32) {
        let divisor = 8 / self as u32;
        (width.div_ceil(divisor), height.div_ceil(divisor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_scale_that_suffices_is_taken() {
        let cases = [
            ((4000, 3000), (224, 224), Scale::Eighth),
            ((1792, 1792), (224, 224), Scale::Eighth),
            ((1785, 1785), (224, 224), Scale::Eighth),
            ((1784, 1784), (224, 224), Scale::Quarter),
            ((640, 480), (224, 224), Scale::Half),
            ((640, 440), (224, 224), Scale::Whole),
            ((10, 10), (224, 224), Scale::Whole),
            ((10, 10), (0, 0), Scale::Eighth),
        ];
        for (size, needed, expected) in cases {
            assert_eq!(Scale::for_size(size, Some(needed)), expected, "{size:?}");
        }
        assert_eq!(Scale::for_size((4000, 3000), None), Scale::Whole);
    }
}
