use ocelli_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::During;

/// The format of the directory, `user_version` in the database.
const FORMAT: u32 = 0;
/// "Ocel", `application_id` in the database: that it is one of ours.
const APPLICATION: u32 = 0x4F63_656C;

/// Makes the tables of a new database, and refuses a database of another program or a newer format.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    const ACTION: &str = "preparing the database";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(ACTION)?;
    let number = |pragma: &str| transaction.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    let (application, format) =
        (number("application_id").during(ACTION)?, number("user_version").during(ACTION)?);
    if application == APPLICATION {
        return if format > FORMAT {
            let advice = "use the version of Ocelli that wrote it, or a newer one";
            Err(StoreError::Format { found: format, supported: FORMAT, advice })
        } else {
            Ok(())
        };
    }
    let tables: u32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).during(ACTION)?;
    if application != 0 || tables > 0 {
        let detail = "ocelli.sqlite belongs to another program; choose another directory".to_owned();
        return Err(StoreError::Corrupt { detail });
    }
    transaction.execute_batch(include_str!("schema.sql")).during(ACTION)?;
    transaction.pragma_update(None, "user_version", FORMAT).during(ACTION)?;
    transaction.pragma_update(None, "application_id", APPLICATION).during(ACTION)?;
    transaction.commit().during(ACTION)
}
