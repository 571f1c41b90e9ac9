use ocelli_core::{Limits, limits};
use serde::{Deserialize, Serialize};

use crate::ImagingError;

/// Memory that decoding one photo may take at its peak: 400 MB, so that a process that decodes one photo at a
/// time stays below 512 MiB. 64 million pixels of every usual kind fit.
pub const DEFAULT_ALLOCATION: u64 = 400_000_000;

/// What a photo may ask for before it is decoded.
///
/// The defaults are Custom Vision's limits for training photos; Custom Vision names no limit on the total of
/// pixels and on memory, those are Ocelli's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DecodeLimits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Pixels on the longer side.
    pub side: u32,
    /// The longer side over the shorter side.
    pub aspect_ratio: u32,
    /// Pixels in all.
    pub pixels: u64,
    /// Bytes of memory at the peak of decoding, the decoded pixels included, the file itself not.
    pub allocation: u64,
}

impl DecodeLimits {
    /// The limits for photos to train on (6 MB).
    pub fn training(limits: &Limits) -> Self {
        Self::with_bytes(limits, limits.train_bytes)
    }

    /// The limits for photos to predict (4 MB).
    pub fn prediction(limits: &Limits) -> Self {
        Self::with_bytes(limits, limits.predict_bytes)
    }

    fn with_bytes(limits: &Limits, bytes: usize) -> Self {
        Self {
            bytes,
            side: limits::MAX_SIDE,
            aspect_ratio: limits::MAX_ASPECT_RATIO,
            pixels: limits.pixels,
            allocation: DEFAULT_ALLOCATION,
        }
    }

    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), ImagingError> {
        if bytes > self.bytes {
            return Err(ImagingError::TooManyBytes { bytes, limit: self.bytes });
        }
        Ok(())
    }

    /// Sides, aspect ratio, total of pixels, then memory.
    pub(crate) fn check(&self, claim: Claim) -> Result<(), ImagingError> {
        let Claim { width, height, .. } = claim;
        claim.check_not_empty()?;
        let (longer, shorter) = (width.max(height), width.min(height));
        if longer > self.side {
            return Err(ImagingError::SideTooLong { width, height, limit: self.side });
        }
        if u64::from(longer) > u64::from(shorter) * u64::from(self.aspect_ratio) {
            return Err(ImagingError::AspectRatio { width, height, limit: self.aspect_ratio });
        }
        if claim.pixels() > self.pixels {
            return Err(ImagingError::TooManyPixels { pixels: claim.pixels(), limit: self.pixels });
        }
        self.check_memory(claim.memory)
    }

    pub(crate) fn check_memory(&self, needed: u64) -> Result<(), ImagingError> {
        if needed > self.allocation {
            return Err(ImagingError::Allocation { needed, limit: self.allocation });
        }
        Ok(())
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::training(&Limits::default())
    }
}

/// What a header claims about its photo, before anything of its size is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Width as stored.
    pub(crate) width: u32,
    /// Height as stored.
    pub(crate) height: u32,
    /// Bytes that decoding takes at its peak, the RGB pixels included.
    pub(crate) memory: u64,
}

impl Claim {
    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(crate) fn check_not_empty(self) -> Result<(), ImagingError> {
        let Self { width, height, .. } = self;
        if width == 0 || height == 0 {
            return Err(ImagingError::ZeroSize { width, height });
        }
        Ok(())
    }
}
