//! How features are centred and scaled before a head learns from them.

/// How far features are evened out: each is divided by this power of its standard deviation.
///
/// With 0 a feature keeps its size, with 1 all become alike. Half way is what folds favour: a feature that the base
/// rarely uses counts for more than it is large, and not for as much as one that it uses always.
const EVENING: f64 = 0.5;
/// A standard deviation counts as at least this fraction of the mean one, so that a feature that hardly ever moves is
/// not blown up.
const LEAST_DEVIATION: f64 = 0.05;

/// `(feature - centre) * factor` for each feature; neither costs a prediction anything, since both become part of a
/// head's weights. Scaled rows have a mean squared length of 1.
#[derive(Clone, Debug)]
pub(crate) struct Scaling {
    /// `[width]`
    pub(crate) centre: Vec<f32>,
    /// `[width]`
    pub(crate) factors: Vec<f32>,
}

impl Scaling {
    /// The scaling for features of shape `[rows, width]`.
    pub(crate) fn new(features: &[f32], width: usize) -> Self {
        let rows = (features.len() / width.max(1)).max(1) as f64;
        let mut sums = vec![0.0f64; width];
        for row in features.chunks_exact(width.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let centre: Vec<f32> = sums.iter().map(|sum| (sum / rows) as f32).collect();
        let mut variances = vec![0.0f64; width];
        for row in features.chunks_exact(width.max(1)) {
            let values = row.iter().zip(&centre);
            variances.iter_mut().zip(values).for_each(|(sum, (value, mean))| {
                *sum += f64::from(value - mean).powi(2) / rows;
            });
        }
        let deviations: Vec<f64> = variances.iter().map(|variance| variance.sqrt()).collect();
        let least = LEAST_DEVIATION * deviations.iter().sum::<f64>() / width.max(1) as f64;
        let factors: Vec<f64> =
            deviations.iter().map(|deviation| deviation.max(least).powf(-EVENING)).collect();
        let length: f64 = variances.iter().zip(&factors).map(|(variance, f)| variance * f * f).sum();
        // Features that are all alike have no length, and no finite factors.
        let scale = if length > 0.0 { 1.0 / length.sqrt() } else { 0.0 };
        let factor = |factor: f64| if scale > 0.0 { (factor * scale) as f32 } else { 1.0 };
        Self { centre, factors: factors.into_iter().map(factor).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_rows_are_centred_and_of_unit_length_in_the_mean() {
        let features = [3.0, 100.0, 0.5, 5.0, 100.0, 0.25, 1.0, 100.0, 0.75, 9.0, 100.0, 0.5];
        let scaling = Scaling::new(&features, 3);
        let mut squares = 0.0;
        let mut sums = [0.0f32; 3];
        for row in features.chunks_exact(3) {
            for (n, value) in row.iter().enumerate() {
                let scaled = (value - scaling.centre[n]) * scaling.factors[n];
                sums[n] += scaled;
                squares += scaled * scaled;
            }
        }
        assert!((squares / 4.0 - 1.0).abs() < 1e-5, "{squares}");
        assert!(sums.iter().all(|sum| sum.abs() < 1e-5), "{sums:?}");
    }

    #[test]
    fn a_small_feature_is_lifted_half_way() {
        // Two features whose deviations are as 1 to 16 are as 1 to 4 once scaled.
        let scaling = Scaling::new(&[1.0, 16.0, -1.0, -16.0], 2);
        let ratio = scaling.factors[0] / scaling.factors[1];
        assert!((ratio - 4.0).abs() < 1e-5, "{ratio}");
    }

    #[test]
    fn features_that_are_all_alike_stay_finite() {
        let scaling = Scaling::new(&[2.0; 12], 4);
        assert_eq!(scaling.factors, [1.0; 4]);
        assert_eq!(scaling.centre, [2.0; 4]);
    }
}
