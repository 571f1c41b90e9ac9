//! Huffman-coded coefficients of baseline blocks (T.81, F.2.2), one table look-up for most of them.

use super::super::huffman::Table;
use super::{Component, NotOrdinary};

/// A code and the value behind it are found in one step where they take at most this many bits together.
const LOOKUP_BITS: u32 = 10;
/// No encoder's predictions leave the range of 8-bit samples by this much.
const LARGEST_DIRECT: u32 = 1 << 14;

/// Zigzag position to row * 8 + column (T.81, figure A.6).
const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Coefficients of one block, dequantised, row by row.
pub(super) type Block = [i32; 64];

/// What the next bits say: how many they are, how many zeros come first, and the coefficient behind them.
#[derive(Clone, Copy)]
struct Step(u32);

impl Step {
    /// The bits are no code, or a symbol that baseline coding does not define.
    const NONE: Self = Self(0);
    const END: u32 = 0x80;

    fn new(bits: u32, zeros: u32, value: i32) -> Self {
        Self(bits | zeros << 8 | (value as u32) << 16)
    }

    fn bits(self) -> u32 {
        self.0 & 0x3f
    }

    fn ends(self) -> bool {
        self.0 & Self::END != 0
    }

    fn zeros(self) -> usize {
        (self.0 >> 8 & 15) as usize
    }

    fn value(self) -> i32 {
        self.0 as i32 >> 16
    }
}

/// Whether a table's symbols are differences of first coefficients or runs before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct,
    Alternating,
}

/// A Huffman table that gives values together with their codes.
pub(super) struct Lookup {
    steps: Box<[Step; 1 << LOOKUP_BITS]>,
    table: Table,
    kind: Kind,
}

impl Lookup {
    pub(super) fn new(table: Table, kind: Kind) -> Self {
        let mut lookup = Self { steps: Box::new([Step::NONE; 1 << LOOKUP_BITS]), table, kind };
        for index in 0..1 << LOOKUP_BITS {
            let step = lookup.decode((index as u64) << (64 - LOOKUP_BITS));
            // Where more bits count than the index has, those behind it were taken as zeros.
            if step.bits() <= LOOKUP_BITS {
                lookup.steps[index] = step;
            }
        }
        lookup
    }

    /// The step that the next bits, aligned to the left, make.
    fn decode(&self, held: u64) -> Step {
        let Some((length, symbol)) = self.table.code((held >> 48) as u32) else { return Step::NONE };
        let length = u32::from(length);
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match (self.kind, zeros, size) {
            (Kind::Direct, 0, 0) => Step::new(length, 0, 0),
            (Kind::Direct, 0, 1..=11) | (Kind::Alternating, _, 1..=10) => {
                let value = (held << length >> (64 - size)) as i32;
                // T.81, F.2.2.1, EXTEND.
                let value = if value >> (size - 1) == 0 { value - (1 << size) + 1 } else { value };
                Step::new(length + size, zeros, value)
            }
            (Kind::Alternating, 0, 0) => Step(length | Step::END),
            (Kind::Alternating, 15, 0) => Step::new(length, 15, 0),
            _ => Step::NONE,
        }
    }
}

/// Where each coefficient lies in its block and what it is multiplied with.
pub(super) struct Dequantiser {
    /// For each zigzag position, and those that a run can reach behind the last: factor << 8 | natural position.
    steps: [u32; 128],
}

impl Dequantiser {
    /// From the factors in zigzag order.
    pub(super) fn new(factors: &[u16; 64]) -> Self {
        // A factor of 0 behind the end: what is written there is nothing.
        let mut steps = [63; 128];
        for ((step, &factor), &natural) in steps.iter_mut().zip(factors).zip(&NATURAL) {
            *step = u32::from(factor) << 8 | u32::from(natural);
        }
        Self { steps }
    }
}

/// Fewer than eight bytes, filled up with zeros.
#[cold]
fn last_bytes(data: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = data.get(at..).unwrap_or_default();
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(bytes)
}

/// Reads one restart interval, stuffing removed, with zeros for what lies behind its end.
pub(super) struct Reader<'d> {
    data: &'d [u8],
    at: usize,
    /// The unread bits, aligned to the left. Behind `count` of them come bits that are read again.
    held: u64,
    count: u32,
}

impl<'d> Reader<'d> {
    pub(super) fn new(data: &'d [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0 }
    }

    /// Whether more bits were read than there are.
    pub(super) fn is_exhausted(&self) -> bool {
        self.at * 8 > self.data.len() * 8 + self.count as usize
    }

    #[inline(always)]
    fn fill(&mut self) {
        let next = match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => last_bytes(self.data, self.at),
        };
        self.held |= next >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
    }

    #[inline(always)]
    fn step(&mut self, lookup: &Lookup) -> Result<Step, NotOrdinary> {
        if self.count < 32 {
            self.fill();
        }
        let mut step = lookup.steps[(self.held >> (64 - LOOKUP_BITS)) as usize];
        if step.0 == 0 {
            step = lookup.decode(self.held);
            if step.0 == 0 {
                return Err(NotOrdinary);
            }
        }
        self.held <<= step.bits();
        self.count -= step.bits();
        Ok(step)
    }

    /// Reads the next block into `block`, which is zero, and gives the number of zigzag positions up to its end.
    ///
    /// `prediction` is the first coefficient of the component's block before, not dequantised.
    #[inline(always)]
    pub(super) fn block(
        &mut self,
        part: &Component,
        prediction: &mut i32,
        block: &mut Block,
    ) -> Result<usize, NotOrdinary> {
        *prediction += self.step(&part.direct)?.value();
        if prediction.unsigned_abs() > LARGEST_DIRECT {
            return Err(NotOrdinary);
        }
        block[0] = *prediction * (part.dequantiser.steps[0] >> 8) as i32;
        let mut at = 1;
        while at < 64 {
            let step = self.step(&part.alternating)?;
            if step.ends() {
                return Ok(at);
            }
            at += step.zeros();
            let place = part.dequantiser.steps[at & 127];
            block[(place & 63) as usize] = step.value() * (place >> 8) as i32;
            at += 1;
        }
        if at == 64 { Ok(64) } else { Err(NotOrdinary) }
    }
}
