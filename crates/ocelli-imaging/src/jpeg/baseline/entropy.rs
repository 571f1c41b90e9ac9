//! Huffman-coded coefficients of baseline blocks (T.81, F.2.2), one table look-up for most of them.

use super::super::huffman::Table;
use super::{Component, NotOrdinary};

/// A code and the value behind it are found in one step where they take at most this many bits together.
const LOOKUP_BITS: u32 = 11;
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
    /// The block ends here.
    const ENDS: u32 = 0x40;
    /// Not known from so few bits, or no code, or a symbol that baseline coding does not define.
    const UNKNOWN: u32 = 0x80;
    const NONE: Self = Self(Self::UNKNOWN);

    fn new(bits: u32, zeros: u32, value: i32) -> Self {
        Self(bits | zeros << 8 | (value as u32) << 16)
    }

    /// The step of a symbol whose code has `length` bits, with `value` behind it.
    fn of_symbol(kind: Kind, symbol: u8, length: u32, value: i32) -> Self {
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match (kind, zeros, size) {
            (Kind::Direct, 0, 0) => Self::new(length, 0, 0),
            (Kind::Direct, 0, 1..=11) | (Kind::Alternating, _, 1..=10) => {
                // T.81, F.2.2.1, EXTEND.
                let value = if value >> (size - 1) == 0 { value - (1 << size) + 1 } else { value };
                Self::new(length + size, zeros, value)
            }
            (Kind::Alternating, 0, 0) => Self(length | Self::ENDS),
            (Kind::Alternating, 15, 0) => Self::new(length, 15, 0),
            _ => Self::NONE,
        }
    }

    fn bits(self) -> u32 {
        self.0 & 0x3f
    }

    fn ends(self) -> bool {
        self.0 & Self::ENDS != 0
    }

    fn is_unknown(self) -> bool {
        self.0 & Self::UNKNOWN != 0
    }

    /// Whether it is a coefficient and nothing else.
    fn is_plain(self) -> bool {
        self.0 & (Self::ENDS | Self::UNKNOWN) == 0
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
        let mut steps = Box::new([Step::NONE; 1 << LOOKUP_BITS]);
        for (length, code, symbol) in table.codes() {
            let size = u32::from(symbol & 15);
            if length + size > LOOKUP_BITS {
                continue;
            }
            let rest = LOOKUP_BITS - length - size;
            let first = (code << (LOOKUP_BITS - length)) as usize;
            for (value, steps) in steps[first..].chunks_exact_mut(1 << rest).take(1 << size).enumerate() {
                steps.fill(Step::of_symbol(kind, symbol, length, value as i32));
            }
        }
        Self { steps, table, kind }
    }

    /// The step that the next bits, aligned to the left, make, however many it takes.
    #[inline(never)]
    fn decode(&self, held: u64) -> Step {
        let Some((length, symbol)) = self.table.code((held >> 48) as u32) else { return Step::NONE };
        let (length, size) = (u32::from(length), u32::from(symbol & 15));
        let value = if size == 0 { 0 } else { (held << length >> (64 - size)) as i32 };
        Step::of_symbol(self.kind, symbol, length, value)
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
    fn step(&mut self, lookup: &Lookup) -> Step {
        if self.count < 32 {
            self.fill();
        }
        lookup.steps[(self.held >> (64 - LOOKUP_BITS)) as usize]
    }

    #[inline(always)]
    fn drop(&mut self, step: Step) {
        // The number of bits is what the lowest six bits of a step say; no other instruction stands in the way of the
        // next look-up.
        self.held = self.held.wrapping_shl(step.0);
        self.count -= step.bits();
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
        let mut step = self.step(&part.direct);
        if step.is_unknown() {
            step = part.direct.decode(self.held);
            if step.is_unknown() {
                return Err(NotOrdinary);
            }
        }
        self.drop(step);
        *prediction += step.value();
        if prediction.unsigned_abs() > LARGEST_DIRECT {
            return Err(NotOrdinary);
        }
        let steps = &part.dequantiser.steps;
        block[0] = *prediction * (steps[0] >> 8) as i32;
        let mut at = 1;
        while at < 64 {
            let mut step = self.step(&part.alternating);
            if !step.is_plain() {
                if step.is_unknown() {
                    step = part.alternating.decode(self.held);
                }
                if step.is_unknown() {
                    return Err(NotOrdinary);
                }
                if step.ends() {
                    self.drop(step);
                    return Ok(at);
                }
            }
            self.drop(step);
            at += step.zeros();
            let place = steps[at & 127];
            block[(place & 63) as usize] = step.value() * (place >> 8) as i32;
            at += 1;
        }
        if at == 64 { Ok(64) } else { Err(NotOrdinary) }
    }
}
