//! Checkpoints as the store keeps them: the training's options, and what the trainer said.

use ocelli_train::TrainError;

use super::options::TrainOptions;
use crate::Error;

/// The options' length in four bytes, the options, the trainer's own bytes.
pub(super) fn wrap(options: &TrainOptions, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let options = serde_json::to_vec(options).map_err(unusable)?;
    let length = u32::try_from(options.len()).map_err(unusable)?;
    Ok([&length.to_le_bytes()[..], &options, bytes].concat())
}

pub(super) fn unwrap(checkpoint: &[u8]) -> Result<(TrainOptions, &[u8]), Error> {
    let split = || -> Option<(&[u8], &[u8])> {
        let (length, rest) = checkpoint.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
    };
    let (options, bytes) = split().ok_or_else(|| unusable("it is cut short"))?;
    Ok((serde_json::from_slice(options).map_err(unusable)?, bytes))
}

fn unusable(reason: impl std::fmt::Display) -> Error {
    TrainError::Checkpoint { reason: reason.to_string() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_bytes_come_back() {
        let options = TrainOptions { seed: 7, ..TrainOptions::default() };
        let wrapped = wrap(&options, b"bytes").unwrap();
        assert_eq!(unwrap(&wrapped).unwrap(), (options, &b"bytes"[..]));
        for cut in [0, 3, 20] {
            assert!(unwrap(&wrapped[..cut]).is_err(), "{cut}");
        }
    }
}
