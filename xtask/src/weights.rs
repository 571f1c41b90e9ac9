//! From a published PyTorch checkpoint to a committed model file.

mod checkpoint;
mod efficientnet;

use std::error::Error;
use std::path::Path;

use ocelli_model::file;

use checkpoint::Checkpoint;
use efficientnet::Variant;

/// What to do with the converted files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Put them in their crates.
    Write,
    /// Compare them with those in their crates.
    Check,
}

/// Converts every base model of the workspace at `root`.
pub(crate) fn convert_all(root: &Path, mode: Mode) -> Result<(), Box<dyn Error>> {
    for variant in Variant::ALL {
        let checkpoint = Checkpoint::download(variant)?;
        let network = efficientnet::network(variant, &checkpoint)?;
        let bytes = file::write(&network)?;
        let path = root.join(format!("crates/ocelli-weights-{}/efficientnet-{0}.safetensors", variant.name));
        match mode {
            Mode::Write => std::fs::write(&path, &bytes)?,
            Mode::Check if std::fs::read(&path)? == bytes => {}
            Mode::Check => return Err(format!("{} differs from its source", path.display()).into()),
        }
        println!(
            "{}: {} bytes, {} weights, {} million multiply-adds, fingerprint {}",
            path.canonicalize()?.display(),
            bytes.len(),
            network.parameters(),
            network.multiply_adds() / 1_000_000,
            network.fingerprint(),
        );
    }
    Ok(())
}
