use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{AllocationProperty, Bytes, DType, Shape, TensorData};
use ocelli_kernels::{Line, as_f32, as_f32_mut, as_u8};

/// Memory that one step of a training leaves to the next.
///
/// The maps of a step take hundreds of megabytes. Asked of the system anew for each step, every page of them would have to be
/// made and cleared again, which takes longer than computing them. Cloning shares it.
#[derive(Clone, Default)]
pub struct Workspace(Arc<Mutex<Free>>);

/// What nobody uses at the moment, by its number of lines.
type Free = BTreeMap<usize, Vec<Vec<Line>>>;

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workspace")
    }
}

impl Workspace {
    /// Gives what nobody uses at the moment back to the system.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Room for so many values, whatever they are.
    pub(super) fn take(&self, values: usize) -> Buffer {
        let wanted = values.div_ceil(Buffer::VALUES);
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // No more than a quarter is left unused.
        let found = free.range_mut(wanted..=wanted + wanted / 4).find(|(_, buffers)| !buffers.is_empty());
        let lines = found.and_then(|(_, buffers)| buffers.pop());
        let lines = lines.unwrap_or_else(|| vec![Line::default(); wanted]);
        Buffer { lines, values, home: Arc::clone(&self.0) }
    }

    /// Room for so many zeros.
    pub(super) fn zeros(&self, values: usize) -> Buffer {
        let mut buffer = self.take(values);
        buffer.values_mut().fill(0.0);
        buffer
    }
}

/// Memory of a [`Workspace`], to which it goes back once nobody uses it.
pub(super) struct Buffer {
    lines: Vec<Line>,
    values: usize,
    home: Arc<Mutex<Free>>,
}

impl Buffer {
    /// Values of a line.
    const VALUES: usize = Line::BYTES / size_of::<f32>();

    pub(super) fn values(&self) -> &[f32] {
        &as_f32(&self.lines)[..self.values]
    }

    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut as_f32_mut(&mut self.lines)[..self.values]
    }

    /// As the data of a tensor, which has as many values as its shape says.
    pub(super) fn into_data(self, shape: Shape) -> TensorData {
        let bytes = Bytes::from_shared(bytes::Bytes::from_owner(self), AllocationProperty::Other);
        TensorData::from_bytes(bytes, shape, DType::F32)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &as_u8(&self.lines)[..self.values * size_of::<f32>()]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let mut free = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        free.entry(lines.len()).or_default().push(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_used_again() {
        let workspace = Workspace::default();
        let mut buffer = workspace.take(1_000);
        buffer.values_mut().fill(7.0);
        let place = buffer.values().as_ptr();
        let data = buffer.into_data(Shape::from([10, 100]));
        assert_eq!(data.as_slice::<f32>().unwrap(), [7.0; 1_000]);
        let other = workspace.take(1_000);
        assert_ne!(other.values().as_ptr(), place, "still in use");
        drop(data);
        assert_eq!(workspace.zeros(990).values(), [0.0; 990]);
        assert_eq!(workspace.take(990).values().as_ptr(), place);
        assert_ne!(workspace.take(500).values().as_ptr(), place, "far too large");
        workspace.release();
        assert!(workspace.0.lock().unwrap().is_empty());
    }
}
