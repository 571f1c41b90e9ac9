//! An iteration's model under other ids of its tags.

use ocelli_core::{Domain, Iteration, TagId};
use ocelli_model::{Label, ModelError, Network, View, file};

use super::destination::Models;
use crate::Error;
use crate::base::Bases;

/// A model that has been read.
pub(super) struct ReadModel {
    network: Network,
    /// What it differs from, with its view; none for one that stands alone.
    base: Option<Network>,
}

/// Reads a model in the form that its store kept; where this build does not have its base, in the self-contained form.
pub(super) fn read(bases: &Bases, iteration: &Iteration, models: &Models) -> Result<ReadModel, Error> {
    let domain = Domain::from_id(iteration.domain_id).ok_or(ocelli_store::StoreError::UnknownDomain)?;
    let without_base = match (&models.stored, bases.for_domain(domain)) {
        (Some(stored), Ok(base)) => match read_stored(stored, base) {
            Err(error @ Error::BaseChanged { .. }) => error,
            read => return read,
        },
        (Some(_), Err(error)) => error,
        (None, _) => ocelli_store::StoreError::NotFound(ocelli_store::Missing::Model(iteration.id)).into(),
    };
    let file = models.file.as_ref().ok_or(without_base)?;
    Ok(ReadModel { network: file::read(file)?, base: None })
}

fn read_stored(stored: &[u8], base: &Network) -> Result<ReadModel, Error> {
    let mut trained = String::new();
    for view in [View::Whole, View::Centre] {
        let base = base.clone().with_view(view);
        match file::read_adapted(stored, &base) {
            Err(ModelError::WrongBase { expected, .. }) => trained = expected.to_string(),
            network => return Ok(ReadModel { network: network?, base: Some(base) }),
        }
    }
    Err(Error::BaseChanged { trained })
}

impl ReadModel {
    /// The tags that it gives, in the order of its outputs.
    pub(super) fn tags(&self) -> impl Iterator<Item = TagId> {
        self.network.labels().iter().map(|label| label.tag_id)
    }

    /// The model as a store keeps it, with these tags in place of its own.
    pub(super) fn with_tags(&self, tags: impl IntoIterator<Item = TagId>) -> Result<Vec<u8>, Error> {
        let mut description = self.network.description();
        let renamed = |(label, tag_id): (&Label, TagId)| Label { tag_id, ..label.clone() };
        description.labels = self.network.labels().iter().zip(tags).map(renamed).collect();
        let tensors =
            self.network.tensors().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        let mut network = Network::new(description, tensors, self.network.provenance().cloned())?;
        if let Some(calibration) = self.network.calibration() {
            network = network.with_calibration(calibration.clone())?;
        }
        Ok(match &self.base {
            Some(base) => file::write_adapted(&network, base)?,
            None => file::write(&network)?,
        })
    }
}
