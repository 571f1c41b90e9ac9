//! Bringing directories of older formats to today's, one format after another, within one transaction.

mod from_0;
mod from_1;
mod from_2;

use ocelli_store::StoreError;
use rusqlite::Transaction;

use crate::schema::FORMAT;

/// From this format to today's.
pub(crate) fn migrate(transaction: &Transaction<'_>, mut format: u32) -> Result<(), StoreError> {
    if format == 0 {
        from_0::migrate(transaction)?;
        format += 1;
    }
    // What steps aside for the tables of format 1 goes into today's.
    if format == 1 {
        from_1::migrate(transaction)?;
        format = FORMAT;
    }
    if format == 2 {
        from_2::migrate(transaction)?;
        format += 1;
    }
    tracing::info!(format, "the data directory has been brought to a newer format");
    Ok(())
}
