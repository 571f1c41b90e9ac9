use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ImagingError;

/// The photo formats that are read, told apart by their first bytes, never by a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// JPEG (ITU-T T.81): baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK, 8 bits.
    Jpeg,
    /// PNG, every colour type and depth; of an animation, the still image.
    Png,
    /// Windows bitmap, uncompressed, bit fields and run lengths.
    Bmp,
    /// GIF 87a and 89a, the first frame.
    Gif,
    /// WebP, lossy and lossless; of an animation, the first frame.
    WebP,
}

impl ImageFormat {
    /// Every supported format.
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Bmp, Self::Gif, Self::WebP];

    /// The format's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
        }
    }

    /// The media type, as in an HTTP `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Bmp => "image/bmp",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    /// The usual file extension, without a dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Bmp => "bmp",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }

    /// Tells the format by the file's first bytes.
    ///
    /// # Errors
    /// [`ImagingError::UnknownFormat`], naming what the bytes look like instead.
    pub fn detect(bytes: &[u8]) -> Result<Self, ImagingError> {
        if bytes.starts_with(&[0xff, 0xd8]) {
            return Ok(Self::Jpeg);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self::Png);
        }
        if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            return Ok(Self::Gif);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Ok(Self::WebP);
        }
        if bytes.starts_with(b"BM") {
            return Ok(Self::Bmp);
        }
        Err(ImagingError::UnknownFormat { found: resemblance(bytes) })
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names what people most often upload by mistake.
fn resemblance(bytes: &[u8]) -> &'static str {
    const SIGNATURES: [(&[u8], &str); 12] = [
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"8BPS", "a Photoshop document"),
        (b"%PDF", "PDF"),
        (b"\0\0\x01\0", "a Windows icon"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"DDS ", "a DirectDraw surface"),
        (b"qoif", "QOI"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"<svg", "SVG"),
    ];
    if bytes.is_empty() {
        return "empty";
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"mif1" | b"msf1") => "HEIF",
            _ => "a video or HEIF file",
        };
    }
    SIGNATURES
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature))
        .map_or("of an unknown format", |(_, name)| name)
}
