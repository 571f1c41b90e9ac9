//! What is due, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ocelli_core::{
    Account, DataClass, Digest, Erased, Hold, Metadata, ProjectId, Retention, RetentionPolicy, Timestamp,
};
use ocelli_store::Item;
use serde::{Deserialize, Serialize};

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueItem {
    /// Its project.
    pub project_id: ProjectId,
    /// What it is.
    pub item: Erased,
    /// The class whose rule it is due by.
    pub class: DataClass,
    /// When that happened which its time counts from.
    pub event: Timestamp,
    /// Since when it is due.
    pub due: Timestamp,
    /// Its bytes: of a photo, or of an export's files.
    pub bytes: u64,
}

/// What is due at a moment: a function of the policies, the events, the holds and the moment.
///
/// It holds ids and moments, no content. A plan that was written down and read back is the same plan, or is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WrittenPlan")]
pub struct Plan {
    now: Timestamp,
    items: Vec<DueItem>,
    held: u64,
    more: bool,
    hash: Digest,
}

/// How much of a class is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueCount {
    /// How many items.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Plan {
    /// The moment that it is for.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What is due, in the order in which it will be erased.
    pub fn items(&self) -> &[DueItem] {
        &self.items
    }

    /// How many things are past their due date and stay, since holds keep them.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Whether more is due than was asked for.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How much is due of each class.
    pub fn counts(&self) -> BTreeMap<DataClass, DueCount> {
        let mut counts = BTreeMap::<_, DueCount>::new();
        for item in &self.items {
            let count = counts.entry(item.class).or_default();
            count.items += 1;
            count.bytes = count.bytes.saturating_add(item.bytes);
        }
        counts
    }

    /// The bytes of all that is due.
    pub fn bytes(&self) -> u64 {
        self.items.iter().fold(0, |sum, item| sum.saturating_add(item.bytes))
    }

    /// The hash of the plan: BLAKE3 of its moment in milliseconds and a line feed, and then a line an item: class, project,
    /// kind, id, event, due date (both in milliseconds) and bytes, separated by spaces.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    fn new(now: Timestamp, items: Vec<DueItem>, held: u64, more: bool) -> Self {
        let hash = hash(now, &items);
        Self { now, items, held, more, hash }
    }
}

fn hash(now: Timestamp, items: &[DueItem]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut line = format!("{}\n", now.as_millis());
    for DueItem { project_id, item, class, event, due, bytes } in items {
        let (event, due) = (event.as_millis(), due.as_millis());
        let (kind, id) = kind_and_id(item);
        // Writing to a string does not fail.
        let _ = writeln!(line, "{} {project_id} {kind} {id} {event} {due} {bytes}", class_name(*class));
        if line.len() > 1 << 15 {
            hasher.update(line.as_bytes());
            line.clear();
        }
    }
    hasher.update(line.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

fn class_name(class: DataClass) -> &'static str {
    match class {
        DataClass::TrainingPhoto => "trainingPhoto",
        DataClass::PredictionPhoto => "predictionPhoto",
        DataClass::PredictionResult => "predictionResult",
        DataClass::Features => "features",
        DataClass::Iteration => "iteration",
        DataClass::Export => "export",
        DataClass::AuditEntry => "auditEntry",
        DataClass::DeletedProject => "deletedProject",
        DataClass::ClosedAccount => "closedAccount",
        _ => "other",
    }
}

fn kind_and_id(item: &Erased) -> (&'static str, uuid::Uuid) {
    match item {
        Erased::Project(id) => ("project", id.as_uuid()),
        Erased::Tag(id) => ("tag", id.as_uuid()),
        Erased::Image(id) => ("image", id.as_uuid()),
        Erased::Region(id) => ("region", id.as_uuid()),
        Erased::Metadata(id) => ("metadata", id.as_uuid()),
        Erased::Iteration(id) => ("iteration", id.as_uuid()),
        Erased::Export(id) => ("export", id.as_uuid()),
        Erased::Prediction(id) => ("prediction", id.as_uuid()),
        Erased::PredictionPhoto(id) => ("predictionPhoto", id.as_uuid()),
        Erased::PredictionResult(id) => ("predictionResult", id.as_uuid()),
        Erased::Features(id) => ("features", id.as_uuid()),
        _ => ("other", uuid::Uuid::nil()),
    }
}

/// A plan as it was written, before its hash was compared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPlan {
    now: Timestamp,
    items: Vec<DueItem>,
    held: u64,
    more: bool,
    hash: Digest,
}

impl TryFrom<WrittenPlan> for Plan {
    type Error = String;

    fn try_from(written: WrittenPlan) -> Result<Self, Self::Error> {
        let plan = Self::new(written.now, written.items, written.held, written.more);
        if plan.hash == written.hash {
            Ok(plan)
        } else {
            Err(format!("the plan says that its hash is {}, and it is {}", written.hash, plan.hash))
        }
    }
}

/// Makes a plan of what it is shown. It never selects what a hold keeps.
#[derive(Debug)]
pub struct Planner<'a> {
    now: Timestamp,
    account: &'a Account,
    holds: &'a [Hold],
    items: Vec<DueItem>,
    held: u64,
    more: bool,
}

impl<'a> Planner<'a> {
    /// Nothing is due yet.
    pub fn new(now: Timestamp, account: &'a Account, holds: &'a [Hold]) -> Self {
        Self { now, account, holds, items: Vec::new(), held: 0, more: false }
    }

    /// How much is due so far.
    pub fn count(&self) -> usize {
        self.items.len()
    }

    /// Shows it a project that was deleted, or one of a closed account, with whether a hold keeps anything in it.
    pub fn project(&mut self, item: &Item, class: DataClass, is_held: bool) {
        let due = self.account.retention.due(class, item.event);
        self.select(item, class, due, self.account.retention.is_due(class, item.event, self.now), is_held);
    }

    /// Shows it something in a project. What it is due by must be told: where a hold is by metadata, the item must
    /// tell its metadata.
    pub fn item(&mut self, item: &Item, class: DataClass, retention: &Retention<RetentionPolicy>) {
        let due = retention.due(class, item.event);
        let is_held = self.holds.iter().any(|hold| keeps(hold, item));
        self.select(item, class, due, retention.is_due(class, item.event, self.now), is_held);
    }

    /// Says that there is more that is due than it was shown.
    pub fn leave_more(&mut self) {
        self.more = true;
    }

    /// The plan.
    pub fn finish(self) -> Plan {
        Plan::new(self.now, self.items, self.held, self.more)
    }

    fn select(&mut self, item: &Item, class: DataClass, due: Option<Timestamp>, is_due: bool, is_held: bool) {
        let Some(due) = due.filter(|_| is_due) else { return };
        if is_held {
            self.held += 1;
            return;
        }
        let Item { project_id, item, event, bytes, .. } = *item;
        self.items.push(DueItem { project_id, item, class, event, due, bytes });
    }
}

/// Whether a hold keeps an item of a project.
pub(crate) fn keeps(hold: &Hold, item: &Item) -> bool {
    let nothing = Metadata::default();
    let (target, project, metadata) =
        (&hold.target, item.project_id, item.metadata.as_ref().unwrap_or(&nothing));
    match item.item {
        Erased::Image(id) | Erased::Features(id) | Erased::Metadata(id) => {
            target.keeps_image(project, id, metadata)
        }
        Erased::Prediction(id) | Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => {
            target.keeps_prediction(project, id, metadata)
        }
        _ => target.keeps_project(project),
    }
}
