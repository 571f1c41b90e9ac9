//! What the layers that a training starts from have learned from before.

use ocelli_core::{BaseIteration, DataClass, Erased, ImageId, limits};
use ocelli_store::ItemQuery;

use super::learning::Start;
use crate::{Error, ProjectHandle};

/// What an iteration passes on of its photos with its adapted layers, in its own project.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// Photos of the project, due or not, that it or what it started from was trained on or calibrated with.
    pub(super) photos: Vec<ImageId>,
    /// Such photos that have been erased since.
    pub(super) erased: u32,
}

impl ProjectHandle {
    /// Nothing where the training starts from the domain's base, from layers that are the domain's, or from an iteration of
    /// another project.
    pub(super) fn lineage(&self, start: &Start<'_>) -> Result<Lineage, Error> {
        let Some(BaseIteration { project_id, iteration_id }) = start.options.custom_base else {
            return Ok(Lineage::default());
        };
        let view = start.domain_base.preprocessing().view;
        let adapted = start.base.clone().with_view(view).fingerprint() != start.domain_base.fingerprint();
        if project_id != self.id() || !adapted {
            return Ok(Lineage::default());
        }
        let store = &self.shared.store;
        let mut photos = Vec::new();
        let mut query = ItemQuery::new(DataClass::TrainingPhoto, Some(project_id), limits::MAX_PAGE);
        loop {
            let items = store.items(&query)?;
            for item in &items {
                if let Erased::Image(image) = item.item
                    && store.trained_on(project_id, &[image])?.contains(&iteration_id)
                {
                    photos.push(image);
                }
            }
            match items.last() {
                Some(last) if items.len() >= query.take => query.after = Some((last.event, last.item)),
                _ => break,
            }
        }
        // Read last: a photo that is erased meanwhile is rather counted twice than not at all.
        Ok(Lineage { photos, erased: store.manifest(project_id, iteration_id)?.erased })
    }
}
