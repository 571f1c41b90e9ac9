//! JPEG (ITU-T T.81): the segments that are kept, and decoding.

mod baseline;
mod huffman;
mod scans;
mod standard_tables;

use std::borrow::Cow;

use memchr::memchr;
use ocelli_core::limits;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use self::scans::Scans;
use crate::cursor::Cursor;
use crate::limits::Claim;
use crate::photo::{self, Check, Container};
use crate::pixels::buffer;
use crate::scale::Scale;
use crate::{DecodeOptions, ImageFormat, ImagingError, Orientation, RgbImage, exif};

const FORMAT: ImageFormat = ImageFormat::Jpeg;
/// Each scan can touch every pixel again, so their number bounds the work. Encoders write about ten.
const MAX_SCANS: usize = 100;

fn damaged(detail: impl Into<String>) -> ImagingError {
    ImagingError::Damaged { format: FORMAT, detail: detail.into() }
}

fn truncated() -> ImagingError {
    ImagingError::Truncated { format: FORMAT, detail: "it ends before its end marker".to_owned() }
}

fn unsupported(detail: &str) -> ImagingError {
    ImagingError::Unsupported { format: FORMAT, detail: detail.to_owned() }
}

/// What the components mean, by libjpeg's rules (`default_decompress_parms`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

#[derive(Debug)]
pub(crate) struct Picture {
    colour: Colour,
    frame: Frame,
    /// Where the Adobe segment stands among the pieces.
    adobe: Option<usize>,
    /// Why the scans cannot be decoded whole.
    fault: Option<ImagingError>,
}

/// Keeps tables, frame, scans and the ICC profile, JFIF and Adobe segments reduced to what fixes the colours, and
/// a rebuilt EXIF segment where the photo is not stored upright.
pub(crate) fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(2).ok_or_else(truncated)?;
    let mut walker = Walker::default();
    loop {
        let marker = next_marker(&mut cursor).ok_or_else(truncated)?;
        match marker {
            0xd9 => return walker.finish(),
            // Markers without a segment, outside of any scan.
            0x01 | 0xd0..=0xd7 => {}
            0xd8 => {
                return Err(ImagingError::UnwalkableContainer {
                    format: FORMAT,
                    detail: "a second picture begins before the first has ended".to_owned(),
                });
            }
            _ => walker.segment(marker, &mut cursor, check)?,
        }
    }
}

/// Skips to the next marker, over fill bytes and, as decoders do, over bytes that belong to no segment.
fn next_marker(cursor: &mut Cursor<'_>) -> Option<u8> {
    loop {
        let gap = cursor.rest().iter().position(|&byte| byte == 0xff)?;
        cursor.take(gap)?;
        let fill = cursor.rest().iter().position(|&byte| byte != 0xff)?;
        cursor.take(fill)?;
        match cursor.u8()? {
            0 => {}
            marker => return Some(marker),
        }
    }
}

/// The entropy-coded data of a scan: up to the next marker that is not a restart.
fn entropy_coded<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let rest = cursor.rest();
    let mut at = 0;
    loop {
        at += memchr(0xff, rest.get(at..)?)?;
        let fill = rest.get(at + 1..)?.iter().position(|&byte| byte != 0xff)?;
        match rest.get(at + 1 + fill)? {
            0 if fill == 0 => at += 2,
            0xd0..=0xd7 => at += 2 + fill,
            _ => return cursor.take(at),
        }
    }
}

#[derive(Default)]
struct Walker<'a> {
    frame: Option<Frame>,
    orientation: Option<Orientation>,
    jfif: bool,
    adobe_transform: Option<u8>,
    has_tables: bool,
    scans: usize,
    pieces: Vec<Cow<'a, [u8]>>,
}

