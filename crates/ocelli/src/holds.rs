//! What must not go, whatever falls due and whoever asks.

use ocelli_core::{Description, Erased, HeldItem, Hold, HoldId, HoldTarget, ProjectId, limits};
use ocelli_store::Change;

use crate::{Error, Ocelli};

impl Ocelli {
    /// Places a hold: what it is on stays until it is released. An erasure that would take it is refused
    /// ([`StoreError::Held`](ocelli_store::StoreError::Held)), which the audit log records, and sweeps pass it over.
    ///
    /// A hold makes nothing visible: what is past its due date is seen by [`held`](Self::held) alone.
    ///
    /// ```
    /// use ocelli::{HoldTarget, NewProject, OpenOptions};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let ocelli = OpenOptions::new().in_memory()?;
    /// let project = ocelli.create_project(NewProject::new("evidence"))?;
    /// let hold = ocelli.place_hold(HoldTarget::Project { project_id: project.id() }, "case 7")?;
    /// assert!(ocelli.erase_project(project.id()).is_err());
    /// ocelli.release_hold(hold.id)?;
    /// assert!(ocelli.erase_project(project.id())?.status.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If what it names is not there. What a metadata expression selects may be nothing yet.
    pub fn place_hold(&self, target: HoldTarget, reason: impl Into<String>) -> Result<Hold, Error> {
        let placed = self.shared.now();
        let id = HoldId::new(placed, self.shared.random()?);
        let hold = Hold { id, target, reason: Description::new(reason)?, placed };
        self.apply(Change::PlaceHold { hold: hold.clone() })?;
        Ok(hold)
    }

    /// The holds, in the order in which they were placed.
    pub fn holds(&self) -> Result<Vec<Hold>, Error> {
        Ok(self.shared.store.holds()?)
    }

    /// Releases a hold. What it kept past its due date is due at once.
    pub fn release_hold(&self, hold: HoldId) -> Result<(), Error> {
        self.apply(Change::ReleaseHold { hold, at: self.shared.now() })
    }

    /// The photos and kept predictions that a hold keeps, due or not.
    pub fn held(&self, hold: HoldId) -> Result<Vec<HeldItem>, Error> {
        let mut held = Vec::new();
        loop {
            let page = self.held_page(hold, held.last(), limits::MAX_PAGE)?;
            let is_last = page.len() < limits::MAX_PAGE;
            held.extend(page);
            if is_last {
                return Ok(held);
            }
        }
    }

    /// The first `take` photos and kept predictions that a hold keeps after this one, due or not.
    pub fn held_page(
        &self,
        hold: HoldId,
        after: Option<&HeldItem>,
        take: usize,
    ) -> Result<Vec<HeldItem>, Error> {
        Ok(self.shared.store.held(hold, after, take)?)
    }

    /// The bytes of a photo, or of a kept prediction's photo, that a hold keeps, due or not.
    pub fn held_bytes(&self, hold: HoldId, project: ProjectId, item: Erased) -> Result<Vec<u8>, Error> {
        Ok(self.shared.store.held_bytes(hold, project, item)?)
    }
}
