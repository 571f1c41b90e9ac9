//! Where an iteration's network looked.

use ocelli_core::{Precision, TagId};
use ocelli_imaging::{DecodeLimits, HeatMap, decode, encode_png, overlay, shrink};

use crate::{Error, IterationHandle};

/// Pixels on the longer side of a heat map's picture, at most.
const PICTURE_SIDE: u32 = 1024;

impl IterationHandle {
    /// What of a photo counted for a tag, the most probable one where none is named: a class activation map, whose values'
    /// mean and the tag's bias add up to the tag's score ([`ClassActivation`](ocelli_infer::ClassActivation)).
    ///
    /// # Errors
    ///
    /// If the iteration has not completed or does not give the tag, or the photo is damaged or over a limit.
    pub fn heat_map(&self, photo: &[u8], tag: Option<TagId>) -> Result<HeatMap, Error> {
        let model = self.shared.model(&self.details()?, Precision::F32)?;
        Ok(model.heat_map(photo, tag)?)
    }

    /// The photo with what counted for a tag laid over it ([`overlay`]), as a PNG file whose longer side has at most 1,024
    /// pixels.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let iteration = project.iteration(project.iterations()?[0].id)?;
    /// let photo = std::fs::read("photo.jpg")?;
    /// std::fs::write("why.png", iteration.heat_map_png(&photo, None)?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`heat_map`](Self::heat_map).
    pub fn heat_map_png(&self, photo: &[u8], tag: Option<TagId>) -> Result<Vec<u8>, Error> {
        let model = self.shared.model(&self.details()?, Precision::F32)?;
        let photo = decode(photo, &DecodeLimits::prediction(&self.shared.limits))?;
        let heat = model.heat_map_rgb(photo.view(), tag)?;
        let picture = overlay(shrink(photo.view(), PICTURE_SIDE)?.view(), &heat)?;
        Ok(encode_png(picture.view())?)
    }
}
