use serde::{Deserialize, Serialize};

use crate::{Evaluation, ImageId, IterationPerformance, Thresholds};

/// What changed from an earlier model to a later one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison<P = ImageId> {
    /// How well the earlier one does.
    pub earlier: IterationPerformance,
    /// How well the later one does.
    pub later: IterationPerformance,
    /// Photos that were given exactly the tags that they have by the later model and not by the earlier.
    pub improved: Vec<P>,
    /// Photos that were given exactly the tags that they have by the earlier model and not by the later.
    pub worsened: Vec<P>,
}

impl<P: Clone + PartialEq + std::hash::Hash + Eq> Evaluation<P> {
    /// What changed from an earlier evaluation to this one, at a threshold. Single photos are compared where both
    /// evaluations hold them; each evaluation judges a photo by the tags that it had at the time.
    pub fn compare(&self, earlier: &Self, thresholds: impl Into<Thresholds>) -> Comparison<P> {
        let thresholds = thresholds.into();
        let before: std::collections::HashMap<&P, bool> =
            earlier.photos.iter().map(|photo| (&photo.photo, earlier.is_right(photo, &thresholds))).collect();
        let (mut improved, mut worsened) = (Vec::new(), Vec::new());
        for photo in &self.photos {
            match (before.get(&photo.photo), self.is_right(photo, &thresholds)) {
                (Some(false), true) => improved.push(photo.photo.clone()),
                (Some(true), false) => worsened.push(photo.photo.clone()),
                _ => {}
            }
        }
        Comparison {
            earlier: earlier.performance(&thresholds),
            later: self.performance(&thresholds),
            improved,
            worsened,
        }
    }
}
