//! How long what a project and an account hold is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, limits};

const MILLIS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// A class of data, for which one rule holds. Each has the one event that its time counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DataClass {
    /// Photos to train on, with their tags, regions and metadata. Counts from when a photo was stored.
    TrainingPhoto,
    /// Photos of kept predictions. Counts from the prediction.
    PredictionPhoto,
    /// Results of kept predictions. Counts from the prediction.
    PredictionResult,
    /// Cached features of photos to train on. Counts from when they were computed.
    Features,
    /// Iterations with their models, performance records and exports. Counts from when the training began.
    Iteration,
    /// Kept exports of iterations. Counts from when one was made.
    Export,
    /// Entries of the audit log. Counts from when one was written.
    AuditEntry,
    /// Projects that were deleted, with all they own. Counts from the deletion.
    DeletedProject,
    /// Everything of an account that was closed. Counts from the closing.
    ClosedAccount,
}

/// The longest period: every program that reads JSON reads the number exactly (RFC 8259, section 6).
const MAX_PERIOD: u64 = (1 << 53) - 1;

/// How long a time is, in milliseconds. What is longer than 2^53 - 1 (285,000 years) is that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Period(u64);

impl Period {
    /// This many days of 24 hours; none where the number is negative.
    pub const fn days(days: i64) -> Self {
        Self::millis(if days < 0 { 0 } else { days.unsigned_abs().saturating_mul(MILLIS_PER_DAY) })
    }

    /// This many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(if millis > MAX_PERIOD { MAX_PERIOD } else { millis })
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    fn signed(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl From<u64> for Period {
    fn from(millis: u64) -> Self {
        Self::millis(millis)
    }
}

impl From<Period> for u64 {
    fn from(period: Period) -> Self {
        period.0
    }
}

/// How long data of a class is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "keep")]
pub enum RetentionRule {
    /// For ever.
    Forever,
    /// For a time since the class's event.
    For {
        /// How long, in milliseconds.
        millis: Period,
    },
    /// Until a moment; what comes later is not kept at all.
    Until {
        /// From when on it is due.
        until: Timestamp,
    },
    /// Not at all: it is due at once, and what can be refused is.
    NotAtAll,
}

impl RetentionRule {
    /// For this many days since the class's event.
    pub const fn days(days: i64) -> Self {
        Self::For { millis: Period::days(days) }
    }

    /// The moment such that what happened at or before it is due now; none where nothing is.
    pub fn cutoff(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For { millis } => {
                Some(Timestamp::from_millis(now.as_millis().saturating_sub(millis.signed())))
            }
            Self::Until { until } => (now >= until).then_some(Timestamp::from_millis(i64::MAX)),
            Self::NotAtAll => Some(Timestamp::from_millis(i64::MAX)),
        }
    }

    /// When what happened at this moment is due; none where it never is.
    pub fn due(self, event: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For { millis } => {
                Some(Timestamp::from_millis(event.as_millis().saturating_add(millis.signed())))
            }
            Self::Until { until } => Some(until.max(event)),
            Self::NotAtAll => Some(event),
        }
    }
}

/// How long a project keeps each class of data.
///
/// The defaults are Custom Vision's: kept predictions for [`limits::KEPT_PREDICTION_DAYS`] days, unless they are used for
/// training; everything else for the life of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetentionPolicy {
    /// See [`DataClass::TrainingPhoto`].
    pub training_photos: RetentionRule,
    /// See [`DataClass::PredictionPhoto`].
    pub prediction_photos: RetentionRule,
    /// See [`DataClass::PredictionResult`].
    pub prediction_results: RetentionRule,
    /// See [`DataClass::Features`].
    pub features: RetentionRule,
    /// See [`DataClass::Iteration`].
    pub iterations: RetentionRule,
    /// See [`DataClass::Export`].
    pub exports: RetentionRule,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            training_photos: RetentionRule::Forever,
            prediction_photos: RetentionRule::days(limits::KEPT_PREDICTION_DAYS),
            prediction_results: RetentionRule::days(limits::KEPT_PREDICTION_DAYS),
            features: RetentionRule::Forever,
            iterations: RetentionRule::Forever,
            exports: RetentionRule::Forever,
        }
    }
}

