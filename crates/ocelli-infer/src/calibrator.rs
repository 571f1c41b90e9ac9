use std::collections::BTreeMap;

use ocelli_imaging::RgbView;
use ocelli_kernels::Kernels;
use ocelli_model::{Calibration, ChannelStatistics, Network};

use crate::InferError;
use crate::engine::{Fusion, Plan, Workspaces};

/// Looks at what a network's nodes put out for photos, which int8 has to know.
///
/// ```no_run
/// use ocelli_core::Precision;
/// use ocelli_imaging::RgbImage;
/// use ocelli_infer::{Calibrator, CompileOptions, CompiledNetwork, InferError};
/// use ocelli_model::Network;
///
/// fn in_int8(network: Network, photos: &[RgbImage]) -> Result<CompiledNetwork, InferError> {
///     let calibrator = Calibrator::new(&network)?;
///     let mut calibration = ocelli_model::Calibration::default();
///     for photo in photos {
///         calibration.merge(&calibrator.observe(photo.view())?);
///     }
///     let network = network.with_calibration(calibration)?;
///     let options = CompileOptions { precision: Precision::Int8, ..Default::default() };
///     CompiledNetwork::compile_with(&network, &options)
/// }
/// ```
#[derive(Debug)]
pub struct Calibrator {
    plan: Plan,
    workspaces: Workspaces,
}

impl Calibrator {
    /// Prepares a network, in f32.
    ///
    /// # Errors
    ///
    /// If the network has an operation that the engine does not compute.
    pub fn new(network: &Network) -> Result<Self, InferError> {
        let plan = Plan::compile(network, None, Kernels::best(), Fusion::Off)?;
        Ok(Self { plan, workspaces: Workspaces::default() })
    }

    /// What one photo shows, on the calling thread. Merge what several show.
    ///
    /// # Errors
    ///
    /// None that a network of this version of the engine is known to cause.
    pub fn observe(&self, photo: RgbView<'_>) -> Result<Calibration, InferError> {
        let mut nodes = BTreeMap::new();
        self.workspaces.with(|workspace| {
            self.plan.observe(workspace, photo, |name, channels, rows| {
                nodes.insert(name.to_owned(), statistics(channels, rows));
            })
        })?;
        Ok(Calibration { photos: 1, nodes })
    }
}

/// Of rows of pixels, each of which begins with its channels.
fn statistics<'a>(channels: usize, rows: impl Iterator<Item = (usize, &'a [f32])>) -> Vec<ChannelStatistics> {
    let (mut min, mut max) = (vec![f32::INFINITY; channels], vec![f32::NEG_INFINITY; channels]);
    let (mut row_sum, mut sum) = (vec![0.0_f32; channels], vec![0.0_f64; channels]);
    let mut pixels = 0_u64;
    for (pixel, row) in rows {
        row_sum.fill(0.0);
        for values in row.chunks_exact(pixel) {
            pixels += 1;
            for (((value, min), max), sum) in values.iter().zip(&mut min).zip(&mut max).zip(&mut row_sum) {
                *min = if *value < *min { *value } else { *min };
                *max = if *value > *max { *value } else { *max };
                *sum += value;
            }
        }
        sum.iter_mut().zip(&row_sum).for_each(|(sum, row)| *sum += f64::from(*row));
    }
    let ranges = min.into_iter().zip(max).zip(sum);
    let statistics = ranges.map(|((min, max), sum)| {
        let mean = (sum / pixels as f64) as f32;
        // Rounding must not take the mean out of the range; what is not a number is refused with the calibration.
        ChannelStatistics {
            min,
            max,
            mean: if mean < min {
                min
            } else if mean > max {
                max
            } else {
                mean
            },
        }
    });
    statistics.collect()
}
