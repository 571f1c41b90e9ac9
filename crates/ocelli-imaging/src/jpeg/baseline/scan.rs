//! The pass over the data of a scan: row of units by row of units from bits to pixels, so that everything between
//! stays in the cache.

use memchr::memchr;

use super::entropy::{Block, Reader};
use super::idct::{constant, means};
use super::level::Level;
use super::rows::{blend, colour, widen};
use super::{Component, NotOrdinary};
use crate::jpeg::Colour;

/// A scan, and everything needed to decode it.
pub(super) struct Scan<'p> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) unit_columns: usize,
    pub(super) unit_rows: usize,
    pub(super) colour: Colour,
    pub(super) components: Vec<Component>,
    /// Units between restarts; 0 for none.
    pub(super) restart_interval: usize,
    pub(super) data: &'p [u8],
}

/// [`decode`] as a value, so that `pulp` can compile it for a level of instructions. Whatever it calls on the way
/// from bits to pixels is inlined, or would be compiled for the least processor.
pub(super) struct Decoding<'s, 'p, L> {
    pub(super) scan: &'s Scan<'p>,
    pub(super) level: L,
    pub(super) pixels: &'s mut Vec<u8>,
}

impl<L: Level> pulp::NullaryFnOnce for Decoding<'_, '_, L> {
    type Output = Result<(), NotOrdinary>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        if self.scan.components.iter().all(|part| part.side == 8) {
            decode::<L, true>(self.scan, self.level, self.pixels)
        } else {
            decode::<L, false>(self.scan, self.level, self.pixels)
        }
    }
}

/// Decodes the scan and appends its pixels. `WHOLE` says beforehand that no component is scaled.
#[inline(always)]
fn decode<L: Level, const WHOLE: bool>(
    scan: &Scan<'_>,
    level: L,
    pixels: &mut Vec<u8>,
) -> Result<(), NotOrdinary> {
    let interval = if scan.restart_interval == 0 { usize::MAX } else { scan.restart_interval };
    let most_intervals = (scan.unit_columns * scan.unit_rows).div_ceil(interval);
    let (data, ends) = unstuffed(scan.data, most_intervals);
    let mut ends = ends.into_iter();
    let mut start = ends.next().ok_or(NotOrdinary)?;
    let mut reader = Reader::new(&data[..start]);
    let mut until_restart = interval;
    let mut predictions = [0; 3];
    let mut painter = Painter::new(scan);
    for row in 0..scan.unit_rows {
        for column in 0..scan.unit_columns {
            if until_restart == 0 {
                if reader.is_exhausted() {
                    return Err(NotOrdinary);
                }
                let end = ends.next().ok_or(NotOrdinary)?;
                reader = Reader::new(&data[start..end]);
                start = end;
                until_restart = interval;
                predictions = [0; 3];
            }
            until_restart -= 1;
            let parts = scan.components.iter().zip(&mut painter.bands).zip(&mut predictions);
            for ((part, band), prediction) in parts {
                unit::<L, WHOLE>(level, part, band, column, prediction, &mut reader)?;
            }
        }
        if reader.is_exhausted() {
            return Err(NotOrdinary);
        }
        painter.paint(level, row, pixels);
    }
    Ok(())
}

/// Decodes the blocks that one unit has of a component.
#[inline(always)]
fn unit<L: Level, const WHOLE: bool>(
    level: L,
    part: &Component,
    band: &mut Band,
    column: usize,
    prediction: &mut i32,
    reader: &mut Reader<'_>,
) -> Result<(), NotOrdinary> {
    for block_row in 0..part.rows {
        for block_column in 0..part.columns {
            let mut block: Block = [0; 64];
            let positions = reader.block(part, prediction, &mut block)?;
            let place = (block_row, column * part.columns + block_column);
            if !WHOLE && part.side == 1 {
                // The mean of a block is its first coefficient's value.
                band.put(place, &[[constant(block[0])]]);
                continue;
            }
            let samples = match positions {
                1 => [[constant(block[0]); 8]; 8],
                // The first ten zigzag positions lie within four rows and columns.
                2..=10 => level.corner(&block),
                _ => level.full(&block),
            };
            match if WHOLE { 8 } else { part.side } {
                2 => band.put(place, &means::<2>(&samples)),
                4 => band.put(place, &means::<4>(&samples)),
                _ => band.put(place, &samples),
            }
        }
    }
    Ok(())
}

/// The data without stuffed zeros and restart markers, and where each interval between restarts ends, up to
/// `most` of them.
fn unstuffed(mut data: &[u8], most: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (Vec::with_capacity(data.len()), Vec::new());
    while ends.len() < most {
        let Some(at) = memchr(0xff, data) else {
            bytes.extend_from_slice(data);
            ends.push(bytes.len());
            break;
        };
        if data.get(at + 1) == Some(&0) {
            bytes.extend_from_slice(&data[..=at]);
            data = &data[at + 2..];
            continue;
        }
        bytes.extend_from_slice(&data[..at]);
        ends.push(bytes.len());
        // Markers may have fill bytes in front; only restarts are left in the data of a scan.
        data = data[at..]
            .iter()
            .position(|&byte| byte != 0xff)
            .and_then(|fill| data.get(at + fill + 1..))
            .unwrap_or_default();
    }
    (bytes, ends)
}

