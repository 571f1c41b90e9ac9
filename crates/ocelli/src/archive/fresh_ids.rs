use ocelli_core::Timestamp;

use crate::Error;
use crate::ocelli::Shared;

/// New ids that sort as the things that get them do: by the moment, then in the order in which they are asked for.
///
/// An id of version 7 has 74 bits behind its moment; the first 26 of them count here (RFC 9562, section 6.2), the other
/// 48 are random.
#[derive(Debug, Default)]
pub(super) struct FreshIds {
    next: u32,
}

impl FreshIds {
    pub(super) fn make<T>(
        &mut self,
        shared: &Shared,
        at: Timestamp,
        id: fn(Timestamp, [u8; 10]) -> T,
    ) -> Result<T, Error> {
        let count = self.next;
        self.next = self.next.wrapping_add(1);
        let mut bits = shared.random::<10>()?;
        // The version's four bits and the variant's two lie over the first and the third byte.
        let [a, b, c, d] =
            [count >> 22 & 0x0f, count >> 14 & 0xff, count >> 8 & 0x3f, count & 0xff].map(|part| part as u8);
        bits[..4].copy_from_slice(&[a, b, c, d]);
        Ok(id(at, bits))
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::ImageId;

    use super::*;
    use crate::OpenOptions;

    #[test]
    fn ids_of_one_moment_sort_as_they_were_made() {
        let ocelli = OpenOptions::new().in_memory().unwrap();
        let at = Timestamp::from_millis(1_780_000_000_000);
        for start in [0, 250, 16_300, (1 << 22) - 5] {
            let mut fresh = FreshIds { next: start };
            let ids: Vec<ImageId> =
                (0..300).map(|_| fresh.make(&ocelli.shared, at, ImageId::new).unwrap()).collect();
            assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "from {start}");
        }
    }
}
