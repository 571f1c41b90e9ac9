use serde::{Deserialize, Serialize};

use crate::perceptual_hash::BITS;
use crate::reduced::Reduced;
use crate::{PerceptualHash, PhotoQuality, RgbView};

/// Bits of a hash that one value carries: an f32 holds integers up to 2^24 exactly.
const BITS_A_VALUE: u32 = 16;
const SIGN_VALUES: usize = BITS.div_ceil(BITS_A_VALUE) as usize;

/// What is worth knowing about a photo without looking at it again: what it looks like, and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhotoSignature {
    /// What it looks like.
    pub hash: PerceptualHash,
    /// How good it is.
    pub quality: PhotoQuality,
}

impl PhotoSignature {
    /// Names how signatures are computed and laid out as values: what is kept under another name is of another
    /// version.
    pub const FINGERPRINT: &str = "ocelli-photo-signature-1";
    /// The number of values of a signature.
    pub const VALUES: usize = SIGN_VALUES + 3 + 4 + 3;

    /// The signature of a photo.
    pub fn of(view: RgbView<'_>) -> Self {
        let reduced = Reduced::new(view);
        Self {
            hash: PerceptualHash::of_reduced(&reduced),
            quality: PhotoQuality::of_reduced(&view, &reduced),
        }
    }

    /// The signature as [`VALUES`](Self::VALUES) numbers, to be kept where features are kept; nothing is lost.
    pub fn to_values(&self) -> Vec<f32> {
        let mask = (1_u128 << BITS_A_VALUE) - 1;
        let signs =
            (0..SIGN_VALUES as u32).map(|part| (self.hash.signs() >> (part * BITS_A_VALUE) & mask) as f32);
        let colour = self.hash.colour().map(f32::from);
        let PhotoQuality { width, height, brightness, contrast, sharpness } = self.quality;
        let halves = |side: u32| [(side >> 16) as f32, (side & 0xffff) as f32];
        let sides = [halves(width), halves(height)].concat();
        signs.chain(colour).chain(sides).chain([brightness, contrast, sharpness]).collect()
    }

    /// The signature of these values; none where [`to_values`](Self::to_values) does not give such.
    pub fn from_values(values: &[f32]) -> Option<Self> {
        let (integers, measures) = values.split_at_checked(Self::VALUES - 3)?;
        let whole = |value: &f32| {
            let is_whole = value.fract() == 0.0 && (0.0..65_536.0).contains(value);
            is_whole.then_some(*value as u32)
        };
        let integers: Vec<u32> = integers.iter().map(whole).collect::<Option<_>>()?;
        let (signs, rest) = integers.split_at_checked(SIGN_VALUES)?;
        let &[brightness_step, blueness, redness, width_high, width_low, height_high, height_low] = rest
        else {
            return None;
        };
        let &[brightness, contrast, sharpness] = measures else { return None };
        let signs = signs.iter().rev().fold(0, |all, &part| all << BITS_A_VALUE | u128::from(part));
        let step = |value: u32| u8::try_from(value).ok();
        let colour = [step(brightness_step)?, step(blueness)?, step(redness)?];
        let (width, height) = (width_high << 16 | width_low, height_high << 16 | height_low);
        let sensible =
            [brightness, contrast, sharpness].iter().all(|value| value.is_finite() && *value >= 0.0);
        if width == 0 || height == 0 || !sensible {
            return None;
        }
        Some(Self {
            hash: PerceptualHash::from_parts(signs, colour)?,
            quality: PhotoQuality { width, height, brightness, contrast, sharpness },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_signature_survives_as_values(
            (signs, colour) in any::<(u128, [u8; 3])>(),
            (width, height) in (1..=u32::MAX, 1..=u32::MAX),
            measures in prop::array::uniform3(0.0..1e9_f32),
        ) {
            let hash = PerceptualHash::from_parts(signs >> (128 - BITS), colour.map(|step| step % 64)).unwrap();
            let [brightness, contrast, sharpness] = measures;
            let quality = PhotoQuality { width, height, brightness, contrast, sharpness };
            let signature = PhotoSignature { hash, quality };
            let values = signature.to_values();
            prop_assert_eq!(values.len(), PhotoSignature::VALUES);
            prop_assert_eq!(PhotoSignature::from_values(&values), Some(signature));
        }

        #[test]
        fn any_values_are_survived(values in prop::collection::vec(any::<f32>(), 0..30)) {
            prop_assert_eq!(PhotoSignature::from_values(&values), None);
        }
    }

    #[test]
    fn what_no_signature_gives_is_none() {
        let photo = crate::RgbImage::new(70, 80, vec![90; 70 * 80 * 3]).unwrap();
        let good = PhotoSignature::of(photo.view()).to_values();
        assert!(PhotoSignature::from_values(&good).is_some());
        for (index, value) in
            [(0, 0.5), (0, -1.0), (7, 65_535.0), (8, 64.0), (8, 300.0), (12, 0.0), (17, f32::NAN)]
        {
            let mut values = good.clone();
            values[index] = value;
            assert_eq!(PhotoSignature::from_values(&values), None, "{value} at {index}");
        }
        assert_eq!(PhotoSignature::from_values(&good[1..]), None);
        assert_eq!(PhotoSignature::from_values(&[good.as_slice(), &[0.0]].concat()), None);
    }
}
