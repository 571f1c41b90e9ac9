//! What a store holds that is due.

use ocelli_core::{
    Account, DataClass, Erased, Hold, HoldTarget, ProjectId, Retention, RetentionPolicy, Timestamp,
};
use ocelli_store::{Item, ItemQuery, ProjectState, Store, StoreError};

use crate::{Plan, Planner};

/// Items asked for at once.
const PAGE: usize = 16_384;

/// Says what is due at this moment, at most so many items (two parts of a kept prediction may count as one).
///
/// It reads what is due and changes nothing: the cost follows what is due, not what is kept. What belongs to a project that
/// is due as a whole is not listed beside it.
///
/// # Errors
///
/// If the store cannot be read.
pub fn plan(store: &dyn Store, now: Timestamp, at_most: usize) -> Result<Plan, StoreError> {
    let (account, holds) = (store.account()?, store.holds()?);
    let survey = Survey { store, now, at_most, account: &account, holds: &holds };
    let mut planner = Planner::new(now, &account, &holds);
    for project in survey.projects()? {
        if planner.count() >= at_most {
            planner.leave_more();
            break;
        }
        survey.project(&project, &mut planner)?;
    }
    Ok(planner.finish())
}

/// A project, and the clocks that tick on it as a whole.
struct Found {
    id: ProjectId,
    deleted: Option<Item>,
    closed: Option<Item>,
}

struct Survey<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    at_most: usize,
    account: &'a Account,
    holds: &'a [Hold],
}

impl Survey<'_> {
    fn projects(&self) -> Result<Vec<Found>, StoreError> {
        let deleted = whole_projects(self.store, DataClass::DeletedProject)?;
        let mut found: Vec<Found> = if self.account.closed.is_some() {
            let all = whole_projects(self.store, DataClass::ClosedAccount)?;
            all.into_iter()
                .map(|item| Found { id: item.project_id, deleted: None, closed: Some(item) })
                .collect()
        } else {
            let live = self.store.projects(ProjectState::Live)?;
            live.into_iter().map(|project| Found { id: project.id, deleted: None, closed: None }).collect()
        };
        for item in deleted {
            match found.iter_mut().find(|found| found.id == item.project_id) {
                Some(found) => found.deleted = Some(item),
                None => found.push(Found { id: item.project_id, deleted: Some(item), closed: None }),
            }
        }
        Ok(found)
    }

    fn project(&self, project: &Found, planner: &mut Planner<'_>) -> Result<(), StoreError> {
        let whole = [
            (DataClass::ClosedAccount, &project.closed),
            (DataClass::DeletedProject, &project.deleted),
        ];
        for (class, item) in whole {
            if let Some(item) = item
                && self.account.retention.is_due(class, item.event, self.now)
            {
                planner.project(item, class, keeps_something(self.store, self.holds, project.id)?);
                return Ok(());
            }
        }
        let retention = match self.store.retention(project.id) {
            // It was erased since it was listed.
            Err(StoreError::NotFound(_)) => return Ok(()),
            retention => retention?,
        };
        for class in [
            DataClass::TrainingPhoto,
            DataClass::Features,
            DataClass::Export,
            DataClass::Iteration,
        ] {
            self.class(project.id, class, &retention, planner)?;
        }
        self.predictions(project.id, &retention, planner)
    }

    fn class(
        &self,
        project: ProjectId,
        class: DataClass,
        retention: &Retention<RetentionPolicy>,
        planner: &mut Planner<'_>,
    ) -> Result<(), StoreError> {
        let before = planner.count();
        let room = self.at_most.saturating_sub(before);
        let more = self.due(project, class, retention, &mut |item| {
            planner.item(item, class, retention);
            planner.count() - before < room
        })?;
        if more {
            planner.leave_more();
        }
        Ok(())
    }

    /// A kept prediction of which both parts are due goes as one.
    fn predictions(
        &self,
        project: ProjectId,
        retention: &Retention<RetentionPolicy>,
        planner: &mut Planner<'_>,
    ) -> Result<(), StoreError> {
        let room = self.at_most.saturating_sub(planner.count());
        let mut parts = [Vec::new(), Vec::new()];
        for (class, items) in [DataClass::PredictionPhoto, DataClass::PredictionResult].iter().zip(&mut parts) {
            let more = self.due(project, *class, retention, &mut |item| {
                items.push(item.clone());
                items.len() < room
            })?;
            if more {
                planner.leave_more();
            }
        }
        let [photos, results] = parts;
        let mut results = results.into_iter().peekable();
        for mut photo in photos {
            while let Some(result) = results.next_if(|result| at(result) < at(&photo)) {
                planner.item(&result, DataClass::PredictionResult, retention);
            }
            if results.next_if(|result| at(result) == at(&photo)).is_some()
                && let Erased::PredictionPhoto(id) = photo.item
            {
                photo.item = Erased::Prediction(id);
            }
            planner.item(&photo, DataClass::PredictionPhoto, retention);
        }
        for result in results {
            planner.item(&result, DataClass::PredictionResult, retention);
        }
        Ok(())
    }

    /// Shows what is due of a class, until it is told that this is enough. Says whether there may be more.
    fn due(
        &self,
        project: ProjectId,
        class: DataClass,
        retention: &Retention<RetentionPolicy>,
        show: &mut dyn FnMut(&Item) -> bool,
    ) -> Result<bool, StoreError> {
        let Some(cutoff) = retention.cutoff(class, self.now) else { return Ok(false) };
        let with_metadata = self.holds.iter().any(|hold| {
            hold.target.concerns(project) && matches!(hold.target, HoldTarget::Metadata { .. })
        });
        let mut query = ItemQuery {
            through: Some(cutoff),
            with_metadata,
            ..ItemQuery::new(class, Some(project), PAGE.min(self.at_most.saturating_add(1)))
        };
        loop {
            let page = match self.store.items(&query) {
                Err(StoreError::NotFound(_)) => return Ok(false),
                page => page?,
            };
            for item in &page {
                if !show(item) {
                    return Ok(true);
                }
            }
            match page.last() {
                Some(last) if page.len() >= query.take => query.after = Some((last.event, last.item)),
                _ => return Ok(false),
            }
        }
    }
}

