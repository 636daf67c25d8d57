//! Reads conditions as people write them: recursive descent over three levels of binding.

use std::ops::Range;
use std::str::FromStr;

use super::holds::day;
use super::tokens::{Piece, Token, is_plain, token_at};
use super::{Comparison, Condition, Literal};

/// Words that are no name unless they stand in quotes.
const KEYWORDS: [&str; 6] = ["and", "or", "not", "has", "in", "contains"];

const OPERATORS: &str = "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in` or `contains`";
const VALUE: &str = "a text in quotes, a number, a day such as 2024-03-01, `true` or `false`";

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found} at column {column}, expected {expected}")]
#[non_exhaustive]
pub struct BadCondition {
    /// Where what was found begins, in letters from 1.
    pub column: usize,
    /// What was found, in bytes of the text; empty at its end.
    pub bytes: Range<usize>,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub expected: String,
}

impl Condition {
    /// A longer expression is not read.
    pub const MAX_LEN_BYTES: usize = 16_384;

    /// An expression whose parentheses and `not`s lie deeper in each other is not read. One that was built may
    /// be deeper.
    pub const MAX_NESTING: usize = 32;
}

impl FromStr for Condition {
    type Err = BadCondition;

    /// Reads an expression in the language of [`Condition`].
    fn from_str(text: &str) -> Result<Self, BadCondition> {
        if text.len() > Self::MAX_LEN_BYTES {
            return Err(BadCondition {
                column: 1,
                bytes: 0..text.len(),
                found: format!("{} bytes", text.len()),
                expected: format!("at most {} bytes", Self::MAX_LEN_BYTES),
            });
        }
        let mut parser = Parser {
            text,
            next: token_at(text, 0),
        };
        let condition = parser.any(0)?;
        match parser.next.piece {
            Piece::End => Ok(condition),
            _ => Err(parser.expected("`and`, `or` or the end")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    next: Token<'a>,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, BadCondition> {
        let mut condition = self.all(depth)?;
        while self.took_word("or") {
            condition = condition.or(self.all(depth)?);
        }
        Ok(condition)
    }

    fn all(&mut self, depth: usize) -> Result<Condition, BadCondition> {
        let mut condition = self.one(depth)?;
        while self.took_word("and") {
            condition = condition.and(self.one(depth)?);
        }
        Ok(condition)
    }

    fn one(&mut self, depth: usize) -> Result<Condition, BadCondition> {
        let opens = self.is_word("not") || self.is_sign("(");
        if opens && depth == Condition::MAX_NESTING {
            let bound = format!("at most {} levels of nesting", Condition::MAX_NESTING);
            return Err(self.expected(&bound));
        }
        if self.took_word("not") {
            return Ok(!self.one(depth + 1)?);
        }
        if self.took_sign("(") {
            let inner = self.any(depth + 1)?;
            self.close("`and`, `or` or `)`")?;
            return Ok(inner);
        }
        if self.took_word("has") {
            let name = self.name("a name")?;
            return Ok(Condition::name(name).exists());
        }
        let name = self.name("a name, `has`, `not` or `(`")?;
        self.comparison(name)
    }

    /// Reads what a value must be, from the operator on.
    fn comparison(&mut self, name: String) -> Result<Condition, BadCondition> {
        let name = Condition::name(name);
        if self.took_word("in") {
            return Ok(name.one_of(self.list()?));
        }
        if self.took_word("contains") {
            let Piece::Quoted(text) = &self.next.piece else {
                return Err(self.expected("a text in quotes"));
            };
            let text = text.clone();
            self.advance();
            return Ok(name.contains(text));
        }
        let comparison = match &self.next.piece {
            Piece::Sign(sign) => Comparison::ALL.into_iter().find(|c| c.sign() == *sign),
            _ => None,
        };
        let comparison = comparison.ok_or_else(|| self.expected(OPERATORS))?;
        self.advance();
        Ok(name.compare(comparison, self.value(VALUE)?))
    }

    fn list(&mut self) -> Result<Vec<Literal>, BadCondition> {
        if !self.took_sign("(") {
            return Err(self.expected("`(` and values between commas"));
        }
        let mut values = Vec::new();
        if self.took_sign(")") {
            return Ok(values);
        }
        loop {
            values.push(self.value(VALUE)?);
            if !self.took_sign(",") {
                self.close("`,` or `)`")?;
                return Ok(values);
            }
        }
    }

    fn name(&mut self, expected: &str) -> Result<String, BadCondition> {
        let name = match &self.next.piece {
            Piece::Word(word) if is_plain_name(word) => (*word).to_owned(),
            Piece::Quoted(text) => text.clone(),
            _ => return Err(self.expected(expected)),
        };
        self.advance();
        Ok(name)
    }

    fn value(&mut self, expected: &str) -> Result<Literal, BadCondition> {
        let value = match &self.next.piece {
            Piece::Quoted(text) => Some(Literal::Text(text.clone())),
            Piece::Word(word) => unquoted(word),
            _ => None,
        };
        let value = value.ok_or_else(|| self.expected(expected))?;
        self.advance();
        Ok(value)
    }

    fn close(&mut self, expected: &str) -> Result<(), BadCondition> {
        if self.took_sign(")") {
            return Ok(());
        }
        Err(self.expected(expected))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.next.piece, Piece::Word(next) if next.eq_ignore_ascii_case(word))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.next.piece, Piece::Sign(next) if next == sign)
    }

    fn took_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn took_sign(&mut self, sign: &str) -> bool {
        let is_next = self.is_sign(sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn advance(&mut self) {
        self.next = token_at(self.text, self.next.bytes.end);
    }

    /// Says what should stand where the next token stands.
    fn expected(&self, expected: &str) -> BadCondition {
        let bytes = self.next.bytes.clone();
        BadCondition {
            column: self.text[..bytes.start].chars().count() + 1,
            bytes,
            found: self.next.piece.to_string(),
            expected: expected.to_owned(),
        }
    }
}

/// Whether a name can stand without quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    let is_keyword = KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(name));
    !name.is_empty() && !is_keyword && name.chars().all(is_plain)
}

/// A value without quotes.
fn unquoted(word: &str) -> Option<Literal> {
    if matches!(word, "true" | "false") {
        return Some(Literal::Text(word.to_owned()));
    }
    // Rust would also read `inf` and `nan`.
    let is_numeric = !word.contains(|c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E'));
    let number = || word.parse().ok().filter(|number: &f64| number.is_finite());
    let date = day(word).map(Literal::Date);
    date.or_else(|| number().filter(|_| is_numeric).map(Literal::Number))
}
