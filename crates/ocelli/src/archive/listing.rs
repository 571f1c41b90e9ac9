//! What a project in a store has, one thing at a time: what cannot be read is told, and keeps nothing else back.

use std::collections::BTreeSet;

use ocelli_core::{DataClass, Erased, Image, ImageId, Iteration, StoredPrediction, Timestamp, limits};
use ocelli_store::{Continuation, ItemQuery, Order, PredictionQuery, StoreError, Visibility};

use super::stored::StoredProject;
use crate::Error;

/// Something whose record is not as it was stored.
pub(super) struct Damaged {
    pub(super) item: Erased,
    pub(super) error: StoreError,
}

/// None for what has gone, be it that alone or the project.
pub(super) fn unless_gone<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Err(StoreError::NotFound(_)) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether something is there but not as it was stored, which is its own matter alone.
pub(super) fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt { .. })
}

/// The same, with what is damaged told apart from what fails altogether.
pub(super) fn unless_damaged<T>(
    item: Erased,
    answer: Result<T, StoreError>,
) -> Result<Option<Result<T, Damaged>>, StoreError> {
    match unless_gone(answer) {
        Err(error) if is_damage(&error) => Ok(Some(Err(Damaged { item, error }))),
        answer => Ok(answer?.map(Ok)),
    }
}

impl StoredProject<'_> {
    /// Asks for the photos, oldest first, and for each page only when the one before is done. Where a filter selects, those
    /// whose metadata cannot be read are passed over: they may be about somebody else.
    pub(super) fn each_image(
        &self,
        mut each: impl FnMut(Result<Image, Damaged>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let store = &self.shared.store;
        let Some(retention) = unless_gone(store.retention(self.id))? else { return Ok(()) };
        let visible = Visibility::new(retention, self.shared.now());
        let mut query = self.items(DataClass::TrainingPhoto);
        loop {
            let items = unless_gone(store.items(&query))?.unwrap_or_default();
            let shown = items.iter().filter(|item| {
                visible.shows(DataClass::TrainingPhoto, item.event)
                    && (self.filter.is_none() || item.metadata.is_some())
            });
            let ids: Vec<ImageId> = shown
                .filter_map(|item| match item.item {
                    Erased::Image(id) => Some(id),
                    _ => None,
                })
                .collect();
            self.images(&ids, &mut each)?;
            match items.last() {
                Some(last) if items.len() >= query.take => query.after = Some((last.event, last.item)),
                _ => return Ok(()),
            }
        }
    }

    /// The items of a class, as far as the filter selects them; then each that can be read with its metadata.
    fn items(&self, class: DataClass) -> ItemQuery {
        ItemQuery {
            metadata: self.filter.cloned(),
            with_metadata: self.filter.is_some(),
            ..ItemQuery::new(class, Some(self.id), limits::MAX_PAGE)
        }
    }

    /// Those of the photos that are there still.
    fn images(
        &self,
        ids: &[ImageId],
        each: &mut impl FnMut(Result<Image, Damaged>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let store = &self.shared.store;
        match store.images_by_id(self.id, ids) {
            Ok(images) => images.into_iter().try_for_each(|image| each(Ok(image))),
            Err(error) if is_damage(&error) || matches!(error, StoreError::NotFound(_)) => {
                for id in ids {
                    match unless_damaged(Erased::Image(*id), store.images_by_id(self.id, &[*id]))? {
                        Some(Ok(images)) => images.into_iter().try_for_each(|image| each(Ok(image)))?,
                        Some(Err(damaged)) => each(Err(damaged))?,
                        None => {}
                    }
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The iterations, in the order in which they began.
    pub(super) fn iterations(&self) -> Result<Vec<Result<Iteration, Damaged>>, StoreError> {
        let store = &self.shared.store;
        match unless_gone(store.iterations(self.id)) {
            Err(error) if is_damage(&error) => {}
            answer => return Ok(answer?.unwrap_or_default().into_iter().map(Ok).collect()),
        }
        let (mut found, mut query) =
            (Vec::new(), ItemQuery::new(DataClass::Iteration, Some(self.id), limits::MAX_PAGE));
        loop {
            let items = unless_gone(store.items(&query))?.unwrap_or_default();
            for item in &items {
                if let Erased::Iteration(id) = item.item {
                    found.extend(unless_damaged(item.item, store.iteration(self.id, id))?);
                }
            }
            match items.last() {
                Some(last) if items.len() >= query.take => query.after = Some((last.event, last.item)),
                _ => return Ok(found),
            }
        }
    }

    /// Asks for the kept predictions in the same way.
    pub(super) fn each_prediction(
        &self,
        mut each: impl FnMut(Result<StoredPrediction, Damaged>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut query =
            PredictionQuery { order: Order::Oldest, take: limits::MAX_PAGE, ..PredictionQuery::default() };
        loop {
            query.continuation = match unless_gone(self.shared.store.predictions(self.id, &query)) {
                Err(error) if is_damage(&error) => {
                    self.predictions_one_by_one(query.continuation, &mut each)?
                }
                page => {
                    let page = page?.unwrap_or_default();
                    for kept in page.results {
                        if self.filter.is_none_or(|filter| filter.matches(&kept.metadata)) {
                            each(Ok(kept))?;
                        }
                    }
                    page.continuation
                }
            };
            if query.continuation.is_none() {
                return Ok(());
            }
        }
    }

    /// A page in which something is damaged. Gives where the next one begins, if there may be one.
    fn predictions_one_by_one(
        &self,
        after: Option<Continuation>,
        each: &mut impl FnMut(Result<StoredPrediction, Damaged>) -> Result<(), Error>,
    ) -> Result<Option<Continuation>, Error> {
        let store = &self.shared.store;
        // A prediction has a photo, results, or both.
        let (mut found, mut more) = (BTreeSet::new(), false);
        for class in [DataClass::PredictionPhoto, DataClass::PredictionResult] {
            let after = after.map(|Continuation { created, id }| match class {
                DataClass::PredictionPhoto => (created, Erased::PredictionPhoto(id)),
                _ => (created, Erased::PredictionResult(id)),
            });
            let query = ItemQuery { after, ..self.items(class) };
            let items = unless_gone(store.items(&query))?.unwrap_or_default();
            more |= items.len() >= query.take;
            for item in items {
                if let Erased::PredictionPhoto(id) | Erased::PredictionResult(id) = item.item {
                    found.insert((item.event, id, self.filter.is_none() || item.metadata.is_some()));
                }
            }
        }
        more |= found.len() > limits::MAX_PAGE;
        let page: Vec<_> = found.into_iter().take(limits::MAX_PAGE).collect();
        for (_, id, is_meant) in &page {
            if *is_meant
                && let Some(kept) = unless_damaged(Erased::Prediction(*id), store.prediction(self.id, *id))?
            {
                each(kept)?;
            }
        }
        let last = |(created, id, _): &(Timestamp, _, bool)| Continuation { created: *created, id: *id };
        Ok(page.last().map(last).filter(|_| more))
    }
}
