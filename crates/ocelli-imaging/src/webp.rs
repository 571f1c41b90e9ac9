//! WebP (RFC 9649): the chunks that are kept, and decoding of the first frame.

use std::borrow::Cow;

use image_webp::{DecodingError, WebPDecoder};

use crate::cursor::Cursor;
use crate::limits::Claim;
use crate::photo::{self, Check, Container};
use crate::pixels::{buffer, rgba_to_rgb};
use crate::{DecodeLimits, ImageFormat, ImagingError, Orientation, exif, vp8l};

const FORMAT: ImageFormat = ImageFormat::WebP;
const HAS_PROFILE: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const HAS_ANIMATION: u8 = 0x02;

fn damaged(detail: impl Into<String>) -> ImagingError {
    ImagingError::Damaged { format: FORMAT, detail: detail.into() }
}

fn truncated() -> ImagingError {
    ImagingError::Truncated { format: FORMAT, detail: "it ends before the size that it claims".to_owned() }
}

/// The bitstreams of a still or of one frame.
#[derive(Clone, Copy, Debug)]
struct Bitstream<'a> {
    /// `VP8 ` or `VP8L`.
    kind: [u8; 4],
    data: &'a [u8],
    /// An ALPH chunk, beside a lossy bitstream only.
    alpha: Option<&'a [u8]>,
    width: u32,
    height: u32,
    has_alpha: bool,
}

/// The first frame of an animation: where it stands on the canvas.
#[derive(Debug)]
struct Placement {
    left: u32,
    top: u32,
}

#[derive(Debug)]
pub(crate) struct Picture<'a> {
    bitstream: Bitstream<'a>,
    placement: Option<Placement>,
    /// Bytes at the peak of decoding but for prefix codes.
    memory: u64,
}

impl Picture<'_> {
    /// Checks the memory that decoding takes with its prefix codes, which stand behind the headers.
    pub(crate) fn check_codes(&self, limits: &DecodeLimits) -> Result<(), ImagingError> {
        let Bitstream { kind, data, alpha, width, height, .. } = self.bitstream;
        let lossless = match (kind == *b"VP8L", alpha) {
            // Signature, size and version.
            (true, _) => data.get(5..),
            // Of the first byte, the lower two bits are 1 where what follows is coded as a lossless picture.
            (false, Some([first, data @ ..])) if first & 3 == 1 => Some(data),
            (false, _) => return Ok(()),
        };
        let codes = lossless
            .and_then(|data| vp8l::code_memory(data, width, height, limits.allocation))
            .ok_or_else(|| damaged("the codes of its lossless picture cannot be followed"))?;
        limits.check_memory(self.memory.saturating_add(codes))
    }
}

/// Keeps the bitstreams, the ICC profile, of an animation the first frame, and a rebuilt EXIF chunk where the
/// photo is not stored upright; the extended header only where one of these needs it.
pub(crate) fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(4).ok_or_else(truncated)?;
    let size = cursor.u32_le().ok_or_else(truncated)?;
    let riff = usize::try_from(size).ok().and_then(|size| cursor.take(size)).ok_or_else(truncated)?;
    let mut chunks = Cursor::new(riff);
    chunks.take(4).ok_or_else(truncated)?;
    let mut walker = Walker::default();
    while !chunks.rest().is_empty() {
        let (kind, data) = chunk(&mut chunks)?;
        walker.take(kind, data, check)?;
    }
    walker.finish(check)
}

/// One chunk; where its size is odd, a padding byte follows.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Result<([u8; 4], &'a [u8]), ImagingError> {
    let kind = cursor.array::<4>().ok_or_else(truncated)?;
    let size = cursor.u32_le().ok_or_else(truncated)?;
    let size = usize::try_from(size).map_err(|_| truncated())?;
    let data = cursor.take(size).ok_or_else(truncated)?;
    if size % 2 == 1 {
        // Some writers leave out the padding of the last chunk.
        cursor.take(1);
    }
    Ok((kind, data))
}

#[derive(Default)]
struct Walker<'a> {
    canvas: Option<(u32, u32)>,
    animated: bool,
    profile: Option<&'a [u8]>,
    alpha: Option<&'a [u8]>,
    bitstream: Option<Bitstream<'a>>,
    placement: Option<Placement>,
    orientation: Option<Orientation>,
}

