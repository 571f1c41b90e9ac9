//! PNG (W3C PNG Specification, Third Edition): the chunks that are kept, and decoding row by row.

use std::borrow::Cow;

use png::{ColorType, Decoder, Limits, Transformations};

use ocelli_core::limits;

use crate::cursor::Cursor;
use crate::limits::Claim;
use crate::photo::{Check, Container, Picture};
use crate::pixels::{buffer, on_white, to_8_bits};
use crate::{ImageFormat, ImagingError, Orientation, exif};

const FORMAT: ImageFormat = ImageFormat::Png;
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Keeps IHDR, PLTE, tRNS, IDAT, IEND, the colour space (cICP, gAMA, cHRM, sRGB, sBIT, iCCP under a fixed name)
/// and a rebuilt eXIf where the photo is not stored upright.
pub(crate) fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let truncated = |detail: &str| ImagingError::Truncated { format: FORMAT, detail: detail.to_owned() };
    let mut cursor = Cursor::new(bytes);
    cursor.take(SIGNATURE.len()).ok_or_else(|| truncated("the signature"))?;
    let mut walker = Walker::default();
    loop {
        let chunk = Chunk::read(&mut cursor)?;
        if walker.header.is_none() {
            let header = Header::read(&chunk)?;
            check(header.claim)?;
            walker.header = Some(header);
            walker.front.push(Cow::Borrowed(SIGNATURE));
            walker.front.push(Cow::Borrowed(chunk.whole));
        } else if walker.take(&chunk)? {
            break;
        }
    }
    walker.finish()
}

/// Leaves out what lies behind the end of the deflate stream: decoders ignore it, so anything could hide there.
/// A stream that has no proper end is left as it is, for the decoder to refuse.
pub(crate) fn cut_behind_picture(pieces: &mut Vec<Cow<'_, [u8]>>, width: u32, height: u32) {
    // Stripping has no limits of its own. Eight bytes a pixel are the most, and one a row and pass.
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits::MAX_PIXELS {
        return;
    }
    let most = pixels * 8 + u64::from(height) * 14;
    let mut stream = flate2::Decompress::new(true);
    let mut scratch = vec![0; 1 << 15];
    let is_data = |piece: &[u8]| piece.get(4..8) == Some(b"IDAT");
    let data_pieces: Vec<usize> = (0..pieces.len()).filter(|&at| is_data(&pieces[at])).collect();
    for &at in &data_pieces {
        let data = pieces[at].get(8..pieces[at].len() - 4).unwrap_or_default();
        let mut read = 0;
        while read < data.len() {
            let (before_in, before_out) = (stream.total_in(), stream.total_out());
            let flush = flate2::FlushDecompress::None;
            let Ok(status) = stream.decompress(&data[read..], &mut scratch, flush) else {
                return;
            };
            read += (stream.total_in() - before_in) as usize;
            if status == flate2::Status::StreamEnd {
                if read < data.len() {
                    pieces[at] = Cow::Owned(build_chunk(*b"IDAT", &data[..read]));
                }
                let kept = pieces[..=at].to_vec();
                let behind = pieces.drain(at + 1..).filter(|piece| !is_data(piece));
                *pieces = kept.into_iter().chain(behind).collect();
                return;
            }
            let stuck = (stream.total_in(), stream.total_out()) == (before_in, before_out);
            if stuck || stream.total_out() > most {
                return;
            }
        }
    }
}

