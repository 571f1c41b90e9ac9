use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Bytes of one record in a list (16 MiB). A photo with every tag, region and metadata entry that the limits admit
/// takes under 1 MiB, an answer of 500 tags under 200 KB.
const MAX_RECORD: usize = 16 << 20;

/// A JSON array that is read record by record.
///
/// Each record is delimited as text before it is understood, so that one that nests or repeats without end is
/// refused by its length, whatever its type would have buffered.
pub(crate) struct RecordList<T>(pub(crate) Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for RecordList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RecordVisitor(PhantomData)).map(Self)
    }
}

struct RecordVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for RecordVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<Vec<T>, A::Error> {
        // Grows with what is there; what the array claims to hold is not asked.
        let mut list = Vec::new();
        while let Some(record) = records.next_element::<Box<RawValue>>()? {
            let number = list.len() + 1;
            let text = record.get();
            if text.len() > MAX_RECORD {
                let size = text.len();
                return Err(A::Error::custom(format_args!(
                    "record {number} has {size} bytes; at most {MAX_RECORD} are read"
                )));
            }
            list.push(serde_json::from_str(text).map_err(|error| {
                A::Error::custom(format_args!("record {number} is not as expected: {error}"))
            })?);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_that_is_wrong_is_named() {
        let list = |text: &str| serde_json::from_str::<RecordList<u8>>(text).map(|list| list.0);
        assert_eq!(list("[1, 2,\n3]").unwrap(), [1, 2, 3]);
        assert!(list("[1, 2, 300]").unwrap_err().to_string().contains("record 3"));
        assert!(list("{}").is_err());
        assert!(list("[1, 2").is_err());
    }

    #[test]
    fn a_record_without_end_is_refused_by_its_length() {
        let text = format!("[[{}0]]", "0,".repeat(9 << 20));
        let error = serde_json::from_str::<RecordList<Vec<u8>>>(&text).err().unwrap();
        assert!(error.to_string().contains("at most"), "{error}");
    }
}