/// How long an account keeps what belongs to no project.
///
/// The defaults are Custom Vision's for projects and accounts; entries of the audit log are kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountPolicy {
    /// See [`DataClass::DeletedProject`].
    pub deleted_projects: RetentionRule,
    /// See [`DataClass::ClosedAccount`].
    pub closed_account: RetentionRule,
    /// See [`DataClass::AuditEntry`].
    pub audit_entries: RetentionRule,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            deleted_projects: RetentionRule::days(limits::DELETED_PROJECT_DAYS),
            closed_account: RetentionRule::days(limits::CLOSED_ACCOUNT_DAYS),
            audit_entries: RetentionRule::Forever,
        }
    }
}

/// A policy: which rule holds for a class of data.
pub trait Rules {
    /// The classes that it has rules for.
    const CLASSES: &'static [DataClass];

    /// The rule for a class; for ever where the policy has none.
    fn rule(&self, class: DataClass) -> RetentionRule;
}

impl Rules for RetentionPolicy {
    const CLASSES: &'static [DataClass] = &[
        DataClass::TrainingPhoto,
        DataClass::PredictionPhoto,
        DataClass::PredictionResult,
        DataClass::Features,
        DataClass::Iteration,
        DataClass::Export,
    ];

    fn rule(&self, class: DataClass) -> RetentionRule {
        match class {
            DataClass::TrainingPhoto => self.training_photos,
            DataClass::PredictionPhoto => self.prediction_photos,
            DataClass::PredictionResult => self.prediction_results,
            DataClass::Features => self.features,
            DataClass::Iteration => self.iterations,
            DataClass::Export => self.exports,
            DataClass::AuditEntry | DataClass::DeletedProject | DataClass::ClosedAccount => {
                RetentionRule::Forever
            }
        }
    }
}

impl Rules for AccountPolicy {
    const CLASSES: &'static [DataClass] =
        &[DataClass::AuditEntry, DataClass::DeletedProject, DataClass::ClosedAccount];

    fn rule(&self, class: DataClass) -> RetentionRule {
        match class {
            DataClass::AuditEntry => self.audit_entries,
            DataClass::DeletedProject => self.deleted_projects,
            DataClass::ClosedAccount => self.closed_account,
            _ => RetentionRule::Forever,
        }
    }
}

/// That everything of a class that happened up to a moment is due, whatever the policy says now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latch {
    /// What happened at or before this is due.
    pub through: Timestamp,
    /// When that was latched.
    pub at: Timestamp,
}

/// A policy, and what had become due before it applied.
///
/// What is due is a comparison of one moment for each class, so that changing a policy rewrites nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention<P> {
    policy: P,
    latches: BTreeMap<DataClass, Latch>,
}

impl<P: Rules> Retention<P> {
    /// A policy that nothing came before.
    pub fn new(policy: P) -> Self {
        Self { policy, latches: BTreeMap::new() }
    }

    /// The policy.
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// What had become due of a class before the policy applied.
    pub fn latch(&self, class: DataClass) -> Option<Latch> {
        self.latches.get(&class).copied()
    }

    /// The moment such that what happened at or before it is due now; none where nothing of the class is.
    pub fn cutoff(&self, class: DataClass, now: Timestamp) -> Option<Timestamp> {
        self.policy.rule(class).cutoff(now).max(self.latch(class).map(|latch| latch.through))
    }

    /// Whether what happened at this moment is due now.
    pub fn is_due(&self, class: DataClass, event: Timestamp, now: Timestamp) -> bool {
        self.cutoff(class, now).is_some_and(|cutoff| event <= cutoff)
    }

    /// When what happened at this moment is, or became, due at the latest; none where it never is.
    pub fn due(&self, class: DataClass, event: Timestamp) -> Option<Timestamp> {
        let latched = self.latch(class).filter(|latch| event <= latch.through).map(|latch| latch.at);
        match (self.policy.rule(class).due(event), latched) {
            (Some(due), Some(latched)) => Some(due.min(latched)),
            (due, latched) => due.or(latched),
        }
    }

