//! Format 2 had no checkpoints of trainings and no photos to test on, and did not know what a training was given.

use ocelli_store::StoreError;
use rusqlite::Connection;

use crate::error::During;

const ACTION: &str = "bringing the data directory from format 2 to 3";

pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(include_str!("from_2.sql")).during(ACTION)
}
