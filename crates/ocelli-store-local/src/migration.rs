//! Bringing directories of older formats to today's, one format after another, within one transaction.

mod from_0;
mod from_1;

use ocelli_store::StoreError;
use rusqlite::Transaction;

/// From this format to today's.
pub(crate) fn migrate(transaction: &Transaction<'_>, mut format: u32) -> Result<(), StoreError> {
    if format == 0 {
        from_0::migrate(transaction)?;
        format += 1;
    }
    if format == 1 {
        from_1::migrate(transaction)?;
        format += 1;
    }
    tracing::info!(format, "the data directory has been brought to a newer format");
    Ok(())
}
