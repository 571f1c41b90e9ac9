//! What a store holds that is due.

use std::collections::{BTreeMap, HashSet};

use ocelli_core::{
    Account, DataClass, Erased, Hold, HoldId, HoldTarget, PredictionId, ProjectId, Retention,
    RetentionPolicy, Timestamp,
};
use ocelli_store::{Item, ItemQuery, ProjectState, Store, StoreError};

use crate::paging::Items;
use crate::plan::Passed;
use crate::{Plan, Planner};

/// Items asked for at once.
const PAGE: usize = 16_384;

/// Says what is due at this moment, at most so many items.
///
/// It reads what is due and changes nothing: the cost follows what is due, not what is kept. What belongs to a project that
/// goes as a whole is not listed beside it. Where a hold keeps something in such a project, the project stays with what is
/// held, and everything else in it is listed.
///
/// # Errors
///
/// If the store cannot be read.
pub fn plan(store: &dyn Store, now: Timestamp, at_most: usize) -> Result<Plan, StoreError> {
    plan_besides(store, now, at_most, &HashSet::new())
}

/// Says what is due at this moment, but for what a sweep has passed already.
pub(crate) fn plan_besides(
    store: &dyn Store,
    now: Timestamp,
    at_most: usize,
    passed: &HashSet<Passed>,
) -> Result<Plan, StoreError> {
    let (account, holds) = (store.account()?, store.holds()?);
    let survey = Survey { store, now, account: &account, holds: &holds };
    let mut planner = Planner::new(now, &account, &holds, at_most).besides(passed);
    let locked = store.locked()?;
    locked.iter().for_each(|project| planner.lock(*project));
    for (project, whole) in survey.projects()? {
        match survey.project(project, &whole, locked.contains(&project), &mut planner) {
            Err(StoreError::Key { .. }) => planner.lock(project),
            looked_into => looked_into?,
        }
        if planner.has_more() {
            break;
        }
    }
    Ok(planner.finish())
}

/// By what something in a project is due.
#[derive(Clone, Copy)]
enum Rule<'r> {
    /// The project's policy.
    Policy(&'r Retention<RetentionPolicy>),
    /// The whole project is due, by the rule for this class.
    Whole(&'r Item, DataClass),
}

struct Survey<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    account: &'a Account,
    holds: &'a [Hold],
}

impl<'a> Survey<'a> {
    /// All projects, each with the clocks that tick on it as a whole.
    fn projects(&self) -> Result<BTreeMap<ProjectId, Vec<(DataClass, Item)>>, StoreError> {
        let mut projects = BTreeMap::<_, Vec<_>>::new();
        for project in self.store.projects(ProjectState::Live)? {
            projects.insert(project.id, Vec::new());
        }
        for class in [DataClass::ClosedAccount, DataClass::DeletedProject] {
            for item in whole_projects(self.store, class)? {
                projects.entry(item.project_id).or_default().push((class, item));
            }
        }
        Ok(projects)
    }

    fn project(
        &self,
        project: ProjectId,
        whole: &[(DataClass, Item)],
        is_locked: bool,
        planner: &mut Planner<'_>,
    ) -> Result<(), StoreError> {
        let is_due =
            |(class, item): &&(DataClass, Item)| self.account.retention.is_due(*class, item.event, self.now);
        if let Some((class, item)) = whole.iter().find(is_due) {
            let is_held = !keeping(self.store, self.holds, project)?.is_empty();
            planner.project(item, *class, is_held);
            // The whole of it goes without being opened; what is in it does not.
            let goes_in_parts = is_held && !is_locked;
            return if goes_in_parts {
                self.within(project, Rule::Whole(item, *class), planner)
            } else {
                Ok(())
            };
        }
        if is_locked {
            return Ok(());
        }
        match self.store.retention(project) {
            // It was erased since it was listed.
            Err(StoreError::NotFound(_)) => Ok(()),
            retention => self.within(project, Rule::Policy(&retention?), planner),
        }
    }

