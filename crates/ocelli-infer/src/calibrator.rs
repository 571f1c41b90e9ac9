use std::collections::BTreeMap;

use ocelli_imaging::RgbView;
use ocelli_kernels::Kernels;
use ocelli_model::{Calibration, ChannelStatistics, Network, Shape};

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
            self.plan.observe(workspace, photo, |name, shape, values| {
                nodes.insert(name.to_owned(), channels(shape, values));
            })
        })?;
        Ok(Calibration { photos: 1, nodes })
    }
}

fn channels(shape: Shape, values: &[f32]) -> Vec<ChannelStatistics> {
    let maps = values.chunks_exact((values.len() / shape.channels().max(1)).max(1));
    maps.map(|map| {
        let (mut min, mut max, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0_f64);
        for value in map {
            (min, max) = (min.min(*value), max.max(*value));
            sum += f64::from(*value);
        }
        let mean = (sum / map.len() as f64) as f32;
        ChannelStatistics { min, max, mean: mean.clamp(min, max) }
    })
    .collect()
}