/// Samples of one component for one row of units, below the last row of samples of the units above.
struct Band {
    width: usize,
    /// The width, rounded up to whole vectors.
    stride: usize,
    /// Rows without the one from above.
    rows: usize,
    samples: Vec<u8>,
}

impl Band {
    fn new(part: &Component, unit_columns: usize) -> Self {
        let width = unit_columns * part.columns * part.side;
        let stride = width.next_multiple_of(16);
        let rows = part.rows * part.side;
        Self { width, stride, rows, samples: vec![0; (rows + 1) * stride] }
    }

    /// Puts a block in its place: its row and column of blocks.
    #[inline(always)]
    fn put<const N: usize>(&mut self, (row, column): (usize, usize), block: &[[u8; N]; N]) {
        let left = column * N;
        let rows = self.samples[(1 + row * N) * self.stride..].chunks_exact_mut(self.stride);
        for (out, samples) in rows.zip(block) {
            out[left..left + N].copy_from_slice(samples);
        }
    }

    /// A row of samples; 0 is the last row of the units above.
    fn row(&self, row: usize) -> &[u8] {
        &self.samples[row * self.stride..][..self.stride]
    }
}

/// Turns bands into rows of pixels.
struct Painter {
    bands: Vec<Band>,
    colour: Colour,
    width: usize,
    height: usize,
    unit_rows: usize,
    /// Rows of pixels painted so far.
    painted: usize,
    /// Whether colours are to be interpolated between columns and between rows.
    widens: bool,
    blends: bool,
    blended: [Vec<u8>; 2],
    widened: [Vec<u8>; 2],
}

impl Painter {
    fn new(scan: &Scan<'_>) -> Self {
        let bands: Vec<Band> =
            scan.components.iter().map(|part| Band::new(part, scan.unit_columns)).collect();
        let is_ordinary = bands.len() == 3;
        let stride = bands.first().map_or(0, |band| band.stride);
        Self {
            colour: scan.colour,
            width: scan.width,
            height: scan.height,
            unit_rows: scan.unit_rows,
            painted: 0,
            widens: is_ordinary && bands[1].width < bands[0].width,
            blends: is_ordinary && bands[1].rows < bands[0].rows,
            blended: [vec![0; stride], vec![0; stride]],
            widened: [vec![0; stride], vec![0; stride]],
            bands,
        }
    }

    /// Paints what can be painted after the `unit_row`th row of units: where colours are interpolated between rows,
    /// the last row of pixels waits for the units below.
    #[inline(always)]
    fn paint<L: Level>(&mut self, level: L, unit_row: usize, pixels: &mut Vec<u8>) {
        let rows = self.bands.last().map_or(0, |band| band.rows);
        if !self.blends {
            for row in 1..=rows {
                self.row(level, row, row, row, pixels);
            }
            return;
        }
        let (is_first, is_last) = (unit_row == 0, unit_row + 1 == self.unit_rows);
        if !is_first {
            self.row(level, 0, 0, 1, pixels);
        }
        for row in 1..=rows {
            let above = if is_first { row.max(2) - 1 } else { row - 1 };
            self.row(level, 2 * row - 1, row, above, pixels);
            if row < rows {
                self.row(level, 2 * row, row, row + 1, pixels);
            } else if is_last {
                self.row(level, 2 * row, row, row, pixels);
            }
        }
        for band in &mut self.bands {
            band.samples.copy_within(band.rows * band.stride.., 0);
        }
    }

    /// Paints one row of pixels from a row of the first component and of the others the nearer and the farther row.
    #[inline(always)]
    fn row<L: Level>(&mut self, level: L, row: usize, near: usize, far: usize, pixels: &mut Vec<u8>) {
        if self.painted == self.height {
            return;
        }
        self.painted += 1;
        let start = pixels.len();
        pixels.resize(start + self.width * 3, 0);
        let out = &mut pixels[start..];
        let [first, others @ ..] = self.bands.as_slice() else { return };
        let mut samples = [first.row(row); 3];
        let scratch = self.blended.iter_mut().zip(&mut self.widened);
        for ((band, (blended, widened)), samples) in others.iter().zip(scratch).zip(&mut samples[1..]) {
            *samples = band.row(near);
            if self.blends {
                blend(band.row(near), band.row(far), blended);
                *samples = blended;
            }
            if self.widens {
                widen(&samples[..band.width], &mut widened[..2 * band.width]);
                *samples = widened;
            }
        }
        colour(level, self.colour, samples, out);
    }
}
