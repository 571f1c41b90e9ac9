//! The proof of what was erased, and of what happened.

use ocelli_core::{Commitment, Erased, ErasedItem, ErasureOperation, ProjectId, Salt};
use ocelli_retention::{AuditHead, AuditLog, Receipt};

use crate::{Error, Ocelli};

impl Ocelli {
    /// The first `take` erasures after this number, in the order in which they began: one for each call that erased
    /// something and for each plan that was carried out.
    pub fn erasure_operations(&self, after: u64, take: usize) -> Result<Vec<ErasureOperation>, Error> {
        Ok(self.shared.store.operations(after, take)?)
    }

    /// What an erasure erased, in the order in which its receipt counts: ids, reasons and commitments.
    pub fn erased_items(&self, operation: u64) -> Result<Vec<ErasedItem>, Error> {
        Ok(self.shared.store.erased_items(operation)?)
    }

    /// The receipt of an erasure, signed: as it was made before, or made and kept now. One that is pending is gone on
    /// with first.
    ///
    /// ```
    /// use ocelli::{Keys, NewProject, OpenOptions, Receipt};
    ///
    /// # fn random<const N: usize>() -> [u8; N] { [7; N] }
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let ocelli = OpenOptions::new().keys(Keys::from_random(random())).in_memory()?;
    /// let project = ocelli.create_project(NewProject::new("short"))?;
    /// let erasure = ocelli.erase_project(project.id())?;
    /// let operation = erasure.operation.expect("something was erased");
    /// let json = ocelli.receipt(operation)?.to_json()?;
    ///
    /// // Elsewhere, with the public key:
    /// Receipt::from_json(&json)?.verify(&ocelli.public_key()?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// While something of what was erased is left ([`ProofError::Pending`](ocelli_retention::ProofError::Pending)); if
    /// there is no such erasure, or a receipt is to be made and there are no keys to sign it with.
    pub fn receipt(&self, operation: u64) -> Result<Receipt, Error> {
        let (store, keys, now) = (&*self.shared.store, self.shared.keys(), || self.shared.now());
        Ok(ocelli_retention::receipt(store, keys, operation, &now)?)
    }

    /// The audit log: what happened in the data directory, in ids and commitments, each entry chained to the one before.
    /// Due entries are behind a checkpoint; without keys, which signing one takes, they are listed until a sweep that has
    /// keys.
    pub fn audit_log(&self) -> Result<AuditLog, Error> {
        let (store, keys) = (&*self.shared.store, self.shared.keys());
        Ok(ocelli_retention::audit_log(store, keys, self.shared.now())?)
    }

    /// The number and the hash of the last entry of the audit log, to be kept elsewhere: a log that was cut or rewritten
    /// since does not have it.
    pub fn audit_head(&self) -> Result<AuditHead, Error> {
        Ok(ocelli_retention::audit_head(&*self.shared.store)?)
    }

    /// The commitment to a photo, or to a kept prediction's photo, and the salt that it was made with. Who keeps the salt
    /// and the photo can show later which erasure took it; the data directory forgets the salt with the photo.
    pub fn commitment(&self, project: ProjectId, item: Erased) -> Result<(Salt, Commitment), Error> {
        Ok(self.shared.store.commitment(project, item)?)
    }
}
