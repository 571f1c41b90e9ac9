//! Follows the entropy-coded data of every scan, so that a scan that ends early is found and bytes behind its end
//! are left out. Decoders do neither: they fill up with grey and read on at the next marker.

use std::borrow::Cow;

use super::huffman::{Bits, Fault, Table};
use super::{Frame, damaged};
use crate::cursor::Cursor;
use crate::{ImageFormat, ImagingError};

/// The state that tables and scans build up.
pub(super) struct Scans<'f> {
    frame: &'f Frame,
    direct: [Option<Table>; 4],
    alternating: [Option<Table>; 4],
    /// Units between restarts; 0 for none.
    restart_interval: usize,
    /// Of each component, for each block the coefficients that are not zero so far; progressive coding only.
    nonzero: Vec<Vec<u64>>,
}

/// One component of a scan.
struct Part<'t> {
    index: usize,
    /// Blocks of one interleaved unit.
    blocks: usize,
    direct: Option<&'t Table>,
    alternating: Option<&'t Table>,
}

/// The coefficients that a scan brings, and whether it refines earlier ones (T.81, G.1.1).
#[derive(Clone, Copy)]
struct Band {
    first: u32,
    last: u32,
    refines: bool,
}

impl<'f> Scans<'f> {
    pub(super) fn new(frame: &'f Frame) -> Self {
        let nonzero = vec![Vec::new(); frame.components.len()];
        Self {
            frame,
            direct: Default::default(),
            alternating: Default::default(),
            restart_interval: 0,
            nonzero,
        }
    }

    /// Takes a DHT segment's body. A table that cannot be read is as if absent.
    pub(super) fn define_tables(&mut self, body: &[u8]) {
        let mut cursor = Cursor::new(body);
        while let (Some(place), Some(counts)) = (cursor.u8(), cursor.array::<16>()) {
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let Some(symbols) = cursor.take(total) else { return };
            let tables = if place >> 4 == 0 { &mut self.direct } else { &mut self.alternating };
            if let Some(slot) = tables.get_mut(usize::from(place & 15)) {
                *slot = Table::new(&counts, symbols);
            }
        }
    }

    /// Takes a DRI segment's body.
    pub(super) fn define_restarts(&mut self, body: &[u8]) {
        self.restart_interval = Cursor::new(body).u16_be().unwrap_or(0).into();
    }

    /// Follows a scan and gives its data without bytes that belong to no unit.
    ///
    /// # Errors
    /// [`ImagingError::Truncated`] where units are missing, [`ImagingError::Damaged`] where bits are no code.
    pub(super) fn follow<'a>(
        &mut self,
        header: &[u8],
        data: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, ImagingError> {
        let (parts, band) = read_header(self.frame, &self.direct, &self.alternating, header)
            .ok_or_else(|| damaged("a scan header names no lawful components and coefficients"))?;
        let (columns, rows) =
            self.frame.units(parts.as_slice().first().filter(|_| parts.len() == 1).map(|p| p.index));
        let units = columns * rows;
        if let ([part], true) = (parts.as_slice(), self.frame.progressive) {
            self.nonzero[part.index].resize(units, 0);
        }
        let mut follower = Follower { parts: &parts, band, progressive: self.frame.progressive, end_run: 0 };
        let interval = if self.restart_interval == 0 { units } else { self.restart_interval };
        let mut kept: Vec<&[u8]> = Vec::new();
        let mut at = 0;
        let mut done = 0;
        while done < units {
            let until = units.min(done + interval);
            let start = at;
            let mut bits = Bits::new(data, at);
            follower.end_run = 0;
            for unit in done..until {
                follower.unit(&mut bits, unit, &mut self.nonzero).map_err(|fault| match fault {
                    Fault::Short => ImagingError::Truncated {
                        format: ImageFormat::Jpeg,
                        detail: format!("a scan ends after {unit} of its {units} units"),
                    },
                    Fault::NoCode => damaged(format!("unit {unit} of {units} of a scan is no Huffman code")),
                })?;
            }
            done = until;
            let end = bits.end();
            kept.push(&data[start..end]);
            if done < units {
                let restart = next_restart(data, end).ok_or_else(|| ImagingError::Truncated {
                    format: ImageFormat::Jpeg,
                    detail: format!("a scan ends after {done} of its {units} units"),
                })?;
                kept.push(&data[restart..restart + 2]);
                at = restart + 2;
            }
        }
        let length: usize = kept.iter().map(|piece| piece.len()).sum();
        // Without anything between the pieces, they are the beginning of the data.
        let contiguous = kept
            .last()
            .is_some_and(|last| data.as_ptr_range().start.addr() + length == last.as_ptr_range().end.addr());
        Ok(if contiguous { Cow::Borrowed(&data[..length]) } else { Cow::Owned(kept.concat()) })
    }
}

/// The position of the next restart marker from `at` on; the data hold no other markers.
fn next_restart(data: &[u8], at: usize) -> Option<usize> {
    let rest = data.get(at..)?;
    rest.windows(2)
        .position(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]))
        .map(|found| at + found)
}

