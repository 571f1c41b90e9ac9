//! What the photos of a member are to be answered with.

use ocelli_core::{ClassificationType, Evaluation};

use crate::regression::loss_weights;

/// Targets and weights of a member's photos.
#[derive(Debug)]
pub(super) struct Targets {
    tags: usize,
    /// `[photos, tags]`, of all photos.
    targets: Vec<f32>,
    /// `[photos, tags]`, of all photos; nothing for those that the member does not learn from.
    weights: Vec<f32>,
}

impl Targets {
    pub(super) fn new(evaluation: &Evaluation, learnt: &[usize], balance: f32, label_smoothing: f32) -> Self {
        let (photos, tags) = (evaluation.photos.len(), evaluation.tags.len());
        let kind = evaluation.classification_type;
        let seen = learnt.iter().map(|photo| evaluation.photos[*photo].tags.as_slice());
        let of_tags = loss_weights(kind, [learnt.len(), tags], seen, balance);
        let smoothing = match kind {
            ClassificationType::Multiclass => label_smoothing,
            ClassificationType::Multilabel => 0.0,
        };
        let mut targets = vec![smoothing / tags.max(1) as f32; photos * tags];
        let mut weights = vec![0.0f32; photos * tags];
        for photo in learnt {
            let own = &evaluation.photos[*photo].tags;
            let rows = photo * tags..(photo + 1) * tags;
            own.iter().for_each(|tag| targets[rows.start + usize::from(*tag)] += 1.0 - smoothing);
            for (tag, weight) in (0u16..).zip(&mut weights[rows]) {
                // A photo of a multiclass training weighs what its own tag does, whichever tag a part of the target goes to.
                *weight = match (kind, own.first()) {
                    (ClassificationType::Multiclass, Some(own)) => of_tags[usize::from(*own)][0],
                    _ => of_tags[usize::from(tag)][usize::from(!own.contains(&tag))],
                };
            }
        }
        Self { tags, targets, weights }
    }

    /// Targets and weights of these photos, `[photos, tags]` each; those that are not there weigh nothing.
    pub(super) fn of(&self, photos: &[(usize, u64)], there: &[bool]) -> (Vec<f32>, Vec<f32>) {
        let rows = |of: &[f32]| -> Vec<f32> {
            photos.iter().flat_map(|(photo, _)| &of[photo * self.tags..][..self.tags]).copied().collect()
        };
        let mut weights = rows(&self.weights);
        for (row, _) in weights.chunks_exact_mut(self.tags.max(1)).zip(there).filter(|(_, there)| !**there) {
            row.fill(0.0);
        }
        (rows(&self.targets), weights)
    }
}
