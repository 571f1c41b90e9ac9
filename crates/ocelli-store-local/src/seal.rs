//! How values are written into columns and files: as they are, or sealed under the key of the project that they belong to.
//!
//! Which it is, is the project's: where it has a key, everything that can be sealed is, and what is found in the clear there
//! is as damaged as what does not open. What a value is sealed as names its owner, its table and column, and its row, so
//! that no value passes for another.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;

use ocelli_core::Name;
use ocelli_keys::KeyError;
use ocelli_store::{ContentHash, StoreError};
use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Error as SqlError, Result as SqlResult, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as WordError, StrDeserializer};

use crate::columns::to_json;
use crate::error::During;
use crate::keyring::OpenKey;

/// How the values of a project, or of the account, are written.
#[derive(Clone, Debug)]
pub(crate) enum Seal {
    /// As they are.
    Plain,
    /// Sealed under this key.
    Sealed(Arc<OpenKey>),
}

impl Seal {
    /// The values of a row; the id is unique within the table and the owner.
    pub(crate) fn row<'s>(&'s self, table: &'static str, id: &'s dyn Display) -> Cells<'s> {
        Cells { seal: self, table, id }
    }

    /// The bytes of a file that is named so.
    pub(crate) fn file<'b>(
        &self,
        content: &ContentHash,
        bytes: &'b [u8],
    ) -> Result<Cow<'b, [u8]>, StoreError> {
        match self {
            Self::Plain => Ok(Cow::Borrowed(bytes)),
            Self::Sealed(key) => seal(key, &file_context(key, content), bytes).map(Cow::Owned),
        }
    }

    /// What [`file`](Self::file) wrote; none where it does not open.
    pub(crate) fn open_file<'b>(
        &self,
        content: &ContentHash,
        stored: Cow<'b, [u8]>,
    ) -> Option<Cow<'b, [u8]>> {
        match self {
            Self::Plain => Some(stored),
            Self::Sealed(key) => key.sealer.open(&file_context(key, content), &stored).ok().map(Cow::Owned),
        }
    }
}

fn file_context(key: &OpenKey, content: &ContentHash) -> Vec<u8> {
    format!("{}/blobs/{content}", key.owner).into_bytes()
}

fn seal(key: &OpenKey, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    key.sealer.seal(key.nonce()?, context, plain).during("sealing a value")
}

/// The values of one row.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'s> {
    seal: &'s Seal,
    table: &'static str,
    id: &'s dyn Display,
}

