//! How values of the data model are written into columns, and read back.

use std::error::Error;
use std::str::FromStr;

use ocelli_core::{Commitment, Digest, Salt, Timestamp};
use ocelli_store::{ContentHash, PhotoBytes, StoreError};
use rusqlite::types::Type;
use rusqlite::{Error as SqlError, Result as SqlResult, Row};
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{Deserialize, DeserializeOwned};

use crate::error::During;
use crate::seal::Cells;

pub(crate) fn unreadable(index: usize, error: impl Into<Box<dyn Error + Send + Sync>>) -> SqlError {
    SqlError::FromSqlConversionFailure(index, Type::Text, error.into())
}

/// An id.
pub(crate) fn id<T>(row: &Row<'_>, index: usize) -> SqlResult<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get_ref(index)?.as_str()?.parse().map_err(|error| unreadable(index, error))
}

/// A moment.
pub(crate) fn moment(row: &Row<'_>, index: usize) -> SqlResult<Timestamp> {
    row.get(index).map(Timestamp::from_millis)
}

/// A moment, or none.
pub(crate) fn optional_moment(row: &Row<'_>, index: usize) -> SqlResult<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_millis))
}

/// An id, or none.
pub(crate) fn optional_id<T>(row: &Row<'_>, index: usize) -> SqlResult<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    if row.get_ref(index)?.data_type() == Type::Null { Ok(None) } else { id(row, index).map(Some) }
}

/// A hash of something that is known.
pub(crate) fn digest(row: &Row<'_>, index: usize) -> SqlResult<Digest> {
    row.get(index).map(Digest::from_bytes)
}

/// The same, or none.
pub(crate) fn optional_digest(row: &Row<'_>, index: usize) -> SqlResult<Option<Digest>> {
    Ok(row.get::<_, Option<[u8; 32]>>(index)?.map(Digest::from_bytes))
}

/// A text with rules of its own.
pub(crate) fn text<T>(row: &Row<'_>, index: usize) -> SqlResult<T>
where
    T: TryFrom<String, Error: Error + Send + Sync + 'static>,
{
    T::try_from(row.get(index)?).map_err(|error| unreadable(index, error))
}

/// A structure, as JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> SqlResult<T> {
    serde_json::from_str(row.get_ref(index)?.as_str()?).map_err(|error| unreadable(index, error))
}

/// One of an enumeration's words.
pub(crate) fn word<'r, T: Deserialize<'r>>(row: &'r Row<'_>, index: usize) -> SqlResult<T> {
    let word = row.get_ref(index)?.as_str()?;
    T::deserialize(StrDeserializer::<WordError>::new(word)).map_err(|error| unreadable(index, error))
}

/// The identity of a photo's bytes.
pub(crate) fn content(row: &Row<'_>, index: usize) -> SqlResult<ContentHash> {
    row.get(index).map(ContentHash::from_bytes)
}

/// What is recorded of a photo's bytes, in four columns from there on; nothing where an older format stored it and it could
/// not be read since. Who has the salt can try whether a photo is the one that was committed to, so that it is sealed.
pub(crate) fn photo_bytes(cells: Cells<'_>, row: &Row<'_>, index: usize) -> SqlResult<Option<PhotoBytes>> {
    if row.get_ref(index + 2)?.data_type() == Type::Null {
        return Ok(None);
    }
    let salt = cells.read_bytes("salt", row, index + 2)?;
    let salt = <[u8; 32]>::try_from(&*salt).map_err(|error| unreadable(index + 2, error))?;
    Ok(Some(PhotoBytes {
        content: content(row, index)?,
        size: row.get(index + 1)?,
        salt: Salt::from_bytes(salt),
        commitment: row.get(index + 3).map(Commitment::from_bytes)?,
    }))
}

/// What [`json`] reads.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).during("writing a record as JSON")
}

/// What [`word`] reads.
pub(crate) fn to_word(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_value(value).and_then(serde_json::from_value).during("writing a record as a word")
}

/// Features as little-endian `f32`.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// What [`to_bytes`] wrote.
pub(crate) fn floats(bytes: &[u8], index: usize) -> SqlResult<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(unreadable(index, "features end in the middle of a number"));
    }
    Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

/// Indices as little-endian `u16`.
pub(crate) fn indices_to_bytes(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// What [`indices_to_bytes`] wrote.
pub(crate) fn indices(bytes: &[u8], index: usize) -> SqlResult<Vec<u16>> {
    let (values, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(unreadable(index, "indices end in the middle of a number"));
    }
    Ok(values.iter().map(|value| u16::from_le_bytes(*value)).collect())
}