    /// What is due in a project, class by class.
    fn within(
        &self,
        project: ProjectId,
        rule: Rule<'_>,
        planner: &mut Planner<'_>,
    ) -> Result<(), StoreError> {
        for class in [DataClass::TrainingPhoto, DataClass::Features, DataClass::Export, DataClass::Iteration]
        {
            let mut items = self.due(project, class, rule, planner.room());
            while !planner.has_more()
                && let Some(item) = items.next()?
            {
                show(planner, &item, class, rule);
            }
        }
        self.predictions(project, rule, planner)
    }

    /// A kept prediction of which both parts are due goes as one.
    fn predictions(
        &self,
        project: ProjectId,
        rule: Rule<'_>,
        planner: &mut Planner<'_>,
    ) -> Result<(), StoreError> {
        let room = planner.room();
        let mut photos = self.due(project, DataClass::PredictionPhoto, rule, room);
        let mut results = self.due(project, DataClass::PredictionResult, rule, room);
        while !planner.has_more() {
            let (photo, result) = (photos.peek()?.map(place), results.peek()?.map(place));
            if photo.is_some() && (result.is_none() || photo <= result) {
                let Some(mut item) = photos.next()? else { return Ok(()) };
                if photo == result
                    && results.next()?.is_some()
                    && let Erased::PredictionPhoto(id) = item.item
                {
                    item.item = Erased::Prediction(id);
                }
                show(planner, &item, DataClass::PredictionPhoto, rule);
            } else {
                let Some(item) = results.next()? else { return Ok(()) };
                show(planner, &item, DataClass::PredictionResult, rule);
            }
        }
        Ok(())
    }

    /// What is due of a class in a project, by event and id; more than `enough` is not asked for at once.
    fn due(&self, project: ProjectId, class: DataClass, rule: Rule<'_>, enough: usize) -> Items<'a> {
        let through = match rule {
            // They go with their photos.
            Rule::Whole(..) if class == DataClass::Features => return Items::none(self.store),
            Rule::Whole(..) => None,
            Rule::Policy(retention) => match retention.cutoff(class, self.now) {
                None => return Items::none(self.store),
                cutoff => cutoff,
            },
        };
        let with_metadata = self
            .holds
            .iter()
            .any(|hold| hold.target.concerns(project) && matches!(hold.target, HoldTarget::Metadata { .. }));
        let take = enough.saturating_add(1).min(PAGE);
        let query = ItemQuery { through, with_metadata, ..ItemQuery::new(class, Some(project), take) };
        Items::new(self.store, query)
    }
}

fn show(planner: &mut Planner<'_>, item: &Item, class: DataClass, rule: Rule<'_>) {
    match rule {
        Rule::Policy(retention) => planner.item(item, class, retention),
        Rule::Whole(project, class) => planner.part(item, project, class),
    }
}

/// Where a part of a kept prediction stands in the order of events, whichever part it is.
fn place(item: &Item) -> (Timestamp, Option<PredictionId>) {
    let id = match item.item {
        Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => Some(id),
        _ => None,
    };
    (item.event, id)
}

/// Projects that were deleted, or all of a closed account.
pub(crate) fn whole_projects(store: &dyn Store, class: DataClass) -> Result<Vec<Item>, StoreError> {
    let mut items = Items::new(store, ItemQuery::new(class, None, PAGE));
    let mut all = Vec::new();
    while let Some(item) = items.next()? {
        all.push(item);
    }
    Ok(all)
}

/// The holds that keep anything in a project, or the project.
pub(crate) fn keeping(
    store: &dyn Store,
    holds: &[Hold],
    project: ProjectId,
) -> Result<Vec<HoldId>, StoreError> {
    let mut keeping = Vec::new();
    for hold in holds.iter().filter(|hold| hold.target.concerns(project)) {
        if keeps_something(store, hold, project)? {
            keeping.push(hold.id);
        }
    }
    Ok(keeping)
}

/// Whether a hold that concerns a project keeps something in it.
fn keeps_something(store: &dyn Store, hold: &Hold, project: ProjectId) -> Result<bool, StoreError> {
    let HoldTarget::Metadata { filter, .. } = &hold.target else { return Ok(true) };
    for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
        let query = ItemQuery { metadata: Some(filter.clone()), ..ItemQuery::new(class, Some(project), 1) };
        if Items::new(store, query).next()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