impl<'a> Walker<'a> {
    fn take(&mut self, kind: [u8; 4], data: &'a [u8], check: Check<'_>) -> Result<(), ImagingError> {
        match &kind {
            b"VP8X" if self.canvas.is_none() && self.bitstream.is_none() => {
                let mut fields = Cursor::new(data);
                let mut read = || Some((fields.u32_le()?, fields.u24_le()? + 1, fields.u24_le()? + 1));
                let (flags, width, height) =
                    read().ok_or_else(|| damaged("its extended header is too short"))?;
                self.animated = flags & u32::from(HAS_ANIMATION) != 0;
                self.canvas = Some((width, height));
                let memory = u64::from(width) * u64::from(height) * 3;
                check(Claim { width, height, memory })?;
            }
            b"ICCP" => self.profile = self.profile.or(Some(data)),
            b"EXIF" => self.orientation = self.orientation.or_else(|| exif::orientation(data)),
            b"ALPH" if !self.animated && self.bitstream.is_none() => self.alpha = Some(data),
            b"VP8 " | b"VP8L" if !self.animated && self.bitstream.is_none() => {
                let alpha = self.alpha.take();
                self.bitstream = Some(Bitstream::read(kind, data, alpha)?);
            }
            b"ANMF" if self.animated && self.bitstream.is_none() => self.first_frame(data)?,
            _ => {}
        }
        Ok(())
    }

    fn first_frame(&mut self, data: &'a [u8]) -> Result<(), ImagingError> {
        let mut fields = Cursor::new(data);
        let mut read = || Some((fields.u24_le()? * 2, fields.u24_le()? * 2, fields.take(10)?));
        let (left, top, _) = read().ok_or_else(|| damaged("its first frame has no header"))?;
        let mut alpha = None;
        while !fields.rest().is_empty() {
            let (kind, data) = chunk(&mut fields)?;
            match &kind {
                b"ALPH" => alpha = Some(data),
                b"VP8 " | b"VP8L" => {
                    self.bitstream = Some(Bitstream::read(kind, data, alpha)?);
                    self.placement = Some(Placement { left, top });
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(damaged("its first frame holds no picture data"))
    }

    fn finish(self, check: Check<'_>) -> Result<Container<'a>, ImagingError> {
        let bitstream = self.bitstream.ok_or_else(|| damaged("it holds no picture data"))?;
        let (width, height) = self.canvas.unwrap_or((bitstream.width, bitstream.height));
        let (left, top) = self.placement.as_ref().map_or((0, 0), |at| (at.left, at.top));
        let on_canvas = if self.animated {
            left + bitstream.width <= width && top + bitstream.height <= height
        } else {
            (bitstream.width, bitstream.height) == (width, height)
        };
        if !on_canvas {
            return Err(damaged(format!(
                "its header claims {width} x {height} pixels, its picture has {} x {}",
                bitstream.width, bitstream.height
            )));
        }
        let canvas = if self.animated { u64::from(width) * u64::from(height) * 3 } else { 0 };
        let memory = bitstream.memory() + canvas;
        check(Claim { width, height, memory })?;
        let orientation = self.orientation.unwrap_or_default();
        let exif = exif::rebuilt(orientation);
        let mut body = Vec::new();
        if self.animated || self.profile.is_some() || exif.is_some() || bitstream.alpha.is_some() {
            let flags = [
                (self.profile.is_some(), HAS_PROFILE),
                (bitstream.has_alpha, HAS_ALPHA),
                (exif.is_some(), HAS_EXIF),
                (self.animated, HAS_ANIMATION),
            ];
            let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
            push_chunk(&mut body, *b"VP8X", vec![extended_header(flags, width, height).into()]);
        }
        if let Some(profile) = self.profile {
            push_chunk(&mut body, *b"ICCP", vec![profile.into()]);
        }
        if self.animated {
            // Background white, played once.
            push_chunk(&mut body, *b"ANIM", vec![vec![255, 255, 255, 255, 1, 0].into()]);
            let mut frame = vec![frame_header(left, top, bitstream.width, bitstream.height).into()];
            bitstream.push_to(&mut frame);
            push_chunk(&mut body, *b"ANMF", frame);
        } else {
            bitstream.push_to(&mut body);
        }
        if let Some(exif) = exif {
            push_chunk(&mut body, *b"EXIF", vec![exif.into()]);
        }
        let pieces = file(body);
        let picture = photo::Picture::WebP(Picture { bitstream, placement: self.placement, memory });
        Ok(Container { format: FORMAT, width, height, orientation, pieces, picture })
    }
}

fn extended_header(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let mut header = vec![flags, 0, 0, 0];
    header.extend(&(width - 1).to_le_bytes()[..3]);
    header.extend(&(height - 1).to_le_bytes()[..3]);
    header
}

/// No duration, no blending, no disposal.
fn frame_header(left: u32, top: u32, width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(16);
    for value in [left / 2, top / 2, width - 1, height - 1, 0] {
        header.extend(&value.to_le_bytes()[..3]);
    }
    header.push(0);
    header
}

fn push_chunk<'a>(pieces: &mut Vec<Cow<'a, [u8]>>, kind: [u8; 4], data: Vec<Cow<'a, [u8]>>) {
    let length: usize = data.iter().map(|piece| piece.len()).sum();
    // Taken from a file of at most 4 GiB.
    pieces.push(Cow::Owned([kind, (length as u32).to_le_bytes()].concat()));
    pieces.extend(data);
    if length % 2 == 1 {
        pieces.push(Cow::Borrowed(&[0]));
    }
}

fn file<'a>(body: Vec<Cow<'a, [u8]>>) -> Vec<Cow<'a, [u8]>> {
    let length: usize = 4 + body.iter().map(|piece| piece.len()).sum::<usize>();
    let header = [*b"RIFF", (length as u32).to_le_bytes(), *b"WEBP"].concat();
    let mut pieces = vec![Cow::Owned(header)];
    pieces.extend(body);
    pieces
}

impl<'a> Bitstream<'a> {
    fn read(kind: [u8; 4], data: &'a [u8], alpha: Option<&'a [u8]>) -> Result<Self, ImagingError> {
        let short = || damaged("its picture data have no header");
        if kind == *b"VP8 " {
            let mut fields = Cursor::new(data);
            let tag = fields.u24_le().ok_or_else(short)?;
            if tag & 1 != 0 || fields.array::<3>() != Some([0x9d, 0x01, 0x2a]) {
                return Err(damaged("its lossy picture is not a key frame"));
            }
            let width = u32::from(fields.u16_le().ok_or_else(short)? & 0x3fff);
            let height = u32::from(fields.u16_le().ok_or_else(short)? & 0x3fff);
            return Ok(Self { kind, data, alpha, width, height, has_alpha: alpha.is_some() });
        }
        let mut fields = Cursor::new(data);
        if fields.u8() != Some(0x2f) {
            return Err(damaged("its lossless picture has no signature"));
        }
        let header = fields.u32_le().ok_or_else(short)?;
        let (width, height) = ((header & 0x3fff) + 1, ((header >> 14) & 0x3fff) + 1);
        // A lossless bitstream brings its own transparency.
        Ok(Self { kind, data, alpha: None, width, height, has_alpha: header >> 28 & 1 != 0 })
    }

