use std::error::Error;

use ocelli_store::StoreError;
use rusqlite::ErrorCode;

/// Names what was being done when something below the store failed.
pub(crate) trait During<T> {
    fn during(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> During<T> for Result<T, E> {
    fn during(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let error = error.into();
            match error.downcast_ref::<rusqlite::Error>().and_then(damage) {
                Some(detail) => StoreError::Corrupt { detail: format!("{action}: {detail}") },
                None => StoreError::backend(action)(error),
            }
        })
    }
}

/// What is wrong with the data itself, if that is what SQLite complains about.
fn damage(error: &rusqlite::Error) -> Option<String> {
    let damaged = match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => true,
        _ => matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
    };
    damaged.then(|| error.to_string())
}
