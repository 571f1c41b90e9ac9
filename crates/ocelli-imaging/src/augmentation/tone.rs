//! Augmentations that change tones, not places.

/// Equalises the histogram of each channel of `pixels`, shape `[.., 3]`, as Pillow's `ImageOps.equalize` does.
pub(super) fn equalize(pixels: &mut [u8]) {
    for channel in 0..3 {
        let mut histogram = [0_usize; 256];
        pixels.chunks_exact(3).for_each(|pixel| histogram[usize::from(pixel[channel])] += 1);
        let Some(last) = histogram.iter().rev().find(|&&count| count > 0) else { return };
        let step = (pixels.len() / 3 - last) / 255;
        if step == 0 {
            // One value alone, or fewer pixels than values.
            continue;
        }
        let mut table = [0_u8; 256];
        let mut below = step / 2;
        for (to, count) in table.iter_mut().zip(histogram) {
            *to = (below / step).min(255) as u8;
            below += count;
        }
        pixels.chunks_exact_mut(3).for_each(|pixel| pixel[channel] = table[usize::from(pixel[channel])]);
    }
}

/// Inverts every value from `threshold` on.
pub(super) fn solarize(pixels: &mut [u8], threshold: u8) {
    for value in pixels {
        if *value >= threshold {
            *value = 255 - *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equalising_spreads_a_ramp_and_leaves_one_colour() {
        // 1,024 pixels with reds 100 to 131, 32 of each: Pillow's steps are (1024 - 32) / 255 = 3.
        let mut pixels: Vec<u8> = (0..1024_u32).flat_map(|index| [100 + (index / 32) as u8, 7, 0]).collect();
        equalize(&mut pixels);
        let reds: Vec<u8> = pixels.chunks_exact(3).step_by(32).map(|pixel| pixel[0]).collect();
        let expected: Vec<u8> = (0..32_u32).map(|index| ((1 + 32 * index) / 3).min(255) as u8).collect();
        assert_eq!(reds, expected);
        assert!(pixels.chunks_exact(3).all(|pixel| pixel[1..] == [7, 0]));
        equalize(&mut []);
    }

    #[test]
    fn solarising_inverts_what_is_bright() {
        let mut pixels = [0, 127, 128, 129, 254, 255];
        solarize(&mut pixels, 128);
        assert_eq!(pixels, [0, 127, 127, 126, 1, 0]);
        solarize(&mut pixels, 0);
        assert_eq!(pixels, [255, 128, 128, 129, 254, 255]);
    }
}
