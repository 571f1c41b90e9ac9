//! The stored photos of a project, as a training reads them.

use ocelli_core::{ImageId, ProjectId};
use ocelli_imaging::{DecodeLimits, RgbImage, decode};
use ocelli_store::{Missing, Store, StoreError};

use crate::Error;
use crate::ocelli::Shared;

/// Reads photos that may be gone or damaged by now.
pub(crate) struct StoredPhotos<'a> {
    shared: &'a Shared,
    project: ProjectId,
    limits: DecodeLimits,
}

impl<'a> StoredPhotos<'a> {
    pub(crate) fn new(shared: &'a Shared, project: ProjectId) -> Self {
        // What was stored once was within the limits of its time; the bytes alone could be over those of today.
        let limits = DecodeLimits { bytes: usize::MAX, ..DecodeLimits::training(&shared.limits) };
        Self { shared, project, limits }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.shared.store.as_ref()
    }

    pub(crate) fn project(&self) -> ProjectId {
        self.project
    }

    /// None for a photo that is gone or damaged; an error where the store itself fails.
    pub(crate) fn bytes(&self, image: ImageId) -> Result<Option<Vec<u8>>, Error> {
        match self.store().image_bytes(self.project, image) {
            Err(StoreError::NotFound(Missing::Image(_)) | StoreError::Corrupt { .. }) => Ok(None),
            bytes => Ok(Some(bytes?)),
        }
    }

    /// None as well for a photo that cannot be decoded.
    pub(crate) fn decoded(&self, image: ImageId) -> Result<Option<RgbImage>, Error> {
        let Some(bytes) = self.bytes(image)? else { return Ok(None) };
        match decode(&bytes, &self.limits) {
            Ok(photo) => Ok(Some(photo)),
            Err(error) => {
                tracing::warn!(%image, %error, "a stored photo cannot be decoded");
                Ok(None)
            }
        }
    }
}
