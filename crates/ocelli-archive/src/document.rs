use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;

/// How many bytes one compressed byte of a document may stand for; what exceeds it is stored uncompressed, so that
/// every archive written here is within [`ReadLimits::compression_ratio`](crate::ReadLimits::compression_ratio).
const MAX_RATIO: u64 = 100;

/// A document that grows while other entries are written: kept compressed in memory until its turn comes.
pub(crate) struct Document {
    encoder: DeflateEncoder<Vec<u8>>,
    size: u64,
}

impl Document {
    pub(crate) fn new() -> Self {
        Self { encoder: DeflateEncoder::new(Vec::new(), Compression::default()), size: 0 }
    }

    /// Adds a record to a JSON array whose brackets the caller writes: one line each.
    pub(crate) fn add_record(&mut self, record: &impl Serialize) -> serde_json::Result<()> {
        if self.size > 0 {
            self.write_all(b",\n").map_err(serde_json::Error::io)?;
        }
        serde_json::to_writer(self, record)
    }

    pub(crate) fn finish(self) -> io::Result<FinishedDocument> {
        Ok(FinishedDocument { compressed: self.encoder.finish()?, size: self.size })
    }
}

impl Write for Document {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// A document that is complete.
pub(crate) struct FinishedDocument {
    compressed: Vec<u8>,
    size: u64,
}

impl FinishedDocument {
    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it may be stored compressed.
    pub(crate) fn is_worth_deflating(&self) -> bool {
        self.size <= (self.compressed.len() as u64).saturating_mul(MAX_RATIO)
    }

    pub(crate) fn read(&self) -> impl Read + '_ {
        DeflateDecoder::new(self.compressed.as_slice())
    }
}
