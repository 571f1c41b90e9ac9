//! Overwriting what SQLite leaves behind in pages of the database file.
//!
//! `secure_delete` overwrites cells that are deleted and pages that are freed. But when SQLite moves cells between the
//! pages of a b-tree to balance it, stale copies stay in the part of a page that nothing uses: between the pointers to
//! its cells and the first of them (<https://sqlite.org/fileformat2.html>, "B-tree Pages"). What is erased later is
//! overwritten where it is then, not where it was once. So that part is overwritten too, in each page that was changed.

use std::collections::BTreeSet;
use std::ops::Range;

use ocelli_store::StoreError;

use crate::error::During;
use crate::medium::Pages;

/// Bytes before the first frame of a write-ahead log.
const LOG_HEADER: usize = 32;
/// Bytes before the page in each frame.
const FRAME_HEADER: usize = 24;
/// Frames of a log that are read at once.
const FRAMES_AT_ONCE: usize = 256;
/// Bytes before the b-tree header of the first page.
const FILE_HEADER: usize = 100;

/// A place in a write-ahead log. The log's header changes whenever it begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogPosition {
    header: Vec<u8>,
    frame: usize,
    offset: u64,
}

impl LogPosition {
    /// Behind so many frames of the same log.
    pub(crate) fn behind(self, frames: u64) -> Self {
        Self { offset: LOG_HEADER as u64 + frames * self.frame as u64, ..self }
    }
}

/// The numbers of the pages that a write-ahead log has frames for, committed or not, behind a position if it is still in
/// this log; and the position that it was read from. The log's bytes are read in parts.
pub(crate) fn logged_pages(
    mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, StoreError>,
    known: Option<LogPosition>,
) -> Result<(BTreeSet<u32>, Option<LogPosition>), StoreError> {
    let mut pages = BTreeSet::new();
    let header = read(0, LOG_HEADER)?;
    let frame = match header.get(8..12).and_then(big_endian) {
        // The log says 1 for 65536.
        Some(1) => FRAME_HEADER + 65536,
        Some(size) if size.is_power_of_two() && (512..=32768).contains(&size) => FRAME_HEADER + size as usize,
        _ => return Ok((pages, None)),
    };
    let begin = LogPosition { offset: LOG_HEADER as u64, header, frame };
    let position = known.filter(|known| known.header == begin.header).unwrap_or(begin);
    let mut offset = position.offset;
    loop {
        let frames = read(offset, frame * FRAMES_AT_ONCE)?;
        let numbers = frames.chunks(frame).filter_map(|frame| frame.get(..4).and_then(big_endian));
        pages.extend(numbers.filter(|page| *page > 0));
        if frames.len() < frame * FRAMES_AT_ONCE {
            return Ok((pages, Some(position)));
        }
        offset += frames.len() as u64;
    }
}

fn big_endian(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Overwrites the unused part of these pages. Nobody else writes the database file meanwhile.
///
/// What reads as zero is passed over, unless this is done again after it failed or was cut off: then the zeros may be
/// known to the operating system only, which does not write again what it could not write.
pub(crate) fn scrub(
    file: &dyn Pages,
    pages: &[u32],
    page_size: usize,
    again: bool,
) -> Result<(), StoreError> {
    const ACTION: &str = "overwriting what was erased";
    let length = file.len().during(ACTION)?;
    let mut page = vec![0; page_size];
    let zeros = vec![0; page_size];
    for number in pages.iter().filter(|number| **number > 0) {
        let start = u64::from(number - 1) * page_size as u64;
        if start + page_size as u64 > length {
            continue;
        }
        file.read_at(start, &mut page).during(ACTION)?;
        let header = if *number == 1 { FILE_HEADER } else { 0 };
        let Some(unused) = unused(&page, header) else { continue };
        let (from, zeros) = (unused.start as u64, zeros.get(..unused.len()).unwrap_or_default());
        if again || page.get(unused).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
            file.write_at(start + from, zeros).during(ACTION)?;
        }
    }
    // Also where nothing had to be written: who did may have been killed before it was on the medium.
    if pages.is_empty() { Ok(()) } else { file.sync().during(ACTION) }
}

