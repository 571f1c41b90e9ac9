//! Carrying plans out.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use ocelli_core::{
    Affected, AffectedIteration, Erased, ErasureReason, ErasureStatus, ProjectId, Timestamp, limits,
};
use ocelli_keys::KeyProvider;
use ocelli_store::{Change, ItemOutcome, ItemToErase, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::affected::AffectedIterations;
use crate::operation::Operations;
use crate::plan::Passed;
use crate::{DueItem, Plan, RetentionError, audit, operation, survey};

/// Items of the first step.
const FIRST_STEP: usize = 64;
/// A step that takes longer makes the next one smaller; one that takes less than half of it, larger.
const STEP_TIME: Duration = Duration::from_millis(50);
/// Items that a sweep plans at once.
const ROUND: usize = 100_000;

/// How much a sweep does before it answers. What is left is left for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Budget {
    /// At most so many items are looked at.
    pub items: usize,
    /// No new step after this time.
    pub time: Option<Duration>,
}

impl Default for Budget {
    /// A million items, however long they take.
    fn default() -> Self {
        Self { items: 1_000_000, time: None }
    }
}

/// How plans are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SweepOptions {
    /// What becomes of the iterations that were trained on what is erased.
    pub affected: Affected,
    /// How much is done.
    pub budget: Budget,
}

impl From<Budget> for SweepOptions {
    /// Affected iterations stay.
    fn from(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }
}

impl From<Affected> for SweepOptions {
    /// The default budget.
    fn from(affected: Affected) -> Self {
        Self { affected, ..Self::default() }
    }
}

/// What came of carrying out plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "the erasure may be pending, and there may be more to do"]
pub struct Swept {
    /// The operations, by which receipts are found: one for each plan of which anything was erased, and
    /// one more wherever somebody made the receipt of one before it ended.
    pub operations: Vec<u64>,
    /// How many items were erased, a project that went as a whole being one.
    pub erased: u64,
    /// Items that were gone, not due, locked or too damaged when their turn came.
    pub passed_over: u64,
    /// Items that holds keep which were placed after the plan was made.
    pub held: u64,
    /// The iterations that were trained on what was erased.
    pub iterations: Vec<AffectedIteration>,
    /// Whether more is due.
    pub more: bool,
    /// Whether nothing of what was erased is left.
    pub status: ErasureStatus,
    /// How many entries of the audit log were replaced by a checkpoint.
    pub audit_entries: u64,
    /// Whether due entries of the audit log stay, since there are no keys to sign a checkpoint with.
    pub audit_needs_keys: bool,
    /// Why other due entries of the audit log stay, if they do.
    #[serde(default)]
    pub audit_failure: Option<String>,
    /// The projects that were not looked into, since their keys are missing: what is due there stays.
    #[serde(default)]
    pub locked: Vec<ProjectId>,
    /// What is due and stays since it is too damaged to be looked into, by project.
    #[serde(default)]
    pub damaged: Vec<(ProjectId, Erased)>,
}

/// Erases what a plan lists, in steps, each of which looks again at every item in its own transaction: what is not due any
/// more, or is held now, stays. It can be killed at any step; what is still due then is in the next plan.
///
/// What is due stays due from then on, whatever policies and clocks say.
///
/// # Errors
///
/// [`RetentionError::OtherAccount`] where the plan is not for this account, and if the store fails. What was erased until
/// then stays erased.
pub fn execute(
    store: &dyn Store,
    plan: &Plan,
    options: &SweepOptions,
    now: &dyn Fn() -> Timestamp,
) -> Result<Swept, RetentionError> {
    let account = store.account()?.id;
    if plan.account() != account {
        return Err(RetentionError::OtherAccount { found: plan.account(), expected: account });
    }
    let mut work = Work::new(store, options, now);
    work.execute(plan)?;
    Ok(work.swept(operation::complete(store, now)?))
}

/// Erases what is due at a moment that has come: goes on with what an earlier sweep left pending, plans and executes in
/// bounded rounds until nothing is due or the budget is used up, and replaces due entries of the audit log by a
/// checkpoint, which takes keys.
///
/// # Errors
///
/// If the store fails. What was erased until then stays erased. Where the audit log alone cannot be shortened,
/// [`Swept::audit_failure`] says why.
pub fn sweep(
    store: &dyn Store,
    keys: Option<&dyn KeyProvider>,
    at: Timestamp,
    options: &SweepOptions,
    now: &dyn Fn() -> Timestamp,
) -> Result<Swept, RetentionError> {
    let mut status = operation::complete(store, now)?;
    let mut work = Work::new(store, options, now);
    loop {
        // What stayed in a round is not in the next one, so that each has something new.
        let plan = survey::plan_besides(store, at, work.items_left.min(ROUND), &work.passed)?;
        work.execute(&plan)?;
        if !plan.is_empty() {
            status = operation::complete(store, now)?;
        }
        if !plan.has_more() || work.is_spent() {
            break;
        }
        work.more = false;
    }
    let expired = audit::expire_some(store, keys, at, &|| !work.is_out_of_time());
    if expired.entries > 0 {
        status = operation::complete(store, now)?;
    }
    let mut swept = work.swept(status);
    swept.audit_entries = expired.entries;
    swept.more |= expired.more;
    match expired.failure {
        Some(RetentionError::Store(StoreError::NoKeys(_))) => swept.audit_needs_keys = true,
        failure => swept.audit_failure = failure.map(|failure| failure.to_string()),
    }
    Ok(swept)
}