/// Where a kept prediction stands in the order of events, whichever part of it is meant.
fn at(item: &Item) -> (Timestamp, Option<ocelli_core::PredictionId>) {
    let id = match item.item {
        Erased::Prediction(id) | Erased::PredictionPhoto(id) | Erased::PredictionResult(id) => Some(id),
        _ => None,
    };
    (item.event, id)
}

/// Projects that were deleted, or all of a closed account.
pub(crate) fn whole_projects(store: &dyn Store, class: DataClass) -> Result<Vec<Item>, StoreError> {
    let mut query = ItemQuery::new(class, None, PAGE);
    let mut all = Vec::new();
    loop {
        let page = store.items(&query)?;
        let full = page.len() >= query.take;
        query.after = page.last().map(|last| (last.event, last.item));
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

/// Whether a hold keeps anything in a project, or the project.
pub(crate) fn keeps_something(
    store: &dyn Store,
    holds: &[Hold],
    project: ProjectId,
) -> Result<bool, StoreError> {
    Ok(!keeping(store, holds, project)?.is_empty())
}

/// The holds that keep anything in a project, or the project.
pub(crate) fn keeping(
    store: &dyn Store,
    holds: &[Hold],
    project: ProjectId,
) -> Result<Vec<ocelli_core::HoldId>, StoreError> {
    let mut keeping = Vec::new();
    for hold in holds.iter().filter(|hold| hold.target.concerns(project)) {
        let keeps = match &hold.target {
            HoldTarget::Metadata { filter, .. } => {
                let mut selects = false;
                for class in [DataClass::TrainingPhoto, DataClass::PredictionPhoto, DataClass::PredictionResult] {
                    let query = ItemQuery {
                        metadata: Some(filter.clone()),
                        ..ItemQuery::new(class, Some(project), 1)
                    };
                    selects = selects || !store.items(&query)?.is_empty();
                }
                selects
            }
            _ => true,
        };
        if keeps {
            keeping.push(hold.id);
        }
    }
    Ok(keeping)
}
