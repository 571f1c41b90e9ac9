use super::{Expression, is_bare_char, is_keyword};
use crate::{InvalidValue, limits};

/// A reader of the text from `at` (a byte) on. It recurses once for each open parenthesis.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(super) fn filter(&mut self) -> Result<Expression, InvalidValue> {
        let expression = self.or()?;
        self.skip_space();
        if !self.rest().is_empty() {
            return Err(self.expected("`and`, `or` or the end"));
        }
        Ok(expression)
    }

    fn or(&mut self) -> Result<Expression, InvalidValue> {
        let mut terms = vec![self.and()?];
        while self.keyword("or") {
            terms.push(self.and()?);
        }
        Ok(Expression::or(terms))
    }

    fn and(&mut self) -> Result<Expression, InvalidValue> {
        let mut terms = vec![self.term()?];
        while self.keyword("and") {
            terms.push(self.term()?);
        }
        Ok(Expression::and(terms))
    }

    fn term(&mut self) -> Result<Expression, InvalidValue> {
        if !self.symbol('(') {
            return self.comparison();
        }
        if self.depth == limits::MAX_METADATA_FILTER_DEPTH {
            return Err(InvalidValue::MetadataFilterDepth);
        }
        self.depth += 1;
        let inner = self.or()?;
        self.depth -= 1;
        if !self.symbol(')') {
            return Err(self.expected("`and`, `or` or a closing parenthesis"));
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Expression, InvalidValue> {
        self.skip_space();
        let word = self.word();
        let key = if word.is_empty() {
            self.quoted("a key (other than of letters, digits and _-.:/@ in single quotes) or a parenthesis")?
        } else if is_keyword(word) {
            return Err(self.expected("a key; one that is called eq, ne, and or or is put in single quotes"));
        } else {
            self.at += word.len();
            word.to_owned()
        };
        let equal = if self.keyword("eq") {
            true
        } else if self.keyword("ne") {
            false
        } else {
            return Err(self.expected("`eq` or `ne`"));
        };
        self.skip_space();
        let value = self.quoted("a value in single quotes")?;
        Expression::compare(key, value, equal)
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The word that follows, which may be empty. It is not consumed.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        rest.find(|c| !is_bare_char(c)).map_or(rest, |end| &rest[..end])
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.skip_space();
        let found = self.word().eq_ignore_ascii_case(keyword);
        self.at += if found { keyword.len() } else { 0 };
        found
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len_utf8() } else { 0 };
        found
    }

    fn quoted(&mut self, expected: &'static str) -> Result<String, InvalidValue> {
        let Some(inner) = self.rest().strip_prefix('\'') else {
            return Err(self.expected(expected));
        };
        let mut text = String::new();
        let mut rest = inner;
        while let Some((part, after)) = rest.split_once('\'') {
            text.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => {
                    self.at = self.text.len() - after.len();
                    return Ok(text);
                }
            }
        }
        self.at = self.text.len();
        Err(self.expected("a closing single quote; a quote within quotes is written twice"))
    }

    fn expected(&self, expected: &'static str) -> InvalidValue {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        InvalidValue::MetadataFilter { position: before.chars().count() + 1, expected }
    }
}