/// Decodes a stripped file to RGB8. Rows are converted one by one: only the RGB pixels exist at full size.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    let mut decoder = Decoder::new_with_limits(std::io::Cursor::new(bytes), Limits { bytes: 32 << 20 });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refusal)?;
    let (width, height) = reader.info().size();
    let (colour, depth) = reader.output_color_type();
    let sixteen_bits = depth == png::BitDepth::Sixteen;
    let mut pixels = buffer(width, height, 3, 0)?;
    let stride = width as usize * 3;
    let mut row_rgb = Vec::new();
    let mut line = 0;
    while let Some(row) = reader.next_interlaced_row().map_err(refusal)? {
        match row.interlace() {
            png::InterlaceInfo::Null(_) => {
                if let Some(out) = pixels.get_mut(line * stride..(line + 1) * stride) {
                    row_to_rgb(row.data(), colour, sixteen_bits, out);
                }
                line += 1;
            }
            png::InterlaceInfo::Adam7(pass) => {
                let samples = row.data().len() / (colour.samples() << u8::from(sixteen_bits));
                row_rgb.resize(samples * 3, 0);
                row_to_rgb(row.data(), colour, sixteen_bits, &mut row_rgb);
                png::expand_interlaced_row(&mut pixels, stride, &row_rgb, pass, 24);
            }
        }
    }
    Ok(pixels)
}

fn refusal(error: png::DecodingError) -> ImagingError {
    let detail = error.to_string();
    match error {
        png::DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImagingError::Truncated { format: FORMAT, detail: "the picture data end too early".to_owned() }
        }
        _ => ImagingError::Damaged { format: FORMAT, detail },
    }
}

fn row_to_rgb(row: &[u8], colour: ColorType, sixteen_bits: bool, out: &mut [u8]) {
    let samples = colour.samples();
    let pixel_bytes = samples << u8::from(sixteen_bits);
    for (pixel, rgb) in row.chunks_exact(pixel_bytes).zip(out.chunks_exact_mut(3)) {
        let sample = |index: usize| {
            if sixteen_bits { to_8_bits(pixel[index * 2], pixel[index * 2 + 1]) } else { pixel[index] }
        };
        let [red, green, blue] = if samples < 3 { [0; 3] } else { [0, 1, 2] };
        let alpha = if samples.is_multiple_of(2) { sample(samples - 1) } else { 255 };
        rgb.copy_from_slice(&[red, green, blue].map(|index| on_white(sample(index), alpha)));
    }
}

struct Header {
    claim: Claim,
    indexed: bool,
}

impl Header {
    fn read(chunk: &Chunk<'_>) -> Result<Self, ImagingError> {
        let unwalkable = || ImagingError::UnwalkableContainer {
            format: FORMAT,
            detail: "it does not begin with an IHDR chunk of 13 bytes".to_owned(),
        };
        if chunk.kind != *b"IHDR" || chunk.data.len() != 13 {
            return Err(unwalkable());
        }
        let mut fields = Cursor::new(chunk.data);
        let width = fields.u32_be().ok_or_else(unwalkable)?;
        let height = fields.u32_be().ok_or_else(unwalkable)?;
        let [_, colour_type, ..] = fields.array::<5>().ok_or_else(unwalkable)?;
        // RGB, and a few rows of up to eight bytes a pixel in the decoder.
        let memory = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(3);
        let memory = memory.saturating_add(u64::from(width) * 64);
        Ok(Self { claim: Claim { width, height, memory }, indexed: colour_type == 3 })
    }
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    whole: &'a [u8],
    checksum: u32,
}

impl<'a> Chunk<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, ImagingError> {
        let truncated =
            || ImagingError::Truncated { format: FORMAT, detail: "it ends before its IEND chunk".to_owned() };
        let (rest, start) = (cursor.rest(), cursor.position());
        let length = cursor.u32_be().ok_or_else(truncated)?;
        let kind = cursor.array::<4>().ok_or_else(truncated)?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(ImagingError::UnwalkableContainer {
                format: FORMAT,
                detail: format!("no chunk begins at byte {start}"),
            });
        }
        let data =
            usize::try_from(length).ok().and_then(|length| cursor.take(length)).ok_or_else(truncated)?;
        let checksum = cursor.u32_be().ok_or_else(truncated)?;
        Ok(Self { kind, data, whole: rest.get(..data.len() + 12).unwrap_or_default(), checksum })
    }

    fn is_intact(&self) -> bool {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.kind);
        hasher.update(self.data);
        hasher.finalize() == self.checksum
    }
}

