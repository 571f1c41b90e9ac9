//! Requests about one person or source: they name metadata, not ids.

use ocelli_core::{Affected, Hold, HoldTarget, MetadataFilter};
use ocelli_retention::{Findings, PersonErased};

use crate::{Error, Ocelli};

impl Ocelli {
    /// Finds everything that is kept about a person or a source: the photos and kept predictions whose metadata the
    /// expression selects, in all projects, deleted ones and what is due among them, and the iterations that were trained
    /// on those photos.
    ///
    /// It is the one question that sees what is due, held or not, with its metadata: who asks what is kept about a person
    /// must be told all of it, and erase all of it. A project whose key is missing cannot be looked into; the answer names it
    /// ([`Findings::locked`]).
    ///
    /// ```
    /// use ocelli::{Affected, OpenOptions};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let ocelli = OpenOptions::new().in_memory()?;
    /// let person = "person eq 'visitor 81' or badge eq '1704'".parse()?;
    /// let found = ocelli.find_person(&person)?;
    /// let gone = ocelli.erase_person(&person, Affected::Unpublish)?;
    /// assert_eq!(gone.erased.len(), found.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn find_person(&self, filter: &MetadataFilter) -> Result<Findings, Error> {
        Ok(ocelli_retention::find_person(&*self.shared.store, filter)?)
    }

    /// Erases everything that [`find_person`](Self::find_person) finds, and does as chosen with the iterations that were
    /// trained on it. What a hold keeps stays, is told, and the refusal is recorded. Nor is anything erased in a project
    /// whose key is missing: as long as the answer names one ([`PersonErased::locked`]), the request is not done with.
    ///
    /// Its receipt is found by [`PersonErased::operation`]; where somebody made that before all was erased, the rest has
    /// others, in [`PersonErased::more_operations`].
    ///
    /// # Errors
    ///
    /// If the store fails. What was erased until then stays erased; erase again to go on.
    pub fn erase_person(&self, filter: &MetadataFilter, affected: Affected) -> Result<PersonErased, Error> {
        let now = || self.shared.now();
        let erased = ocelli_retention::erase_person(&*self.shared.store, filter, affected, &now);
        self.shared.forget_erased_networks();
        Ok(erased?)
    }

    /// Holds everything that is kept about a person or a source, in all projects, and what will be.
    pub fn hold_person(&self, filter: MetadataFilter, reason: impl Into<String>) -> Result<Hold, Error> {
        self.place_hold(HoldTarget::Metadata { project_id: None, filter }, reason)
    }
}
