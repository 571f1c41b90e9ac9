use serde::Serialize;
use serde_json::Value;

use crate::KeyError;

/// The largest integer up to which every one is a JSON number of its own in every language: 2^53 - 1 (RFC 7493,
/// section 2.2).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The one JSON text of a value, which is what is hashed and signed: RFC 8785 (Rundgren, Jordan, Erdtman, 2020).
/// Members are sorted, nothing is spaced, and any language can make the same bytes.
///
/// Integers beyond 2^53 - 1, which other languages would round, are refused.
///
/// ```
/// let text = ocelli_keys::canonical_json(&serde_json::json!({ "b": [1.0, null], "a": "é\n" }))?;
/// assert_eq!(text, r#"{"a":"é\n","b":[1,null]}"#.as_bytes());
/// # Ok::<(), ocelli_keys::KeyError>(())
/// ```
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, KeyError> {
    let refused = |error: serde_json::Error| KeyError::Canonical { reason: error.to_string() };
    let value = serde_json::to_value(value).map_err(refused)?;
    check_integers(&value)?;
    serde_json_canonicalizer::to_vec(&value).map_err(refused)
}

fn check_integers(value: &Value) -> Result<(), KeyError> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(size) if size > MAX_INTEGER => {
                    Err(KeyError::Canonical { reason: format!("{number} is beyond 2^53 - 1") })
                }
                _ => Ok(()),
            }
        }
        Value::Array(values) => values.iter().try_for_each(check_integers),
        Value::Object(members) => members.values().try_for_each(check_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of RFC 8785, section 3.2.2 and 3.2.3.
    #[test]
    fn the_example_of_the_standard_is_written_as_the_standard_says() {
        let value: Value = serde_json::from_str(
            r#"{
                "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
        )
        .unwrap();
        let text = String::from_utf8(canonical_json(&value).unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
    }

    #[test]
    fn members_are_sorted_by_their_utf_16_units() {
        // By code points the last two would be the other way round.
        let value =
            json!({ "\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "\r": 4, "1": 5, "\u{80}": 6, "ö": 7 });
        let text = String::from_utf8(canonical_json(&value).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"\\r\":4,\"1\":5,\"\u{80}\":6,\"ö\":7,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }

    #[test]
    fn the_order_of_a_structs_fields_does_not_show() {
        #[derive(Serialize)]
        struct Backward {
            b: u8,
            a: u8,
        }
        assert_eq!(canonical_json(&Backward { b: 2, a: 1 }).unwrap(), br#"{"a":1,"b":2}"#);
    }

    #[test]
    fn integers_that_other_languages_would_round_are_refused() {
        let largest = (1_i64 << 53) - 1;
        assert_eq!(canonical_json(&[largest, -largest]).unwrap(), b"[9007199254740991,-9007199254740991]");
        for beyond in [json!(largest + 1), json!(-largest - 1), json!(u64::MAX), json!({ "a": [i64::MIN] })] {
            let error = canonical_json(&beyond).unwrap_err();
            assert!(matches!(error, KeyError::Canonical { .. }), "{beyond}: {error}");
        }
    }
}
