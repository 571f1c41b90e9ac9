//! What a store holds, page by page.

use std::collections::VecDeque;

use ocelli_store::{Item, ItemQuery, Store, StoreError};

/// The answers to a question about items, in their order. A project that was erased meanwhile has none.
pub(crate) struct Items<'a> {
    store: &'a dyn Store,
    /// None when the last page has come.
    query: Option<ItemQuery>,
    page: VecDeque<Item>,
}

impl<'a> Items<'a> {
    /// All that a question is about, in pages of as many as it takes.
    pub(crate) fn new(store: &'a dyn Store, query: ItemQuery) -> Self {
        Self { store, query: Some(query), page: VecDeque::new() }
    }

    /// Nothing.
    pub(crate) fn none(store: &'a dyn Store) -> Self {
        Self { store, query: None, page: VecDeque::new() }
    }

    pub(crate) fn peek(&mut self) -> Result<Option<&Item>, StoreError> {
        self.load()?;
        Ok(self.page.front())
    }

    pub(crate) fn next(&mut self) -> Result<Option<Item>, StoreError> {
        self.load()?;
        Ok(self.page.pop_front())
    }

    fn load(&mut self) -> Result<(), StoreError> {
        if !self.page.is_empty() {
            return Ok(());
        }
        let Some(query) = &mut self.query else { return Ok(()) };
        self.page = match self.store.items(query) {
            Err(StoreError::NotFound(_)) => VecDeque::new(),
            page => page?.into(),
        };
        match self.page.back() {
            Some(last) if self.page.len() >= query.take => query.after = Some((last.event, last.item)),
            _ => self.query = None,
        }
        Ok(())
    }
}
