//! Carrying a plan out.

use std::time::{Duration, Instant};

use ocelli_core::{
    Affected, AffectedIteration, DataClass, Erased, ErasureReason, ErasureStatus, Timestamp, limits,
};
use ocelli_store::{Applied, Change, ItemOutcome, ItemToErase, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::{DueItem, Plan, completion};

/// Items of the first step.
const FIRST_STEP: usize = 64;
/// A step that takes longer makes the next one smaller; one that takes less than half of it, larger.
const STEP_TIME: Duration = Duration::from_millis(40);

/// How much a sweep does before it answers. What is left is left for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At most so many items.
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

/// What came of carrying out a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "the erasure may be pending, and there may be more to do"]
pub struct Swept {
    /// The operation, by which its receipt is found; none where nothing was due.
    pub operation: Option<u64>,
    /// How many items it erased.
    pub erased: u64,
    /// Items that were not due any more when their turn came, or gone.
    pub passed_over: u64,
    /// Items that a hold keeps which was placed after the plan was made.
    pub held: u64,
    /// The iterations that were trained on what was erased.
    pub iterations: Vec<AffectedIteration>,
    /// Whether more is due.
    pub more: bool,
    /// Whether nothing of what was erased is left; none where nothing was erased.
    pub status: Option<ErasureStatus>,
}

/// Erases what a plan lists, in steps, each of which looks again at every item in its own transaction: what is not due any
/// more, or is held now, stays. It can be killed at any step; what is still due then is in the next plan.
///
/// What is due stays due from then on, whatever policies and clocks say.
///
/// # Errors
///
/// If the store fails. What was erased until then stays erased.
pub fn execute(
    store: &dyn Store,
    plan: &Plan,
    affected: Affected,
    budget: Budget,
    now: &dyn Fn() -> Timestamp,
) -> Result<Swept, StoreError> {
    let mut swept = Swept { more: plan.has_more(), ..Swept::default() };
    if plan.is_empty() {
        return Ok(swept);
    }
    let started = Instant::now();
    store.apply(Change::LatchDue { at: now() })?;
    let operation = begin(store, plan, now())?;
    swept.operation = Some(operation);
    let mut left = plan.items().get(..budget.items).unwrap_or(plan.items());
    swept.more |= left.len() < plan.items().len();
    let mut size = FIRST_STEP;
    while !left.is_empty() {
        if budget.time.is_some_and(|time| started.elapsed() >= time) {
            swept.more = true;
            break;
        }
        let (step, rest) = left.split_at(size.min(left.len()));
        left = rest;
        let began = Instant::now();
        take_step(store, operation, step, affected, now(), &mut swept)?;
        size = next_size(size, began.elapsed());
    }
    swept.status = Some(completion::complete(store, now)?);
    Ok(swept)
}

fn next_size(size: usize, took: Duration) -> usize {
    if took > STEP_TIME {
        (size / 2).max(1)
    } else if took < STEP_TIME / 2 {
        (size * 2).min(limits::MAX_ERASED_AT_ONCE)
    } else {
        size
    }
}

fn begin(store: &dyn Store, plan: &Plan, at: Timestamp) -> Result<u64, StoreError> {
    match store.apply(Change::BeginErasure { plan: Some(plan.hash()), at })? {
        Applied::Operation(operation) => Ok(operation),
        _ => Err(StoreError::Unsupported("say which erasure it has begun")),
    }
}

fn take_step(
    store: &dyn Store,
    operation: u64,
    step: &[DueItem],
    affected: Affected,
    at: Timestamp,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let items = step.iter().map(|due| ItemToErase {
        project_id: due.project_id,
        item: due.item,
        reason: ErasureReason::Due(due.class),
    });
    let change = Change::EraseItems { operation, items: items.collect(), affected, at };
    let Applied::Items(done) = store.apply(change)? else {
        return Err(StoreError::Unsupported("say what became of items to erase"));
    };
    for outcome in done.outcomes {
        match outcome {
            ItemOutcome::Erased => swept.erased += 1,
            ItemOutcome::Held(_) => swept.held += 1,
            _ => swept.passed_over += 1,
        }
    }
    swept.iterations.extend(done.iterations);
    Ok(())
}

/// Whether a class has items in the store, rather than entries of the log.
pub(crate) fn class_of(item: &Erased) -> Option<DataClass> {
    match item {
        Erased::Image(_) | Erased::Tag(_) | Erased::Region(_) | Erased::Metadata(_) => {
            Some(DataClass::TrainingPhoto)
        }
        Erased::Prediction(_) | Erased::PredictionPhoto(_) => Some(DataClass::PredictionPhoto),
        Erased::PredictionResult(_) => Some(DataClass::PredictionResult),
        Erased::Features(_) => Some(DataClass::Features),
        Erased::Iteration(_) => Some(DataClass::Iteration),
        Erased::Export(_) => Some(DataClass::Export),
        _ => None,
    }
}
