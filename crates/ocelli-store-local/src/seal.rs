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

    pub(crate) fn number(&self, column: &str, number: f32) -> Result<ToSqlOutput<'static>, StoreError> {
        match self.seal {
            Seal::Plain => Ok(ToSqlOutput::Owned(Value::Real(number.into()))),
            Seal::Sealed(key) => self.sealed(key, column, &number.to_le_bytes()),
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

    /// What [`number`](Self::number) wrote.
    pub(crate) fn read_number(&self, column: &str, row: &Row<'_>, index: usize) -> SqlResult<f32> {
        match self.seal {
            Seal::Plain => row.get(index),
            Seal::Sealed(key) => {
                let plain = self.open(key, column, row.get_ref(index)?, index)?;
                let bytes =
                    plain.try_into().map_err(|_| self.unreadable(column, index, "it is no number"))?;
                Ok(f32::from_le_bytes(bytes))
            }
        }
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
