mod parser;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::parser::Parser;
use crate::{InvalidValue, Metadata, limits};

/// Which photos are meant, by what their metadata says: the expression of Custom Vision's `$filter`.
///
/// `key1 eq 'v' and key2 ne 'w'`: comparisons of a key with a value in single quotes, joined by `and`, which binds
/// tighter, and `or`, with parentheses where another order is meant. `eq`, `ne`, `and` and `or` are understood in
/// upper and lower case. A key of letters, digits and `_ - . : / @` is written as it is, any other in single quotes;
/// within quotes two quotes are one. Keys and values are compared character by character.
///
/// **`ne` also holds where a photo has no such key**: it says that the photo does not have this value. So `a ne 'x'`
/// selects exactly what `a eq 'x'` leaves.
///
/// At most [`limits::MAX_METADATA_FILTER`] characters and [`limits::MAX_METADATA_FILTER_DEPTH`] parentheses within one
/// another. It prints with as few parentheses as it needs, and what it prints is the same filter when read again.
///
/// ```
/// use ocelli_core::{Metadata, MetadataFilter};
///
/// let filter: MetadataFilter = "person eq 'O''Neill' and (camera eq 'north' or camera eq 'south')".parse()?;
/// let facts = [("person", "O'Neill"), ("camera", "south")];
/// let metadata = Metadata::new(facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into())?;
/// assert!(filter.matches(&metadata));
/// assert!(!filter.matches(&Metadata::default()));
///
/// let built = MetadataFilter::eq("person", "O'Neill")?
///     .and(MetadataFilter::eq("camera", "north")?.or(MetadataFilter::eq("camera", "south")?)?)?;
/// assert_eq!(built, filter);
/// # Ok::<(), ocelli_core::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataFilter(Expression);

/// A list within a list is always of the other kind, and a list has at least two items.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Expression {
    Compare { key: String, value: String, equal: bool },
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

impl MetadataFilter {
    /// Photos whose metadata has this value under this key. The texts need no quoting.
    pub fn eq(key: impl Into<String>, value: impl Into<String>) -> Result<Self, InvalidValue> {
        Self::compare(key.into(), value.into(), true)
    }

    /// Photos whose metadata does not have this value under this key, or has no such key.
    pub fn ne(key: impl Into<String>, value: impl Into<String>) -> Result<Self, InvalidValue> {
        Self::compare(key.into(), value.into(), false)
    }

    /// Photos that both filters mean.
    pub fn and(self, other: Self) -> Result<Self, InvalidValue> {
        Self::within_limits(Expression::and(vec![self.0, other.0]))
    }

    /// Photos that at least one of the filters means.
    pub fn or(self, other: Self) -> Result<Self, InvalidValue> {
        Self::within_limits(Expression::or(vec![self.0, other.0]))
    }

    /// Whether a photo with this metadata is meant.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        self.0.matches(metadata)
    }

    fn compare(key: String, value: String, equal: bool) -> Result<Self, InvalidValue> {
        Self::within_limits(Expression::compare(key, value, equal)?)
    }

    /// What is printed must be readable again, so the limits hold for that too.
    fn within_limits(expression: Expression) -> Result<Self, InvalidValue> {
        if expression.depth() > limits::MAX_METADATA_FILTER_DEPTH {
            return Err(InvalidValue::MetadataFilterDepth);
        }
        check_length(&expression.to_string())?;
        Ok(Self(expression))
    }
}

impl Expression {
    fn compare(key: String, value: String, equal: bool) -> Result<Self, InvalidValue> {
        let chars = key.chars().count();
        if chars == 0 || chars > limits::MAX_METADATA_KEY {
            let key = key.chars().take(limits::MAX_METADATA_KEY).collect();
            return Err(InvalidValue::MetadataKey { key });
        }
        let chars = value.chars().count();
        if chars > limits::MAX_METADATA_VALUE {
            return Err(InvalidValue::MetadataValue { key, chars });
        }
        Ok(Self::Compare { key, value, equal })
    }