impl<'a> Walker<'a> {
    fn segment(&mut self, marker: u8, cursor: &mut Cursor<'a>, check: Check<'_>) -> Result<(), ImagingError> {
        let whole = cursor.rest();
        let length = usize::from(cursor.u16_be().ok_or_else(truncated)?);
        let body_length = length.checked_sub(2).ok_or_else(|| ImagingError::UnwalkableContainer {
            format: FORMAT,
            detail: format!("the segment 0xFF{marker:02X} claims a length of {length}"),
        })?;
        let body = cursor.take(body_length).ok_or_else(truncated)?;
        let whole = whole.get(..length).unwrap_or_default();
        match marker {
            0xc0..=0xc2 => {
                if self.frame.is_some() {
                    return Err(damaged("it has two frame headers"));
                }
                let frame = Frame::read(marker, body)?;
                self.keep(marker, whole);
                self.frame = Some(frame);
            }
            0xc4 | 0xdb | 0xdd => {
                self.has_tables |= marker == 0xc4;
                self.keep(marker, whole);
            }
            0xc3 => return Err(unsupported("lossless coding")),
            0xc5..=0xc7 | 0xde | 0xdf => return Err(unsupported("hierarchical coding")),
            0xc9..=0xcf => return Err(unsupported("arithmetic coding")),
            0xda => self.scan(whole, body, cursor, check)?,
            0xe0 => self.jfif |= body.starts_with(b"JFIF\0"),
            0xe1 if body.starts_with(exif::PREFIX) => {
                self.orientation = self.orientation.or_else(|| exif::orientation(body));
            }
            0xe2 if body.starts_with(b"ICC_PROFILE\0") && body.len() > 14 => self.keep(marker, whole),
            0xee if self.adobe_transform.is_none() => {
                self.adobe_transform = body.strip_prefix(b"Adobe").and_then(|fields| fields.get(6)).copied();
            }
            _ => {}
        }
        Ok(())
    }