fn build_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    hasher.update(data);
    // A chunk is built only from parts of a chunk, so its length fits.
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    chunk.extend(hasher.finalize().to_be_bytes());
    chunk
}

#[derive(Default)]
struct Walker<'a> {
    header: Option<Header>,
    orientation: Option<Orientation>,
    seen: Vec<[u8; 4]>,
    /// What stands before the picture data.
    front: Vec<Cow<'a, [u8]>>,
    data: Vec<Cow<'a, [u8]>>,
}

impl<'a> Walker<'a> {
    /// Keeps or drops a chunk; true after the last one.
    fn take(&mut self, chunk: &Chunk<'a>) -> Result<bool, ImagingError> {
        match &chunk.kind {
            b"IEND" => return Ok(true),
            b"IDAT" => self.data.push(Cow::Borrowed(chunk.whole)),
            b"PLTE" | b"tRNS" | b"cICP" | b"gAMA" | b"cHRM" | b"sRGB" | b"sBIT" | b"iCCP" => {
                self.keep_once(chunk);
            }
            b"eXIf" => self.orientation = self.orientation.or_else(|| exif::orientation(chunk.data)),
            kind if kind[0].is_ascii_uppercase() => {
                return Err(ImagingError::Unsupported {
                    format: FORMAT,
                    detail: format!("it needs the unknown chunk {}", kind.escape_ascii()),
                });
            }
            _ => {}
        }
        Ok(false)
    }

    /// Keeps the first chunk of its kind where it stands before the picture data and has a lawful size: a longer
    /// one could carry anything.
    fn keep_once(&mut self, chunk: &Chunk<'a>) {
        let length = chunk.data.len();
        let lawful = match &chunk.kind {
            b"PLTE" => (3..=768).contains(&length) && length.is_multiple_of(3),
            b"tRNS" if self.header.as_ref().is_some_and(|header| header.indexed) => {
                (1..=256).contains(&length)
            }
            b"tRNS" => length == 2 || length == 6,
            b"sBIT" => (1..=4).contains(&length),
            b"gAMA" | b"cICP" => length == 4,
            b"cHRM" => length == 32,
            b"sRGB" => length == 1,
            _ => true,
        };
        let critical = chunk.kind == *b"PLTE";
        if !lawful
            || !self.data.is_empty()
            || self.seen.contains(&chunk.kind)
            || !(critical || chunk.is_intact())
        {
            return;
        }
        if chunk.kind != *b"iCCP" {
            self.seen.push(chunk.kind);
            self.front.push(Cow::Borrowed(chunk.whole));
            return;
        }
        // Profile name (1 to 79 bytes of free text), 0, compression method 0, compressed profile.
        let Some(end) = chunk.data.iter().take(80).position(|&byte| byte == 0) else {
            return;
        };
        if let Some([0, profile @ ..]) = chunk.data.get(end + 1..) {
            self.seen.push(chunk.kind);
            self.front.push(Cow::Owned(build_chunk(*b"iCCP", &[b"ICC profile\0\0", profile].concat())));
        }
    }

    fn finish(self) -> Result<Container<'a>, ImagingError> {
        let (Some(header), false) = (self.header, self.data.is_empty()) else {
            return Err(ImagingError::Damaged {
                format: FORMAT,
                detail: "it holds no picture data (no IDAT chunk)".to_owned(),
            });
        };
        let mut pieces = self.front;
        let orientation = self.orientation.unwrap_or_default();
        pieces.extend(exif::rebuilt(orientation).map(|block| Cow::Owned(build_chunk(*b"eXIf", &block))));
        pieces.extend(self.data);
        pieces.push(Cow::Owned(build_chunk(*b"IEND", &[])));
        let Claim { width, height, .. } = header.claim;
        Ok(Container { format: FORMAT, width, height, orientation, pieces, picture: Picture::Png })
    }
}
