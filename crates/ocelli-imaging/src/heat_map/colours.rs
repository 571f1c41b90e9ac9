/// Nine colours of the map *inferno* by Stéfan van der Walt and Nathaniel Smith (released under CC0), evenly spaced.
const INFERNO: [[f32; 3]; 9] = [
    [0.0, 0.0, 4.0],
    [31.0, 12.0, 72.0],
    [85.0, 15.0, 109.0],
    [136.0, 34.0, 106.0],
    [186.0, 54.0, 85.0],
    [227.0, 89.0, 51.0],
    [249.0, 140.0, 10.0],
    [249.0, 201.0, 50.0],
    [252.0, 255.0, 164.0],
];

/// The colour of a strength of 0 to 1, channels of 0 to 255.
pub(super) fn inferno(strength: f32) -> [f32; 3] {
    let position = strength.clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let first = (position as usize).min(INFERNO.len() - 2);
    let part = position - first as f32;
    let (below, above) = (INFERNO[first], INFERNO[first + 1]);
    std::array::from_fn(|channel| below[channel] + (above[channel] - below[channel]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_rises_throughout() {
        let light = |strength: f32| crate::reduced::luma(inferno(strength));
        let steps: Vec<f32> = (0..=100).map(|step| light(step as f32 / 100.0)).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
        assert_eq!(inferno(0.0), INFERNO[0]);
        assert_eq!(inferno(1.0), INFERNO[8]);
        assert_eq!(inferno(7.0), INFERNO[8]);
    }
}
