//! Why something is still here.

use std::collections::BTreeSet;

use ocelli_core::{DataClass, Erased, HoldId, ProjectId, Retention, RetentionRule, Rules, Timestamp};
use ocelli_store::{ItemQuery, Missing, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::plan::keeps;
use crate::survey;

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
    /// When the first part of it is due by any of the rules; none where it never is. A hold keeps it beyond that.
    pub fn due(&self) -> Option<Timestamp> {
        self.rules.iter().filter_map(|ticking| ticking.due).min()
    }

    /// Whether a hold keeps it.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }
}

/// Says why something is still here: the rules for it and what each counts from, and the holds that keep it. What is due and
/// has not been swept yet is here still.
///
/// Photos, kept predictions and their parts, features, iterations, exports and projects have rules; what belongs to a photo
/// (its regions, its metadata) goes with it.
///
/// # Errors
///
/// [`StoreError::NotFound`] where it is not there (any more), [`StoreError::Unsupported`] where it is something that no rule
/// is for.
pub fn why(store: &dyn Store, project: ProjectId, item: Erased) -> Result<Why, StoreError> {
    let (account, holds) = (store.account()?, store.holds()?);
    let mut rules = Vec::new();
    for class in [DataClass::ClosedAccount, DataClass::DeletedProject] {
        let query = ItemQuery { item: Some(Erased::Project(project)), ..ItemQuery::new(class, None, 1) };
        for whole in store.items(&query)? {
            rules.push(ticking(&account.retention, class, whole.event));
        }
    }
    if matches!(item, Erased::Project(_)) {
        store.retention(project)?;
        let holds = survey::keeping(store, &holds, project)?;
        return Ok(Why { project_id: project, item, rules, holds });
    }
    let retention = store.retention(project)?;
    let mut held = BTreeSet::new();
    let mut found = false;
    for (class, part) in parts(item)? {
        let query =
            ItemQuery { item: Some(part), with_metadata: true, ..ItemQuery::new(class, Some(project), 1) };
        for present in store.items(&query)? {
            found = true;
            rules.push(ticking(&retention, class, present.event));
            held.extend(holds.iter().filter(|hold| keeps(hold, &present)).map(|hold| hold.id));
        }
    }
    if !found {
        return Err(StoreError::NotFound(Missing::Item(item)));
    }
    Ok(Why { project_id: project, item, rules, holds: held.into_iter().collect() })
}

fn ticking<P: Rules>(retention: &Retention<P>, class: DataClass, event: Timestamp) -> Ticking {
    Ticking { class, rule: retention.policy().rule(class), event, due: retention.due(class, event) }
}

/// The classes that have a rule for this, and what it is in each.
fn parts(item: Erased) -> Result<Vec<(DataClass, Erased)>, StoreError> {
    Ok(match item {
        Erased::Image(_) => vec![(DataClass::TrainingPhoto, item)],
        Erased::Features(_) => vec![(DataClass::Features, item)],
        Erased::Iteration(_) => vec![(DataClass::Iteration, item)],
        Erased::Export(_) => vec![(DataClass::Export, item)],
        Erased::PredictionPhoto(_) => vec![(DataClass::PredictionPhoto, item)],
        Erased::PredictionResult(_) => vec![(DataClass::PredictionResult, item)],
        Erased::Prediction(id) => vec![
            (DataClass::PredictionPhoto, Erased::PredictionPhoto(id)),
            (DataClass::PredictionResult, Erased::PredictionResult(id)),
        ],
        _ => return Err(StoreError::Unsupported("say why that is here: ask about what it belongs to")),
    })
}
