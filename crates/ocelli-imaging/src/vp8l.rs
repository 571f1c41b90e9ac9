//! What the prefix codes of a lossless WebP bitstream (RFC 9649, section 3) take in memory. An encoder may define
//! 65,536 groups of five codes each, in a few megabytes of file; the decoder builds a table for every one of them, so
//! they are counted before it begins.

/// Bytes of a decoder's table of one code: entries of four bytes for up to ten bits of code, and two nodes of 16
/// bytes for every symbol whose code is longer.
const ENTRY: u64 = 4;
const TABLE_BITS: usize = 10;
const NODES: u64 = 32;
/// A group without its tables, in a list that doubles when it is full.
const GROUP: u64 = 5 * 64 * 3;

/// The order in which the lengths of the codes for code lengths are stored.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Bytes that a decoder takes for the prefix codes of a picture and for the image of their groups. `data` begin behind
/// the header of the bitstream. Reading stops as soon as there are more than `most`.
///
/// None where the data end or break a rule before all codes are defined.
pub(crate) fn code_memory(data: &[u8], width: u32, height: u32, most: u64) -> Option<u64> {
    let mut bits = Bits { data, at: 0 };
    let width = skip_transforms(&mut bits, width, height)?;
    let cache = colour_cache(&mut bits)?;
    let (mut groups, mut memory) = (1, 0);
    if bits.take(1)? == 1 {
        let (columns, rows) = blocks(&mut bits, width, height)?;
        groups = largest_group(&mut bits, columns, rows)? + 1;
        // The image of the groups, with four channels and as numbers of 16 bits.
        memory = u64::from(columns) * u64::from(rows) * 6;
    }
    for _ in 0..groups {
        memory += GROUP;
        for alphabet in alphabets(cache) {
            memory += table_memory(&read_lengths(&mut bits, alphabet)?);
        }
        if memory > most {
            break;
        }
    }
    Some(memory)
}

/// Symbols of green with lengths of repetitions and the colour cache, of red, blue, alpha, and of distances.
fn alphabets(cache: usize) -> [usize; 5] {
    [256 + 24 + cache, 256, 256, 256, 40]
}

fn table_memory(lengths: &[u8]) -> u64 {
    let longest = usize::from(lengths.iter().copied().max().unwrap_or(0));
    let beyond = lengths.iter().filter(|&&length| usize::from(length) > TABLE_BITS).count();
    (ENTRY << longest.min(TABLE_BITS)) + NODES * beyond as u64
}

/// Reads the transforms and gives the width of the picture that they leave.
fn skip_transforms(bits: &mut Bits<'_>, mut width: u32, height: u32) -> Option<u32> {
    // Each of the four kinds may come once.
    let mut seen = [false; 4];
    while bits.take(1)? == 1 {
        let kind = bits.take(2)?;
        if std::mem::replace(&mut seen[kind as usize], true) {
            return None;
        }
        match kind {
            0 | 1 => {
                let (columns, rows) = blocks(bits, width, height)?;
                largest_group(bits, columns, rows)?;
            }
            2 => {}
            _ => {
                let colours = bits.take(8)? + 1;
                largest_group(bits, colours, 1)?;
                // Indices of few colours are packed.
                let packed = match colours {
                    0..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                };
                width = width.div_ceil(packed);
            }
        }
    }
    Some(width)
}

/// The size in blocks of a picture whose block size is read.
fn blocks(bits: &mut Bits<'_>, width: u32, height: u32) -> Option<(u32, u32)> {
    let side = 4 << bits.take(3)?;
    Some((width.div_ceil(side), height.div_ceil(side)))
}

fn colour_cache(bits: &mut Bits<'_>) -> Option<usize> {
    if bits.take(1)? == 0 {
        return Some(0);
    }
    let size = bits.take(4)?;
    (1..=11).contains(&size).then(|| 1 << size)
}

/// Reads an image that is part of the header and gives the largest number in red and green of its pixels: that of a
/// group, where it is the image of groups. Pixels that repeat earlier ones bring no new number.
fn largest_group(bits: &mut Bits<'_>, width: u32, height: u32) -> Option<u32> {
    let cache = colour_cache(bits)?;
    let mut codes = Vec::with_capacity(5);
    for alphabet in alphabets(cache) {
        codes.push(Code::new(read_lengths(bits, alphabet)?)?);
    }
    let [green, red, blue, alpha, distance] = codes.as_slice() else { return None };
    let mut left = u64::from(width) * u64::from(height);
    let mut largest = 0;
    while left > 0 {
        let symbol = green.read(bits)?;
        let count = match symbol {
            0..256 => {
                largest = largest.max(u32::from(red.read(bits)?) << 8 | u32::from(symbol));
                blue.read(bits)?;
                alpha.read(bits)?;
                1
            }
            256..280 => {
                let count = repetition(bits, symbol - 256)?;
                let distance = distance.read(bits)?;
                repetition(bits, distance)?;
                count
            }
            _ => 1,
        };
        left = left.checked_sub(count)?;
    }
    Some(largest)
}

/// A length or a distance from its symbol and the bits behind it.
fn repetition(bits: &mut Bits<'_>, symbol: u16) -> Option<u64> {
    if symbol < 4 {
        return Some(u64::from(symbol) + 1);
    }
    let extra = u32::from(symbol - 2) >> 1;
    Some((u64::from(2 + (symbol & 1)) << extra) + u64::from(bits.take(extra)?) + 1)
}

