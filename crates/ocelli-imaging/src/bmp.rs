//! Windows bitmaps: the headers that are kept, and decoding.

use std::borrow::Cow;

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;

use crate::cursor::Cursor;
use crate::limits::Claim;
use crate::photo::{Check, Container, Picture};
use crate::pixels::{buffer, rgba_to_rgb};
use crate::{ImageFormat, ImagingError, Orientation};

const FORMAT: ImageFormat = ImageFormat::Bmp;
const FILE_HEADER: usize = 14;
const CORE: u32 = 12;
const INFO: u32 = 40;
const WITH_MASKS: u32 = 52;
const WITH_ALPHA_MASK: u32 = 56;
const V4: u32 = 108;
const V5: u32 = 124;

fn damaged(detail: impl Into<String>) -> ImagingError {
    ImagingError::Damaged { format: FORMAT, detail: detail.into() }
}

fn truncated(detail: &str) -> ImagingError {
    ImagingError::Truncated { format: FORMAT, detail: detail.to_owned() }
}

fn unsupported(detail: String) -> ImagingError {
    ImagingError::Unsupported { format: FORMAT, detail }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Rle8,
    Rle4,
    Masks,
}

/// The fields of an information header that fix the picture.
#[derive(Debug)]
struct Info {
    size: u32,
    width: u32,
    height: i32,
    bits: u16,
    coding: Coding,
    colours_used: u32,
    /// Red, green, blue, alpha, where the coding has masks.
    masks: Option<[u32; 4]>,
    /// Bytes from the information header to the colour table.
    to_palette: u32,
}

/// Rebuilds the headers from the fields that matter and keeps colour table, pixels and an embedded ICC profile.
pub(crate) fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(10).ok_or_else(|| truncated("the file header is missing"))?;
    let offset = cursor.u32_le().ok_or_else(|| truncated("the file header is missing"))?;
    let info = Info::read(&mut cursor)?;
    let (width, height) = (info.width, info.height.unsigned_abs());
    let channels = if info.masks.is_some_and(|masks| masks[3] != 0) { 4 } else { 3 };
    // The largest sides take four channels just to the end of 64 bits.
    let memory = (u64::from(width) * u64::from(height) * channels).saturating_add(u64::from(width) * 8);
    check(Claim { width, height, memory })?;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let headers = FILE_HEADER + info.to_palette as usize;
    if offset < headers {
        return Err(ImagingError::UnwalkableContainer {
            format: FORMAT,
            detail: format!("the pixels begin at byte {offset}, within the {headers} bytes of headers"),
        });
    }
    let data = bytes.get(offset..).ok_or_else(|| truncated("it ends before its pixels"))?;
    let data = match info.coding {
        Coding::Plain | Coding::Masks => {
            let row = (u64::from(width) * u64::from(info.bits)).div_ceil(32) * 4;
            usize::try_from(row * u64::from(height)).ok().and_then(|length| data.get(..length))
        }
        Coding::Rle8 | Coding::Rle4 => run_lengths(data, info.coding),
    }
    .ok_or_else(|| truncated("it ends within its pixels"))?;
    let palette = info.palette(bytes, headers, offset);
    if info.bits <= 8 && palette.is_empty() {
        return Err(damaged("it has no colour table"));
    }
    let profile = embedded_profile(bytes, info.size);
    let header = info.rebuilt(palette.len(), data.len(), profile.as_ref());
    let mut pieces = vec![Cow::Owned(header), Cow::Borrowed(palette), Cow::Borrowed(data)];
    pieces.extend(profile.map(|profile| Cow::Borrowed(profile.bytes)));
    let orientation = Orientation::Upright;
    Ok(Container { format: FORMAT, width, height, orientation, pieces, picture: Picture::Bmp })
}

/// An ICC profile within the file. A linked one is a path on somebody's disk and is dropped.
struct Profile<'a> {
    intent: [u8; 4],
    bytes: &'a [u8],
}

const EMBEDDED: &[u8] = b"DEBM";
/// Where a V4 or V5 header tells its colour space, and a V5 header intent, offset and length of its profile.
const COLOUR_SPACE: usize = FILE_HEADER + 56;
const INTENT: usize = FILE_HEADER + 108;

