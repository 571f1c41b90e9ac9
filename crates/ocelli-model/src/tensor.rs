use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// The type in which a tensor's values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
}

/// Named weights of a network: finite values of one shape, in row-major order. Cloning shares them.
#[derive(Clone)]
pub struct Tensor(Arc<Inner>);

struct Inner {
    shape: Vec<usize>,
    values: Values,
    digest: OnceLock<blake3::Hash>,
}

enum Values {
    F16(Vec<f16>),
    F32(Vec<f32>),
}

impl Tensor {
    /// A tensor kept in f32.
    ///
    /// # Errors
    ///
    /// If there are not as many values as the shape says, or one is not finite.
    pub fn f32(shape: &[usize], values: Vec<f32>) -> Result<Self, ModelError> {
        let finite = values.iter().all(|value| value.is_finite());
        Self::new(shape, values.len(), finite, Values::F32(values))
    }

    /// A tensor kept in f16: each value is rounded to the nearest.
    ///
    /// # Errors
    ///
    /// If there are not as many values as the shape says, or one is not finite or beyond 65,504, f16's largest.
    pub fn f16(shape: &[usize], values: &[f32]) -> Result<Self, ModelError> {
        let mut rounded = vec![f16::ZERO; values.len()];
        rounded.convert_from_f32_slice(values);
        Self::half(shape, rounded)
    }

    fn half(shape: &[usize], values: Vec<f16>) -> Result<Self, ModelError> {
        let finite = values.iter().all(|value| value.is_finite());
        Self::new(shape, values.len(), finite, Values::F16(values))
    }

    fn new(shape: &[usize], len: usize, finite: bool, values: Values) -> Result<Self, ModelError> {
        let expected = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        if expected != Some(len) || len == 0 {
            return Err(ModelError::TensorLength { shape: shape.to_vec(), found: len });
        }
        if !finite {
            return Err(ModelError::NotFinite { shape: shape.to_vec() });
        }
        Ok(Self(Arc::new(Inner { shape: shape.to_vec(), values, digest: OnceLock::new() })))
    }

    /// Reads little-endian values, as safetensors holds them.
    pub(crate) fn from_le_bytes(
        element_type: ElementType,
        shape: &[usize],
        bytes: &[u8],
    ) -> Result<Self, ModelError> {
        match element_type {
            ElementType::F16 => {
                let (pairs, _) = bytes.as_chunks::<2>();
                Self::half(shape, pairs.iter().map(|pair| f16::from_le_bytes(*pair)).collect())
            }
            ElementType::F32 => {
                let (fours, _) = bytes.as_chunks::<4>();
                Self::f32(shape, fours.iter().map(|four| f32::from_le_bytes(*four)).collect())
            }
        }
    }

    /// Writes little-endian values, as safetensors holds them.
    pub(crate) fn write_le_bytes(&self, out: &mut Vec<u8>) {
        match &self.0.values {
            Values::F16(values) => {
                values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
            }
            Values::F32(values) => {
                values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
            }
        }
    }

    /// The sides, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// How many values there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a tensor is never empty")]
    pub fn len(&self) -> usize {
        match &self.0.values {
            Values::F16(values) => values.len(),
            Values::F32(values) => values.len(),
        }
    }

    /// The type in which the values are kept.
    pub fn element_type(&self) -> ElementType {
        match self.0.values {
            Values::F16(_) => ElementType::F16,
            Values::F32(_) => ElementType::F32,
        }
    }

    /// The values in f32, expanded where they are kept in f16.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match &self.0.values {
            Values::F16(values) => {
                let mut expanded = vec![0.0; values.len()];
                values.convert_to_f32_slice(&mut expanded);
                Cow::Owned(expanded)
            }
            Values::F32(values) => Cow::Borrowed(values),
        }
    }

    /// BLAKE3 of type, shape and values; computed once.
    pub(crate) fn digest(&self) -> &blake3::Hash {
        self.0.digest.get_or_init(|| {
            let mut bytes = Vec::new();
            self.write_le_bytes(&mut bytes);
            let mut hasher = blake3::Hasher::new();
            hasher.update(&[match self.element_type() {
                ElementType::F16 => 16,
                ElementType::F32 => 32,
            }]);
            hasher.update(&(self.0.shape.len() as u64).to_le_bytes());
            for side in &self.0.shape {
                hasher.update(&(*side as u64).to_le_bytes());
            }
            hasher.update(&bytes);
            hasher.finalize()
        })
    }
}

/// Two tensors are equal when type, shape and values are.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.digest() == other.digest()
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({:?} {:?})", self.element_type(), self.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_has_as_many_values_as_its_shape_says() {
        assert!(Tensor::f32(&[2, 3], vec![0.0; 6]).is_ok());
        for (shape, len) in [(&[2, 3][..], 5), (&[], 0), (&[0, 3], 0), (&[usize::MAX, 2], 2)] {
            let result = Tensor::f32(shape, vec![0.0; len]);
            assert!(matches!(result, Err(ModelError::TensorLength { .. })), "{shape:?}, {len} values");
        }
    }

    #[test]
    fn values_that_are_not_finite_in_their_type_are_refused() {
        assert!(matches!(Tensor::f32(&[1], vec![f32::NAN]), Err(ModelError::NotFinite { .. })));
        assert!(matches!(Tensor::f16(&[1], &[70_000.0]), Err(ModelError::NotFinite { .. })));
        assert!(Tensor::f32(&[1], vec![70_000.0]).is_ok());
    }

    #[test]
    fn half_precision_rounds_to_the_nearest() {
        let tensor = Tensor::f16(&[2], &[1.0 + 1.0 / 4096.0, -0.1]).unwrap();
        assert_eq!(tensor.to_f32()[0], 1.0);
        assert!((tensor.to_f32()[1] + 0.1).abs() < 1e-4);
    }
}
