//! The networks of iterations, compiled when they are first asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ocelli_core::{Domain, Iteration, IterationId, Precision, ProjectId};
use ocelli_imaging::DecodeLimits;
use ocelli_infer::{CompileOptions, Model};
use ocelli_model::{ModelError, Network, View, file};
use ocelli_store::StoreError;

use crate::Error;
use crate::ocelli::Shared;

/// Compiled networks that are kept; the one asked least recently makes room.
const KEPT: usize = 8;

/// The networks asked most recently, the latest last.
///
/// A network never changes once its iteration has completed, so nothing here goes stale; whether an iteration is
/// there and published is for the store to say at every call.
#[derive(Debug, Default)]
pub(crate) struct Networks(Mutex<VecDeque<(Key, Arc<Model>)>>);

/// A network is compiled for each precision in which it is asked.
type Key = (ProjectId, IterationId, Precision);

impl Networks {
    fn get(&self, key: Key) -> Option<Arc<Model>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(other, _)| *other == key)?;
        let entry = kept.remove(found)?;
        let model = entry.1.clone();
        kept.push_back(entry);
        Some(model)
    }

    fn put(&self, key: Key, model: Arc<Model>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != key);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((key, model));
    }

    /// How many are kept.
    #[cfg(all(test, feature = "train"))]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets a network whose iteration has been erased.
    pub(crate) fn forget(&self, id: IterationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|((_, other, _), _)| *other != id);
    }

    /// Whose networks are kept.
    #[cfg(feature = "retention")]
    fn kept(&self) -> Vec<(ProjectId, IterationId)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|((project, id, _), _)| (*project, *id)).collect()
    }

    /// Forgets the networks of a project that has been erased.
    pub(crate) fn forget_project(&self, id: ProjectId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|((other, ..), _)| *other != id);
    }
}

impl Shared {
    /// Forgets the networks of iterations that are not there any more.
    #[cfg(feature = "retention")]
    pub(crate) fn forget_erased_networks(&self) {
        for (project, id) in self.networks.kept() {
            if let Err(StoreError::NotFound(_)) = self.store.iteration(project, id) {
                self.networks.forget(id);
            }
        }
    }

    /// The compiled network of an iteration that the store has just returned.
    pub(crate) fn model(&self, iteration: &Iteration, precision: Precision) -> Result<Arc<Model>, Error> {
        let key = (iteration.project_id, iteration.id, precision);
        if let Some(model) = self.networks.get(key) {
            return Ok(model);
        }
        let network = self.network(iteration)?;
        if precision == Precision::Int8 && network.calibration().is_none() {
            return Err(Error::NoInt8 { iteration: iteration.name.to_string() });
        }
        let limits = DecodeLimits::prediction(&self.limits);
        let options = CompileOptions { precision, ..CompileOptions::default() };
        let model = Arc::new(Model::from_network_with(network, &options)?.with_limits(limits));
        self.networks.put(key, model.clone());
        Ok(model)
    }

    /// The network of an iteration: the base of its domain, and its own part from the store.
    pub(crate) fn network(&self, iteration: &Iteration) -> Result<Network, Error> {
        let bytes = self.store.model(iteration.project_id, iteration.id)?;
        let unknown = || StoreError::UnknownDomain;
        let domain = Domain::from_id(iteration.domain_id).ok_or_else(unknown)?;
        let base = match self.bases.for_domain(domain) {
            Ok(base) => base,
            // An iteration that came by an archive may have brought all of its model along.
            Err(left_out) => {
                return match file::read(&bytes) {
                    Err(ModelError::NeedsBase { .. }) => Err(left_out),
                    network => Ok(network?),
                };
            }
        };
        let mut trained = String::new();
        for view in [View::Whole, View::Centre] {
            match file::read_adapted(&bytes, &base.clone().with_view(view)) {
                Err(ModelError::WrongBase { expected, .. }) => trained = expected.to_string(),
                network => return Ok(network?),
            }
        }
        Err(Error::BaseChanged { trained })
    }
}