    fn and(terms: Vec<Self>) -> Self {
        let mut list = Vec::with_capacity(terms.len());
        for term in terms {
            match term {
                Self::And(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        alone(list, Self::And)
    }

    fn or(terms: Vec<Self>) -> Self {
        let mut list = Vec::with_capacity(terms.len());
        for term in terms {
            match term {
                Self::Or(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        alone(list, Self::Or)
    }

    fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::Compare { key, value, equal } => (metadata.get(key) == Some(value)) == *equal,
            Self::And(terms) => terms.iter().all(|term| term.matches(metadata)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(metadata)),
        }
    }

    /// How many parentheses it prints within one another.
    fn depth(&self) -> usize {
        match self {
            Self::Compare { .. } => 0,
            Self::And(terms) => {
                let within = |term: &Self| term.depth() + usize::from(matches!(term, Self::Or(_)));
                terms.iter().map(within).max().unwrap_or(0)
            }
            Self::Or(terms) => terms.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}

/// A list of one is that one.
fn alone(mut list: Vec<Expression>, make: fn(Vec<Expression>) -> Expression) -> Expression {
    match (list.pop(), list.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            list.push(last);
            make(list)
        }
        (None, _) => make(list),
    }
}

fn check_length(text: &str) -> Result<(), InvalidValue> {
    let chars = text.chars().count();
    if chars > limits::MAX_METADATA_FILTER {
        return Err(InvalidValue::LongText {
            what: "metadata filter",
            chars,
            limit: limits::MAX_METADATA_FILTER,
        });
    }
    Ok(())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { key, value, equal } => {
                if is_bare(key) {
                    f.write_str(key)?;
                } else {
                    write!(f, "'{}'", key.replace('\'', "''"))?;
                }
                write!(f, " {} '{}'", if *equal { "eq" } else { "ne" }, value.replace('\'', "''"))
            }
            Self::And(terms) => {
                for (index, term) in terms.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " and " })?;
                    match term {
                        Self::Or(_) => write!(f, "({term})")?,
                        _ => write!(f, "{term}")?,
                    }
                }
                Ok(())
            }
            Self::Or(terms) => {
                for (index, term) in terms.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " or " })?;
                    write!(f, "{term}")?;
                }
                Ok(())
            }
        }
    }
}

fn is_bare_char(c: char) -> bool {
    c.is_alphanumeric() || "_-.:/@".contains(c)
}

fn is_keyword(word: &str) -> bool {
    ["eq", "ne", "and", "or"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn is_bare(key: &str) -> bool {
    key.chars().all(is_bare_char) && !is_keyword(key)
}

impl FromStr for MetadataFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        check_length(text)?;
        Self::within_limits(Parser::new(text).filter()?)
    }
}