    fn scan(
        &mut self,
        whole: &'a [u8],
        body: &'a [u8],
        cursor: &mut Cursor<'a>,
        check: Check<'_>,
    ) -> Result<(), ImagingError> {
        let frame = self.frame.as_ref().ok_or_else(|| damaged("a scan comes before the frame header"))?;
        if self.scans == 0 {
            check(frame.claim(body.first().copied()))?;
            frame.check_supported(body)?;
            if !self.has_tables && !frame.progressive {
                self.keep(0xc4, standard_tables::SEGMENT);
            }
        }
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(damaged(format!("it has more than {MAX_SCANS} scans")));
        }
        self.keep(0xda, whole);
        let data = entropy_coded(cursor).ok_or_else(truncated)?;
        self.pieces.push(Cow::Borrowed(data));
        Ok(())
    }

    /// Keeps a segment, `whole` being its length field and its body.
    fn keep(&mut self, marker: u8, whole: &'a [u8]) {
        self.pieces.push(match marker {
            0xc0 => Cow::Borrowed(&[0xff, 0xc0]),
            0xc1 => Cow::Borrowed(&[0xff, 0xc1]),
            0xc2 => Cow::Borrowed(&[0xff, 0xc2]),
            0xc4 => Cow::Borrowed(&[0xff, 0xc4]),
            0xda => Cow::Borrowed(&[0xff, 0xda]),
            0xdb => Cow::Borrowed(&[0xff, 0xdb]),
            other => Cow::Owned(vec![0xff, other]),
        });
        self.pieces.push(Cow::Borrowed(whole));
    }

    fn finish(self) -> Result<Container<'a>, ImagingError> {
        let frame = self.frame.ok_or_else(|| damaged("it has no frame header"))?;
        if self.scans == 0 {
            return Err(damaged("it has no scan"));
        }
        let colour = frame.colour(self.jfif, self.adobe_transform)?;
        let orientation = self.orientation.unwrap_or_default();
        let mut pieces: Vec<Cow<'a, [u8]>> = vec![Cow::Borrowed(&[0xff, 0xd8])];
        if self.jfif {
            // Version 1.1, square pixels, no thumbnail.
            pieces.push(Cow::Borrowed(b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"));
        }
        if let Some(block) = exif::rebuilt(orientation) {
            let length = (2 + exif::PREFIX.len() + block.len()) as u16;
            let header = [&[0xff, 0xe1], length.to_be_bytes().as_slice(), exif::PREFIX].concat();
            pieces.push(Cow::Owned([header, block].concat()));
        }
        let mut adobe = None;
        if let Some(transform) = self.adobe_transform {
            // Decoders agree on what the defined value means.
            let transform = if colour == Colour::Ycck { 2 } else { transform };
            adobe = Some(pieces.len());
            pieces.push(Cow::Owned([b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat()));
        }
        pieces.extend(self.pieces);
        pieces.push(Cow::Borrowed(&[0xff, 0xd9]));
        let (width, height) = (frame.width, frame.height);
        let picture = photo::Picture::Jpeg(Picture { colour, frame, adobe, fault: None });
        Ok(Container { format: FORMAT, width, height, orientation, pieces, picture })
    }
}

#[derive(Debug)]
struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    components: Vec<Component>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Component {
    id: u8,
    /// Sampling factors.
    horizontal: u8,
    vertical: u8,
    /// The place of its quantisation factors.
    factors: u8,
}

impl Frame {
    fn read(marker: u8, body: &[u8]) -> Result<Self, ImagingError> {
        let mut fields = Cursor::new(body);
        let mut read = || {
            let precision = fields.u8()?;
            let (height, width) = (fields.u16_be()?, fields.u16_be()?);
            let count = fields.u8()?;
            let components: Vec<_> = fields
                .rest()
                .chunks_exact(3)
                .map(|component| Component {
                    id: component[0],
                    horizontal: component[1] >> 4,
                    vertical: component[1] & 15,
                    factors: component[2],
                })
                .collect();
            let whole = fields.rest().len() == usize::from(count) * 3;
            Some((precision, width, height, components, whole))
        };
        let (precision, width, height, components, whole) =
            read().ok_or_else(|| damaged("the frame header is too short"))?;
        if !whole {
            return Err(damaged("the frame header's length contradicts its number of components"));
        }
        if precision != 8 {
            return Err(unsupported(&format!("{precision} bits a sample")));
        }
        if components
            .iter()
            .any(|part| !(1..=4).contains(&part.horizontal) || !(1..=4).contains(&part.vertical))
        {
            return Err(damaged("a sampling factor is not 1 to 4"));
        }
        Ok(Self { progressive: marker == 0xc2, width: width.into(), height: height.into(), components })
    }

    fn largest_factors(&self) -> (u32, u32) {
        let largest =
            |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().unwrap_or(1).into();
        (largest(|component| component.horizontal), largest(|component| component.vertical))
    }

    /// Columns and rows of units of a scan (T.81, A.2): blocks of the one component that it holds, or
    /// interleaved units of all components.
    fn units(&self, only: Option<usize>) -> (usize, usize) {
        let (h, v) = self.largest_factors();
        let (own_h, own_v) = match only.and_then(|index| self.components.get(index)) {
            Some(part) => (part.horizontal.into(), part.vertical.into()),
            None => (1, 1),
        };
        let columns = (self.width * own_h).div_ceil(8 * h);
        let rows = (self.height * own_v).div_ceil(8 * v);
        (columns as usize, rows as usize)
    }

    /// A decoder keeps all coefficients (16 bits each) of a photo whose components do not come in one scan.
    fn claim(&self, components_in_first_scan: Option<u8>) -> Claim {
        let (h, v) = self.largest_factors();
        let (h, v) = (u64::from(h), u64::from(v));
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let units = width.div_ceil(8 * h) * height.div_ceil(8 * v);
        let blocks: u64 =
            self.components.iter().map(|part| u64::from(part.horizontal) * u64::from(part.vertical)).sum();
        let whole_in_one = components_in_first_scan.map(usize::from) == Some(self.components.len());
        let coefficients = if self.progressive || !whole_in_one { units * blocks * (64 * 2 + 8) } else { 0 };
        // RGB, the coefficients, and a few rows of blocks.
        let memory = width * height * 3 + coefficients + width * 64 * h * v;
        Claim { width: self.width, height: self.height, memory }
    }

    /// Refuses by name what the decoder would refuse without a reason or, worse, show wrong.
    fn check_supported(&self, first_scan: &[u8]) -> Result<(), ImagingError> {
        let Some(first) = self.components.first() else { return Ok(()) };
        if self.components.iter().any(|part| part.horizontal == 3) {
            return Err(unsupported("a horizontal sampling factor of 3"));
        }
        let (h, v) = self.largest_factors();
        if (u32::from(first.horizontal), u32::from(first.vertical)) != (h, v) {
            return Err(unsupported("colours sampled more finely than brightness"));
        }
        let whole_in_one = first_scan.first().map(|&count| usize::from(count)) == Some(self.components.len());
        if self.progressive || whole_in_one {
            return Ok(());
        }
        if (h, v) != (1, 1) {
            return Err(unsupported("sequential scans of single, subsampled components"));
        }
        if first_scan.get(1) != Some(&first.id) {
            return Err(unsupported("sequential scans that begin with a later component"));
        }
        Ok(())
    }

    fn colour(&self, jfif: bool, adobe_transform: Option<u8>) -> Result<Colour, ImagingError> {
        let ids: Vec<u8> = self.components.iter().map(|part| part.id).collect();
        match (ids.as_slice(), adobe_transform) {
            ([_], _) => Ok(Colour::Grey),
            ([_, _, _], _) if jfif => Ok(Colour::YCbCr),
            ([_, _, _], Some(0)) | (b"RGB", None) => Ok(Colour::Rgb),
            ([_, _, _], _) => Ok(Colour::YCbCr),
            ([_, _, _, _], Some(0) | None) => Ok(Colour::Cmyk),
            ([_, _, _, _], Some(_)) => Ok(Colour::Ycck),
            _ => Err(unsupported(&format!("{} components", ids.len()))),
        }
    }
}

/// Follows every scan to its end, leaves out what lies behind it, and notes the first that is not whole.
pub(crate) fn follow_scans(pieces: &mut [Cow<'_, [u8]>], picture: &mut Picture) {
    let frame = &picture.frame;
    if u64::from(frame.width) * u64::from(frame.height) > limits::MAX_PIXELS {
        // Stripping has no limits of its own; the bookkeeping takes one byte for every eight pixels.
        return;
    }
    let mut scans = Scans::new(frame);
    let mut fault = None;
    let mut at = 0;
    while at + 1 < pieces.len() {
        let &[0xff, marker] = pieces[at].as_ref() else {
            at += 1;
            continue;
        };
        let body = pieces[at + 1].get(2..).unwrap_or_default();
        match marker {
            0xc4 => scans.define_tables(body),
            0xdd => scans.define_restarts(body),
            0xda => {
                let header = body.to_vec();
                if let Some(Cow::Borrowed(data)) = pieces.get(at + 2) {
                    match scans.follow(&header, data) {
                        Ok(data) => pieces[at + 2] = data,
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
                at += 1;
            }
            _ => {}
        }
        // The start marker stands alone.
        at += if marker == 0xd8 { 1 } else { 2 };
    }
    picture.fault = fault;
}

/// Decodes to RGB8: what ends early or does not follow its tables is refused.
pub(crate) fn decode(
    container: &mut Container<'_>,
    options: &DecodeOptions,
) -> Result<RgbImage, ImagingError> {
    let photo::Picture::Jpeg(picture) = &container.picture else {
        return Err(damaged("it is no JPEG file"));
    };
    let needed = options.scale_to.map(|(width, height)| container.orientation.upright_size(width, height));
    let scale = Scale::for_size((picture.frame.width, picture.frame.height), needed);
    match baseline::decode(&container.pieces, picture, scale) {
        Ok(photo) => Ok(photo),
        Err(_) => decode_any(container),
    }
}

/// Decodes what the decoder of ordinary files leaves: first by following every scan to its end, then in strict mode.
fn decode_any(container: &mut Container<'_>) -> Result<RgbImage, ImagingError> {
    let Container { pieces, picture: photo::Picture::Jpeg(picture), .. } = container else {
        return Err(damaged("it is no JPEG file"));
    };
    follow_scans(pieces, picture);
    if let Some(fault) = &picture.fault {
        return Err(fault.clone());
    }
    // The decoder reads the Adobe segment by other rules than libjpeg and needs it for YCCK only.
    let hidden = if picture.colour == Colour::Ycck { None } else { picture.adobe };
    let visible: Vec<&[u8]> = container
        .pieces
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != hidden)
        .map(|(_, piece)| piece.as_ref())
        .collect();
    let bytes = visible.concat();
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes.as_slice()), options);
    decoder.decode_headers().map_err(refusal)?;
    if picture.colour == Colour::Rgb && decoder.input_colorspace() == Some(ColorSpace::YCbCr) {
        // "From YCbCr to YCbCr" leaves the components as they are, which is what RGB needs.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::YCbCr));
    }
    let mut pixels = buffer(container.width, container.height, 3, 0)?;
    decoder.decode_into(&mut pixels).map_err(refusal)?;
    RgbImage::new(container.width, container.height, pixels)
}

fn refusal(error: DecodeErrors) -> ImagingError {
    match error {
        DecodeErrors::ExhaustedData | DecodeErrors::FormatStatic("Premature end of buffer") => {
            ImagingError::Truncated { format: FORMAT, detail: "the picture data end too early".to_owned() }
        }
        DecodeErrors::Unsupported(scheme) => unsupported(&format!("{scheme:?}")),
        DecodeErrors::Format(detail) => damaged(detail),
        DecodeErrors::FormatStatic(detail) => damaged(detail),
        error => damaged(error.to_string()),
    }
}
