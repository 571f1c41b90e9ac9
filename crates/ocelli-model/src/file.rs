//! The model file: one network in one file.
//!
//! It is a [safetensors](https://github.com/huggingface/safetensors) file, so that other tools read its
//! weights. Its `__metadata__` holds
//!
//! | key | value |
//! |---|---|
//! | `ocelli.checksum` | BLAKE3 of the whole file with these 64 hexadecimal digits as zeros |
//! | `ocelli.version` | the version of the format, [`VERSION`] |
//! | `ocelli.network` | the [`NetworkDescription`] as JSON |
//! | `ocelli.provenance` | the [`Provenance`] as JSON, where it is known |
//! | `ocelli.calibration` | the [`Calibration`](crate::Calibration)'s photos and nodes in JSON, where there is one |
//! | `ocelli.base` | the base model's [`Fingerprint`], in a file that holds only what differs from it |
//! | `license`, `source` | the licence and the origin of the weights in words, for people |
//!
//! Convolutions of a base model are kept in f16, everything else in f32; batch normalisation is not folded
//! into the convolutions.
//!
//! A calibration's ranges are the tensor `ocelli.calibration`, `[channels, 3]` in f32: min, max and mean, the
//! nodes one after the other in the order of their names. The metadata says how many photos they are of, and
//! how many channels each node has.
//!
//! Reading is strict: a file with any byte altered, missing or added is refused. Later versions of the format
//! keep the frame (safetensors, checksum, version), so that they are recognised. A file has the earliest
//! version that can say what it holds: 2 with a calibration, 1 without, and no other.

mod frame;
mod ranges;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;

use crate::{ElementType, Fingerprint, ModelError, Network, NetworkDescription, Provenance, Tensor, limits};
use frame::Frame;
use ranges::Layout;

/// The latest version of the format that this program writes and reads.
pub const VERSION: u32 = 2;

/// The version of a file without a calibration.
const UNCALIBRATED_VERSION: u32 = 1;

const VERSION_KEY: &str = "ocelli.version";
const NETWORK_KEY: &str = "ocelli.network";
const PROVENANCE_KEY: &str = "ocelli.provenance";
const BASE_KEY: &str = "ocelli.base";
/// The key of the calibration's layout, and the name of the tensor of its ranges.
const CALIBRATION: &str = "ocelli.calibration";

/// Names that a network's own tensors cannot have.
pub(crate) const RESERVED_TENSORS: [&str; 2] = ["__metadata__", CALIBRATION];

/// The network as a self-contained model file. Equal networks give equal bytes.
///
/// # Errors
///
/// If the network is larger than [`limits::MAX_FILE_BYTES`].
pub fn write(network: &Network) -> Result<Vec<u8>, ModelError> {
    write_tensors(network, network.tensors(), None)
}

/// The network as a file that holds only the tensors in which it differs from its base model: the head and
/// the adapted layers. [`read_adapted`] needs the same base.
///
/// # Errors
///
/// As [`write()`].
pub fn write_adapted(network: &Network, base: &Network) -> Result<Vec<u8>, ModelError> {
    let adapted = network.tensors().filter(|(name, tensor)| base.tensor(name) != Some(tensor));
    write_tensors(network, adapted, Some(base.fingerprint()))
}