impl fmt::Display for MetadataFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for MetadataFilter {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<MetadataFilter> for String {
    fn from(filter: MetadataFilter) -> Self {
        filter.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorCode;

    fn filter(text: &str) -> MetadataFilter {
        text.parse().unwrap()
    }

    fn metadata(entries: &[(&str, &str)]) -> Metadata {
        Metadata::new(entries.iter().map(|&(key, value)| (key.into(), value.into())).collect()).unwrap()
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let either = filter("a eq '1' or b eq '1' and c eq '1'");
        assert!(either.matches(&metadata(&[("a", "1")])));
        assert!(!either.matches(&metadata(&[("b", "1")])));
        let both = filter("(a eq '1' or b eq '1') and c eq '1'");
        assert!(!both.matches(&metadata(&[("a", "1")])));
        assert!(both.matches(&metadata(&[("b", "1"), ("c", "1")])));
    }

    #[test]
    fn a_missing_key_is_unequal_to_every_value() {
        assert!(filter("a ne '1'").matches(&Metadata::default()));
        assert!(!filter("a eq ''").matches(&Metadata::default()));
    }

    #[test]
    fn keys_and_values_are_told_apart_by_case() {
        assert!(!filter("a eq 'x'").matches(&metadata(&[("A", "x")])));
        assert!(!filter("a eq 'x'").matches(&metadata(&[("a", "X")])));
    }

    #[test]
    fn filters_print_in_one_form() {
        for (text, printed) in [
            ("a EQ 'x' AnD b Ne 'y'", "a eq 'x' and b ne 'y'"),
            ("  ( ( a eq'x' ) )and(b eq'y')", "a eq 'x' and b eq 'y'"),
            ("'a' eq 'x'", "a eq 'x'"),
            ("'a b' eq 'it''s'", "'a b' eq 'it''s'"),
            ("'EQ' eq 'x' or 'it''s' ne ''''", "'EQ' eq 'x' or 'it''s' ne ''''"),
            ("(a eq 'x' and b eq 'y') or c eq 'z'", "a eq 'x' and b eq 'y' or c eq 'z'"),
            ("a eq 'x' and (b eq 'y' or c eq 'z')", "a eq 'x' and (b eq 'y' or c eq 'z')"),
            ("straße eq '北' or x.y/z:0@w-v_u eq ' '", "straße eq '北' or x.y/z:0@w-v_u eq ' '"),
        ] {
            assert_eq!(filter(text).to_string(), printed);
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_position() {
        for (text, at, part) in [
            ("", 1, "a key"),
            ("   ", 4, "a key"),
            ("a", 2, "`eq` or `ne`"),
            ("a gt 'x'", 3, "`eq` or `ne`"),
            ("a eqq 'x'", 3, "`eq` or `ne`"),
            ("a eq x", 6, "a value in single quotes"),
            ("a eq \"x\"", 6, "a value in single quotes"),
            ("a eq 'x", 8, "a closing single quote"),
            ("straße eq '北''", 15, "a closing single quote"),
            ("a eq 'x' b eq 'y'", 10, "`and`, `or` or the end"),
            ("a eq 'x' and", 13, "a key"),
            ("a eq 'x' or or b eq 'y'", 13, "a key; one that is called"),
            ("(a eq 'x'", 10, "a closing parenthesis"),
            ("a eq 'x')", 9, "the end"),
            ("()", 2, "a key"),
            ("not a eq 'x'", 5, "`eq` or `ne`"),
        ] {
            let error = text.parse::<MetadataFilter>().unwrap_err();
            assert_eq!(error.code(), ErrorCode::BadRequestPredictionInvalidQueryParameters);
            let InvalidValue::MetadataFilter { position, expected } = error else {
                panic!("{text}: {error}");
            };
            assert_eq!(position, at, "{text}: {expected}");
            assert!(expected.contains(part), "{text}: {expected}");
        }
    }

    #[test]
    fn keys_and_values_that_no_photo_can_have_are_refused() {
        let long = "x".repeat(513);
        assert!(matches!(MetadataFilter::eq("", "x"), Err(InvalidValue::MetadataKey { .. })));
        assert!(matches!("'' eq 'x'".parse::<MetadataFilter>(), Err(InvalidValue::MetadataKey { .. })));
        assert!(matches!(MetadataFilter::eq(&long[..257], "x"), Err(InvalidValue::MetadataKey { .. })));
        assert!(matches!(
            MetadataFilter::ne("a", &long),
            Err(InvalidValue::MetadataValue { chars: 513, .. })
        ));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}a eq 'x'{}", "(".repeat(depth), ")".repeat(depth));
        nested(limits::MAX_METADATA_FILTER_DEPTH).parse::<MetadataFilter>().unwrap();
        for depth in [limits::MAX_METADATA_FILTER_DEPTH + 1, limits::MAX_METADATA_FILTER / 2 - 8] {
            let error = nested(depth).parse::<MetadataFilter>().unwrap_err();
            assert_eq!(error, InvalidValue::MetadataFilterDepth);
        }
        let open = "(".repeat(limits::MAX_METADATA_FILTER);
        assert_eq!(open.parse::<MetadataFilter>().unwrap_err(), InvalidValue::MetadataFilterDepth);
    }

    #[test]
    fn what_is_built_stays_within_the_limits_of_what_is_read() {
        let one = || MetadataFilter::eq("a", "x").unwrap();
        let mut filter = one();
        let refusal = loop {
            let deeper = filter.clone().or(one()).and_then(|either| either.and(one()));
            match deeper {
                Ok(deeper) => filter = deeper,
                Err(error) => break error,
            }
        };
        assert_eq!(refusal, InvalidValue::MetadataFilterDepth);
        assert_eq!(filter.to_string().parse::<MetadataFilter>().unwrap(), filter);

        let wide = (0..2000).try_fold(one(), |filter, _| filter.or(one()));
        assert!(matches!(wide, Err(InvalidValue::LongText { what: "metadata filter", .. })));
        let long = "a eq 'x' or ".repeat(1000) + "a eq 'x'";
        assert!(matches!(long.parse::<MetadataFilter>(), Err(InvalidValue::LongText { .. })));
    }

    #[test]
    fn json_is_the_expression_as_text() {
        let json = r#""a eq 'x' and b ne 'y'""#;
        let read: MetadataFilter = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        serde_json::from_str::<MetadataFilter>(r#""a eq""#).unwrap_err();
    }

    /// What a filter means, kept as it was put together.
    #[derive(Clone, Debug)]
    enum Meaning {
        Eq(String, String),
        Ne(String, String),
        And(Box<Meaning>, Box<Meaning>),
        Or(Box<Meaning>, Box<Meaning>),
    }

    impl Meaning {
        fn filter(&self) -> MetadataFilter {
            match self {
                Self::Eq(key, value) => MetadataFilter::eq(key, value),
                Self::Ne(key, value) => MetadataFilter::ne(key, value),
                Self::And(a, b) => a.filter().and(b.filter()),
                Self::Or(a, b) => a.filter().or(b.filter()),
            }
            .unwrap()
        }

        /// Every pair in parentheses.
        fn text(&self) -> String {
            match self {
                Self::Eq(key, value) => {
                    format!("'{}' eq '{}'", key.replace('\'', "''"), value.replace('\'', "''"))
                }
                Self::Ne(key, value) => {
                    format!("'{}' ne '{}'", key.replace('\'', "''"), value.replace('\'', "''"))
                }
                Self::And(a, b) => format!("({}) and ({})", a.text(), b.text()),
                Self::Or(a, b) => format!("({}) or ({})", a.text(), b.text()),
            }
        }

        fn holds(&self, metadata: &Metadata) -> bool {
            match self {
                Self::Eq(key, value) => metadata.get(key) == Some(value),
                Self::Ne(key, value) => metadata.get(key) != Some(value),
                Self::And(a, b) => a.holds(metadata) && b.holds(metadata),
                Self::Or(a, b) => a.holds(metadata) || b.holds(metadata),
            }
        }
    }

    /// Few of them, so that filters and metadata meet.
    fn keys() -> impl Strategy<Value = String> {
        prop_oneof!["[ab]", Just("a b".into()), Just("or".into()), Just("it's".into()), ".{1,3}"]
    }

    fn values() -> impl Strategy<Value = String> {
        prop_oneof!["[xy]?", Just("' or a eq '".into()), ".{0,3}"]
    }

    fn meanings() -> impl Strategy<Value = Meaning> {
        let leaf = prop_oneof![
            (keys(), values()).prop_map(|(key, value)| Meaning::Eq(key, value)),
            (keys(), values()).prop_map(|(key, value)| Meaning::Ne(key, value)),
        ];
        leaf.prop_recursive(5, 24, 2, |inner| {
            let pair = (inner.clone().prop_map(Box::new), inner.prop_map(Box::new));
            prop_oneof![
                pair.clone().prop_map(|(a, b)| Meaning::And(a, b)),
                pair.prop_map(|(a, b)| Meaning::Or(a, b)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same_filter(meaning in meanings()) {
            let filter = meaning.filter();
            prop_assert_eq!(&filter.to_string().parse::<MetadataFilter>().unwrap(), &filter);
            prop_assert_eq!(&meaning.text().parse::<MetadataFilter>().unwrap(), &filter);
        }

        #[test]
        fn a_filter_selects_what_it_means(
            meaning in meanings(),
            entries in prop::collection::btree_map(keys(), values(), 0..4),
        ) {
            let metadata = Metadata::new(entries).unwrap();
            prop_assert_eq!(meaning.filter().matches(&metadata), meaning.holds(&metadata));
        }

        #[test]
        fn any_text_is_read_or_refused(
            text in prop_oneof![".*", prop::collection::vec(
                prop::sample::select(vec!["a", "'b'", "eq", "ne", "and", "or", "(", ")", "'", " ", "é"]), 0..40,
            ).prop_map(|parts| parts.concat())],
        ) {
            if let Ok(filter) = text.parse::<MetadataFilter>() {
                prop_assert_eq!(filter.to_string().parse::<MetadataFilter>().unwrap(), filter);
            }
        }
    }
}