fn embedded_profile(bytes: &[u8], header: u32) -> Option<Profile<'_>> {
    if header != V5 || bytes.get(COLOUR_SPACE..COLOUR_SPACE + 4) != Some(EMBEDDED) {
        return None;
    }
    let mut fields = Cursor::new(bytes.get(INTENT..)?);
    let intent = fields.array()?;
    let start = usize::try_from(fields.u32_le()?).ok()?.checked_add(FILE_HEADER)?;
    let length = usize::try_from(fields.u32_le()?).ok()?;
    Some(Profile { intent, bytes: bytes.get(start..start.checked_add(length)?)? })
}

/// The run-length coded pixels up to and with their end marker.
fn run_lengths(data: &[u8], coding: Coding) -> Option<&[u8]> {
    let mut cursor = Cursor::new(data);
    loop {
        match cursor.array::<2>()? {
            [0, 1] => return data.get(..cursor.position()),
            [0, 2] => {
                cursor.take(2)?;
            }
            [0, count @ 3..=255] => {
                let bytes =
                    if coding == Coding::Rle8 { usize::from(count) } else { usize::from(count).div_ceil(2) };
                cursor.take(bytes.next_multiple_of(2))?;
            }
            _ => {}
        }
    }
}

impl Info {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, ImagingError> {
        let ended = || truncated("it ends within its information header");
        let size = cursor.u32_le().ok_or_else(ended)?;
        if size == CORE {
            return Self::read_core(cursor).ok_or_else(ended)?;
        }
        if ![INFO, WITH_MASKS, WITH_ALPHA_MASK, V4, V5].contains(&size) {
            return Err(unsupported(format!("an information header of {size} bytes")));
        }
        let width = cursor.array().map(i32::from_le_bytes).ok_or_else(ended)?;
        let height = cursor.array().map(i32::from_le_bytes).ok_or_else(ended)?;
        let width = u32::try_from(width).map_err(|_| damaged(format!("it claims a width of {width}")))?;
        let _planes = cursor.u16_le().ok_or_else(ended)?;
        let bits = cursor.u16_le().ok_or_else(ended)?;
        let compression = cursor.u32_le().ok_or_else(ended)?;
        let coding = match compression {
            0 => Coding::Plain,
            1 => Coding::Rle8,
            2 => Coding::Rle4,
            3 => Coding::Masks,
            4 => return Err(unsupported("JPEG inside of BMP".to_owned())),
            5 => return Err(unsupported("PNG inside of BMP".to_owned())),
            other => return Err(unsupported(format!("compression {other}"))),
        };
        let _sizes = cursor.take(12).ok_or_else(ended)?;
        let colours_used = cursor.u32_le().ok_or_else(ended)?;
        let _colours_important = cursor.u32_le().ok_or_else(ended)?;
        let mut masks = None;
        if coding == Coding::Masks {
            let mut mask = || cursor.u32_le().ok_or_else(ended);
            let [red, green, blue] = [mask()?, mask()?, mask()?];
            let alpha = if size >= WITH_ALPHA_MASK { mask()? } else { 0 };
            masks = Some([red, green, blue, alpha]);
        }
        let to_palette = if size == INFO && coding == Coding::Masks { WITH_MASKS } else { size };
        let info = Self { size, width, height, bits, coding, colours_used, masks, to_palette };
        info.check()
    }

    fn read_core(cursor: &mut Cursor<'_>) -> Option<Result<Self, ImagingError>> {
        let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
        let _planes = cursor.u16_le()?;
        let bits = cursor.u16_le()?;
        let info = Self {
            size: CORE,
            width: width.into(),
            height: height.into(),
            bits,
            coding: Coding::Plain,
            colours_used: 0,
            masks: None,
            to_palette: CORE,
        };
        Some(info.check())
    }

