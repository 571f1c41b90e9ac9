//! Why something is still here.

use ocelli_core::{DataClass, Erased, HoldId, ProjectId, RetentionRule, Timestamp};
use serde::{Deserialize, Serialize};

/// Why something is still here, and for how long it will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// Its project.
    pub project_id: ProjectId,
    /// What it is.
    pub item: Erased,
    /// The rules that it is kept by: the one for its class, and those for a deleted project or a closed account that it is
    /// in.
    pub rules: Vec<Ticking>,
    /// The holds that keep it, whatever the rules say.
    pub holds: Vec<HoldId>,
}

/// A rule for something, and the event that it counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticking {
    /// The class that the rule is for.
    pub class: DataClass,
    /// The rule.
    pub rule: RetentionRule,
    /// When the event was that the class counts from.
    pub event: Timestamp,
    /// When it is due by this rule, or by one that came before; none where it never is.
    pub due: Option<Timestamp>,
}

impl Why {
    /// When it is due: by the first of the rules; none where it never is. A hold keeps it beyond that.
    pub fn due(&self) -> Option<Timestamp> {
        self.rules.iter().filter_map(|ticking| ticking.due).min()
    }

    /// Whether a hold keeps it.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }
}
