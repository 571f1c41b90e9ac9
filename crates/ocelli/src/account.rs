use ocelli_core::{Account, AccountPolicy};
use ocelli_keys::PublicKey;
use ocelli_store::{Change, StoreError};

use crate::{Error, Ocelli};

impl Ocelli {
    /// What the data directory is as a whole: its id, whether it was closed, and how long it keeps what belongs to no
    /// project.
    pub fn account(&self) -> Result<Account, Error> {
        Ok(self.shared.store.account()?)
    }

    /// Replaces the policy that says how long deleted projects, a closed account and the entries of the audit log are
    /// kept. What was due under the policy before stays due.
    pub fn set_account_policy(&self, policy: AccountPolicy) -> Result<(), Error> {
        self.apply(Change::SetAccountPolicy { policy, at: self.shared.now() })
    }

    /// Closes the account: its projects are hidden at once, and due as a whole when its policy says so,
    /// [`CLOSED_ACCOUNT_DAYS`](ocelli_core::limits::CLOSED_ACCOUNT_DAYS) days later by default. Closing one that is closed
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// If an iteration is published: unpublish it first.
    pub fn close_account(&self) -> Result<(), Error> {
        self.apply(Change::CloseAccount { at: self.shared.now() })
    }

    /// Opens a closed account again, with all its projects.
    ///
    /// # Errors
    ///
    /// If it is due.
    pub fn reopen_account(&self) -> Result<(), Error> {
        self.apply(Change::ReopenAccount { at: self.shared.now() })
    }

    /// The key that verifies receipts and checkpoints. Who verifies should have it from elsewhere than the data directory.
    ///
    /// # Errors
    ///
    /// If there are no keys ([`OpenOptions::keys`](crate::OpenOptions::keys)), or they cannot be reached.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        let keys = self.shared.keys().ok_or(StoreError::NoKeys("telling the public key"))?;
        Ok(keys.public_key()?)
    }

    pub(crate) fn apply(&self, change: Change) -> Result<(), Error> {
        self.shared.store.apply(change)?;
        Ok(())
    }
}