/// The lengths of one prefix code, for each symbol; 0 for a symbol that does not occur.
fn read_lengths(bits: &mut Bits<'_>, alphabet: usize) -> Option<Vec<u8>> {
    let mut lengths = vec![0; alphabet];
    if bits.take(1)? == 1 {
        let count = bits.take(1)? + 1;
        let wide = bits.take(1)?;
        *lengths.get_mut(bits.take(1 + 7 * wide)? as usize)? = 1;
        if count == 2 {
            let second = lengths.get_mut(bits.take(8)? as usize)?;
            // Decoders do not agree whether twice the same symbol takes a bit.
            if std::mem::replace(second, 1) == 1 {
                return None;
            }
        }
        return Some(lengths);
    }
    let mut of_lengths = vec![0; ORDER.len()];
    let count = 4 + bits.take(4)? as usize;
    for &at in ORDER.get(..count)? {
        of_lengths[at] = bits.take(3)? as u8;
    }
    let code = Code::new(of_lengths)?;
    let mut tokens = alphabet;
    if bits.take(1)? == 1 {
        let size = 2 + 2 * bits.take(3)?;
        tokens = 2 + bits.take(size)? as usize;
    }
    let (mut at, mut previous) = (0, 8);
    while at < alphabet && tokens > 0 {
        tokens -= 1;
        let (length, times) = match code.read(bits)? {
            16 => (previous, 3 + bits.take(2)? as usize),
            17 => (0, 3 + bits.take(3)? as usize),
            18 => (0, 11 + bits.take(7)? as usize),
            length => (length as u8, 1),
        };
        lengths.get_mut(at..at + times)?.fill(length);
        at += times;
        if length != 0 {
            previous = length;
        }
    }
    Some(lengths)
}

/// A canonical prefix code; one of a single symbol takes no bits.
struct Code {
    /// Codes of each length from 1 to 15.
    counts: [u32; 15],
    /// The symbols in the order of their codes.
    symbols: Vec<u16>,
}

impl Code {
    /// None where there is no symbol.
    fn new(lengths: Vec<u8>) -> Option<Self> {
        let mut counts = [0; 15];
        let mut symbols = Vec::new();
        for (length, count) in (1..).zip(&mut counts) {
            let found = (0_u16..).zip(&lengths).filter(|(_, own)| **own == length);
            symbols.extend(found.map(|(symbol, _)| symbol));
            *count = lengths.iter().filter(|own| **own == length).count() as u32;
        }
        (!symbols.is_empty()).then_some(Self { counts, symbols })
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        if let [only] = self.symbols.as_slice() {
            return Some(*only);
        }
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &self.counts {
            code = code << 1 | bits.take(1)?;
            first <<= 1;
            let offset = u32::checked_sub(code, first)?;
            if offset < count {
                return self.symbols.get((index + offset) as usize).copied();
            }
            index += count;
            first += count;
        }
        None
    }
}

/// Reads bits from the lowest of each byte on.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.data.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bits, from the lowest of each byte on, of pairs of a value and the number of its bits.
    fn packed(fields: &[(u32, u32)]) -> Vec<u8> {
        let bits: Vec<u32> = fields
            .iter()
            .flat_map(|&(value, count)| (0..count).map(move |place| value >> place & 1))
            .collect();
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, &bit| all << 1 | bit as u8)).collect()
    }

    #[test]
    fn a_simple_code_takes_two_entries() {
        // No transform, no cache, one group: five codes of the symbols 0 and 1.
        let mut fields = vec![(0, 3)];
        fields.extend([(1, 1), (1, 1), (0, 1), (0, 1), (1, 8)].repeat(5));
        assert_eq!(code_memory(&packed(&fields), 9, 9, u64::MAX), Some(GROUP + 5 * 2 * ENTRY));
        // The end is missing.
        assert_eq!(code_memory(&packed(&fields)[..7], 9, 9, u64::MAX), None);
    }

    #[test]
    fn groups_are_counted_from_the_pixels_that_name_them() {
        // Groups by blocks of 4 x 4 pixels: of 8 x 4 pixels, two. Green of their image is 0 or 2, the rest is 0.
        let single = [(1, 1), (0, 1), (0, 1), (0, 1)];
        let mut fields = vec![(0, 2), (1, 1), (0, 3), (0, 1), (1, 1), (1, 1), (0, 1), (0, 1), (2, 8)];
        fields.extend(single.repeat(4));
        // The two pixels: group 0, group 2; then codes for groups 0 to 2.
        fields.extend([(0, 1), (1, 1)]);
        fields.extend(single.repeat(3 * 5));
        let expected = 2 * 6 + 3 * (GROUP + 5 * 2 * ENTRY);
        assert_eq!(code_memory(&packed(&fields), 8, 4, u64::MAX), Some(expected));
        // With a limit, reading stops at the group that exceeds it.
        let limited = 2 * 6 + GROUP + 5 * 2 * ENTRY;
        assert_eq!(code_memory(&packed(&fields), 8, 4, 100), Some(limited));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..300), width in 1_u32..99) {
            let _ = code_memory(&data, width, 7, 1 << 20);
        }
    }
}
