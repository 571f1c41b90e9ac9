use std::collections::BTreeSet;

use ocelli_core::{
    Account, DataClass, ImageId, Manifest, Project, Retention, RetentionPolicy, StoredPrediction, Timestamp,
};

use crate::Checkpoint;

/// What of a project is to be seen at a moment: all but what is due by its retention.
#[derive(Clone, Debug)]
pub struct Visibility {
    retention: Retention<RetentionPolicy>,
    now: Timestamp,
}

impl Visibility {
    /// That of a project which keeps what it holds as long as this.
    pub fn new(retention: Retention<RetentionPolicy>, now: Timestamp) -> Self {
        Self { retention, now }
    }

    /// Only what happened after this moment is to be seen; all where there is none.
    pub fn cutoff(&self, class: DataClass) -> Option<Timestamp> {
        self.retention.cutoff(class, self.now)
    }

    /// Whether what happened at this moment is to be seen.
    pub fn shows(&self, class: DataClass, event: Timestamp) -> bool {
        !self.retention.is_due(class, event, self.now)
    }

    /// What is to be seen of a kept prediction: its photo, its results or both; none where neither is.
    pub fn prediction(&self, kept: StoredPrediction) -> Option<StoredPrediction> {
        let mut kept = self.dated(kept);
        let event = kept.prediction.created;
        kept.photo_kept &= self.shows(DataClass::PredictionPhoto, event);
        if !self.shows(DataClass::PredictionResult, event) {
            kept.prediction.predictions.clear();
        }
        (kept.photo_kept || !kept.prediction.predictions.is_empty()).then_some(kept)
    }

    /// Whether a checkpoint is to be seen: no photo that it may have learned from is due. Its iteration has a time of its own.
    pub fn checkpoint(&self, kept: &Checkpoint) -> bool {
        kept.oldest_photo.is_none_or(|oldest| self.shows(DataClass::TrainingPhoto, oldest))
    }

    /// A kept prediction as it is recorded, with the moment from when on nothing of it is to be seen.
    pub fn dated(&self, mut kept: StoredPrediction) -> StoredPrediction {
        let due =
            |class, kept_still: bool| kept_still.then(|| self.retention.due(class, kept.prediction.created));
        let parts = [
            due(DataClass::PredictionPhoto, kept.photo_kept),
            due(DataClass::PredictionResult, !kept.prediction.predictions.is_empty()),
        ];
        let parts = parts.into_iter().flatten();
        // A part that is never due keeps the whole for ever.
        kept.expires = parts.reduce(|one, other| Some(one?.max(other?))).flatten();
        kept
    }
}

/// Takes photos that are due out of a manifest, and counts those that were trained on, or that its calibration looked at, as
/// erased, and those that it was tested on apart: what was evaluated with them is not to be seen before they are swept either.
pub fn forget_due(manifest: &mut Manifest, looked_at: &[ImageId], is_due: impl Fn(ImageId) -> bool) {
    let evaluated = manifest.evaluation.photos.iter().map(|photo| photo.photo);
    let due: BTreeSet<ImageId> =
        evaluated.chain(looked_at.iter().copied()).filter(|id| is_due(*id)).collect();
    manifest.evaluation.photos.retain(|photo| !due.contains(&photo.photo));
    manifest.left_out.retain(|(image, _)| !is_due(*image));
    if let Some(test) = &mut manifest.test {
        let before = test.photos.len();
        test.photos.retain(|photo| !is_due(photo.photo));
        let gone = u32::try_from(before - test.photos.len()).unwrap_or(u32::MAX);
        manifest.test_erased = manifest.test_erased.saturating_add(gone);
    }
    manifest.erased = manifest.erased.saturating_add(u32::try_from(due.len()).unwrap_or(u32::MAX));
}

/// Whether a project is in use: neither deleted nor of a closed account.
pub fn is_live(project: &Project, account: &Account) -> bool {
    project.deleted.is_none() && account.closed.is_none()
}

/// Whether a project is due as a whole: deleted, or of a closed account, and past the time that the account's policy
/// gives it.
pub fn is_due(project: &Project, account: &Account, now: Timestamp) -> bool {
    let due = |class, event: Option<Timestamp>| {
        event.is_some_and(|event| account.retention.is_due(class, event, now))
    };
    due(DataClass::DeletedProject, project.deleted) || due(DataClass::ClosedAccount, account.closed)
}