fn write_tensors<'a>(
    network: &Network,
    tensors: impl Iterator<Item = (&'a str, &'a Tensor)>,
    base: Option<Fingerprint>,
) -> Result<Vec<u8>, ModelError> {
    let mut metadata = BTreeMap::from([
        ("format".to_owned(), "ocelli model".to_owned()),
        (VERSION_KEY.to_owned(), UNCALIBRATED_VERSION.to_string()),
        (NETWORK_KEY.to_owned(), to_json(&network.description())?),
    ]);
    if let Some(provenance) = network.provenance() {
        let Provenance { model, package, version, sha256, license, copyright, changes, .. } = provenance;
        let source = format!("{model} from {package} {version}, SHA-256 {sha256}. {changes}");
        metadata.insert(PROVENANCE_KEY.to_owned(), to_json(provenance)?);
        metadata.insert("license".to_owned(), format!("{license}. {copyright}"));
        metadata.insert("source".to_owned(), source);
    }
    if let Some(base) = base {
        metadata.insert(BASE_KEY.to_owned(), base.to_string());
    }
    // The wider type first, so that every tensor is aligned.
    let mut tensors: Vec<_> = tensors.collect();
    let ranges = network.calibration().map(ranges::to_tensor).transpose()?;
    if let (Some(calibration), Some(ranges)) = (network.calibration(), &ranges) {
        metadata.insert(VERSION_KEY.to_owned(), VERSION.to_string());
        metadata.insert(CALIBRATION.to_owned(), to_json(&Layout::of(calibration))?);
        tensors.push((CALIBRATION, ranges));
    }
    tensors.sort_by_key(|(name, tensor)| (tensor.element_type() == ElementType::F16, *name));
    frame::write(metadata, &tensors)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, ModelError> {
    serde_json::to_string(value).map_err(|error| ModelError::Description { reason: error.to_string() })
}

/// The network in a self-contained model file.
///
/// # Errors
///
/// If the bytes are not exactly what [`write()`] returned, or are of a later version.
pub fn read(bytes: &[u8]) -> Result<Network, ModelError> {
    let frame = Frame::read(bytes)?;
    match base_of(&frame)? {
        Some(base) => Err(ModelError::NeedsBase { base }),
        None => read_network(&frame, None),
    }
}

/// The network in a file of [`write_adapted`]; it shares the other weights with the base.
///
/// # Errors
///
/// As [`read`], and if the file was written for another base.
pub fn read_adapted(bytes: &[u8], base: &Network) -> Result<Network, ModelError> {
    let frame = Frame::read(bytes)?;
    match base_of(&frame)? {
        Some(expected) if expected != base.fingerprint() => {
            Err(ModelError::WrongBase { found: base.fingerprint(), expected })
        }
        Some(_) => read_network(&frame, Some(base)),
        None => read_network(&frame, None),
    }
}

/// Reads a self-contained model file from disk.
///
/// # Errors
///
/// If the file cannot be read, and as [`read`].
pub fn open(path: impl AsRef<Path>) -> Result<Network, ModelError> {
    let path = path.as_ref();
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    within_limit(std::fs::metadata(path).map_err(io)?.len())?;
    read(&std::fs::read(path).map_err(io)?)
}

fn within_limit(found: u64) -> Result<(), ModelError> {
    let limit = limits::MAX_FILE_BYTES;
    if found > limit { Err(ModelError::TooLarge { what: "a model file", found, limit }) } else { Ok(()) }
}

fn base_of(frame: &Frame<'_>) -> Result<Option<Fingerprint>, ModelError> {
    frame.metadata(BASE_KEY).map(str::parse).transpose()
}

fn read_network(frame: &Frame<'_>, base: Option<&Network>) -> Result<Network, ModelError> {
    let missing = || ModelError::Description { reason: format!("{NETWORK_KEY} is missing") };
    let description: NetworkDescription = from_json(frame.metadata(NETWORK_KEY).ok_or_else(missing)?)?;
    let provenance = frame.metadata(PROVENANCE_KEY).map(from_json::<Provenance>).transpose()?;
    let layout = frame.metadata(CALIBRATION).map(from_json::<Layout>).transpose()?;
    let version = if layout.is_some() { VERSION } else { UNCALIBRATED_VERSION };
    if frame.version() != version {
        let (found, has) = (frame.version(), if layout.is_some() { "a" } else { "no" });
        let reason =
            format!("it has {has} calibration and version {found}; that goes with version {version}");
        return Err(ModelError::Description { reason });
    }
    let mut tensors = BTreeMap::new();
    for (name, dtype, shape, data) in frame.tensors() {
        let element_type = match dtype {
            Dtype::F16 => ElementType::F16,
            Dtype::F32 => ElementType::F32,
            other => {
                let reason = format!("the tensor {name:?} is of type {other}; F16 and F32 can be read");
                return Err(ModelError::Description { reason });
            }
        };
        tensors.insert(name, Tensor::from_le_bytes(element_type, shape, data)?);
    }
    if let Some(base) = base {
        let names = description.nodes.iter().flat_map(|node| node.op.tensors()).map(Cow::Borrowed);
        for name in names {
            if let (false, Some(tensor)) = (tensors.contains_key(name.as_ref()), base.tensor(&name)) {
                tensors.insert(name.into_owned(), tensor.clone());
            }
        }
    }
    let calibration = match layout {
        Some(layout) => {
            let missing =
                || ModelError::Description { reason: format!("the tensor {CALIBRATION} is missing") };
            Some(ranges::from_tensor(layout, &tensors.remove(CALIBRATION).ok_or_else(missing)?)?)
        }
        None => None,
    };
    let network = Network::new(description, tensors, provenance)?;
    match calibration {
        Some(calibration) => network.with_calibration(calibration),
        None => Ok(network),
    }
}

fn from_json<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, ModelError> {
    serde_json::from_str(json).map_err(|error| ModelError::Description { reason: error.to_string() })
}
