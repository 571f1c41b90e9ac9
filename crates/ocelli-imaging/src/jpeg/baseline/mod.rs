//! Decodes the ordinary JPEG in one pass: baseline, one scan, grey or three components with colours sampled as
//! finely as brightness or half as finely in either direction. Whatever is not ordinary is left to the general
//! decoder, as is every fault, so that there is one place which names them.

mod entropy;
mod idct;
mod level;
mod rows;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pulp::NullaryFnOnce as _;

use self::entropy::{Dequantiser, Kind, Lookup};
use self::scan::{Decoding, Scan};
use super::huffman::Table;
use super::{Colour, Picture};
use crate::RgbImage;
use crate::cursor::Cursor;
use crate::scale::Scale;

/// Not for this decoder, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotOrdinary;

/// One component of the scan.
struct Component {
    /// Blocks of one unit in each direction.
    columns: usize,
    rows: usize,
    /// Samples that a block gives in each direction: 8, or fewer where the photo is scaled.
    side: usize,
    direct: Lookup,
    alternating: Lookup,
    dequantiser: Dequantiser,
}

/// Decodes the picture at `scale`.
pub(super) fn decode(
    pieces: &[Cow<'_, [u8]>],
    picture: &Picture,
    scale: Scale,
) -> Result<RgbImage, NotOrdinary> {
    let scan = prepare(pieces, picture, scale)?;
    let pixels = pixels(&scan)?;
    let (width, height) = scale.size(picture.frame.width, picture.frame.height);
    RgbImage::new(width, height, pixels).map_err(|_| NotOrdinary)
}

/// Pixels of the scan, RGB, `[height, width, 3]`.
fn pixels(scan: &Scan<'_>) -> Result<Vec<u8>, NotOrdinary> {
    let count = (scan.width * scan.height).checked_mul(3).ok_or(NotOrdinary)?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(count).map_err(|_| NotOrdinary)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(level) = pulp::x86::V3::try_new() {
        level.vectorize(Decoding { scan, level, pixels: &mut pixels })?;
        return Ok(pixels);
    }
    Decoding { scan, level: level::Portable, pixels: &mut pixels }.call()?;
    Ok(pixels)
}

/// Reads the tables and headers of a walked file.
fn prepare<'p>(
    pieces: &'p [Cow<'_, [u8]>],
    picture: &Picture,
    scale: Scale,
) -> Result<Scan<'p>, NotOrdinary> {
    let frame = &picture.frame;
    if frame.progressive || !matches!(picture.colour, Colour::Grey | Colour::YCbCr | Colour::Rgb) {
        return Err(NotOrdinary);
    }
    let mut tables = Tables::default();
    let mut scan = None;
    // The start marker stands alone; then come markers, each with its segment, and the data of scans.
    let mut pieces = pieces.iter().skip(1);
    while let Some(marker) = pieces.next() {
        let &[0xff, marker] = marker.as_ref() else { continue };
        if marker == 0xd9 {
            break;
        }
        let Some(body) = pieces.next().and_then(|segment| segment.get(2..)) else { return Err(NotOrdinary) };
        match marker {
            // What stands after the scan is not for it.
            0xc4 | 0xdb | 0xdd if scan.is_some() => return Err(NotOrdinary),
            0xc4 => tables.define_codes(body)?,
            0xdb => tables.define_factors(body)?,
            0xdd => {
                let interval = body.try_into().map_err(|_| NotOrdinary)?;
                tables.restart_interval = u16::from_be_bytes(interval).into();
            }
            0xda => {
                let data = pieces.next().ok_or(NotOrdinary)?;
                if scan.replace((body, data)).is_some() {
                    return Err(NotOrdinary);
                }
            }
            _ => {}
        }
    }
    let (header, data) = scan.ok_or(NotOrdinary)?;
    let single = frame.components.len() == 1;
    let mut header = Cursor::new(header);
    if header.u8().map(usize::from) != Some(frame.components.len()) {
        return Err(NotOrdinary);
    }
    let mut components = Vec::new();
    for component in &frame.components {
        let [id, places] = header.array().ok_or(NotOrdinary)?;
        if id != component.id || frame.components.iter().filter(|part| part.id == id).count() != 1 {
            return Err(NotOrdinary);
        }
        // A single component is not interleaved: its units are blocks.
        let (columns, rows) = if single { (1, 1) } else { (component.horizontal, component.vertical) };
        components.push(Component {
            columns: columns.into(),
            rows: rows.into(),
            side: scale.side(),
            direct: tables.codes(Kind::Direct, places >> 4)?,
            alternating: tables.codes(Kind::Alternating, places & 15)?,
            dequantiser: tables.factors(component.factors)?,
        });
    }
    if header.array() != Some([0, 63, 0]) || header.u8().is_some() {
        return Err(NotOrdinary);
    }
    match components.as_mut_slice() {
        [_] => {}
        [first, others @ ..] => {
            let coarser = first.columns.min(first.rows);
            for part in others {
                if first.columns > 2 || first.rows > 2 || (part.columns, part.rows) != (1, 1) {
                    return Err(NotOrdinary);
                }
                // Colours that are sampled more coarsely anyway are scaled less.
                part.side = (part.side * coarser).min(8);
            }
        }
        [] => return Err(NotOrdinary),
    }
    let (unit_columns, unit_rows) = frame.units(single.then_some(0));
    let (width, height) = scale.size(frame.width, frame.height);
    Ok(Scan {
        width: width as usize,
        height: height as usize,
        unit_columns,
        unit_rows,
        colour: picture.colour,
        components,
        restart_interval: tables.restart_interval,
        data,
    })
}