/// Plans that are being carried out, and what has come of them.
struct Work<'a> {
    store: &'a dyn Store,
    affected: Affected,
    now: &'a dyn Fn() -> Timestamp,
    started: Instant,
    time: Option<Duration>,
    items_left: usize,
    step: usize,
    operations: Vec<u64>,
    erased: u64,
    passed_over: u64,
    held: u64,
    iterations: AffectedIterations,
    more: bool,
    passed: HashSet<Passed>,
    locked: BTreeSet<ProjectId>,
    damaged: Vec<(ProjectId, Erased)>,
}

impl<'a> Work<'a> {
    fn new(store: &'a dyn Store, options: &SweepOptions, now: &'a dyn Fn() -> Timestamp) -> Self {
        let SweepOptions { affected, budget: Budget { items, time } } = *options;
        Self {
            store,
            affected,
            now,
            started: Instant::now(),
            time,
            items_left: items,
            step: FIRST_STEP,
            operations: Vec::new(),
            erased: 0,
            passed_over: 0,
            held: 0,
            iterations: AffectedIterations::default(),
            more: false,
            passed: HashSet::new(),
            locked: BTreeSet::new(),
            damaged: Vec::new(),
        }
    }

    fn is_spent(&self) -> bool {
        self.items_left == 0 || self.is_out_of_time()
    }

    fn is_out_of_time(&self) -> bool {
        self.time.is_some_and(|time| self.started.elapsed() >= time)
    }

    fn execute(&mut self, plan: &Plan) -> Result<(), StoreError> {
        self.more |= plan.has_more();
        self.locked.extend(plan.locked());
        let mut left = plan.items();
        if left.is_empty() || self.is_spent() {
            self.more |= !left.is_empty();
            return Ok(());
        }
        self.store.apply(Change::LatchDue { at: (self.now)() })?;
        let mut operations = Operations::new(self.store, Some(plan.hash()), self.now);
        operations.begin()?;
        while !left.is_empty() && !self.is_spent() {
            let (step, rest) = left.split_at(self.step.min(left.len()).min(self.items_left));
            left = rest;
            self.items_left -= step.len();
            let began = Instant::now();
            self.take_step(&mut operations, step)?;
            self.step = next_step(self.step, began.elapsed());
        }
        self.more |= !left.is_empty();
        self.operations.extend(operations.into_numbers());
        Ok(())
    }

    fn take_step(&mut self, operations: &mut Operations<'_>, step: &[DueItem]) -> Result<(), StoreError> {
        let items = step.iter().map(|due| ItemToErase {
            project_id: due.project_id,
            item: due.item,
            reason: ErasureReason::Due(due.class),
        });
        let done = operations.step(&items.collect::<Vec<_>>(), self.affected)?;
        for (due, outcome) in step.iter().zip(done.outcomes) {
            match outcome {
                ItemOutcome::Erased => {
                    self.erased += 1;
                    continue;
                }
                ItemOutcome::Held(_) => self.held += 1,
                ItemOutcome::Locked => {
                    self.locked.insert(due.project_id);
                    self.passed_over += 1;
                }
                ItemOutcome::Damaged(_) => {
                    self.damaged.push((due.project_id, due.item));
                    self.passed_over += 1;
                }
                _ => self.passed_over += 1,
            }
            self.passed.insert((due.project_id, due.item, due.class));
        }
        self.iterations.extend(done.iterations);
        Ok(())
    }

    fn swept(self, status: ErasureStatus) -> Swept {
        Swept {
            operations: self.operations,
            erased: self.erased,
            passed_over: self.passed_over,
            held: self.held,
            iterations: self.iterations.into_vec(),
            more: self.more,
            status,
            audit_entries: 0,
            audit_needs_keys: false,
            audit_failure: None,
            locked: self.locked.into_iter().collect(),
            damaged: self.damaged,
        }
    }
}

fn next_step(size: usize, took: Duration) -> usize {
    if took > 2 * STEP_TIME {
        (size / 2).max(1)
    } else if took > STEP_TIME {
        // Hardly less: the store may have tidied up behind this one only.
        (size - size / 8).max(1)
    } else if took < STEP_TIME / 2 {
        (size * 2).min(limits::MAX_ERASED_AT_ONCE)
    } else {
        size
    }
}
