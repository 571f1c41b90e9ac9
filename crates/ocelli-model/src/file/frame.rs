//! The frame around a network: a safetensors file with a version and a checksum over all of it.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

use super::{UNCALIBRATED_VERSION, VERSION, VERSION_KEY, within_limit};
use crate::{ElementType, ModelError, Tensor};

const CHECKSUM_KEY: &str = "ocelli.checksum";
/// What precedes the checksum's digits. JSON escapes quotation marks within texts, so no text can contain it.
const CHECKSUM_MARK: &[u8] = b"\"ocelli.checksum\":\"";
const CHECKSUM_ZEROS: &[u8; 64] = &[b'0'; 64];

/// The bytes that give the header's length, as safetensors has them.
const LENGTH_BYTES: usize = 8;
/// The longest header that safetensors admits.
const MAX_HEADER_BYTES: u64 = 100_000_000;

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

/// Frames the tensors, in the given order, and the metadata.
pub(super) fn write(
    mut metadata: BTreeMap<String, String>,
    tensors: &[(&str, &Tensor)],
) -> Result<Vec<u8>, ModelError> {
    metadata.insert(CHECKSUM_KEY.to_owned(), String::from_utf8_lossy(CHECKSUM_ZEROS).into_owned());
    let mut infos = BTreeMap::new();
    let mut end = 0;
    for (name, tensor) in tensors {
        let (dtype, size) = match tensor.element_type() {
            ElementType::F16 => (Dtype::F16, 2),
            ElementType::F32 => (Dtype::F32, 4),
        };
        let start = end;
        end += tensor.len() * size;
        infos.insert(*name, TensorInfo { dtype, shape: tensor.shape().to_vec(), data_offsets: (start, end) });
    }
    let header = Header { metadata: &metadata, tensors: infos };
    let mut header =
        serde_json::to_vec(&header).map_err(|error| ModelError::Description { reason: error.to_string() })?;
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    within_limit((LENGTH_BYTES + header.len() + end) as u64)?;

    let mut bytes = Vec::with_capacity(LENGTH_BYTES + header.len() + end);
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&header);
    for (_, tensor) in tensors {
        tensor.write_le_bytes(&mut bytes);
    }
    let digits = checksum_position(&header).ok_or(ModelError::Checksum)?;
    let checksum = blake3::hash(&bytes);
    bytes[digits..digits + CHECKSUM_ZEROS.len()].copy_from_slice(checksum.to_hex().as_bytes());
    Ok(bytes)
}

/// Where in the file the checksum's digits begin, if the header names one checksum.
fn checksum_position(header: &[u8]) -> Option<usize> {
    let mut marks =
        header.windows(CHECKSUM_MARK.len()).enumerate().filter(|(_, window)| *window == CHECKSUM_MARK);
    let (mark, _) = marks.next()?;
    let digits = mark + CHECKSUM_MARK.len();
    let whole = digits + CHECKSUM_ZEROS.len() <= header.len();
    (marks.next().is_none() && whole).then_some(LENGTH_BYTES + digits)
}

/// A file whose frame is intact: every byte is as it was written.
pub(super) struct Frame<'a> {
    header: Metadata,
    version: u32,
    data: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let found = bytes.len() as u64;
        within_limit(found)?;
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(ModelError::Truncated { found, expected: LENGTH_BYTES as u64 });
        };
        let length = u64::from_le_bytes(*length);
        if length > MAX_HEADER_BYTES || rest.first().is_some_and(|byte| *byte != b'{') {
            return Err(not_a_model_file("it does not begin as a safetensors file does"));
        }
        let Some((header_bytes, data)) = rest.split_at_checked(length as usize) else {
            return Err(ModelError::Truncated { found, expected: LENGTH_BYTES as u64 + length });
        };
        let header = serde_json::from_slice::<Metadata>(header_bytes);
        let Some(digits) = checksum_position(header_bytes) else {
            return Err(match header {
                Ok(_) => not_a_model_file("it is a safetensors file without a checksum of this program"),
                Err(error) => not_a_model_file(&format!("its header cannot be read ({error})")),
            });
        };
        // Where the length is wrong, say so: it is the better half of what a failing checksum tells.
        if let Ok(header) = &header {
            let end = LENGTH_BYTES as u64 + length;
            let expected = end.saturating_add(header.data_len() as u64);
            if found < expected {
                return Err(ModelError::Truncated { found, expected });
            }
            if found > expected {
                return Err(ModelError::TrailingBytes { found, expected });
            }
        }
        verify(bytes, digits)?;
        let header =
            header.map_err(|error| not_a_model_file(&format!("its header cannot be read ({error})")))?;
        let version = version(&header)?;
        Ok(Self { header, version, data })
    }

    /// The version of the format, one that this program reads.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn metadata(&self, key: &str) -> Option<&str> {
        text(&self.header, key)
    }

    /// Each tensor's name, type, shape and little-endian values.
    pub(super) fn tensors(&self) -> impl Iterator<Item = (String, Dtype, &[usize], &'a [u8])> {
        self.header.offset_keys().into_iter().filter_map(|name| {
            let info = self.header.info(&name)?;
            let data = self.data.get(info.data_offsets.0..info.data_offsets.1)?;
            Some((name, info.dtype, info.shape.as_slice(), data))
        })
    }
}

fn text<'h>(header: &'h Metadata, key: &str) -> Option<&'h str> {
    header.metadata().as_ref()?.get(key).map(String::as_str)
}

fn version(header: &Metadata) -> Result<u32, ModelError> {
    match text(header, VERSION_KEY).and_then(|version| version.parse().ok()) {
        Some(found) if found > VERSION => Err(ModelError::NewerVersion { found, supported: VERSION }),
        Some(version @ UNCALIBRATED_VERSION..=VERSION) => Ok(version),
        _ => Err(not_a_model_file("its version is not a number from 1 on")),
    }
}

fn verify(bytes: &[u8], digits: usize) -> Result<(), ModelError> {
    let (before, rest) = bytes.split_at_checked(digits).ok_or(ModelError::Checksum)?;
    let (stated, after) = rest.split_at_checked(CHECKSUM_ZEROS.len()).ok_or(ModelError::Checksum)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(CHECKSUM_ZEROS).update(after);
    // Compared as text: an upper-case digit would be an altered byte, too.
    let intact = hasher.finalize().to_hex().as_bytes() == stated;
    if intact { Ok(()) } else { Err(ModelError::Checksum) }
}

fn not_a_model_file(reason: &str) -> ModelError {
    ModelError::NotAModelFile { reason: reason.to_owned() }
}
