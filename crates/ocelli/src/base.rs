//! The base models that this build carries, prepared when they are first needed.

use std::sync::OnceLock;

use ocelli_core::{BaseModel, Domain};
use ocelli_model::{Network, file};

use crate::Error;

/// The pretrained base models, each read at most once.
#[derive(Debug, Default)]
pub(crate) struct Bases {
    lite0: OnceLock<Network>,
    #[cfg(feature = "lite2")]
    lite2: OnceLock<Network>,
}

impl Bases {
    /// The base that projects of this domain are trained on.
    pub(crate) fn for_domain(&self, domain: Domain) -> Result<&Network, Error> {
        self.get(domain.base.ok_or(Error::UntrainableDomain(domain))?)
    }

    fn get(&self, base: BaseModel) -> Result<&Network, Error> {
        match base {
            BaseModel::Lite0 => read(&self.lite0, ocelli_weights_lite0::MODEL),
            #[cfg(feature = "lite2")]
            BaseModel::Lite2 => read(&self.lite2, ocelli_weights_lite2::MODEL),
            #[cfg(not(feature = "lite2"))]
            BaseModel::Lite2 => Err(Error::BaseLeftOut(base)),
        }
    }
}

fn read<'a>(once: &'a OnceLock<Network>, bytes: &[u8]) -> Result<&'a Network, Error> {
    if let Some(network) = once.get() {
        return Ok(network);
    }
    let network = file::read(bytes)?;
    Ok(once.get_or_init(|| network))
}
