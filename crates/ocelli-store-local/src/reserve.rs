//! Room for erasing on a full disk.

use ocelli_store::StoreError;

use crate::LocalStore;
use crate::directory::ignore_missing;

/// Space kept for erasing on a full disk: about two thousand pages of the log.
const RESERVE: u64 = 8 << 20;
/// How often an erasure on a full disk is tried again, since others may take the space that it is given.
const ATTEMPTS: u32 = 3;

impl LocalStore {
    /// What takes away must not fail for lack of room: then the reserve is released.
    pub(crate) fn with_reserve<T>(
        &self,
        action: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 1..ATTEMPTS {
            match action() {
                Err(StoreError::Full { .. }) => {
                    self.release_reserve();
                    self.empty_log();
                }
                done => return done,
            }
        }
        action()
    }

    fn release_reserve(&self) {
        if let Err(error) = ignore_missing(self.directory.medium.remove_file(&self.directory.reserve())) {
            tracing::warn!(%error, "the reserve could not be released");
        }
    }

    /// Gives the space of the log back, as far as that can be done without waiting.
    pub(crate) fn empty_log(&self) {
        if let Err(error) = self.settle(false, 1) {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
    }

    /// Takes the space again that an erasure may have needed, where there is any. Says whether it has it.
    pub(crate) fn keep_reserve(&self) -> bool {
        let (medium, path) = (self.directory.medium.as_ref(), self.directory.reserve());
        let kept = || medium.size(&path).is_ok_and(|size| size == RESERVE);
        if kept() {
            return true;
        }
        // Another handle may be doing the same.
        let Ok(_writing) = self.write() else { return false };
        if kept() {
            return true;
        }
        let _ = medium.remove_file(&path);
        if let Err(error) = medium.reserve(&path, RESERVE) {
            let _ = medium.remove_file(&path);
            tracing::debug!(%error, "no space could be reserved for erasing on a full disk");
            return false;
        }
        true
    }
}
