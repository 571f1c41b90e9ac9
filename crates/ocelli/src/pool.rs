//! Where long work runs.

use std::num::NonZero;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Error;

/// Runs work in the caller's rayon pool where the caller is in one, else in a pool of its own.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: Option<usize>,
    own: OnceLock<ThreadPool>,
}

impl Pool {
    /// `threads` are as many as there are cores where none are named.
    pub(crate) fn new(threads: Option<usize>) -> Self {
        Self { threads, own: OnceLock::new() }
    }

    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        if rayon::current_thread_index().is_some() {
            return Ok(work());
        }
        if self.own.get().is_none() {
            let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
            let threads = self.threads.unwrap_or_else(cores).max(1);
            let pool = ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("ocelli-{index}"))
                .build()
                .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
            // Another thread may have been quicker; its pool serves as well.
            let _ = self.own.set(pool);
        }
        match self.own.get() {
            Some(pool) => Ok(pool.install(work)),
            None => Ok(work()),
        }
    }
}
