use std::path::Path;

use ocelli_core::AccountId;
use ocelli_store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::During;
use crate::medium::Medium;
use crate::migration;
use crate::records::account;

/// The format of the directory, `user_version` in the database.
pub(crate) const FORMAT: u32 = 3;
/// Bytes of the header of a database file.
const HEADER: u64 = 100;
/// "Ocel", `application_id` in the database: that it is one of ours.
const APPLICATION: u32 = 0x4F63_656C;

/// Refuses a database of another program or a newer format by the header of its file, before anything is touched. What is
/// in the log alone is for [`prepare`] to see.
pub(crate) fn look(medium: &dyn Medium, database: &Path) -> Result<(), StoreError> {
    const ACTION: &str = "looking at the database";
    if !medium.size(database).is_ok_and(|size| size >= HEADER) {
        return Ok(());
    }
    let mut header = [0; HEADER as usize];
    medium.pages(database).during(ACTION)?.read_at(0, &mut header).during(ACTION)?;
    let number = |from: usize| {
        let bytes = header.get(from..from + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_be_bytes)
    };
    // <https://sqlite.org/fileformat2.html>, "The Database Header": user version and application id.
    let (format, application) = (number(60), number(68));
    match application {
        APPLICATION if format > FORMAT => Err(newer(format)),
        // Not written yet, or another's.
        APPLICATION | 0 => Ok(()),
        _ => Err(foreign()),
    }
}

fn newer(found: u32) -> StoreError {
    let advice = "use the version of Ocelli that wrote it, or a newer one";
    StoreError::Format { found, supported: FORMAT, advice }
}

fn foreign() -> StoreError {
    let detail = "ocelli.sqlite belongs to another program; choose another directory".to_owned();
    StoreError::Corrupt { detail }
}

/// Makes the tables of a new database, brings an older one to today's format, and refuses a database of another program
/// or a newer format. Where photos lie beside it, a database that is empty is one that has been lost.
pub(crate) fn prepare(
    connection: &mut Connection,
    beside_photos: bool,
    account: impl FnOnce() -> Result<AccountId, StoreError>,
) -> Result<(), StoreError> {
    const ACTION: &str = "preparing the database";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    if number(&transaction, "application_id")? == APPLICATION {
        let found = number(&transaction, "user_version")?;
        if found > FORMAT {
            return Err(newer(found));
        }
        if found == FORMAT {
            return Ok(());
        }
        migration::migrate(&transaction, found)?;
    } else {
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: u32 = transaction.query_row(count, (), |row| row.get(0)).during(ACTION)?;
        if number(&transaction, "application_id")? != 0 || tables > 0 {
            return Err(foreign());
        }
        if beside_photos {
            let detail = "there are photos in the directory and no database; put ocelli.sqlite back, or restore a \
                          snapshot elsewhere";
            return Err(StoreError::Corrupt { detail: detail.to_owned() });
        }
        transaction.execute_batch(include_str!("schema.sql")).during(ACTION)?;
    }
    account::create(&transaction, account()?)?;
    transaction.pragma_update(None, "user_version", FORMAT).during(ACTION)?;
    transaction.pragma_update(None, "application_id", APPLICATION).during(ACTION)?;
    transaction.commit().during(ACTION)
}

fn number(transaction: &Transaction<'_>, pragma: &str) -> Result<u32, StoreError> {
    transaction
        .pragma_query_value(None, pragma, |row| row.get(0))
        .during("reading the format of the database")
}
