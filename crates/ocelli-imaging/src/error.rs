use ocelli_core::ErrorCode;

use crate::ImageFormat;

/// Why a photo was refused, or why a call on pixels makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImagingError {
    /// The file is larger than the byte limit.
    #[error("the photo has {bytes} bytes, the limit is {limit}")]
    TooManyBytes {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The first bytes are of none of the supported formats.
    #[error("the bytes are {found}; a photo must be JPEG, PNG, BMP, GIF or WebP")]
    UnknownFormat {
        /// What the bytes look like.
        found: &'static str,
    },
    /// A side is zero pixels long.
    #[error("the photo claims {width} x {height} pixels; both sides must be at least 1")]
    ZeroSize {
        /// Width as stored, in pixels.
        width: u32,
        /// Height as stored, in pixels.
        height: u32,
    },
    /// A side is longer than the limit.
    #[error("the photo has {width} x {height} pixels, the limit is {limit} a side")]
    SideTooLong {
        /// Width as stored, in pixels.
        width: u32,
        /// Height as stored, in pixels.
        height: u32,
        /// Pixels allowed on one side.
        limit: u32,
    },
    /// The longer side is too many times the shorter one.
    #[error(
        "the photo has {width} x {height} pixels, the limit is {limit}:1 for the longer side to the shorter"
    )]
    AspectRatio {
        /// Width as stored, in pixels.
        width: u32,
        /// Height as stored, in pixels.
        height: u32,
        /// The longer side over the shorter side, at most.
        limit: u32,
    },
    /// The photo has too many pixels in all.
    #[error("the photo has {pixels} pixels, the limit is {limit}")]
    TooManyPixels {
        /// Width times height.
        pixels: u64,
        /// Pixels allowed.
        limit: u64,
    },
    /// Decoding would need more memory than allowed, or more than the system gives.
    #[error("decoding the photo needs about {needed} bytes of memory, the limit is {limit}")]
    Allocation {
        /// Bytes that decoding needs at its peak, estimated from the header.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The file ends before the photo does.
    #[error("the {format} file is cut off: {detail}")]
    Truncated {
        /// The file's format.
        format: ImageFormat,
        /// What is missing.
        detail: String,
    },
    /// The picture data contradicts itself or the format.
    #[error("the {format} file is damaged: {detail}")]
    Damaged {
        /// The file's format.
        format: ImageFormat,
        /// What is wrong.
        detail: String,
    },
    /// The file uses a rare variant of its format that is not decoded.
    #[error("the {format} file is of a kind that is not supported: {detail}")]
    Unsupported {
        /// The file's format.
        format: ImageFormat,
        /// The variant.
        detail: String,
    },
    /// The segments, chunks or blocks of the file cannot be followed to its end.
    #[error("the structure of the {format} file cannot be followed: {detail}")]
    UnwalkableContainer {
        /// The file's format.
        format: ImageFormat,
        /// Where it breaks.
        detail: String,
    },
    /// The decoder met a bug of its own. It was stopped and the photo refused.
    #[error("the {format} decoder failed on this file: {detail}")]
    DecoderPanicked {
        /// The file's format.
        format: ImageFormat,
        /// The decoder's message.
        detail: String,
    },
    /// Pixels were given whose number does not fit the size.
    #[error("{width} x {height} RGB pixels are {expected} bytes, {found} were given")]
    PixelCount {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that this size needs.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// An area is empty or reaches over the border of its photo.
    #[error(
        "the area {area_width} x {area_height} at ({left}, {top}) is empty or not inside a photo of {width} x {height}"
    )]
    AreaOutside {
        /// Left edge of the area, in pixels.
        left: u32,
        /// Upper edge of the area, in pixels.
        top: u32,
        /// Width of the area, in pixels.
        area_width: u32,
        /// Height of the area, in pixels.
        area_height: u32,
        /// Width of the photo, in pixels.
        width: u32,
        /// Height of the photo, in pixels.
        height: u32,
    },
    /// The output of a resize has the wrong length.
    #[error("a resize to {width} x {height} writes {expected} values, the output holds {found}")]
    OutputLength {
        /// Target width in pixels.
        width: u32,
        /// Target height in pixels.
        height: u32,
        /// Values that the target needs.
        expected: u64,
        /// Values that the output holds.
        found: u64,
    },
    /// A heat map does not have one value a cell.
    #[error("a heat map of {columns} x {rows} cells needs as many values, at least one; it has {found}")]
    HeatMapLength {
        /// Cells across.
        columns: u32,
        /// Cells down.
        rows: u32,
        /// Values given.
        found: u64,
    },
    /// A picture cannot be written in the format asked for.
    #[error("the picture cannot be encoded: {detail}")]
    Encoding {
        /// The encoder's reason.
        detail: String,
    },
    /// A text is no perceptual hash.
    #[error("{found:?} is no perceptual hash; one has 36 hexadecimal digits, in lower case")]
    NotAPerceptualHash {
        /// The text, or its beginning.
        found: String,
    },
}

impl ImagingError {
    /// Custom Vision's code for this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyBytes { .. } => ErrorCode::BadRequestImageSizeBytes,
            Self::UnknownFormat { .. } | Self::Unsupported { .. } => ErrorCode::BadRequestImageFormat,
            Self::ZeroSize { .. }
            | Self::SideTooLong { .. }
            | Self::TooManyPixels { .. }
            | Self::Allocation { .. } => ErrorCode::BadRequestImageDimensions,
            Self::AspectRatio { .. } => ErrorCode::BadRequestImageAspectRatio,
            Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::UnwalkableContainer { .. }
            | Self::DecoderPanicked { .. } => ErrorCode::BadRequestImageStream,
            Self::PixelCount { .. }
            | Self::AreaOutside { .. }
            | Self::OutputLength { .. }
            | Self::HeatMapLength { .. }
            | Self::Encoding { .. }
            | Self::NotAPerceptualHash { .. } => ErrorCode::BadRequestInvalid,
        }
    }
}
