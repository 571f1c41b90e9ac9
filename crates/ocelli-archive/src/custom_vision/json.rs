//! The records of a saved response, as far as it is whole.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Gives the records of an array, of one object, or of the array under an object's `value`, each as its own text.
///
/// Where the text is damaged, the records before the damage, and what is wrong.
pub(super) fn records(text: &str) -> (Vec<Box<RawValue>>, Option<String>) {
    let mut found = Found::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Document(&mut found).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    let damage = read.err().map(|error| error.to_string());
    let Found { mut records, is_record } = found;
    if is_record && damage.is_none() {
        records.extend(serde_json::from_str(text));
    }
    (records, damage)
}

/// Filled outside of what deserialising returns, so that damage does not take back what was read before it.
#[derive(Default)]
struct Found {
    records: Vec<Box<RawValue>>,
    /// Whether the whole text is one object that wraps no array.
    is_record: bool,
}

/// The whole text.
struct Document<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, records: A) -> Result<(), A::Error> {
        WrappedValue(self.0).visit_seq(records)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.0.is_record = true;
        while let Some(name) = fields.next_key::<String>()? {
            if name.eq_ignore_ascii_case("value") {
                fields.next_value_seed(WrappedValue(self.0))?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// What a field named `value` holds: records where it is an array, else nothing of interest.
struct WrappedValue<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for WrappedValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WrappedValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        self.0.is_record = false;
        while let Some(record) = records.next_element()? {
            self.0.records.push(record);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (Vec<String>, bool) {
        let (records, damage) = records(text);
        (records.iter().map(|record| record.get().to_owned()).collect(), damage.is_some())
    }

    #[test]
    fn records_come_in_an_array_alone_or_wrapped() {
        for text in
            [r#"[{"a": 1}, {"b": 2}]"#, r#" {"Count": 2, "value": [{"a": 1}, {"b": 2}], "next": null}"#]
        {
            assert_eq!(texts(text), (vec![r#"{"a": 1}"#.to_owned(), r#"{"b": 2}"#.to_owned()], false));
        }
        assert_eq!(texts(r#"{"a": 1, "value": "x"}"#), (vec![r#"{"a": 1, "value": "x"}"#.to_owned()], false));
        assert_eq!(texts("[]"), (vec![], false));
    }

    #[test]
    fn what_stands_before_damage_is_read() {
        for text in [r#"[{"a": 1}, {"b": 2}, {"c"#, r#"{"value": [{"a": 1}, {"b": 2}, {"c"#] {
            let (records, damaged) = texts(text);
            assert_eq!((records.len(), damaged), (2, true), "{text}");
        }
        for text in ["", "nonsense", "17", "{", "[}", r#"{"value": [{"a": 1}"#, "[1] x"] {
            assert!(texts(text).1, "{text}");
        }
        assert!(texts(&"[".repeat(100_000)).1, "nesting without end is an error, not a stack overflow");
    }
}
