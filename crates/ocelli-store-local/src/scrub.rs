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

/// How far a write-ahead log has been read: to the end of a transaction, since what lies behind may yet be overwritten.
/// Its header changes whenever it begins anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogPosition {
    header: Vec<u8>,
    offset: u64,
}

/// The numbers of the pages that a write-ahead log has frames for, committed or not, behind a position if it is still in
/// this log; and the position behind the last transaction. The log's bytes are read in parts.
pub(crate) fn logged_pages(
    mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, StoreError>,
    known: Option<LogPosition>,
) -> Result<(BTreeSet<u32>, Option<LogPosition>), StoreError> {
    let mut pages = BTreeSet::new();
    let header = read(0, LOG_HEADER)?;
    let (size, salts) = (header.get(8..12).and_then(big_endian), header.get(16..24));
    let frame = match size {
        // The log says 1 for 65536.
        Some(1) => FRAME_HEADER + 65536,
        Some(size) if size.is_power_of_two() && (512..=32768).contains(&size) => FRAME_HEADER + size as usize,
        _ => return Ok((pages, None)),
    };
    let mut offset =
        known.filter(|known| known.header == header).map_or(LOG_HEADER as u64, |known| known.offset);
    let (mut behind, mut of_this_log) = (offset, true);
    loop {
        let frames = read(offset, frame * FRAMES_AT_ONCE)?;
        for bytes in frames.chunks(frame) {
            offset += bytes.len() as u64;
            let field = |from| bytes.get(from..from + 4).and_then(big_endian);
            pages.extend(field(0).filter(|page| *page > 0));
            // Frames of an earlier log may lie behind those of this one.
            of_this_log &= bytes.len() == frame && bytes.get(8..16) == salts;
            let ends_transaction = field(4).is_some_and(|pages| pages > 0);
            if of_this_log && ends_transaction {
                behind = offset;
            }
        }
        if frames.len() < frame * FRAMES_AT_ONCE {
            return Ok((pages, Some(LogPosition { header, offset: behind })));
        }
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
    let mut written = false;
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
            written = true;
        }
    }
    if written { file.sync().during(ACTION) } else { Ok(()) }
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
            prop_assert!(logged_pages(part, position).unwrap().0.is_subset(&all));
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

    /// A log of pages of 512 bytes, each given by its number, whether it ends a transaction, and its salt.
    fn log(salt: u8, frames: &[(u32, bool, u8)]) -> Vec<u8> {
        let mut log = vec![0; LOG_HEADER];
        log[8..12].copy_from_slice(&512_u32.to_be_bytes());
        log[16..24].fill(salt);
        for (page, ends, salt) in frames {
            log.extend(page.to_be_bytes());
            log.extend(u32::from(*ends).to_be_bytes());
            log.extend([*salt; 8]);
            log.resize(log.len() + 8 + 512, 9);
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
    fn a_log_is_read_on_behind_its_last_whole_transaction() {
        let (first, position) =
            pages(&log(1, &[(5, false, 1), (6, true, 1), (7, false, 1), (8, true, 4)]), None);
        assert_eq!(first, [5, 6, 7, 8], "also what was not committed, and what an earlier log left");
        let grown = log(1, &[(5, false, 1), (6, true, 1), (9, true, 1)]);
        assert_eq!(pages(&grown, position).0, [9], "what was not committed has been overwritten");
        let position = pages(&grown, None).1;
        assert_eq!(pages(&log(2, &[(3, true, 2)]), position).0, [3], "another log");
        let many: Vec<_> = (1..=1000).map(|page| (page, true, 1)).collect();
        assert_eq!(pages(&log(1, &many), None).0.len(), 1000);
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