#[derive(Default)]
struct Tables {
    direct: [Option<Table>; 4],
    alternating: [Option<Table>; 4],
    factors: [Option<[u16; 64]>; 4],
    restart_interval: usize,
}

impl Tables {
    /// Takes a DHT segment's body (T.81, B.2.4.2).
    fn define_codes(&mut self, body: &[u8]) -> Result<(), NotOrdinary> {
        let mut cursor = Cursor::new(body);
        while let Some(place) = cursor.u8() {
            let counts: [u8; 16] = cursor.array().ok_or(NotOrdinary)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = cursor.take(total).filter(|_| total <= 256).ok_or(NotOrdinary)?;
            let tables = match place >> 4 {
                0 if symbols.iter().any(|&symbol| symbol > 15) => return Err(NotOrdinary),
                0 => &mut self.direct,
                1 => &mut self.alternating,
                _ => return Err(NotOrdinary),
            };
            let slot = tables.get_mut(usize::from(place & 15)).ok_or(NotOrdinary)?;
            let table = Table::new(&counts, symbols).filter(|table| !table.has_code_of_ones());
            *slot = Some(table.ok_or(NotOrdinary)?);
        }
        Ok(())
    }

    /// Takes a DQT segment's body (T.81, B.2.4.1).
    fn define_factors(&mut self, body: &[u8]) -> Result<(), NotOrdinary> {
        let mut cursor = Cursor::new(body);
        while let Some(place) = cursor.u8() {
            let mut factors = [0; 64];
            for factor in &mut factors {
                *factor = match place >> 4 {
                    0 => cursor.u8().map(u16::from),
                    1 => cursor.u16_be(),
                    _ => None,
                }
                .ok_or(NotOrdinary)?;
            }
            *self.factors.get_mut(usize::from(place & 15)).ok_or(NotOrdinary)? = Some(factors);
        }
        Ok(())
    }

    fn codes(&self, kind: Kind, place: u8) -> Result<Lookup, NotOrdinary> {
        let tables = if kind == Kind::Direct { &self.direct } else { &self.alternating };
        let table = tables.get(usize::from(place)).and_then(Option::as_ref).ok_or(NotOrdinary)?;
        Ok(Lookup::new(table.clone(), kind))
    }

    fn factors(&self, place: u8) -> Result<Dequantiser, NotOrdinary> {
        let factors = self.factors.get(usize::from(place)).and_then(Option::as_ref).ok_or(NotOrdinary)?;
        Ok(Dequantiser::new(factors))
    }
}
