use serde::{Deserialize, Serialize};

use crate::Padding;

/// The shape of a node's output for one photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Feature maps, `[channels, height, width]`.
    Map {
        /// Maps.
        channels: usize,
        /// Rows of each.
        height: usize,
        /// Columns of each.
        width: usize,
    },
    /// A vector.
    Vector {
        /// Its values.
        len: usize,
    },
}

impl Shape {
    /// How many values there are; more than a `usize` holds counts as `usize::MAX`.
    pub fn values(&self) -> usize {
        match *self {
            Self::Map { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
            Self::Vector { len } => len,
        }
    }

    /// How many channels there are: maps, or a vector's values.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Map { channels, .. } => channels,
            Self::Vector { len } => len,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Map { channels, height, width } => write!(f, "[{channels}, {height}, {width}]"),
            Self::Vector { len } => write!(f, "[{len}]"),
        }
    }
}

impl Padding {
    /// Zeros above and below an input of `height` rows, and to the left and right of one of `width` columns:
    /// `[[top, bottom], [left, right]]`. `kernel` and `stride` are `[rows, columns]`, the stride not zero.
    pub fn amounts(
        &self,
        [height, width]: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
    ) -> [[usize; 2]; 2] {
        let same = |side: usize, kernel: usize, stride: usize| {
            let stride = stride.max(1);
            let outputs = side.div_ceil(stride);
            let reach = outputs.saturating_sub(1).saturating_mul(stride).saturating_add(kernel);
            let total = reach.saturating_sub(side);
            [total / 2, total - total / 2]
        };
        match *self {
            Self::Same => [same(height, kernel[0], stride[0]), same(width, kernel[1], stride[1])],
            Self::Explicit { top, left, bottom, right } => [[top, bottom], [left, right]],
        }
    }
}

/// The output's rows (or columns) of a convolution, none where the kernel does not fit once.
pub(crate) fn convolved(side: usize, padding: [usize; 2], kernel: usize, stride: usize) -> Option<usize> {
    let padded = side.checked_add(padding[0])?.checked_add(padding[1])?;
    padded.checked_sub(kernel)?.checked_div(stride)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        // (side, kernel, stride) -> (before, after), as TensorFlow's documentation computes it.
        let cases = [
            ((224, 3, 2), [0, 1]),
            ((225, 3, 2), [1, 1]),
            ((112, 5, 2), [1, 2]),
            ((112, 3, 1), [1, 1]),
            ((7, 5, 1), [2, 2]),
            ((1, 3, 2), [1, 1]),
            ((8, 1, 2), [0, 0]),
            ((9, 2, 1), [0, 1]),
        ];
        for ((side, kernel, stride), expected) in cases {
            let [rows, columns] = Padding::Same.amounts([side, side], [kernel, kernel], [stride, stride]);
            assert_eq!(rows, expected, "side {side}, kernel {kernel}, stride {stride}");
            assert_eq!(columns, expected, "side {side}, kernel {kernel}, stride {stride}");
            assert_eq!(convolved(side, rows, kernel, stride), Some(side.div_ceil(stride)));
        }
    }
}
