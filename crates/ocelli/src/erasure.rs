//! What has gone for good, and what keeps it so.

use std::path::Path;

use ocelli_core::{
    Affected, AffectedOutcome, Erased, Erasure, ErasureRecord, ErasureStatus, ProjectId, Timestamp,
};
use ocelli_store::{Applied, Change, CheckOptions, CheckReport};

use crate::ocelli::Shared;
use crate::{Error, Ocelli};

impl Shared {
    /// Makes a change that erases, and forgets the networks of the iterations that went with it.
    pub(crate) fn erase(&self, change: Change) -> Result<Erasure, Error> {
        let erasure = match self.store.apply(change)? {
            Applied::Erased(erasure) => erasure,
            // A store that does not say knows by its next answer.
            _ => Erasure {
                operation: None,
                status: self.store.finish_erasures()?,
                iterations: Vec::new(),
                refused: Vec::new(),
            },
        };
        self.record_completion(&erasure);
        for iteration in &erasure.iterations {
            if iteration.outcome == AffectedOutcome::Deleted {
                self.networks.forget(iteration.id);
            }
        }
        Ok(erasure)
    }

    /// Records that an erasure is complete, for its receipt. Where it cannot be, the next call that finishes erasures does.
    fn record_completion(&self, erasure: &Erasure) {
        let Some(operation) = erasure.operation.filter(|_| erasure.status.is_complete()) else { return };
        let complete = || {
            let operations = self.store.operations(operation.saturating_sub(1), 1)?;
            self.store.apply(Change::CompleteErasures { operations, at: self.now() })
        };
        if let Err(error) = complete() {
            tracing::warn!(operation, %error, "that an erasure is complete could not be recorded");
        }
    }
}

impl Ocelli {
    /// Erases a project for good, with its photos, tags, iterations, exports and kept predictions: one in use, with
    /// whatever it has published, or one that was deleted and could still be restored.
    ///
    /// That it was erased stays known, by its id and the moment ([`erasures`](Self::erasures)).
    pub fn erase_project(&self, id: ProjectId) -> Result<Erasure, Error> {
        let erasure = self.shared.erase(Change::EraseProject { project: id, at: self.shared.now() })?;
        self.shared.networks.forget_project(id);
        Ok(erasure)
    }

    /// Goes on with erasures that are pending ([`ErasureStatus::ErasurePending`]), and says whether any still is. So do
    /// the next change of any handle, in any process, and the next opening.
    pub fn finish_erasures(&self) -> Result<ErasureStatus, Error> {
        #[cfg(feature = "retention")]
        return Ok(ocelli_retention::complete(&*self.shared.store, &|| self.shared.now())?);
        #[cfg(not(feature = "retention"))]
        Ok(self.shared.store.finish_erasures()?)
    }

    /// What was erased at or after this moment, in the order in which it was: ids and moments, never content.
    ///
    /// A snapshot that is older than an erasure still has what it erased. Keep these records apart from the snapshots,
    /// for [`reapply_erasures`](Self::reapply_erasures). To put one back, ask since the beginning of time: what the
    /// snapshot knows of is passed over, while since a moment an erasure that was under way then can be missed. The list
    /// grows by one row of ids for each thing that is erased.
    pub fn erasures(&self, since: Timestamp) -> Result<Vec<ErasureRecord>, Error> {
        Ok(self.shared.store.erasures(since)?)
    }

