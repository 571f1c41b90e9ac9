//! Checkpoints as the store keeps them: what the training was begun with, and what the trainer said.

use ocelli_model::View;
use ocelli_train::TrainError;

use super::options::TrainOptions;
use crate::Error;

/// A training that is taken up again: what it had settled, and how far its trainer had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenUp<'a> {
    /// The view that was named or chosen.
    pub(super) view: View,
    pub(super) bytes: &'a [u8],
}

/// The length of what comes next in four bytes, the options and the view as JSON, the trainer's own bytes.
pub(super) fn wrap(options: &TrainOptions, view: View, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let begun = serde_json::to_vec(&(options, view)).map_err(unusable)?;
    let length = u32::try_from(begun.len()).map_err(unusable)?;
    Ok([&length.to_le_bytes()[..], &begun, bytes].concat())
}

pub(super) fn unwrap(checkpoint: &[u8]) -> Result<(TrainOptions, TakenUp<'_>), Error> {
    let split = || -> Option<(&[u8], &[u8])> {
        let (length, rest) = checkpoint.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
    };
    let (begun, bytes) = split().ok_or_else(|| unusable("it is cut short"))?;
    let (options, view) = serde_json::from_slice(begun).map_err(unusable)?;
    Ok((options, TakenUp { view, bytes }))
}

fn unusable(reason: impl std::fmt::Display) -> Error {
    TrainError::Checkpoint { reason: reason.to_string() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_comes_back() {
        let options = TrainOptions { seed: 7, ..TrainOptions::default() };
        let taken_up = TakenUp { view: View::Centre, bytes: b"bytes" };
        let wrapped = wrap(&options, taken_up.view, taken_up.bytes).unwrap();
        assert_eq!(unwrap(&wrapped).unwrap(), (options, taken_up));
        for cut in [0, 3, 20] {
            assert!(unwrap(&wrapped[..cut]).is_err(), "{cut}");
        }
    }
}
