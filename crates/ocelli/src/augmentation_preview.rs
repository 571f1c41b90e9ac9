//! What training makes of a photo, to be looked at.

use ocelli_core::{Domain, ErrorCode, ImageId, limits};
use ocelli_imaging::{AugmentationPolicy, Augmenter, DecodeLimits, RgbImage, decode, encode_png};
use ocelli_infer::altered;
use ocelli_store::StoreError;

use crate::{Error, ProjectHandle};

impl ProjectHandle {
    /// A photo as training with the project's augmentations would see it: `count` draws, each as a PNG file of the size that
    /// the project's base model looks at, of the whole photo ([`View::Whole`](ocelli_model::View)). The same seed draws the
    /// same, and a longer preview begins with the shorter one.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// let photo = std::fs::read("photo.jpg")?;
    /// for (number, picture) in project.preview_augmentations(&photo, 8, 1)?.iter().enumerate() {
    ///     std::fs::write(format!("preview-{number}.png"), picture)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the photo is damaged or over a limit, this build leaves out the base model of the project's domain, or more than
    /// [`MAX_AUGMENTATION_PREVIEWS`](limits::MAX_AUGMENTATION_PREVIEWS) pictures are asked for.
    pub fn preview_augmentations(
        &self,
        photo: &[u8],
        count: usize,
        seed: u64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        check_count(count)?;
        self.preview(&decode(photo, &DecodeLimits::training(&self.shared.limits))?, count, seed)
    }

    /// As [`preview_augmentations`](Self::preview_augmentations), of a photo of the project.
    ///
    /// # Errors
    ///
    /// As [`preview_augmentations`](Self::preview_augmentations), and if the photo is not there.
    pub fn preview_augmentations_of(
        &self,
        image: ImageId,
        count: usize,
        seed: u64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        check_count(count)?;
        // What was stored once was within the limits of its time.
        let limits = DecodeLimits { bytes: usize::MAX, ..DecodeLimits::training(&self.shared.limits) };
        self.preview(&decode(&self.image_bytes(image)?, &limits)?, count, seed)
    }

    fn preview(&self, photo: &RgbImage, count: usize, seed: u64) -> Result<Vec<Vec<u8>>, Error> {
        let settings = self.details()?.settings;
        let domain = Domain::from_id(settings.domain_id).ok_or(StoreError::UnknownDomain)?;
        let preprocessing = *self.shared.bases.for_domain(domain)?.preprocessing();
        let policy = AugmentationPolicy::new(settings.augmentations);
        let (view, mut augmenter) = (photo.view(), Augmenter::new());
        let picture = |number: u64| {
            let augmentation = policy.draw_seeded(seed.wrapping_add(number));
            let altered = altered(&preprocessing, view, &augmentation, &mut augmenter)?;
            Ok(encode_png(altered.view())?)
        };
        (0..count as u64).map(picture).collect()
    }
}

fn check_count(count: usize) -> Result<(), Error> {
    let (what, limit) = ("pictures in one preview", limits::MAX_AUGMENTATION_PREVIEWS);
    let code = ErrorCode::BadRequestExceededBatchSize;
    if count > limit { Err(StoreError::Limit { what, count, limit, code }.into()) } else { Ok(()) }
}
