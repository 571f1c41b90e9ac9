//! Untrusted bytes to checked, upright RGB.

mod bmp;
mod cursor;
mod error;
mod exif;
mod format;
mod gif;
mod jpeg;
mod limits;
mod orientation;
mod photo;
mod pixels;
mod png;
mod resize;
mod rgb;
mod webp;

pub use error::ImagingError;
pub use format::ImageFormat;
pub use limits::{DEFAULT_ALLOCATION, DecodeLimits};
pub use orientation::Orientation;
pub use photo::{PhotoHeader, decode, inspect, strip_metadata};
pub use resize::{Area, Resizer, resize_into};
pub use rgb::{RgbImage, RgbView};
