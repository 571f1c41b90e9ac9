use std::error::Error;
use std::io;

use ocelli_store::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// Names what was being done when something below the store failed.
pub(crate) trait During<T> {
    fn during(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> During<T> for Result<T, E> {
    fn during(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let error = error.into();
            let told = match error.downcast_ref::<rusqlite::Error>() {
                Some(error) => of_database(error, action),
                None => error.downcast_ref::<io::Error>().and_then(|error| of_files(error, action)),
            };
            told.unwrap_or_else(|| StoreError::backend(action)(error))
        })
    }
}

/// What is wrong with the medium or the data itself, if that is what SQLite complains about.
fn of_database(error: &rusqlite::Error, action: &'static str) -> Option<StoreError> {
    let damaged = || StoreError::Corrupt { detail: format!("{action}: {error}") };
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => Some(damaged()),
        // The log's index could not grow.
        rusqlite::Error::SqliteFailure(failure, _) if failure.extended_code == SQLITE_IOERR_SHMSIZE => {
            Some(StoreError::Full { action })
        }
        _ => match error.sqlite_error_code()? {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(damaged()),
            ErrorCode::DiskFull => Some(StoreError::Full { action }),
            ErrorCode::ReadOnly => Some(StoreError::ReadOnly { action }),
            _ => None,
        },
    }
}

fn of_files(error: &io::Error, action: &'static str) -> Option<StoreError> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(StoreError::Full { action }),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            Some(StoreError::ReadOnly { action })
        }
        _ => None,
    }
}
