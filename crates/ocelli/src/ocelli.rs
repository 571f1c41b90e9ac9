use std::path::Path;
use std::sync::Arc;

use ocelli_core::{
    DataClass, Description, Domain, IterationStatus, Limits, Name, Project, ProjectId, Timestamp,
    TrainingFailure,
};
use ocelli_keys::KeyProvider;
use ocelli_store::{
    Change, Clock, ContentKey, MemoryStore, ProjectState, Random, Store, StoreError, StoreOptions,
};
use ocelli_store_local::LocalStore;

use crate::base::Bases;
use crate::networks::Networks;
use crate::pool::Pool;
use crate::{Error, NewProject, ProjectHandle};

/// A data directory and everything in it. Cloning shares it; any thread may use any clone.
#[derive(Clone, Debug)]
pub struct Ocelli {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of one opening share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) limits: Limits,
    pub(crate) bases: Bases,
    pub(crate) networks: Networks,
    pub(crate) pool: Pool,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    keys: Option<Arc<dyn KeyProvider>>,
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(Error::Random)?;
        Ok(bytes)
    }

    pub(crate) fn keys(&self) -> Option<&dyn KeyProvider> {
        self.keys.as_deref()
    }
}

/// How a data directory is opened.
#[derive(Debug, Default)]
pub struct OpenOptions {
    threads: Option<usize>,
    store: StoreOptions,
}

impl OpenOptions {
    /// The defaults: Custom Vision's limits, a thread a core, the system's clock and random source.
    pub fn new() -> Self {
        Self::default()
    }

    /// Other limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.store.limits = limits;
        self
    }

    /// How many threads long work uses where the caller is not in a rayon pool of its own.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.store.clock = Arc::new(clock);
        self
    }

    /// Another random source.
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.store.random = Arc::new(random);
        self
    }

    /// Keys: to sign receipts and checkpoints of the audit log with, and to wrap the keys of encrypted projects with.
    pub fn keys(mut self, keys: impl KeyProvider + 'static) -> Self {
        self.store.keys = Some(Arc::new(keys));
        self
    }

    /// Whether projects that are made are encrypted at rest, which takes [`keys`](Self::keys). Those that there are stay
    /// as they are.
    pub fn encrypted(mut self, encrypted: bool) -> Self {
        self.store.encrypt = encrypted;
        self
    }

    /// Opens a data directory, and makes it where there is none. Several processes may open one.
    pub fn open(self, directory: impl AsRef<Path>) -> Result<Ocelli, Error> {
        let path = directory.as_ref();
        let store = LocalStore::open(path, self.store.clone())
            .map_err(|source| Error::Open { path: path.to_owned(), source })?;
        self.with_store(Arc::new(store))
    }

    /// Keeps everything in memory, and nothing after the last handle is gone.
    pub fn in_memory(self) -> Result<Ocelli, Error> {
        let store = MemoryStore::new(self.store.clone());
        self.with_store(Arc::new(store))
    }

    /// Uses a store of the caller's, which was opened with options of its own. Of these, the clock should be the same; the
    /// keys sign.
    pub fn with_store(self, store: Arc<dyn Store>) -> Result<Ocelli, Error> {
        let StoreOptions { limits, clock, random, keys, encrypt: _ } = self.store;
        let ocelli = Ocelli {
            shared: Arc::new(Shared {
                store,
                limits,
                bases: Bases::default(),
                networks: Networks::default(),
                pool: Pool::new(self.threads),
                clock,
                random,
                keys,
            }),
        };
        ocelli.fail_interrupted_trainings()?;
        Ok(ocelli)
    }
}

impl Ocelli {
    /// Opens a data directory with the default options, and makes it where there is none.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        OpenOptions::new().open(directory)
    }

    /// The domains that a project can be about.
    pub fn domains() -> &'static [Domain] {
        Domain::ALL
    }

    /// Makes a project.
    pub fn create_project(&self, new: NewProject) -> Result<ProjectHandle, Error> {
        let now = self.shared.now();
        let project = Project {
            id: ProjectId::new(now, self.shared.random()?),
            name: Name::new(&new.name)?,
            description: Description::new(&new.description)?,
            settings: new.settings,
            created: now,
            last_modified: now,
            deleted: None,
        };
        let id = project.id;
        let key = ContentKey::new(self.shared.random()?);
        self.shared.store.apply(Change::CreateProject { project, key })?;
        Ok(ProjectHandle::new(self.shared.clone(), id))
    }

    /// The projects, by the time that they were made.
    pub fn projects(&self) -> Result<Vec<Project>, Error> {
        Ok(self.shared.store.projects(ProjectState::Live)?)
    }

    /// A project.
    pub fn project(&self, id: ProjectId) -> Result<ProjectHandle, Error> {
        self.shared.store.project(id)?;
        Ok(ProjectHandle::new(self.shared.clone(), id))
    }

    /// The deleted projects that can still be restored.
    pub fn deleted_projects(&self) -> Result<Vec<Project>, Error> {
        let retention = self.account()?.retention;
        let cutoff = retention.cutoff(DataClass::DeletedProject, self.shared.now());
        let since = cutoff.map_or(i64::MIN, |cutoff| cutoff.as_millis().saturating_add(1));
        Ok(self.shared.store.projects(ProjectState::DeletedSince(Timestamp::from_millis(since)))?)
    }

    /// Brings back a project that was deleted and is not due: the account's policy gives it
    /// [`DELETED_PROJECT_DAYS`](ocelli_core::limits::DELETED_PROJECT_DAYS) days by default.
    pub fn restore_project(&self, id: ProjectId) -> Result<ProjectHandle, Error> {
        self.shared.store.apply(Change::RestoreProject { project: id, at: self.shared.now() })?;
        // A training that ended while the project was deleted could not say so.
        self.fail_interrupted_trainings_of(id)?;
        Ok(ProjectHandle::new(self.shared.clone(), id))
    }

    /// A training whose process has ended shows as failed; one that a living process holds is left alone.
    fn fail_interrupted_trainings(&self) -> Result<(), Error> {
        let projects = self.shared.store.projects(ProjectState::Live)?;
        projects.into_iter().try_for_each(|project| match self.fail_interrupted_trainings_of(project.id) {
            // Another process deleted it since the listing.
            Err(Error::Store(StoreError::NotFound(_))) => Ok(()),
            failed => failed,
        })
    }

    fn fail_interrupted_trainings_of(&self, project: ProjectId) -> Result<(), Error> {
        let store = &self.shared.store;
        let iterations = store.iterations(project)?;
        let training = iterations.iter().filter(|iteration| iteration.status == IterationStatus::Training);
        let training: Vec<_> = training.map(|iteration| iteration.id).collect();
        if training.is_empty() {
            return Ok(());
        }
        let _lock = match store.lock_training(project) {
            Err(StoreError::TrainingInProgress) => return Ok(()),
            lock => lock?,
        };
        for iteration in training {
            let (failure, at) = (TrainingFailure::Interrupted, self.shared.now());
            match store.apply(Change::FailTraining { project, iteration, failure, at }) {
                // Another process ended it between the listing and the lock.
                Err(StoreError::NotTraining(_) | StoreError::NotFound(_)) => {}
                applied => {
                    applied?;
                    tracing::warn!(%iteration, "a training was interrupted");
                }
            }
        }
        Ok(())
    }
}