    /// Makes what is due now stay so, whatever the policy or the clock says later.
    pub fn latch_due(&mut self, now: Timestamp) {
        for class in P::CLASSES {
            // What is to come is not latched: another rule may keep it.
            let Some(cutoff) = self.policy.rule(*class).cutoff(now).map(|cutoff| cutoff.min(now)) else {
                continue;
            };
            let latch = self.latches.entry(*class).or_insert(Latch { through: cutoff, at: now });
            if latch.through < cutoff {
                *latch = Latch { through: cutoff, at: now };
            }
        }
    }

    /// Replaces the policy. What was due under the one before stays so.
    pub fn set_policy(&mut self, policy: P, now: Timestamp) {
        self.latch_due(now);
        self.policy = policy;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLASS: DataClass = DataClass::TrainingPhoto;

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0i64..10_000).prop_map(Timestamp::from_millis)
    }

    fn rule() -> impl Strategy<Value = RetentionRule> {
        prop_oneof![
            Just(RetentionRule::Forever),
            (0u64..10_000).prop_map(|millis| RetentionRule::For { millis: Period::millis(millis) }),
            moment().prop_map(|until| RetentionRule::Until { until }),
            Just(RetentionRule::NotAtAll),
        ]
    }

    fn photos(rule: RetentionRule) -> RetentionPolicy {
        RetentionPolicy { training_photos: rule, ..RetentionPolicy::default() }
    }

    proptest! {
        #[test]
        fn due_is_from_the_due_date_on(rule in rule(), event in moment(), wait in 0i64..20_000) {
            let now = Timestamp::from_millis(event.as_millis() + wait);
            let is_due = rule.cutoff(now).is_some_and(|cutoff| event <= cutoff);
            prop_assert_eq!(is_due, rule.due(event).is_some_and(|due| due <= now));
        }

        #[test]
        fn no_change_of_policy_brings_anything_back(
            rules in prop::collection::vec((rule(), 0i64..3_000), 1..8),
            first in rule(),
            event in moment(),
        ) {
            let mut retention = Retention::new(photos(first));
            let mut now = event;
            let mut was_due = false;
            for (rule, wait) in rules {
                now = Timestamp::from_millis(now.as_millis() + wait);
                was_due |= retention.is_due(CLASS, event, now);
                retention.set_policy(photos(rule), now);
                prop_assert!(!was_due || retention.is_due(CLASS, event, now));
                let due = retention.due(CLASS, event);
                prop_assert_eq!(retention.is_due(CLASS, event, now), due.is_some_and(|due| due <= now));
            }
        }

        #[test]
        fn a_policy_of_before_does_not_judge_what_comes_after(first in rule(), event in moment()) {
            let mut retention = Retention::new(photos(first));
            retention.set_policy(photos(RetentionRule::Forever), event);
            let later = Timestamp::from_millis(event.as_millis() + 1);
            prop_assert!(!retention.is_due(CLASS, later, Timestamp::from_millis(i64::MAX)));
        }
    }

    #[test]
    fn the_defaults_are_custom_visions() {
        let day = |days| Timestamp::from_millis(0).plus_days(days);
        let project = Retention::new(RetentionPolicy::default());
        for class in [DataClass::PredictionPhoto, DataClass::PredictionResult] {
            assert_eq!(project.due(class, day(0)), Some(day(30)), "{class:?}");
        }
        for class in [DataClass::TrainingPhoto, DataClass::Features, DataClass::Iteration, DataClass::Export]
        {
            assert_eq!(project.due(class, day(0)), None, "{class:?}");
        }
        let account = Retention::new(AccountPolicy::default());
        assert_eq!(account.due(DataClass::DeletedProject, day(0)), Some(day(30)));
        assert_eq!(account.due(DataClass::ClosedAccount, day(0)), Some(day(90)));
        assert_eq!(account.due(DataClass::AuditEntry, day(0)), None);
    }

    #[test]
    fn a_period_is_a_number_that_every_reader_of_json_reads_exactly() {
        let read: Period = serde_json::from_str(&u64::MAX.to_string()).unwrap();
        assert_eq!(read.as_millis(), (1 << 53) - 1);
        assert_eq!(Period::days(i64::MAX), read);
    }

    #[test]
    fn a_policy_is_written_in_words() {
        let policy = photos(RetentionRule::days(1));
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!(json["trainingPhotos"], serde_json::json!({ "keep": "for", "millis": 86_400_000 }));
        assert_eq!(serde_json::from_value::<RetentionPolicy>(json).unwrap(), policy);
    }
}
