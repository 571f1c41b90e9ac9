use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::limits::Claim;
use crate::orientation::upright;
use crate::{
    DecodeLimits, DecodeOptions, ImageFormat, ImagingError, Orientation, RgbImage, bmp, gif, jpeg, png, webp,
};

/// What a photo says about itself before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhotoHeader {
    /// The format, told by the first bytes.
    pub format: ImageFormat,
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// How the photo is stored.
    pub orientation: Orientation,
}

/// Reads a photo's format, upright size and orientation and checks them against `limits`, without decoding.
///
/// # Errors
/// Every [`ImagingError`] about a file but those that only decoding can find.
pub fn inspect(bytes: &[u8], limits: &DecodeLimits) -> Result<PhotoHeader, ImagingError> {
    limits.check_bytes(bytes.len())?;
    let container = walk(bytes, &|claim| limits.check(claim))?;
    let (width, height) = container.orientation.upright_size(container.width, container.height);
    limits.check_memory(container.memory_to_turn())?;
    Ok(PhotoHeader { format: container.format, width, height, orientation: container.orientation })
}

/// Decodes a photo to upright RGB, 8 bits a channel.
///
/// The checks come in this order: bytes of the file, format by its first bytes, size, aspect ratio and total
/// of pixels that the header claims, memory. What is decoded is the file without its metadata, as
/// [`strip_metadata`] leaves it, so that no decoder ever reads text chunks, thumbnails or profiles. A photo that
/// is not whole is refused, never returned half grey. Transparent parts are composed on white.
///
/// A panic inside a decoder is caught and becomes [`ImagingError::DecoderPanicked`]. The process's panic hook
/// is left alone; the default hook would print a message.
///
/// # Errors
/// [`ImagingError`], naming the cause.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImagingError> {
    decode_with(bytes, limits, &DecodeOptions::default())
}

/// [`decode`], as `options` say: smaller than it is, where that is enough.
///
/// # Errors
/// As [`decode`]: the limits hold for the photo's full size.
pub fn decode_with(
    bytes: &[u8],
    limits: &DecodeLimits,
    options: &DecodeOptions,
) -> Result<RgbImage, ImagingError> {
    limits.check_bytes(bytes.len())?;
    let mut container = walk(bytes, &|claim| limits.check(claim))?;
    limits.check_memory(container.memory_to_turn())?;
    if let Picture::WebP(picture) = &container.picture {
        picture.check_codes(limits)?;
    }
    let Container { format, orientation, .. } = container;
    let photo = catch_unwind(AssertUnwindSafe(|| container.decode(options))).unwrap_or_else(|panic| {
        let detail = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "it gave no message".to_owned());
        Err(ImagingError::DecoderPanicked { format, detail })
    })?;
    let (width, height) = (photo.width(), photo.height());
    let (upright_width, upright_height) = orientation.upright_size(width, height);
    let pixels = upright(photo.into_pixels(), width, height, orientation);
    RgbImage::new(upright_width, upright_height, pixels)
}

/// Removes every kind of metadata from a photo, without encoding it again: what is left is picture data, an
/// ICC profile and, where the photo is not stored upright, an EXIF block that holds the orientation alone.
///
/// Works by an allow-list on the segments, chunks or blocks of the file, through to its end: comments, EXIF
/// with its GPS position and thumbnail, XMP, IPTC, text, times, private and unknown segments, further frames
/// and further pictures, and bytes that belong to nothing are all left out. The result decodes to the same
/// pixels, and stripping it again changes nothing.
///
/// # Errors
/// [`ImagingError::UnknownFormat`], [`ImagingError::UnwalkableContainer`] and those that concern
/// the structure of the file. EXIF that cannot be read is dropped and the photo taken as upright.
pub fn strip_metadata(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    let mut container = walk_whole(bytes, &|claim| claim.check_not_empty())?;
    if let Picture::Png = container.picture {
        png::cut_behind_picture(&mut container.pieces, container.width, container.height);
    }
    Ok(container.pieces.concat())
}

/// Called as soon as the header's claims are known, before the rest of the file is walked.
pub(crate) type Check<'c> = &'c dyn Fn(Claim) -> Result<(), ImagingError>;

/// A file taken apart: what its header says, and the parts that are kept.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    pub(crate) format: ImageFormat,
    /// Width as stored.
    pub(crate) width: u32,
    /// Height as stored.
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    /// The stripped file.
    pub(crate) pieces: Vec<Cow<'a, [u8]>>,
    pub(crate) picture: Picture<'a>,
}

/// What a format's decoder needs to know beside the stripped file.
#[derive(Debug)]
pub(crate) enum Picture<'a> {
    Jpeg(jpeg::Picture),
    Png,
    Bmp,
    Gif,
    WebP(webp::Picture<'a>),
}

impl Container<'_> {
    /// Bytes that turning the decoded photo upright takes at its peak.
    fn memory_to_turn(&self) -> u64 {
        let copies = if self.orientation.swaps_sides() { 2 } else { 1 };
        (u64::from(self.width) * u64::from(self.height)).saturating_mul(3 * copies)
    }

    /// The photo as stored.
    fn decode(&mut self, options: &DecodeOptions) -> Result<RgbImage, ImagingError> {
        let pixels = match &self.picture {
            Picture::Jpeg(_) => return jpeg::decode(self, options),
            Picture::Png => png::decode(&self.pieces.concat()),
            Picture::Bmp => bmp::decode(&self.pieces.concat()),
            Picture::Gif => gif::decode(&self.pieces.concat()),
            Picture::WebP(picture) => webp::decode(self, picture),
        }?;
        RgbImage::new(self.width, self.height, pixels)
    }
}

/// Takes a file apart, and follows its picture data as far as that finds what is hidden in them or missing.
fn walk_whole<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let mut container = walk(bytes, check)?;
    if let Picture::Jpeg(picture) = &mut container.picture {
        jpeg::follow_scans(&mut container.pieces, picture);
    }
    Ok(container)
}

fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    match ImageFormat::detect(bytes)? {
        ImageFormat::Jpeg => jpeg::walk(bytes, check),
        ImageFormat::Png => png::walk(bytes, check),
        ImageFormat::Bmp => bmp::walk(bytes, check),
        ImageFormat::Gif => gif::walk(bytes, check),
        ImageFormat::WebP => webp::walk(bytes, check),
    }
}
