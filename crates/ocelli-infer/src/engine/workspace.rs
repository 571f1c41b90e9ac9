//! The memory of one prediction.

use std::sync::{Mutex, PoisonError};

use ocelli_kernels::Line;

use super::photo::Resampler;

/// What one prediction writes: the arena, scratch memory of each thread, and the photo's way in.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(super) arena: Vec<Line>,
    pub(super) scratch: Vec<Line>,
    pub(super) resampler: Resampler,
}

/// Workspaces that wait for the next prediction. There come to be as many as predictions at the same time.
#[derive(Debug, Default)]
pub(crate) struct Workspaces(Mutex<Vec<Workspace>>);

impl Workspaces {
    /// Lends a workspace.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = waiting.unwrap_or_default();
        let result = work(&mut workspace);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        result
    }
}
