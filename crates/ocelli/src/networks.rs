//! The networks of iterations, compiled when they are first asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ocelli_core::{Domain, Iteration, IterationId};
use ocelli_imaging::DecodeLimits;
use ocelli_infer::Model;
use ocelli_model::{ModelError, Network, View, file};

use crate::Error;
use crate::ocelli::Shared;

/// Compiled networks that are kept; the one asked least recently makes room.
const KEPT: usize = 8;

/// The networks asked most recently, the latest last.
///
/// A network never changes once its iteration has completed, so nothing here goes stale; whether an iteration is
/// there and published is for the store to say at every call.
#[derive(Debug, Default)]
pub(crate) struct Networks(Mutex<VecDeque<(IterationId, Arc<Model>)>>);

impl Networks {
    fn get(&self, id: IterationId) -> Option<Arc<Model>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(other, _)| *other == id)?;
        let entry = kept.remove(found)?;
        let model = entry.1.clone();
        kept.push_back(entry);
        Some(model)
    }

    fn put(&self, id: IterationId, model: Arc<Model>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != id);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((id, model));
    }

    /// Forgets a network whose iteration has been deleted.
    pub(crate) fn forget(&self, id: IterationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != id);
    }
}

impl Shared {
    /// The compiled network of an iteration that the store has just returned.
    pub(crate) fn model(&self, iteration: &Iteration) -> Result<Arc<Model>, Error> {
        if let Some(model) = self.networks.get(iteration.id) {
            return Ok(model);
        }
        let network = self.network(iteration)?;
        let limits = DecodeLimits::prediction(&self.limits);
        let model = Arc::new(Model::from_network(network)?.with_limits(limits));
        self.networks.put(iteration.id, model.clone());
        Ok(model)
    }

    /// The network of an iteration: the base of its domain, and its own part from the store.
    pub(crate) fn network(&self, iteration: &Iteration) -> Result<Network, Error> {
        let bytes = self.store.model(iteration.project_id, iteration.id)?;
        let unknown = || ocelli_store::StoreError::UnknownDomain;
        let domain = Domain::from_id(iteration.domain_id).ok_or_else(unknown)?;
        let base = self.bases.for_domain(domain)?;
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
