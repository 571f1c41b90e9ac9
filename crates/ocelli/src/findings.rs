use std::collections::{BTreeSet, HashMap};

use ocelli_core::{ImageId, LeftOut, Manifest};
use ocelli_imaging::{PerceptualHash, PhotoProblem, PhotoSignature, near_duplicates};
use ocelli_report::{Flaw, PhotoFindings, PoorPhoto};
use ocelli_train::StopToken;

use crate::signatures::{Signatures, signatures};
use crate::stored_photos::StoredPhotos;
use crate::{Error, IterationHandle};

impl IterationHandle {
    /// Photos that deserve a look. See [`findings_until`](Self::findings_until).
    pub fn findings(&self) -> Result<PhotoFindings, Error> {
        self.findings_until(&StopToken::new())
    }

    /// Photos that deserve a look: those whose tags look wrong by what models that had not seen them answered, those
    /// that repeat others exactly or nearly, and those that cannot be read or show little. Looked at are the photos of
    /// the iteration that are still there, and those that have tags now.
    ///
    /// Each photo is decoded the first time; what is computed of it is kept, as its features are, and goes with it.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), ocelli::Error> {
    /// # let ocelli = ocelli::Ocelli::open("photos.ocelli")?;
    /// # let project = ocelli.project(ocelli.projects()?[0].id)?;
    /// # let iteration = project.iteration(project.iterations()?[0].id)?;
    /// let tags = iteration.evaluation()?.tags;
    /// for issue in iteration.findings()?.label_issues {
    ///     let doubted = &tags[usize::from(issue.problem.tag())];
    ///     println!("{}: {:?} of {}", issue.photo, issue.problem, doubted.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the iteration has not completed, a stop is asked for, or the store fails. What has been computed stays kept.
    pub fn findings_until(&self, stop: &StopToken) -> Result<PhotoFindings, Error> {
        self.findings_of(&self.manifest()?, stop)
    }

    pub(crate) fn findings_of(&self, manifest: &Manifest, stop: &StopToken) -> Result<PhotoFindings, Error> {
        let tagged = self.shared.store.tagged_images(self.project)?;
        let mut images: BTreeSet<ImageId> = tagged.into_iter().map(|(image, _)| image).collect();
        let tested = manifest.test.iter().flat_map(|test| &test.photos);
        images.extend(manifest.evaluation.photos.iter().chain(tested).map(|photo| photo.photo));
        let unreadable = manifest.left_out.iter().filter(|(_, why)| *why == LeftOut::Unreadable);
        images.extend(unreadable.map(|(image, _)| *image));
        let images: Vec<ImageId> = images.into_iter().collect();

        let photos = StoredPhotos::new(&self.shared, self.project);
        let signatures = self.shared.pool.run(|| signatures(&photos, &images, stop))??;
        let mut findings = looked_at(&images, &signatures);
        // What is gone is not there to be looked at.
        let mut there = Vec::with_capacity(findings.unreadable.len());
        for image in findings.unreadable {
            if self.is_there(image)? {
                there.push(image);
            }
        }
        findings.unreadable = there;
        findings.label_issues = manifest.evaluation.label_issues();
        Ok(findings)
    }
}

/// What signatures say of photos.
fn looked_at(images: &[ImageId], signatures: &Signatures) -> PhotoFindings {
    let mut findings = PhotoFindings::default();
    let mut seen: Vec<(ImageId, PhotoSignature)> = Vec::with_capacity(images.len());
    for image in images {
        let Some(signature) = signatures.get(image).copied().flatten() else {
            findings.unreadable.push(*image);
            continue;
        };
        let flaws: Vec<Flaw> = signature.quality.problems().into_iter().map(flaw).collect();
        if !flaws.is_empty() {
            findings.poor.push(PoorPhoto { photo: *image, flaws });
        }
        seen.push((*image, signature));
    }
    // Of photos with one signature, to the last bit, the first stands for all among those that are only alike.
    let mut same = HashMap::<Vec<u32>, usize>::new();
    let mut firsts: Vec<(ImageId, PerceptualHash)> = Vec::new();
    let mut groups: Vec<Vec<ImageId>> = Vec::new();
    for (image, signature) in &seen {
        let bits = signature.to_values().into_iter().map(f32::to_bits).collect();
        let group = *same.entry(bits).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(others) => others.push(*image),
            None => {
                groups.push(vec![*image]);
                firsts.push((*image, signature.hash));
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    findings.duplicates = groups;
    let hashes: Vec<PerceptualHash> = firsts.iter().map(|(_, hash)| *hash).collect();
    let alike = near_duplicates(&hashes, PerceptualHash::NEAR);
    findings.near_duplicates = alike
        .into_iter()
        .map(|group| group.into_iter().filter_map(|index| Some(firsts.get(index)?.0)).collect())
        .collect();
    findings
}

fn flaw(problem: PhotoProblem) -> Flaw {
    match problem {
        PhotoProblem::TooDark => Flaw::Dark,
        PhotoProblem::TooBright => Flaw::Bright,
        PhotoProblem::Blurred => Flaw::Blurred,
        PhotoProblem::TooSmall => Flaw::Tiny,
    }
}
