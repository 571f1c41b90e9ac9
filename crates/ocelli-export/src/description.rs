//! What the files beside the network say about it, and what the network's own metadata says.

use std::fmt::Write;

use ocelli_core::{IterationId, Timestamp};
use ocelli_model::{Network, Op, Provenance, View};
use serde::Serialize;
use sha1::{Digest, Sha1};

use crate::export::{LABELS, METADATA, MODEL};
use crate::{ExportError, OnnxInput, OnnxOptions};

/// `cvexport.manifest`, with the fields of Custom Vision's own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    domain_type: &'static str,
    platform: &'static str,
    flavor: Option<&'static str>,
    exporter_version: &'static str,
    exported_date: Timestamp,
    iteration_id: Option<IterationId>,
    model_file_name: &'static str,
    label_file_name: Option<&'static str>,
    metadata_props_file_name: &'static str,
    #[serde(rename = "ModelFileSHA1")]
    model_file_sha1: String,
    schema_version: &'static str,
}

/// The manifest of an export whose ONNX file is `model`.
pub(crate) fn manifest(
    network: &Network,
    options: &OnnxOptions,
    model: &[u8],
) -> Result<Vec<u8>, ExportError> {
    let sha1 = Sha1::digest(model).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    json(&Manifest {
        domain_type: "Classification",
        platform: "ONNX",
        flavor: None,
        exporter_version: concat!("ocelli ", env!("CARGO_PKG_VERSION")),
        exported_date: options.exported,
        iteration_id: options.iteration,
        model_file_name: MODEL,
        label_file_name: (!network.labels().is_empty()).then_some(LABELS),
        metadata_props_file_name: METADATA,
        model_file_sha1: sha1,
        schema_version: "1.0",
    })
}

/// The network's metadata: Custom Vision's keys as far as they apply, and Ocelli's own under `ocelli.`.
pub(crate) fn metadata(network: &Network, input: OnnxInput) -> Result<Vec<(String, String)>, ExportError> {
    let mut entries: Vec<(&str, String)> = vec![
        ("Image.BitmapPixelFormat", "Rgb8".to_owned()),
        ("Image.ColorSpaceGamma", "SRGB".to_owned()),
        ("Image.NominalPixelRange", "NominalRange_0_255".to_owned()),
    ];
    let preprocessing = network.preprocessing();
    if input == OnnxInput::Tensor {
        let crop = match preprocessing.view {
            View::Whole => "NoCrop",
            View::Centre => "FullImageShorterSide",
        };
        entries.extend([
            ("CustomVision.Preprocess.CropMethod", crop.to_owned()),
            ("CustomVision.Preprocess.ResizeMethod", "Stretch".to_owned()),
            ("CustomVision.Preprocess.TargetHeight", preprocessing.height.to_string()),
            ("CustomVision.Preprocess.TargetWidth", preprocessing.width.to_string()),
            ("CustomVision.Preprocess.NormalizeMean", text(&preprocessing.mean)?),
            ("CustomVision.Preprocess.NormalizeStd", text(&preprocessing.std)?),
        ]);
    }
    if !network.labels().is_empty() {
        let last = network.nodes().get(network.output().index()).map(|node| &node.op);
        let method = match last {
            Some(Op::Sigmoid) => "ClassificationMultiLabel",
            _ => "ClassificationMultiClass",
        };
        entries.push(("CustomVision.Postprocess.Method", method.to_owned()));
        entries.push(("ocelli.labels", text(network.labels())?));
    }
    entries.push(("ocelli.preprocessing", text(preprocessing)?));
    entries.push(("ocelli.fingerprint", network.fingerprint().to_string()));
    if let Some(provenance) = network.provenance() {
        entries.push(("ocelli.provenance", text(provenance)?));
    }
    Ok(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// `metadata_properties.json`: the same, as one flat object.
pub(crate) fn metadata_file(entries: &[(String, String)]) -> Result<Vec<u8>, ExportError> {
    let object: std::collections::BTreeMap<_, _> =
        entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    json(&object)
}

/// One tag's name a line, in the order of the outputs.
pub(crate) fn labels(network: &Network) -> Vec<u8> {
    // Names have no control characters, so a line is a name.
    let lines = network.labels().iter().map(|label| format!("{}\n", label.name));
    lines.collect::<String>().into_bytes()
}

/// The notice that the base model's licence asks to be kept.
pub(crate) fn notice(provenance: &Provenance) -> Vec<u8> {
    let Provenance { model, package, version, checkpoint, sha256, license, copyright, changes } = provenance;
    format!(
        "The weights in model.onnx derive from {model}: {checkpoint} of {package} {version},\n\
         SHA-256 {sha256}.\n\
         {copyright}\n\
         Licence: {license}.\n\
         Changes: {changes} Expanded to f32 and written as ONNX.\n"
    )
    .into_bytes()
}

fn text(value: &(impl Serialize + ?Sized)) -> Result<String, ExportError> {
    serde_json::to_string(value).map_err(|error| ExportError::Description { reason: error.to_string() })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ExportError> {
    serde_json::to_vec_pretty(value).map_err(|error| ExportError::Description { reason: error.to_string() })
}