    /// Erases again, after a snapshot was put back, what was erased since it was made.
    ///
    /// What the snapshot never had is passed over, and so is what this directory has erased itself: reapplying the same
    /// records again changes nothing. Iterations that were erased go, and with those that were trained on what is erased
    /// only now it does as chosen; the answer tells which, of all projects. What a hold keeps by now, or lies in a project
    /// whose key is missing, stays, and the answer lists its records ([`Erasure::refused`]): reapply those when it can go.
    ///
    /// # Errors
    ///
    /// If a record is of a kind that only a newer version knows; then nothing is erased.
    pub fn reapply_erasures(
        &self,
        erasures: Vec<ErasureRecord>,
        affected: Affected,
    ) -> Result<Erasure, Error> {
        let gone: Vec<(ProjectId, Erased)> =
            erasures.iter().map(|record| (record.project_id, record.erased)).collect();
        let erasure = self.shared.erase(Change::ReapplyErasures { erasures, affected })?;
        for (project, erased) in gone {
            match erased {
                Erased::Project(_) => self.shared.networks.forget_project(project),
                Erased::Iteration(id) => self.shared.networks.forget(id),
                _ => {}
            }
        }
        Ok(erasure)
    }

    /// Reads everything, and reports what is not as it was stored. It repairs only when asked.
    pub fn check(&self, options: &CheckOptions) -> Result<CheckReport, Error> {
        Ok(self.shared.store.check(options)?)
    }

    /// Copies the data directory, as it is at one moment, into a folder that is empty or not there, while it is in use.
    /// The copy is a data directory: [`open`](Self::open) opens it.
    ///
    /// # Errors
    ///
    /// If the folder holds something, or everything is in memory.
    pub fn snapshot(&self, to: impl AsRef<Path>) -> Result<(), Error> {
        Ok(self.shared.store.snapshot(to.as_ref())?)
    }
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{IterationHandle, NewProject, OpenOptions, ProjectHandle, TrainOptions};

    /// A project that was trained and has answered, so that its network is in memory.
    fn asked() -> (Ocelli, ProjectHandle, IterationHandle) {
        let ocelli = OpenOptions::new().in_memory().unwrap();
        let project = ocelli.create_project(NewProject::new("asked")).unwrap();
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/train");
        let mut photo = Vec::new();
        for tag in ["fish", "windmill"] {
            let id = project.create_tag(tag).unwrap().id;
            for file in std::fs::read_dir(photos.join(tag)).unwrap().take(5) {
                photo = std::fs::read(file.unwrap().path()).unwrap();
                project.add_image(photo.clone(), &[id]).unwrap();
            }
        }
        let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
        iteration.quick_test(&photo).unwrap();
        assert_eq!(ocelli.shared.networks.len(), 1);
        (ocelli, project, iteration)
    }

    #[test]
    fn networks_of_what_is_erased_are_forgotten() {
        let (ocelli, project, iteration) = asked();
        let image = iteration.evaluation().unwrap().photos[0].photo;
        assert!(project.delete_images_with(vec![image], Affected::Delete).unwrap().status.is_complete());
        assert_eq!(ocelli.shared.networks.len(), 0, "after a photo was erased with the iteration");

        let (ocelli, project, _) = asked();
        assert!(ocelli.erase_project(project.id()).unwrap().status.is_complete());
        assert_eq!(ocelli.shared.networks.len(), 0, "after the project was erased");

        let (ocelli, project, iteration) = asked();
        let record =
            |erased| ErasureRecord { at: Timestamp::from_millis(1), project_id: project.id(), erased };
        let erasures = vec![record(Erased::Iteration(iteration.id()))];
        assert!(ocelli.reapply_erasures(erasures, Affected::Keep).unwrap().status.is_complete());
        assert_eq!(ocelli.shared.networks.len(), 0, "after its erasure was reapplied");

        let (ocelli, project, iteration) = asked();
        let image = iteration.evaluation().unwrap().photos[0].photo;
        let erased = Erased::Image(image);
        let record = ErasureRecord { at: Timestamp::from_millis(1), project_id: project.id(), erased };
        let erasure = ocelli.reapply_erasures(vec![record], Affected::Delete).unwrap();
        let told = erasure.iterations.iter().map(|each| (each.project_id, each.id, each.outcome));
        assert_eq!(told.collect::<Vec<_>>(), [(project.id(), iteration.id(), AffectedOutcome::Deleted)]);
        assert_eq!(ocelli.shared.networks.len(), 0, "after that of a photo was");
    }
}
