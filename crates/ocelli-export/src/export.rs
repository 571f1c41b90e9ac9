use ocelli_model::Network;
use serde::{Deserialize, Serialize};

use crate::{ExportError, OnnxOptions, description, onnx};

/// The name of the network's file.
pub(crate) const MODEL: &str = "model.onnx";
/// The name of the file of tags.
pub(crate) const LABELS: &str = "labels.txt";
/// The name of the file of metadata.
pub(crate) const METADATA: &str = "metadata_properties.json";

/// The files of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnnxExport {
    files: Vec<ExportedFile>,
}

/// One file of an export.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Its name, without any folder.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl OnnxExport {
    /// Every file, the network first.
    pub fn files(&self) -> &[ExportedFile] {
        &self.files
    }

    /// Every file, the network first, for those who need no more of the export.
    pub fn into_files(self) -> Vec<ExportedFile> {
        self.files
    }

    /// The content of the file of this name, if there is one.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|file| file.name == name).map(|file| file.bytes.as_slice())
    }

    /// The network: `model.onnx`.
    pub fn model(&self) -> &[u8] {
        self.file(MODEL).unwrap_or_default()
    }
}

impl std::fmt::Debug for ExportedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

/// Writes a network as ONNX. See the crate's documentation for the files.
///
/// # Errors
///
/// If the network has an operation that ONNX has no equivalent for here, or more weights than one file holds.
pub fn export(network: &Network, options: &OnnxOptions) -> Result<OnnxExport, ExportError> {
    let metadata = description::metadata(network, options.input)?;
    let model = onnx::encode(network, options.input, &metadata)?;
    let manifest = description::manifest(network, options, &model)?;
    let mut files = vec![(MODEL, model)];
    if !network.labels().is_empty() {
        files.push((LABELS, description::labels(network)));
    }
    files.push(("cvexport.manifest", manifest));
    files.push((METADATA, description::metadata_file(&metadata)?));
    if let Some(provenance) = network.provenance() {
        files.push(("NOTICE", description::notice(provenance)));
    }
    let files =
        files.into_iter().map(|(name, bytes)| ExportedFile { name: name.to_owned(), bytes }).collect();
    Ok(OnnxExport { files })
}
