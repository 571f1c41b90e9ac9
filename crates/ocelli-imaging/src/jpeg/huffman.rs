//! Huffman tables and the bits that they read (T.81, annex C and F.2.2.3). Values are skipped, never decoded.

/// Codes of at most this many bits are found in one step.
const FAST_BITS: u32 = 9;

/// Why a scan could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data end before the scan does.
    Short,
    /// The bits are no code of the table, or there is no such table.
    NoCode,
}

/// One Huffman table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// For the next [`FAST_BITS`] bits: length of the code (0 where it is longer) and symbol.
    fast: Vec<(u8, u8)>,
    /// For each length from 1 to 16: one past the last code, aligned to 16 bits.
    limits: [u32; 16],
    /// For each length: what to add to a code to get its symbol's index.
    offsets: [i32; 16],
    symbols: Vec<u8>,
}

impl Table {
    /// A table from the numbers of codes of each length and the symbols in the order of their codes.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            fast: vec![(0, 0); 1 << FAST_BITS],
            limits: [0; 16],
            offsets: [0; 16],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..=16).zip(counts) {
            let at = length as usize - 1;
            table.offsets[at] = index as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index)?;
                if code >> length != 0 {
                    return None;
                }
                if length <= FAST_BITS {
                    let first = (code << (FAST_BITS - length)) as usize;
                    table.fast[first..first + (1 << (FAST_BITS - length))].fill((length as u8, symbol));
                }
                code += 1;
                index += 1;
            }
            table.limits[at] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Whether a code consists of ones alone, which none may (T.81, annex C).
    pub(super) fn has_code_of_ones(&self) -> bool {
        self.limits.contains(&(1 << 16))
    }

    /// Length, code and symbol of every code.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u32, u32, u8)> {
        (1..=16_u32).flat_map(move |length| {
            let at = length as usize - 1;
            let first = if at == 0 { 0 } else { self.limits[at - 1] >> (16 - at) << 1 };
            (first..self.limits[at] >> (16 - length)).map_while(move |code| {
                let index = usize::try_from(code as i32 + self.offsets[at]).ok()?;
                Some((length, code, *self.symbols.get(index)?))
            })
        })
    }

    /// Length and symbol of the code that the next 16 bits begin with.
    pub(super) fn code(&self, next: u32) -> Option<(u8, u8)> {
        let (length, symbol) = self.fast[(next >> (16 - FAST_BITS)) as usize];
        if length != 0 {
            return Some((length, symbol));
        }
        let at = (FAST_BITS as usize..16).find(|&at| next < self.limits[at])?;
        let index = (next >> (15 - at)) as i32 + self.offsets[at];
        let symbol = usize::try_from(index).ok().and_then(|index| self.symbols.get(index))?;
        Some((at as u8 + 1, *symbol))
    }
}

/// Reads bits of one restart interval: up to a marker or the end, over stuffed zeros.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The unread bits, aligned to the left.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, held: 0, count: 0 }
    }

    /// Fills up to more than 48 bits, as far as there are any.
    fn fill(&mut self) {
        while self.count <= 56 {
            let step = match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => 2,
                Some([0xff, ..] | []) | None => return,
                Some(_) => 1,
            };
            self.held |= u64::from(self.data[self.at]) << (56 - self.count);
            self.count += 8;
            self.at += step;
        }
    }

    fn drop(&mut self, count: u32) -> Result<(), Fault> {
        self.count = self.count.checked_sub(count).ok_or(Fault::Short)?;
        self.held <<= count;
        Ok(())
    }

    /// The next `count` bits, at most 16.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Fault> {
        if self.count < 16 {
            self.fill();
        }
        let value = if count == 0 { 0 } else { (self.held >> (64 - count)) as u32 };
        self.drop(count)?;
        Ok(value)
    }

    /// The next symbol; its code and, with `with_value`, the value behind it of as many bits as the symbol's
    /// lower half says, are skipped.
    pub(super) fn symbol(&mut self, table: &Table, with_value: bool) -> Result<u8, Fault> {
        if self.count < 32 {
            self.fill();
        }
        // Where the data are used up, the missing bits read as zeros.
        let missing = if self.count < 16 { Fault::Short } else { Fault::NoCode };
        let (length, symbol) = table.code((self.held >> 48) as u32).ok_or(missing)?;
        let value = if with_value { u32::from(symbol & 15) } else { 0 };
        self.drop(u32::from(length) + value)?;
        Ok(symbol)
    }

    /// Where the first byte lies of which no bit was read.
    pub(super) fn end(&self) -> usize {
        let mut at = self.at;
        for _ in 0..self.count / 8 {
            at -= if at >= 2 && self.data[at - 1] == 0 && self.data[at - 2] == 0xff { 2 } else { 1 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes 0, 10, 110 and, nine bits further, one of twelve bits.
    fn table() -> Table {
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[11]) = (1, 1, 1, 1);
        Table::new(&counts, &[0x01, 0x12, 0x23, 0x34]).unwrap()
    }

    #[test]
    fn symbols_are_read_over_stuffed_bytes() {
        // 10, 0, 111000000000 and 0, filled up with ones; a stuffed byte among them.
        let mut bits = Bits::new(&[0b1001_1100, 0b0000_0000, 0xff, 0, 0xff, 0xd9], 0);
        let read: Vec<u8> = (0..2).map(|_| bits.symbol(&table(), false).unwrap()).collect();
        assert_eq!(read, [0x12, 0x01]);
        assert_eq!(bits.symbol(&table(), false), Ok(0x34));
        assert_eq!(bits.end(), 2);
        assert_eq!(bits.take(8), Ok(0b0111_1111));
        assert_eq!(bits.end(), 4);
        assert_eq!(bits.take(8), Err(Fault::Short));
    }

    #[test]
    fn bits_that_are_no_code_are_told() {
        let mut bits = Bits::new(&[0b1111_0000, 0, 0, 0], 0);
        assert_eq!(bits.symbol(&table(), false), Err(Fault::NoCode));
    }

    #[test]
    fn a_table_with_more_codes_than_fit_is_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_none());
    }
}
