//! What is due, and why.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ocelli_core::{
    Account, AccountId, DataClass, Digest, Erased, Hold, HoldTarget, Metadata, ProjectId, Retention,
    RetentionPolicy, Timestamp,
};
use ocelli_keys::canonical_json;
use ocelli_store::Item;
use serde::{Deserialize, Serialize};

use crate::{ProofError, document};

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

/// What is due in an account at a moment: a function of the policies, the events, the holds and the moment.
///
/// It holds ids and moments, no content. A plan that was written down and read back is the same plan, or is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "WrittenPlan")]
pub struct Plan {
    account: AccountId,
    now: Timestamp,
    items: Vec<DueItem>,
    held: u64,
    more: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locked: Vec<ProjectId>,
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
    /// The account that it is for; no other carries it out.
    pub fn account(&self) -> AccountId {
        self.account
    }

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

    /// The projects, by id, that could not be looked into, since their keys are missing: what is due there is not listed.
    pub fn locked(&self) -> &[ProjectId] {
        &self.locked
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

    /// The hash of the plan: BLAKE3 of lines that end in a line feed. The first is the JSON of its other members, `account`,
    /// `now`, `held`, `more` and, where any are, `locked`, in this order; each that follows is an item, as [`DueItem`] is
    /// written in JSON. There is no white space.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// Its canonical JSON (RFC 8785), to be looked at, kept and carried out later.
    pub fn to_json(&self) -> Result<Vec<u8>, ProofError> {
        Ok(canonical_json(self)?)
    }

    /// Reads what [`to_json`](Self::to_json) writes, and refuses every other text.
    pub fn from_json(json: &[u8]) -> Result<Self, ProofError> {
        document::read_canonical("plan", json)
    }

    fn new(scope: Scope, items: Vec<DueItem>) -> Self {
        let hash = hash(&scope, &items);
        let Scope { account, now, held, more, locked } = scope;
        Self { account, now, items, held, more, locked, hash }
    }
}

/// What a plan says besides its items.
#[derive(Serialize)]
struct Scope {
    account: AccountId,
    now: Timestamp,
    held: u64,
    more: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locked: Vec<ProjectId>,
}

fn hash(scope: &Scope, items: &[DueItem]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut line = Vec::new();
    add_line(&mut hasher, &mut line, scope);
    for item in items {
        add_line(&mut hasher, &mut line, item);
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

fn add_line(hasher: &mut blake3::Hasher, line: &mut Vec<u8>, value: &impl Serialize) {
    line.clear();
    // Writing ids and numbers to memory does not fail.
    let _ = serde_json::to_writer(&mut *line, value);
    line.push(b'\n');
    hasher.update(line);
}

/// A plan as it was written, before its hash was compared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPlan {
    account: AccountId,
    now: Timestamp,
    items: Vec<DueItem>,
    held: u64,
    more: bool,
    #[serde(default)]
    locked: Vec<ProjectId>,
    hash: Digest,
}

impl TryFrom<WrittenPlan> for Plan {
    type Error = String;

    fn try_from(written: WrittenPlan) -> Result<Self, Self::Error> {
        let WrittenPlan { account, now, items, held, more, locked, hash } = written;
        let plan = Self::new(Scope { account, now, held, more, locked }, items);
        if plan.hash == hash {
            Ok(plan)
        } else {
            Err(format!("the plan says that its hash is {}, and it is {}", hash, plan.hash))
        }
    }
}

/// Makes a plan of what it is shown. It never selects what a hold keeps.
#[derive(Debug)]
pub struct Planner<'a> {
    now: Timestamp,
    account: &'a Account,
    holds: &'a [Hold],
    at_most: usize,
    besides: Option<&'a HashSet<Passed>>,
    items: Vec<DueItem>,
    held: u64,
    more: bool,
    locked: BTreeSet<ProjectId>,
}

/// Something that a sweep met and that stayed: in its project, by the class whose rule it is due by.
pub(crate) type Passed = (ProjectId, Erased, DataClass);

impl<'a> Planner<'a> {
    /// Nothing is due yet. At most so many items will be.
    pub fn new(now: Timestamp, account: &'a Account, holds: &'a [Hold], at_most: usize) -> Self {
        let (items, locked) = (Vec::new(), BTreeSet::new());
        Self { now, account, holds, at_most, besides: None, items, held: 0, more: false, locked }
    }

