use crate::Orientation;

const ORIENTATION_TAG: u16 = 0x0112;
const SHORT: u16 = 3;
/// What some writers put in front of the TIFF structure, and JPEG always.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// The orientation in an EXIF block (a TIFF structure, with or without `Exif\0\0` in front).
///
/// Only the first directory is read, no offset is followed but the one to it, and everything that is out of
/// bounds or not 1 to 8 counts as absent.
pub(crate) fn orientation(block: &[u8]) -> Option<Orientation> {
    let tiff = block.strip_prefix(PREFIX).unwrap_or(block);
    let order = match tiff.get(..4)? {
        b"II*\0" => u16::from_le_bytes,
        b"MM\0*" => u16::from_be_bytes,
        _ => return None,
    };
    let short = |at: usize| Some(order(tiff.get(at..at.checked_add(2)?)?.try_into().ok()?));
    let little_endian = tiff.starts_with(b"II");
    let first = usize::from(short(if little_endian { 4 } else { 6 })?)
        | usize::from(short(if little_endian { 6 } else { 4 })?) << 16;
    let entries = usize::from(short(first)?);
    (0..entries)
        .map_while(|index| {
            let entry = first.checked_add(2 + index * 12)?;
            Some((short(entry)?, short(entry + 2)?, short(entry + 8)?))
        })
        .find(|&(tag, kind, _)| tag == ORIENTATION_TAG && kind == SHORT)
        .and_then(|(_, _, value)| Orientation::from_exif(value))
}

/// A TIFF structure that holds the orientation and nothing else; none where the photo is upright anyway.
pub(crate) fn rebuilt(orientation: Orientation) -> Option<Vec<u8>> {
    if orientation == Orientation::Upright {
        return None;
    }
    let mut block = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    block.extend(ORIENTATION_TAG.to_be_bytes());
    block.extend(SHORT.to_be_bytes());
    block.extend(1_u32.to_be_bytes());
    block.extend(orientation.to_exif().to_be_bytes());
    // Padding of the value to four bytes, then "no further directory".
    block.extend([0; 6]);
    Some(block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rebuilt_block_reads_back() {
        for wanted in Orientation::ALL {
            let read = rebuilt(wanted).and_then(|block| orientation(&block));
            assert_eq!(read.unwrap_or_default(), wanted);
        }
    }

    #[test]
    fn little_endian_and_prefixed_blocks_are_read() {
        let block = b"Exif\0\0II*\0\x08\0\0\0\x02\0\
            \x0f\x01\x02\0\x02\0\0\0A\0\0\0\
            \x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(orientation(block), Some(Orientation::Rotated90));
    }

    #[test]
    fn a_directory_out_of_bounds_is_no_orientation() {
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), None);
        assert_eq!(orientation(b"II*\0\x08\0\0\0\xff\xff"), None);
        // The directory is the header itself.
        assert_eq!(orientation(b"II*\0\0\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), little in any::<bool>()) {
            let mut block = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
            block.extend(bytes);
            let _ = orientation(&block);
        }
    }
}