#[cfg(test)]
mod tests {
    use ocelli_core::{
        ImagePrediction, IterationId, Metadata, Name, Period, Prediction, PredictionId, ProjectId,
        RetentionRule, TagId, TagType,
    };
    use proptest::prelude::*;

    use super::*;

    fn moment(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn kept(created: Timestamp, photo_kept: bool, results: usize) -> StoredPrediction {
        let result = Prediction {
            probability: 0.5,
            tag_id: TagId::new(created, [1; 10]),
            tag_name: Name::new("oak").unwrap(),
            tag_type: TagType::Regular,
            bounding_box: None,
        };
        StoredPrediction {
            prediction: ImagePrediction {
                id: PredictionId::new(created, [2; 10]),
                project_id: ProjectId::new(created, [3; 10]),
                iteration_id: IterationId::new(created, [4; 10]),
                created,
                predictions: vec![result; results],
            },
            publish_name: None,
            application: None,
            width: 1,
            height: 1,
            metadata: Metadata::default(),
            photo_kept,
            expires: None,
        }
    }

    fn rule() -> impl Strategy<Value = RetentionRule> {
        prop_oneof![
            Just(RetentionRule::Forever),
            (0u64..10_000).prop_map(|millis| RetentionRule::For { millis: Period::millis(millis) }),
            (0i64..10_000).prop_map(|millis| RetentionRule::Until { until: moment(millis) }),
            Just(RetentionRule::NotAtAll),
        ]
    }

    proptest! {
        #[test]
        fn a_prediction_is_seen_until_it_expires(
            photos in rule(),
            results in rule(),
            later in (rule(), rule(), 0i64..5_000),
            event in 0i64..10_000,
            wait in 0i64..20_000,
            photo_kept in any::<bool>(),
            has_results in any::<bool>(),
        ) {
            prop_assume!(photo_kept || has_results);
            let policy = |photos, results| RetentionPolicy {
                prediction_photos: photos,
                prediction_results: results,
                ..RetentionPolicy::default()
            };
            let mut retention = Retention::new(policy(photos, results));
            let changed = event + later.2;
            retention.set_policy(policy(later.0, later.1), moment(changed));
            let now = moment(changed + wait);
            let visibility = Visibility::new(retention, now);
            let record = kept(moment(event), photo_kept, usize::from(has_results));
            let expires = visibility.dated(record.clone()).expires;
            let seen = visibility.prediction(record);
            prop_assert_eq!(seen.is_some(), expires.is_none_or(|expires| now < expires));
            if let Some(seen) = seen {
                let parts = seen.photo_kept || !seen.prediction.predictions.is_empty();
                prop_assert!(parts && (photo_kept || !seen.photo_kept));
                prop_assert_eq!(seen.expires, expires);
            }
        }
    }

    #[test]
    fn each_part_goes_by_its_own_rule() {
        let policy = RetentionPolicy {
            prediction_photos: RetentionRule::days(1),
            prediction_results: RetentionRule::days(2),
            ..RetentionPolicy::default()
        };
        let at = |day: i64| Visibility::new(Retention::new(policy.clone()), moment(0).plus_days(day));
        let record = || kept(moment(0), true, 1);
        let parts = |seen: Option<StoredPrediction>| {
            seen.map(|seen| (seen.photo_kept, seen.prediction.predictions.len()))
        };
        assert_eq!(parts(at(0).prediction(record())), Some((true, 1)));
        assert_eq!(parts(at(1).prediction(record())), Some((false, 1)));
        assert_eq!(parts(at(2).prediction(record())), None);
        assert_eq!(at(0).dated(record()).expires, Some(moment(0).plus_days(2)));
        assert_eq!(at(0).dated(kept(moment(0), true, 0)).expires, Some(moment(0).plus_days(1)));
    }

    #[test]
    fn one_part_for_ever_keeps_the_whole() {
        let policy =
            RetentionPolicy { prediction_results: RetentionRule::Forever, ..RetentionPolicy::default() };
        let visibility = Visibility::new(Retention::new(policy), moment(0));
        assert_eq!(visibility.dated(kept(moment(0), true, 1)).expires, None);
        assert!(visibility.dated(kept(moment(0), true, 0)).expires.is_some());
    }
}
