//! The two kinds of values that convolutions compute with.

use ocelli_kernels::{
    Area, ByteOutput, DepthwiseWeights, FloatOutput, Kernels, Line, OutOfBounds, PANEL, Rows, Source, Target,
    Weights, as_f32, as_f32_mut, as_u8, as_u8_mut,
};

/// f32, or bytes that stand for `(byte - zero) * scale`.
pub(crate) trait Element: Copy + Default + Send + Sync + std::fmt::Debug + 'static {
    /// What becomes of a convolution's sums.
    type Finish: Send + Sync + std::fmt::Debug;

    /// Pixels in a column of a depthwise convolution.
    const COLUMN: usize;
    /// Values of a line.
    const PER_LINE: usize = Line::BYTES / size_of::<Self>();

    fn view(lines: &[Line]) -> &[Self];
    fn view_mut(lines: &mut [Line]) -> &mut [Self];

    fn convolution(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[Self], &Source),
        finish: (&Self::Finish, Option<&[Self]>),
        to: (&mut [Self], &Target),
    ) -> Result<(), OutOfBounds>;

    /// As `convolution`, into columns.
    fn columns(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[Self], &Source),
        finish: &Self::Finish,
        to: (&mut [Self], &Target),
    ) -> Result<(), OutOfBounds>;

    fn depthwise(
        kernels: &Kernels,
        weights: &DepthwiseWeights,
        area: Area,
        from: (&[Self], Rows, usize),
        finish: &Self::Finish,
        to: (&mut [Self], &Target),
    ) -> Result<(), OutOfBounds>;
}

/// Bias and activation, of whole panels.
#[derive(Clone, Debug)]
pub(crate) struct FloatFinish {
    pub(crate) bias: Vec<f32>,
    pub(crate) relu6: bool,
}

impl FloatFinish {
    pub(crate) fn new(bias: &[f32], relu6: bool) -> Self {
        let mut bias = bias.to_vec();
        bias.resize(bias.len().next_multiple_of(PANEL), 0.0);
        Self { bias, relu6 }
    }

    fn output<'a>(&'a self, residual: Option<&'a [f32]>) -> FloatOutput<'a> {
        let (low, high) = if self.relu6 { (0.0, 6.0) } else { (f32::NEG_INFINITY, f32::INFINITY) };
        FloatOutput { bias: &self.bias, low, high, residual }
    }
}

impl Element for f32 {
    type Finish = FloatFinish;
    const COLUMN: usize = 1;

    fn view(lines: &[Line]) -> &[f32] {
        as_f32(lines)
    }

    fn view_mut(lines: &mut [Line]) -> &mut [f32] {
        as_f32_mut(lines)
    }

    fn convolution(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[f32], &Source),
        (finish, residual): (&FloatFinish, Option<&[f32]>),
        to: (&mut [f32], &Target),
    ) -> Result<(), OutOfBounds> {
        kernels.convolution_f32(weights, area, from, &finish.output(residual), to)
    }

    fn columns(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[f32], &Source),
        finish: &FloatFinish,
        to: (&mut [f32], &Target),
    ) -> Result<(), OutOfBounds> {
        // A column is a pixel of a panel, which is what a convolution writes.
        kernels.convolution_f32(weights, area, from, &finish.output(None), to)
    }

    fn depthwise(
        kernels: &Kernels,
        weights: &DepthwiseWeights,
        area: Area,
        from: (&[f32], Rows, usize),
        finish: &FloatFinish,
        to: (&mut [f32], &Target),
    ) -> Result<(), OutOfBounds> {
        kernels.depthwise_f32(weights, area, from, &finish.output(None), to)
    }
}

/// Requantisation, of whole panels.
#[derive(Clone, Debug)]
pub(crate) struct ByteFinish {
    pub(crate) factor: Vec<f32>,
    pub(crate) offset: Vec<f32>,
    pub(crate) residual: Vec<f32>,
}

impl ByteFinish {
    fn output<'a>(&'a self, residual: Option<&'a [u8]>) -> ByteOutput<'a> {
        let residual = residual.map(|residual| (residual, self.residual.as_slice()));
        ByteOutput { factor: &self.factor, offset: &self.offset, residual }
    }
}

impl Element for u8 {
    type Finish = ByteFinish;
    const COLUMN: usize = 4;

    fn view(lines: &[Line]) -> &[u8] {
        as_u8(lines)
    }

    fn view_mut(lines: &mut [Line]) -> &mut [u8] {
        as_u8_mut(lines)
    }

    fn convolution(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[u8], &Source),
        (finish, residual): (&ByteFinish, Option<&[u8]>),
        to: (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        kernels.convolution_u8(weights, area, from, &finish.output(residual), to)
    }

    fn columns(
        kernels: &Kernels,
        weights: &Weights,
        area: Area,
        from: (&[u8], &Source),
        finish: &ByteFinish,
        to: (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        kernels.convolution_columns(weights, area, from, &finish.output(None), to)
    }

    fn depthwise(
        kernels: &Kernels,
        weights: &DepthwiseWeights,
        area: Area,
        from: (&[u8], Rows, usize),
        finish: &ByteFinish,
        to: (&mut [u8], &Target),
    ) -> Result<(), OutOfBounds> {
        kernels.depthwise_u8(weights, area, from, &finish.output(None), to)
    }
}