impl Cells<'_> {
    pub(crate) fn bytes<'v>(&self, column: &str, bytes: &'v [u8]) -> Result<ToSqlOutput<'v>, StoreError> {
        self.value(column, bytes, ValueRef::Blob(bytes))
    }

    pub(crate) fn text<'v>(&self, column: &str, text: &'v str) -> Result<ToSqlOutput<'v>, StoreError> {
        self.value(column, text.as_bytes(), ValueRef::Text(text.as_bytes()))
    }

    /// That there is none shows.
    pub(crate) fn optional_name<'v>(
        &self,
        column: &str,
        name: Option<&'v Name>,
    ) -> Result<Option<ToSqlOutput<'v>>, StoreError> {
        name.map(|name| self.text(column, name.as_str())).transpose()
    }

    pub(crate) fn json(
        &self,
        column: &str,
        value: &impl Serialize,
    ) -> Result<ToSqlOutput<'static>, StoreError> {
        let json = to_json(value)?;
        match self.seal {
            Seal::Plain => Ok(ToSqlOutput::Owned(Value::Text(json))),
            Seal::Sealed(key) => self.sealed(key, column, json.as_bytes()),
        }
    }

    fn value<'v>(
        &self,
        column: &str,
        plain: &[u8],
        as_it_is: ValueRef<'v>,
    ) -> Result<ToSqlOutput<'v>, StoreError> {
        match self.seal {
            Seal::Plain => Ok(ToSqlOutput::Borrowed(as_it_is)),
            Seal::Sealed(key) => self.sealed(key, column, plain),
        }
    }

    fn sealed(&self, key: &OpenKey, column: &str, plain: &[u8]) -> Result<ToSqlOutput<'static>, StoreError> {
        let sealed = seal(key, &self.context(key, column), plain)?;
        Ok(ToSqlOutput::Owned(Value::Blob(sealed)))
    }

    /// What [`bytes`](Self::bytes) wrote.
    pub(crate) fn read_bytes<'r>(
        &self,
        column: &str,
        row: &'r Row<'_>,
        index: usize,
    ) -> SqlResult<Cow<'r, [u8]>> {
        let value = row.get_ref(index)?;
        match self.seal {
            Seal::Plain => Ok(Cow::Borrowed(value.as_blob()?)),
            Seal::Sealed(key) => self.open(key, column, value, index).map(Cow::Owned),
        }
    }

    /// What [`text`](Self::text) wrote.
    pub(crate) fn read_text<T>(&self, column: &str, row: &Row<'_>, index: usize) -> SqlResult<T>
    where
        T: TryFrom<String, Error: Error + Send + Sync + 'static>,
    {
        let text = self.read_str(column, row, index)?.into_owned();
        T::try_from(text).map_err(|error| SqlError::FromSqlConversionFailure(index, Type::Text, error.into()))
    }

    /// What [`optional_name`](Self::optional_name) wrote.
    pub(crate) fn read_optional_name(
        &self,
        column: &str,
        row: &Row<'_>,
        index: usize,
    ) -> SqlResult<Option<Name>> {
        match row.get_ref(index)? {
            ValueRef::Null => Ok(None),
            _ => self.read_text(column, row, index).map(Some),
        }
    }

    /// What [`json`](Self::json) wrote.
    pub(crate) fn read_json<T: DeserializeOwned>(
        &self,
        column: &str,
        row: &Row<'_>,
        index: usize,
    ) -> SqlResult<T> {
        serde_json::from_str(&self.read_str(column, row, index)?)
            .map_err(|error| SqlError::FromSqlConversionFailure(index, Type::Text, error.into()))
    }

    /// One of an enumeration's words, written as [`text`](Self::text).
    pub(crate) fn read_word<T: DeserializeOwned>(
        &self,
        column: &str,
        row: &Row<'_>,
        index: usize,
    ) -> SqlResult<T> {
        let word = self.read_str(column, row, index)?;
        T::deserialize(StrDeserializer::<WordError>::new(&word))
            .map_err(|error| SqlError::FromSqlConversionFailure(index, Type::Text, error.into()))
    }

    fn read_str<'r>(&self, column: &str, row: &'r Row<'_>, index: usize) -> SqlResult<Cow<'r, str>> {
        let value = row.get_ref(index)?;
        match self.seal {
            Seal::Plain => Ok(Cow::Borrowed(value.as_str()?)),
            Seal::Sealed(key) => String::from_utf8(self.open(key, column, value, index)?)
                .map(Cow::Owned)
                .map_err(|_| self.unreadable(column, index, "it is no text")),
        }
    }

    fn open(&self, key: &OpenKey, column: &str, value: ValueRef<'_>, index: usize) -> SqlResult<Vec<u8>> {
        // Nothing else is taken for what was stored, least of all what lies there in the clear.
        let opened = match value {
            ValueRef::Blob(sealed) => key.sealer.open(&self.context(key, column), sealed),
            _ => Err(KeyError::Sealed),
        };
        opened.map_err(|error| self.unreadable(column, index, error))
    }

    fn unreadable(&self, column: &str, index: usize, error: impl Display) -> SqlError {
        let what = format!("{}.{column} of {}: {error}", self.table, self.id);
        SqlError::FromSqlConversionFailure(index, Type::Blob, what.into())
    }

    fn context(&self, key: &OpenKey, column: &str) -> Vec<u8> {
        format!("{}/{}.{column}/{}", key.owner, self.table, self.id).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::ProjectId;
    use ocelli_keys::{DataKey, Sealer};
    use ocelli_store::SystemRandom;
    use rusqlite::Connection;
    use uuid::Uuid;

    use super::*;
    use crate::keyring::KeyOwner;

    fn sealed(project: u128, key: u8) -> Seal {
        let owner = KeyOwner::Project(ProjectId::from_uuid(Uuid::from_u128(project)));
        let sealer = Sealer::new(&DataKey::from_random([key; 32]));
        Seal::Sealed(Arc::new(OpenKey::new(owner, sealer, Arc::new(SystemRandom))))
    }

    /// Writes a value with one seal and reads it with another, as this column of this row.
    fn text_through_a_database(
        write: Cells<'_>,
        read: Cells<'_>,
        columns: (&str, &str),
    ) -> SqlResult<(Value, String)> {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch("CREATE TABLE t (v ANY) STRICT").unwrap();
        database.execute("INSERT INTO t VALUES (?1)", [write.text(columns.0, "a name").unwrap()]).unwrap();
        database.query_row("SELECT v FROM t", (), |row| {
            Ok((row.get(0)?, read.read_text::<String>(columns.1, row, 0)?))
        })
    }

    #[test]
    fn a_plain_value_is_what_it_is() {
        let plain = Seal::Plain.row("tags", &1);
        let (stored, read) = text_through_a_database(plain, plain, ("name", "name")).unwrap();
        assert_eq!((stored, read.as_str()), (Value::Text("a name".into()), "a name"));
    }

    #[test]
    fn a_sealed_value_opens_where_it_was_written_only() {
        let seal = sealed(1, 1);
        let here = seal.row("tags", &1);
        let (stored, read) = text_through_a_database(here, here, ("name", "name")).unwrap();
        assert_eq!(read, "a name");
        let Value::Blob(stored) = stored else { panic!("sealed bytes were expected") };
        assert!(!stored.windows(4).any(|part| part == b"name"));

        let (other_project, other_key) = (sealed(2, 1), sealed(1, 2));
        for (elsewhere, column) in [
            (seal.row("tags", &2), "name"),
            (seal.row("projects", &1), "name"),
            (seal.row("tags", &1), "description"),
            (other_project.row("tags", &1), "name"),
            (other_key.row("tags", &1), "name"),
        ] {
            let error = text_through_a_database(here, elsewhere, ("name", column)).unwrap_err();
            assert!(matches!(error, SqlError::FromSqlConversionFailure(..)), "{error}");
        }
    }

    #[test]
    fn what_is_in_the_clear_is_not_taken_for_what_was_sealed() {
        let seal = sealed(1, 1);
        let plain = Seal::Plain.row("tags", &1);
        assert!(text_through_a_database(plain, seal.row("tags", &1), ("name", "name")).is_err());
        assert!(text_through_a_database(seal.row("tags", &1), plain, ("name", "name")).is_err());
    }

    #[test]
    fn a_file_opens_under_its_own_name_only() {
        let seal = sealed(1, 1);
        let [one, two] = [1, 2].map(|byte| ContentHash::from_bytes([byte; 32]));
        let stored = seal.file(&one, b"a photo").unwrap();
        assert_ne!(stored, b"a photo".as_slice());
        assert_ne!(stored, seal.file(&one, b"a photo").unwrap(), "each time with other random bytes");
        assert_eq!(seal.open_file(&one, stored.clone()).as_deref(), Some(b"a photo".as_slice()));
        assert_eq!(seal.open_file(&two, stored.clone()), None);
        assert_eq!(sealed(2, 1).open_file(&one, stored), None);
        assert!(matches!(Seal::Plain.file(&one, b"a photo").unwrap(), Cow::Borrowed(b"a photo")));
    }

    #[test]
    fn bytes_structures_and_what_is_not_there_come_back() {
        let seal = sealed(1, 1);
        for cells in [Seal::Plain.row("t", &1), seal.row("t", &1)] {
            let database = Connection::open_in_memory().unwrap();
            database.execute_batch("CREATE TABLE t (a ANY, b ANY, c ANY) STRICT").unwrap();
            let (json, bytes) = (cells.json("a", &[1, 2]).unwrap(), cells.bytes("b", &[1, 2]).unwrap());
            let none = cells.optional_name("c", None).unwrap();
            database.execute("INSERT INTO t VALUES (?1, ?2, ?3)", (json, bytes, none)).unwrap();
            let read = database.query_row("SELECT a, b, c FROM t", (), |row| {
                let (json, bytes) =
                    (cells.read_json("a", row, 0)?, cells.read_bytes("b", row, 1)?.into_owned());
                Ok((json, bytes, cells.read_optional_name("c", row, 2)?))
            });
            assert_eq!(read.unwrap(), (vec![1, 2], vec![1, 2], None));
        }
    }
}