/// The part of a b-tree page between the pointers to its cells and the first cell; none of a page of another kind.
fn unused(page: &[u8], header: usize) -> Option<Range<usize>> {
    let pointers = header
        + match page.get(header)? {
            2 | 5 => 12,
            10 | 13 => 8,
            _ => return None,
        };
    let number = |from: usize| -> Option<usize> {
        Some(usize::from(u16::from_be_bytes(page.get(from..from + 2)?.try_into().ok()?)))
    };
    let start = pointers + 2 * number(header + 3)?;
    let end = match number(header + 5)? {
        0 => 65536,
        end => end,
    };
    (start <= end && end <= page.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_log_and_any_page_is_read_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..5000), kind in 0_u8..16,
        ) {
            let part = |from: u64, length: usize| {
                let rest = bytes.get(from as usize..).unwrap_or_default();
                Ok(rest[..length.min(rest.len())].to_vec())
            };
            let (all, position) = logged_pages(part, None).unwrap();
            let behind = position.map(|position| position.behind(2));
            prop_assert!(logged_pages(part, behind).unwrap().0.is_subset(&all));
            let mut page = bytes;
            for header in [0, FILE_HEADER] {
                if let Some(first) = page.get_mut(header) {
                    *first = kind;
                }
                if let Some(unused) = unused(&page, header) {
                    prop_assert!(unused.end <= page.len() && unused.start >= header + 8);
                }
            }
        }
    }

    /// A log of these pages of 512 bytes.
    fn log(salt: u8, frames: &[u32]) -> Vec<u8> {
        let mut log = vec![0; LOG_HEADER];
        log[8..12].copy_from_slice(&512_u32.to_be_bytes());
        log[16..24].fill(salt);
        for page in frames {
            log.extend(page.to_be_bytes());
            log.resize(log.len() + FRAME_HEADER - 4 + 512, 9);
        }
        log
    }

    fn pages(log: &[u8], known: Option<LogPosition>) -> (Vec<u32>, Option<LogPosition>) {
        let read = |from: u64, length: usize| {
            let rest = log.get(from as usize..).unwrap_or_default();
            Ok(rest[..length.min(rest.len())].to_vec())
        };
        let (pages, position) = logged_pages(read, known).unwrap();
        (pages.into_iter().collect(), position)
    }

    #[test]
    fn a_log_is_read_on_behind_a_position_until_it_begins_anew() {
        let (all, position) = pages(&log(1, &[5, 6, 7]), None);
        assert_eq!(all, [5, 6, 7]);
        let behind = position.map(|position| position.behind(2));
        assert_eq!(pages(&log(1, &[5, 6, 9, 8]), behind.clone()).0, [8, 9], "frames may be overwritten");
        assert_eq!(pages(&log(2, &[3]), behind).0, [3], "another log");
        let many: Vec<u32> = (1..=1000).collect();
        assert_eq!(pages(&log(1, &many), None).0, many);
        assert_eq!(pages(b"", None), (Vec::new(), None));
    }

    #[test]
    fn the_unused_part_lies_between_pointers_and_cells() {
        let mut page = vec![7; 512];
        page[..8].copy_from_slice(&[13, 0, 0, 0, 2, 1, 0, 0]);
        assert_eq!(unused(&page, 0), Some(12..256));
        page[0] = 5;
        assert_eq!(unused(&page, 0), Some(16..256));
        page[0] = 0;
        assert_eq!(unused(&page, 0), None, "the page of an overflow chain");
        page[..8].copy_from_slice(&[13, 0, 0, 255, 255, 1, 0, 0]);
        assert_eq!(unused(&page, 0), None, "no page that SQLite wrote");
    }
}
