//! How far a fine-tuning has come, as bytes that another process can go on from.

use half::f16;
use ocelli_core::{Evaluation, FineTuningRound};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The version of the format.
const VERSION: u32 = 1;
/// The key of the state in the file's metadata.
const STATE: &str = "ocelli.checkpoint";

/// How far a fine-tuning has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkpoint {
    pub(super) state: State,
    /// Each member's averaged weights, one list after the other as the module visits them, in f16.
    pub(super) members: Vec<Vec<f16>>,
    /// The best so far: weights in f32, and what was answered to the photos held out, `[photos, tags]`.
    pub(super) best: Option<(Vec<f32>, Vec<f32>)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct State {
    pub(super) version: u32,
    /// What the fine-tuning is of: it goes on with the same photos, tags and folds only.
    pub(super) subject: String,
    pub(super) rounds: Vec<FineTuningRound>,
    /// The number of rounds at which the best was found; 0 for the head alone.
    pub(super) found_at: usize,
    /// The best loss on the photos held out.
    pub(super) loss: f64,
    /// How long it has taken so far, in milliseconds.
    pub(super) millis: u64,
}

impl State {
    pub(super) const VERSION: u32 = VERSION;
}

/// What a fine-tuning is of, in hexadecimal: the base, the cut, the photos, their tags and their folds.
pub(super) fn subject(base: &ocelli_model::Network, cut: usize, evaluation: &Evaluation) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("ocelli fine-tuning subject 1");
    hasher.update(base.fingerprint().to_string().as_bytes());
    hasher.update(&(cut as u64).to_le_bytes());
    for tag in &evaluation.tags {
        hasher.update(tag.id.as_uuid().as_bytes());
    }
    for photo in &evaluation.photos {
        hasher.update(photo.photo.as_uuid().as_bytes());
        hasher.update(&photo.fold.to_le_bytes());
        hasher.update(&(photo.tags.len() as u64).to_le_bytes());
        photo.tags.iter().for_each(|tag| {
            hasher.update(&tag.to_le_bytes());
        });
    }
    hasher.finalize().to_hex().to_string()
}

impl Checkpoint {
    pub(super) fn write(&self) -> Result<Vec<u8>, TrainError> {
        let bytes16 =
            |values: &[f16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let bytes32 =
            |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let mut parts: Vec<(String, Dtype, usize, Vec<u8>)> = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            parts.push((format!("member.{index}"), Dtype::F16, member.len(), bytes16(member)));
        }
        if let Some((weights, answers)) = &self.best {
            parts.push(("best".into(), Dtype::F32, weights.len(), bytes32(weights)));
            parts.push(("answers".into(), Dtype::F32, answers.len(), bytes32(answers)));
        }
        let views = parts.iter().map(|(name, dtype, len, bytes)| {
            TensorView::new(*dtype, vec![*len], bytes).map(|view| (name.clone(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let state = serde_json::to_string(&self.state).map_err(unreadable)?;
        let metadata = [(STATE.to_owned(), state)].into_iter().collect();
        serialize(views, Some(metadata)).map_err(unreadable)
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, TrainError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let state = metadata.metadata().as_ref().and_then(|entries| entries.get(STATE));
        let state = state.ok_or_else(|| unreadable("it has no state"))?;
        let state: State = serde_json::from_str(state).map_err(unreadable)?;
        if state.version != VERSION {
            return Err(unreadable(format!("its version is {}, and {VERSION} is known", state.version)));
        }
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let values = |name: &str| file.tensor(name).ok().map(|tensor| tensor.data().to_vec());
        let mut members = Vec::new();
        while let Some(bytes) = values(&format!("member.{}", members.len())) {
            members.push(bytes.chunks_exact(2).map(|two| f16::from_le_bytes([two[0], two[1]])).collect());
        }
        let floats = |name: &str| -> Option<Vec<f32>> {
            let bytes = values(name)?;
            Some(
                bytes
                    .chunks_exact(4)
                    .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
                    .collect(),
            )
        };
        let best = floats("best").zip(floats("answers"));
        Ok(Self { state, members, best })
    }
}

fn unreadable(reason: impl std::fmt::Display) -> TrainError {
    TrainError::Checkpoint { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let round = FineTuningRound { training_loss: 1.0, held_out_loss: 0.5, held_out_top1: 0.75 };
        Checkpoint {
            state: State {
                version: VERSION,
                subject: "ab".into(),
                rounds: vec![round; 2],
                found_at: 2,
                loss: 0.5,
                millis: 1234,
            },
            members: vec![vec![f16::from_f32(1.5); 7], vec![f16::from_f32(-0.25); 7]],
            best: Some((vec![0.1; 7], vec![0.2; 6])),
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let with = checkpoint();
        assert_eq!(Checkpoint::read(&with.write().unwrap()).unwrap(), with);
        let without = Checkpoint { best: None, ..with };
        assert_eq!(Checkpoint::read(&without.write().unwrap()).unwrap(), without);
    }

    #[test]
    fn what_is_not_one_is_refused() {
        let bytes = checkpoint().write().unwrap();
        let later = {
            let mut later = checkpoint();
            later.state.version = VERSION + 1;
            later.write().unwrap()
        };
        for (bytes, why) in
            [(&b"nothing"[..], "short"), (&bytes[..bytes.len() / 2], "cut"), (&later, "later")]
        {
            let error = Checkpoint::read(bytes).unwrap_err();
            assert!(matches!(error, TrainError::Checkpoint { .. }), "{why}: {error}");
        }
    }
}
