use serde::{Deserialize, Serialize};

use crate::{InvalidValue, limits};

/// A name that a person chose: of a project, a tag, an iteration, a publication or an application.
///
/// Never empty or only white space, at most [`limits::MAX_NAME`] characters, no control characters, no white
/// space at either end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Takes the text, less the white space around it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidValue> {
        let text = text.as_ref().trim();
        let chars = text.chars().count();
        if chars == 0 {
            Err(InvalidValue::EmptyName)
        } else if chars > limits::MAX_NAME {
            Err(InvalidValue::LongText { what: "name", chars, limit: limits::MAX_NAME })
        } else if text.chars().any(char::is_control) {
            Err(InvalidValue::ControlCharacter { what: "name" })
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Name {
    type Error = InvalidValue;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// A longer text that a person wrote, possibly empty; at most [`limits::MAX_DESCRIPTION`] characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Description(String);

impl Description {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidValue> {
        let text = text.into();
        let chars = text.chars().count();
        if chars > limits::MAX_DESCRIPTION {
            return Err(InvalidValue::LongText {
                what: "description",
                chars,
                limit: limits::MAX_DESCRIPTION,
            });
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Description {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Description> for String {
    fn from(description: Description) -> Self {
        description.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!(Name::new("  oak \n").unwrap(), "oak");
        for (text, why) in [("", "empty"), (" \t", "empty"), ("a\u{0}b", "control")] {
            let message = Name::new(text).unwrap_err().to_string();
            assert!(message.contains(why), "{text:?}: {message}");
        }
        assert!(Name::new("é".repeat(limits::MAX_NAME)).is_ok());
        assert!(Name::new("é".repeat(limits::MAX_NAME + 1)).is_err());
    }

    #[test]
    fn an_invalid_name_does_not_deserialise() {
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
    }
}