    fn check(self) -> Result<Self, ImagingError> {
        let depths: &[u16] = match (self.coding, self.size) {
            (Coding::Plain, CORE) => &[1, 4, 8, 24],
            (Coding::Plain, _) => &[1, 2, 4, 8, 16, 24, 32],
            (Coding::Rle8, _) => &[8],
            (Coding::Rle4, _) => &[4],
            (Coding::Masks, _) => &[16, 32],
        };
        if !depths.contains(&self.bits) {
            return Err(unsupported(format!("{} bits a pixel in this coding", self.bits)));
        }
        if self.height < 0 && matches!(self.coding, Coding::Rle8 | Coding::Rle4) {
            return Err(damaged("run lengths with rows from top to bottom"));
        }
        Ok(self)
    }

    fn colour_bytes(&self) -> usize {
        if self.size == CORE { 3 } else { 4 }
    }

    /// The colour table, cut to what the depth can address and to what lies before the pixels.
    fn palette<'a>(&self, bytes: &'a [u8], start: usize, offset: usize) -> &'a [u8] {
        if self.bits > 8 {
            return &[];
        }
        let most = 1_usize << self.bits;
        let wanted = match usize::try_from(self.colours_used) {
            Ok(0) | Err(_) => most,
            Ok(used) => used.min(most),
        };
        let count = wanted.min((offset - start) / self.colour_bytes());
        bytes.get(start..start + count * self.colour_bytes()).unwrap_or_default()
    }

    /// File and information header for a colour table, pixels and a profile that follow each other.
    fn rebuilt(&self, palette: usize, data: usize, profile: Option<&Profile<'_>>) -> Vec<u8> {
        let headers = FILE_HEADER + self.to_palette as usize;
        let offset = headers + palette;
        let mut out = b"BM".to_vec();
        let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        out.extend(word(offset + data + profile.map_or(0, |profile| profile.bytes.len())));
        out.extend([0; 4]);
        out.extend(word(offset));
        out.extend(self.size.to_le_bytes());
        if self.size == CORE {
            // The sides came from fields of this width.
            out.extend((self.width as u16).to_le_bytes());
            out.extend((self.height as u16).to_le_bytes());
            out.extend(1_u16.to_le_bytes());
            out.extend(self.bits.to_le_bytes());
            return out;
        }
        out.extend(self.width.to_le_bytes());
        out.extend(self.height.to_le_bytes());
        out.extend(1_u16.to_le_bytes());
        out.extend(self.bits.to_le_bytes());
        let compression: u32 = match self.coding {
            Coding::Plain => 0,
            Coding::Rle8 => 1,
            Coding::Rle4 => 2,
            Coding::Masks => 3,
        };
        out.extend(compression.to_le_bytes());
        out.extend(word(data));
        out.extend([0; 8]);
        out.extend(word(palette / self.colour_bytes()));
        out.extend([0; 4]);
        for mask in self.masks.into_iter().flatten() {
            out.extend(mask.to_le_bytes());
        }
        out.resize(headers, 0);
        if self.size >= V4 {
            out[COLOUR_SPACE..COLOUR_SPACE + 4].copy_from_slice(b"BGRs");
        }
        if let Some(profile) = profile {
            out[COLOUR_SPACE..COLOUR_SPACE + 4].copy_from_slice(EMBEDDED);
            out[INTENT..INTENT + 4].copy_from_slice(&profile.intent);
            out[INTENT + 4..INTENT + 8].copy_from_slice(&word(offset + data - FILE_HEADER));
            out[INTENT + 8..INTENT + 12].copy_from_slice(&word(profile.bytes.len()));
        }
        out
    }
}

/// Decodes a stripped file to RGB8.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    let decoder = BmpDecoder::new(std::io::Cursor::new(bytes)).map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    let alpha = decoder.color_type().has_alpha();
    let mut pixels = buffer(width, height, if alpha { 4 } else { 3 }, 0)?;
    decoder.read_image(&mut pixels).map_err(refusal)?;
    if alpha && pixels.chunks_exact(4).all(|pixel| pixel[3] == 0) {
        // Written by programs that declare a mask for transparency and leave it empty; viewers show these opaque.
        pixels.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    }
    Ok(if alpha { rgba_to_rgb(pixels) } else { pixels })
}

fn refusal(error: image::ImageError) -> ImagingError {
    match error {
        image::ImageError::Unsupported(error) => unsupported(error.to_string()),
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            truncated("it ends within its pixels")
        }
        error => damaged(error.to_string()),
    }
}
