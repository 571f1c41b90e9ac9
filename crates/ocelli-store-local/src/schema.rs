use ocelli_store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::During;
use crate::migration;

/// The format of the directory, `user_version` in the database.
pub(crate) const FORMAT: u32 = 1;
/// "Ocel", `application_id` in the database: that it is one of ours.
const APPLICATION: u32 = 0x4F63_656C;

/// Makes the tables of a new database, brings an older one to today's format, and refuses a database of another program
/// or a newer format. Where photos lie beside it, a database that is empty is one that has been lost.
pub(crate) fn prepare(connection: &mut Connection, beside_photos: bool) -> Result<(), StoreError> {
    const ACTION: &str = "preparing the database";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    if number(&transaction, "application_id")? == APPLICATION {
        let found = number(&transaction, "user_version")?;
        if found > FORMAT {
            let advice = "use the version of Ocelli that wrote it, or a newer one";
            return Err(StoreError::Format { found, supported: FORMAT, advice });
        }
        if found == FORMAT {
            return Ok(());
        }
        migration::migrate(&transaction, found)?;
    } else {
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: u32 = transaction.query_row(count, (), |row| row.get(0)).during(ACTION)?;
        if number(&transaction, "application_id")? != 0 || tables > 0 {
            let detail = "ocelli.sqlite belongs to another program; choose another directory".to_owned();
            return Err(StoreError::Corrupt { detail });
        }
        if beside_photos {
            let detail = "there are photos in the directory and no database; put ocelli.sqlite back, or restore a \
                          snapshot elsewhere";
            return Err(StoreError::Corrupt { detail: detail.to_owned() });
        }
        transaction.execute_batch(include_str!("schema.sql")).during(ACTION)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT).during(ACTION)?;
    transaction.pragma_update(None, "application_id", APPLICATION).during(ACTION)?;
    transaction.commit().during(ACTION)
}

fn number(transaction: &Transaction<'_>, pragma: &str) -> Result<u32, StoreError> {
    transaction
        .pragma_query_value(None, pragma, |row| row.get(0))
        .during("reading the format of the database")
}
