//! A model at once, while a photo set is still growing.

use ocelli_infer::Model;
use ocelli_train::{StopToken, nearest_centroid};

use super::dataset::Dataset;
use super::learning::attached;
use super::options::TrainOptions;
use crate::features::Extraction;
use crate::stored_photos::StoredPhotos;
use crate::{Error, ProjectHandle};

impl ProjectHandle {
    /// A model of the tagged photos as they are now, by the centroids of the tags: one photo a tag is enough, and where the
    /// features of the photos are kept it takes a moment. It is no iteration: nothing of it is stored but the photos'
    /// features, nothing tells what it is worth, and what is erased later stays in it for as long as the caller keeps it.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// let model = project.instant_model(&ocelli::StopToken::new())?;
    /// let answer = model.predict(&std::fs::read("new.jpg")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If there are fewer than two tags, a tag has no photo that can be read, the domain cannot be trained, a stop is asked
    /// for, or the store fails.
    pub fn instant_model(&self, stop: &StopToken) -> Result<Model, Error> {
        let (project, options) = (self.details()?, TrainOptions::default());
        let base = self.domain_base(&project)?;
        let mut dataset = self.dataset(&project, &options)?;
        let photos = StoredPhotos::new(&self.shared, self.id());
        let network = self.shared.pool.run(|| {
            let images: Vec<_> = dataset.photos.iter().map(|photo| photo.image).collect();
            let extraction = Extraction::new(&photos, &base)?;
            let features = extraction.features(&images, stop, &|_| {})?;
            dataset.leave_out_unreadable(&features);
            let rows = dataset.rows(features);
            let (classification_type, Dataset { tags, photos, .. }) =
                (project.settings.classification_type, &dataset);
            let head = nearest_centroid(classification_type, tags, photos, &rows, extraction.views())?;
            attached(&base, head, classification_type, tags)
        })??;
        Ok(Model::from_network(network)?)
    }
}