fn read_header<'t>(
    frame: &Frame,
    direct: &'t [Option<Table>; 4],
    alternating: &'t [Option<Table>; 4],
    header: &[u8],
) -> Option<(Vec<Part<'t>>, Band)> {
    let mut cursor = Cursor::new(header);
    let mut parts = Vec::new();
    for _ in 0..cursor.u8()? {
        let [id, tables] = cursor.array()?;
        let index = frame.components.iter().position(|component| component.id == id)?;
        let component = frame.components[index];
        parts.push(Part {
            index,
            blocks: usize::from(component.horizontal) * usize::from(component.vertical),
            direct: direct.get(usize::from(tables >> 4))?.as_ref(),
            alternating: alternating.get(usize::from(tables & 15))?.as_ref(),
        });
    }
    let [first, last, approximation] = cursor.array()?;
    let band = if frame.progressive {
        Band { first: first.into(), last: last.into(), refines: approximation >> 4 != 0 }
    } else {
        Band { first: 0, last: 63, refines: false }
    };
    // Coefficients beyond the first come one component at a time.
    let lawful = band.first <= band.last
        && band.last < 64
        && (!frame.progressive || (band.first == 0) == (band.last == 0))
        && (1..=4).contains(&parts.len())
        && (band.first == 0 || parts.len() == 1);
    lawful.then_some((parts, band))
}

struct Follower<'p, 't> {
    parts: &'p [Part<'t>],
    band: Band,
    progressive: bool,
    /// Blocks that still belong to a run of blocks without further coefficients.
    end_run: u32,
}

impl Follower<'_, '_> {
    fn unit(&mut self, bits: &mut Bits<'_>, unit: usize, nonzero: &mut [Vec<u64>]) -> Result<(), Fault> {
        if let [part] = self.parts {
            return self.block(bits, part, nonzero[part.index].get_mut(unit));
        }
        for part in self.parts {
            for _ in 0..part.blocks {
                self.block(bits, part, None)?;
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        nonzero: Option<&mut u64>,
    ) -> Result<(), Fault> {
        if !self.progressive {
            bits.symbol(part.direct.ok_or(Fault::NoCode)?, true)?;
            return sequential(bits, part.alternating.ok_or(Fault::NoCode)?);
        }
        if self.band.first == 0 {
            return if self.band.refines {
                bits.take(1).map(|_| ())
            } else {
                bits.symbol(part.direct.ok_or(Fault::NoCode)?, true).map(|_| ())
            };
        }
        let table = part.alternating.ok_or(Fault::NoCode)?;
        let nonzero = nonzero.ok_or(Fault::NoCode)?;
        if self.band.refines {
            self.refined(bits, table, nonzero)
        } else {
            self.first_time(bits, table, nonzero)
        }
    }

    /// T.81, G.1.2.2.
    fn first_time(&mut self, bits: &mut Bits<'_>, table: &Table, nonzero: &mut u64) -> Result<(), Fault> {
        if self.end_run > 0 {
            self.end_run -= 1;
            return Ok(());
        }
        let mut at = self.band.first;
        while at <= self.band.last {
            let symbol = bits.symbol(table, true)?;
            let zeros = u32::from(symbol >> 4);
            if symbol & 15 != 0 {
                at += zeros;
                *nonzero |= 1_u64.checked_shl(at).unwrap_or(0);
                at += 1;
            } else if zeros == 15 {
                at += 16;
            } else {
                self.end_run = (1 << zeros) - 1 + bits.take(zeros)?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// T.81, G.1.2.3: every coefficient that is not zero yet gets a correction bit when it is passed.
    fn refined(&mut self, bits: &mut Bits<'_>, table: &Table, nonzero: &mut u64) -> Result<(), Fault> {
        let last = self.band.last;
        let mut at = self.band.first;
        while self.end_run == 0 && at <= last {
            let symbol = bits.symbol(table, false)?;
            let mut zeros = u32::from(symbol >> 4);
            let brings_one = symbol & 15 != 0;
            if brings_one {
                bits.take(1)?;
            } else if zeros < 15 {
                self.end_run = (1 << zeros) + bits.take(zeros)?;
                break;
            }
            while at <= last {
                if *nonzero >> at & 1 != 0 {
                    bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if brings_one && at <= last {
                *nonzero |= 1 << at;
            }
            at += 1;
        }
        if self.end_run > 0 {
            for at in at..=last {
                if *nonzero >> at & 1 != 0 {
                    bits.take(1)?;
                }
            }
            self.end_run -= 1;
        }
        Ok(())
    }
}

/// The coefficients after the first of one block (T.81, F.2.2.2).
fn sequential(bits: &mut Bits<'_>, table: &Table) -> Result<(), Fault> {
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol(table, true)?;
        at += match symbol {
            0x00 => return Ok(()),
            0xf0 => 16,
            // Other symbols without a value are not defined; decoders take them as the end of the block.
            _ if symbol & 15 == 0 => return Ok(()),
            _ => u32::from(symbol >> 4) + 1,
        };
    }
    Ok(())
}