    /// It selects nothing of this.
    pub(crate) fn besides(mut self, passed: &'a HashSet<Passed>) -> Self {
        self.besides = Some(passed);
        self
    }

    /// Tells it of a project that cannot be looked into, since its key is missing.
    pub fn lock(&mut self, project: ProjectId) {
        self.locked.insert(project);
    }

    /// For how many more items it has room.
    pub fn room(&self) -> usize {
        self.at_most.saturating_sub(self.items.len())
    }

    /// Whether it was shown more than it had room for: nothing that it is shown from then on changes the plan's items.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Shows it a project that was deleted, or one of a closed account, with whether a hold keeps anything in it.
    pub fn project(&mut self, project: &Item, class: DataClass, is_held: bool) {
        let due = self.whole_due(project, class);
        self.select(project, class, due, is_held);
    }

    /// Shows it something in a project that is due as a whole and stays, since a hold keeps something else in it. Where a
    /// hold is by metadata, the item must tell its metadata.
    pub fn part(&mut self, item: &Item, project: &Item, class: DataClass) {
        let due = self.whole_due(project, class);
        self.select(item, class, due, self.is_held(item));
    }

    /// Shows it something in a project. Where a hold is by metadata, the item must tell its metadata.
    pub fn item(&mut self, item: &Item, class: DataClass, retention: &Retention<RetentionPolicy>) {
        let due = retention.due(class, item.event).filter(|_| retention.is_due(class, item.event, self.now));
        self.select(item, class, due, self.is_held(item));
    }

    /// The plan.
    pub fn finish(self) -> Plan {
        let (account, locked) = (self.account.id, self.locked.into_iter().collect());
        Plan::new(Scope { account, now: self.now, held: self.held, more: self.more, locked }, self.items)
    }

    fn whole_due(&self, project: &Item, class: DataClass) -> Option<Timestamp> {
        let retention = &self.account.retention;
        retention.due(class, project.event).filter(|_| retention.is_due(class, project.event, self.now))
    }

    fn is_held(&self, item: &Item) -> bool {
        self.holds.iter().any(|hold| keeps(hold, item))
    }

    fn select(&mut self, item: &Item, class: DataClass, due: Option<Timestamp>, is_held: bool) {
        let Some(due) = due else { return };
        if is_held {
            self.held += 1;
        } else if self.besides.is_some_and(|passed| passed.contains(&(item.project_id, item.item, class))) {
            // It stays whatever is done now, and must not keep what comes after it waiting.
        } else if self.room() == 0 {
            self.more = true;
        } else {
            let Item { project_id, item, event, bytes, .. } = *item;
            self.items.push(DueItem { project_id, item, class, event, due, bytes });
        }
    }
}

/// Whether a hold keeps an item of a project.
pub(crate) fn keeps(hold: &Hold, item: &Item) -> bool {
    let nothing = Metadata::default();
    let (target, project) = (&hold.target, item.project_id);
    let has_metadata = matches!(
        item.item,
        Erased::Image(_)
            | Erased::Features(_)
            | Erased::Metadata(_)
            | Erased::Prediction(_)
            | Erased::PredictionPhoto(_)
            | Erased::PredictionResult(_)
    );
    let metadata = match &item.metadata {
        Some(metadata) => metadata,
        // What cannot be read may be what the hold is about.
        None if has_metadata && matches!(target, HoldTarget::Metadata { .. }) => {
            return target.concerns(project);
        }
        None => &nothing,
    };
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
