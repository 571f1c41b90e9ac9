use ocelli_core::{BoundingBox, Precision};
use ocelli_imaging::{Area, HeatMap, RgbView};
use ocelli_model::{Network, Op, Shape, View};

use crate::{CompileOptions, CompiledNetwork, InferError, LinearHead, area, dot_product};

/// Class activation maps: how much each place of a photo counts for a label (Zhou, Khosla, Lapedriza, Oliva and
/// Torralba, *Learning deep features for discriminative localization*, 2016).
///
/// A network whose head reads the mean of its last maps scores a label by the mean, over the maps' places, of the head's
/// weights times the place's features. The map shows these products before the mean is taken. So it is no estimate:
/// the mean of its values and the label's bias add up to the label's score.
#[derive(Clone, Debug)]
pub struct ClassActivation {
    head: LinearHead,
    maps: CompiledNetwork,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl ClassActivation {
    /// Prepares the part of a network that computes its last maps, in f32.
    ///
    /// # Errors
    ///
    /// [`InferError::NoHead`] if the network does not end in a head, [`InferError::NoMaps`] if its head does not read the mean
    /// of maps, and those of [`CompiledNetwork::compile_with`].
    pub fn compile(network: &Network, options: &CompileOptions) -> Result<Self, InferError> {
        let head = LinearHead::of(network)?;
        let pool = network.nodes().get(head.features().index()).ok_or(InferError::NoMaps)?;
        let maps = match (&pool.op, pool.inputs.first()) {
            (Op::GlobalAveragePool, Some(maps)) => *maps,
            _ => return Err(InferError::NoMaps),
        };
        let Some(Shape::Map { channels, height, width }) = network.shape(maps) else {
            return Err(InferError::NoMaps);
        };
        let options = CompileOptions { precision: Precision::F32, ..*options };
        let maps = CompiledNetwork::compile_with(&network.up_to(maps)?, &options)?;
        Ok(Self { head, maps, channels, rows: height, columns: width })
    }

    /// The head, whose labels the maps are of.
    pub fn head(&self) -> &LinearHead {
        &self.head
    }

    /// What counts in an upright photo for a label, given by its place among the network's. The map lies where the network
    /// looked: on the whole photo, or on the square in its middle.
    ///
    /// # Errors
    ///
    /// [`InferError::NoSuchLabel`] if there is no such label.
    pub fn map(&self, photo: RgbView<'_>, label: usize) -> Result<HeatMap, InferError> {
        let labels = self.head.labels();
        let (weights, _) = self.head.of_label(label).ok_or(InferError::NoSuchLabel { label, labels })?;
        let mut maps = vec![0.0; self.maps.output_len()];
        self.maps.predict_into(photo, &mut maps)?;
        let places = self.rows * self.columns;
        let mut values = vec![0.0; places];
        let mut features = vec![0.0; self.channels];
        for (place, value) in values.iter_mut().enumerate() {
            features
                .iter_mut()
                .zip(maps.iter().skip(place).step_by(places.max(1)))
                .for_each(|(to, from)| *to = *from);
            *value = dot_product(weights, &features);
        }
        Ok(HeatMap {
            columns: u32::try_from(self.columns).unwrap_or(u32::MAX),
            rows: u32::try_from(self.rows).unwrap_or(u32::MAX),
            values,
            area: seen(self.maps.preprocessing().view, &photo)?,
        })
    }
}

/// The part of a photo that a view shows.
fn seen(view: View, photo: &RgbView<'_>) -> Result<BoundingBox, InferError> {
    let Area { left, top, width, height } = area(view, photo);
    let of = |part: u32, whole: u32| (f64::from(part) / f64::from(whole)) as f32;
    let (across, down) = (photo.width(), photo.height());
    Ok(BoundingBox::new(of(left, across), of(top, down), of(width, across), of(height, down))?)
}
