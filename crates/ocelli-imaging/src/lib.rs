//! Untrusted bytes to checked, upright RGB: the only door through which photos come in.
//!
//! A photo from a stranger is [inspected](inspect) or [decoded](decode) under [limits](DecodeLimits),
//! [stripped of its metadata](strip_metadata) before it is stored, and [resized](Resizer) to what a network
//! sees. Nothing here panics, prints or allocates by what a header claims before the claim is checked.
//!
//! ```
//! use ocelli_imaging::{Area, DecodeLimits, Resizer, decode, inspect, strip_metadata};
//!
//! # let mut upload = b"BM\x4e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x03\0\0\0\x01\0\x18\0".to_vec();
//! # upload.extend([0; 24]);
//! # upload.extend([40, 120, 200, 40, 120, 200, 0, 0].repeat(3));
//! // Bytes of an upload. What it is, before anything of its size is allocated:
//! let limits = DecodeLimits::default();
//! let header = inspect(&upload, &limits)?;
//! println!("{} of {} x {} pixels", header.format, header.width, header.height);
//!
//! // Stored is the picture without GPS position, thumbnail, comments and whatever else came along:
//! let stored = strip_metadata(&upload)?;
//!
//! // The network sees the whole photo, squashed to its input size:
//! let photo = decode(&stored, &limits)?;
//! let mut input = vec![0.0; 8 * 8 * 3];
//! Resizer::new().resize_into(photo.view(), Area::whole(&photo.view()), 8, 8, &mut input)?;
//! assert_eq!(input[..3], [200.0, 120.0, 40.0]);
//! # Ok::<(), ocelli_imaging::ImagingError>(())
//! ```
//!
//! A refusal names its cause and carries Custom Vision's code for it:
//!
//! ```
//! use ocelli_imaging::{DecodeLimits, decode};
//!
//! let refused = decode(b"%PDF-1.7", &DecodeLimits::default()).unwrap_err();
//! assert_eq!(refused.to_string(), "the bytes are PDF; a photo must be JPEG, PNG, BMP, GIF or WebP");
//! assert_eq!(refused.code().as_str(), "BadRequestImageFormat");
//! ```
//!
//! An ordinary JPEG (baseline, in one scan) is decoded in one pass of this crate's own, to the same pixels as
//! the general decoder's, bit by bit. Where a photo is much larger than what it is needed for,
//! [`DecodeOptions`] let [`decode_with`] decode it at a part of its size, at the price of small differences.
//!
//! Training sees altered copies of a photo, drawn by an [`AugmentationPolicy`] and made by an [`Augmenter`]:
//!
//! ```
//! use ocelli_imaging::{Area, AugmentationPolicy, Augmenter, RgbImage};
//!
//! let photo = RgbImage::new(60, 40, vec![200; 60 * 40 * 3])?;
//! let policy = AugmentationPolicy::default();
//! let mut augmenter = Augmenter::new();
//! for seed in 0..3 {
//!     let altered = augmenter.apply(photo.view(), Area::whole(&photo.view()), &policy.draw_seeded(seed), 32, 32)?;
//!     assert_eq!((altered.width(), altered.height()), (32, 32));
//! }
//! # Ok::<(), ocelli_imaging::ImagingError>(())
//! ```
//!
//! What a photo looks like, and whether it is of use, is measured once: a [`PhotoSignature`] holds a [`PerceptualHash`],
//! by which [`near_duplicates`] are found, and a [`PhotoQuality`]. What of a photo counted for an answer is shown by an
//! [`overlay`] of a [`HeatMap`], written by [`encode_png`].
//!
//! # What holds
//!
//! - The order of the checks: bytes of the file; format by its first bytes; sides, aspect ratio and total of
//!   pixels; memory; then decoding, with panics of decoders caught.
//! - Sizes and areas are those of the upright photo. EXIF orientation is read from JPEG, PNG and WebP; where
//!   it cannot be read, the photo counts as upright.
//! - A photo that is not whole, its end marker included, is refused. For JPEG that includes every scan: its
//!   Huffman codes are followed to the last unit, since decoders would fill the rest with grey. A progressive
//!   file that was cut exactly between two scans and closed again cannot be told from one that was made
//!   coarse.
//! - `decode(strip_metadata(x)) == decode(x)`, and stripping twice is stripping once.
//! - Decoding one photo within the default limits keeps a process below 512 MiB.
//!
//! # What does not
//!
//! - Colours are taken as they are stored: ICC profiles and gamma are kept, not applied. CMYK is converted by
//!   the usual formula, inverted as Adobe writes it.
//! - Arithmetic, lossless, hierarchical and 12-bit JPEG are refused by name, and so are samplings that hardly
//!   any encoder writes: a horizontal factor of 3, colours finer than brightness, and sequential scans of
//!   single components that are subsampled or do not begin with the first.
//! - Time is bounded by pixels and bytes only: a progressive JPEG of 64 million pixels and 100 scans, the
//!   most that are read, keeps one core busy for seconds.
//! - What hides inside of the picture itself (low bits of pixels, an ICC profile's texts, bytes behind the
//!   end of a WebP bitstream within its chunk) is not looked for. For JPEG, PNG and GIF, bytes behind the end
//!   of the coded picture are left out.

mod augmentation;
mod bmp;
mod cursor;
mod encode;
mod error;
mod exif;
mod format;
mod gif;
mod heat_map;
mod jpeg;
mod limits;
mod near_duplicates;
mod orientation;
mod perceptual_hash;
mod photo;
mod photo_quality;
mod photo_signature;
mod pixels;
mod png;
mod reduced;
mod resize;
mod resize_filter;
mod rgb;
mod scale;
mod vp8l;
mod webp;

pub use augmentation::{Augmentation, AugmentationPolicy, Augmenter};
pub use encode::{encode_jpeg_thumbnail, encode_png, shrink};
pub use error::ImagingError;
pub use format::ImageFormat;
pub use heat_map::{HeatMap, overlay};
pub use limits::{DEFAULT_ALLOCATION, DecodeLimits};
pub use near_duplicates::near_duplicates;
pub use orientation::Orientation;
pub use perceptual_hash::PerceptualHash;
pub use photo::{PhotoHeader, decode, decode_with, inspect, strip_metadata};
pub use photo_quality::{PhotoProblem, PhotoQuality};
pub use photo_signature::PhotoSignature;
pub use resize::{Area, Resizer, resize_into};
pub use resize_filter::{ResizeFilter, Taps};
pub use rgb::{RgbImage, RgbView};
pub use scale::DecodeOptions;
