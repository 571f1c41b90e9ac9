use ocelli_core::{ImageId, IterationId};
use ocelli_imaging::encode_jpeg_thumbnail;
use ocelli_report::{IterationReport, Picture, ReportSource, ReportedPhoto, Thumbnail};
use ocelli_store::{Missing, StoreError};
use ocelli_train::{StopToken, TrainError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::stored_photos::StoredPhotos;
use crate::{Error, IterationHandle};

/// Pixels of a thumbnail's longer side.
const THUMBNAIL_SIDE: u32 = 160;

/// What a report has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportOptions {
    /// The iteration of the same project to compare with; none is the default.
    pub compare_with: Option<IterationId>,
    /// Small copies of the photos that it names (the default). They leave the project with the report: what is kept of
    /// it elsewhere, no retention policy and no erasure reaches.
    pub thumbnails: bool,
    /// Photos that deserve a look (the default), for which every photo is decoded once; see
    /// [`IterationHandle::findings`].
    pub findings: bool,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { compare_with: None, thumbnails: true, findings: true }
    }
}

impl IterationHandle {
    /// What the iteration is worth. See [`report_until`](Self::report_until).
    pub fn report(&self, options: &ReportOptions) -> Result<IterationReport, Error> {
        self.report_until(options, &StopToken::new())
    }

    /// What the iteration is worth and what to do next, as data and, by [`IterationReport::html`], as one page that
    /// people read.
    ///
    /// With [thumbnails](ReportOptions::thumbnails) it holds copies of photos. A photo that has been erased shows as
    /// erased, and one that cannot be read as unreadable.
    ///
    /// ```no_run
    /// use ocelli::ReportOptions;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let iteration = project.iteration(project.iterations()?[0].id)?;
    /// let report = iteration.report(&ReportOptions::default())?;
    /// for step in &report.next_steps {
    ///     println!("{}: {}", step.title(&report), step.text(&report));
    /// }
    /// std::fs::write("iteration.html", report.html())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the iteration or the one to compare with is not there or has not completed, a stop is asked for, or the
    /// store fails.
    pub fn report_until(&self, options: &ReportOptions, stop: &StopToken) -> Result<IterationReport, Error> {
        let store = self.shared.store.as_ref();
        let (project, iteration) = (store.project(self.project)?, self.details()?);
        let manifest = self.manifest()?;
        let earlier = match options.compare_with {
            Some(id) => Some((store.iteration(self.project, id)?, store.manifest(self.project, id)?)),
            None => None,
        };
        let findings = options.findings.then(|| self.findings_of(&manifest, stop)).transpose()?;
        let mut report = IterationReport::new(ReportSource {
            made: self.shared.now(),
            version: env!("CARGO_PKG_VERSION"),
            project: &project,
            iteration: &iteration,
            manifest: &manifest,
            findings,
            earlier: earlier.as_ref().map(|(iteration, manifest)| (iteration, manifest)),
        });
        let show = |photo: &mut ReportedPhoto| {
            if stop.is_stopped() {
                Err(TrainError::Stopped.into())
            } else {
                self.show(photo, options.thumbnails)
            }
        };
        self.shared.pool.run(|| report.photos.par_iter_mut().try_for_each(show))??;
        Ok(report)
    }

    /// Fills in what is known of a photo now.
    fn show(&self, photo: &mut ReportedPhoto, thumbnail: bool) -> Result<(), Error> {
        let records = match self.shared.store.images_by_id(self.project, &[photo.id]) {
            Err(StoreError::NotFound(Missing::Image(_))) => {
                photo.picture = Picture::Erased;
                return Ok(());
            }
            Err(StoreError::Corrupt { .. }) => Vec::new(),
            records => records?,
        };
        photo.name = records.first().and_then(|image| image.origin.name()).map(str::to_owned);
        if thumbnail {
            let decoded = StoredPhotos::new(&self.shared, self.project).decoded(photo.id)?;
            let small =
                decoded.and_then(|decoded| encode_jpeg_thumbnail(decoded.view(), THUMBNAIL_SIDE).ok());
            photo.picture = match small {
                Some(jpeg) => Picture::Thumbnail(Thumbnail::from_jpeg(&jpeg)),
                None => Picture::Unreadable,
            };
        }
        Ok(())
    }

    /// Whether a photo's record is there, readable or not.
    pub(crate) fn is_there(&self, image: ImageId) -> Result<bool, Error> {
        match self.shared.store.images_by_id(self.project, &[image]) {
            Err(StoreError::NotFound(Missing::Image(_))) => Ok(false),
            Ok(_) | Err(StoreError::Corrupt { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
