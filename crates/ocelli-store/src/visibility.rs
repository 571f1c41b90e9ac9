use ocelli_core::{Account, DataClass, Project, Retention, RetentionPolicy, StoredPrediction, Timestamp};

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
