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

/// The numbers of the pages that a write-ahead log has frames for, committed or not. Its bytes are read in parts.
pub(crate) fn logged_pages(
    mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, StoreError>,
) -> Result<BTreeSet<u32>, StoreError> {
    let mut pages = BTreeSet::new();
    let header = read(0, LOG_HEADER)?;
    let frame = match header.get(8..12).and_then(big_endian) {
        // The log says 1 for 65536.
        Some(1) => FRAME_HEADER + 65536,
        Some(size) if size.is_power_of_two() && (512..=32768).contains(&size) => FRAME_HEADER + size as usize,
        _ => return Ok(pages),
    };
    let part = frame * FRAMES_AT_ONCE;
    for number in 0.. {
        let frames = read((LOG_HEADER + number * part) as u64, part)?;
        let numbers = frames.chunks(frame).filter_map(|frame| frame.get(..4).and_then(big_endian));
        pages.extend(numbers.filter(|page| *page > 0));
        if frames.len() < part {
            break;
        }
    }
    Ok(pages)
}

fn big_endian(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Overwrites the unused part of these pages. Nobody else writes the database file meanwhile.
pub(crate) fn scrub(file: &dyn Pages, pages: &[u32], page_size: usize) -> Result<(), StoreError> {
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
        if page.get(unused).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
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
            logged_pages(part).unwrap();
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