    /// Bytes at the peak of decoding: luma and chroma (1.5 a pixel) and RGB; with an alpha chunk RGBA and the
    /// alpha picture as four channels and as one; lossless, RGBA and half a byte of transforms.
    fn memory(&self) -> u64 {
        let pixels = u64::from(self.width.next_multiple_of(16)) * u64::from(self.height.next_multiple_of(16));
        let halves = match (self.kind == *b"VP8 ", self.has_alpha) {
            (true, false) | (false, _) => 9,
            (true, true) => 21,
        };
        pixels * halves / 2
    }

    fn push_to(&self, pieces: &mut Vec<Cow<'a, [u8]>>) {
        if let Some(alpha) = self.alpha {
            push_chunk(pieces, *b"ALPH", vec![alpha.into()]);
        }
        push_chunk(pieces, self.kind, vec![self.data.into()]);
    }
}

/// Decodes to RGB8 on white; the first frame of an animation on a white canvas.
pub(crate) fn decode(container: &Container<'_>, picture: &Picture<'_>) -> Result<Vec<u8>, ImagingError> {
    let Bitstream { width, height, .. } = picture.bitstream;
    let frame = decode_still(&picture.bitstream)?;
    let Some(placement) = &picture.placement else {
        return Ok(frame);
    };
    if (width, height) == (container.width, container.height) {
        return Ok(frame);
    }
    let mut pixels = buffer(container.width, container.height, 3, 255)?;
    let rows = pixels.chunks_exact_mut(container.width as usize * 3).skip(placement.top as usize);
    for (canvas_row, row) in rows.zip(frame.chunks_exact(width as usize * 3)) {
        let from = placement.left as usize * 3;
        canvas_row[from..from + row.len()].copy_from_slice(row);
    }
    Ok(pixels)
}

fn decode_still(bitstream: &Bitstream<'_>) -> Result<Vec<u8>, ImagingError> {
    let Bitstream { width, height, .. } = *bitstream;
    let mut body = Vec::new();
    let lossless = bitstream.kind == *b"VP8L";
    if lossless || bitstream.has_alpha {
        // With alpha, the decoder writes a lossless picture where it belongs instead of copying it there.
        push_chunk(&mut body, *b"VP8X", vec![extended_header(HAS_ALPHA, width, height).into()]);
    }
    bitstream.push_to(&mut body);
    let bytes = file(body).concat();
    let mut decoder = WebPDecoder::new(std::io::Cursor::new(bytes)).map_err(refusal)?;
    let alpha = decoder.has_alpha();
    let mut pixels = buffer(width, height, if alpha { 4 } else { 3 }, 0)?;
    decoder.read_image(&mut pixels).map_err(refusal)?;
    if lossless && !bitstream.has_alpha {
        pixels.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    }
    Ok(if alpha { rgba_to_rgb(pixels) } else { pixels })
}

fn refusal(error: DecodingError) -> ImagingError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImagingError::Truncated { format: FORMAT, detail: "the picture data end too early".to_owned() }
        }
        DecodingError::UnsupportedFeature(detail) => ImagingError::Unsupported { format: FORMAT, detail },
        error => damaged(error.to_string()),
    }
}
