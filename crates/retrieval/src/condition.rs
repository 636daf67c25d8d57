//! Conditions on the metadata of documents: the tree, and how parts of it are joined.

mod holds;
mod named;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;
mod write;

use std::ops::Not;

use reread_document::Date;

pub use named::Named;
pub use parse::BadCondition;

/// What the metadata of a document must be for a search to return it.
///
/// A condition is written as an expression and read with [`str::parse`], or built; [`Display`] writes a
/// form that reads back as the same condition.
///
/// ```
/// use reread_retrieval::Condition;
///
/// let built = Condition::name("lang")
///     .equals("en")
///     .and(Condition::name("year").at_least(2020));
/// let read: Condition = r#"lang = "en" and year >= 2020"#.parse()?;
/// assert_eq!(built, read);
/// # Ok::<(), reread_retrieval::BadCondition>(())
/// ```
///
/// # The language
///
/// | expression | holds where |
/// |---|---|
/// | `lang = "en"` | the value of `lang` is this one |
/// | `lang != "en"` | there is a value, and `=` does not hold |
/// | `year < 2020`, `<=`, `>`, `>=` | the value is less, at most, more, at least this one |
/// | `lang in ("en", "de")` | `=` holds for one of these |
/// | `author contains "love"` | the value is a text that holds this one |
/// | `has author` | there is a value |
/// | `a and b`, `a or b`, `not a`, `(a)` | as the words say; `not` binds first, then `and`, then `or` |
///
/// A name of letters, digits, `_`, `-` and `.` stands as it is, any other in quotes; upper and lower case
/// are different names. A text stands in `"` or `'`, in which `\` takes its meaning from a quote and from
/// another `\`. A number is written as `12`, `-0.5` or `1e6`, a day as `2024-03-01`, with quotes or without;
/// `true` and `false` are short for the texts `"true"` and `"false"`. The words of the language may be
/// written in capitals.
///
/// # What a value is compared with
///
/// - Only values of the same kind are compared: numbers by size, days by time, texts by their bytes.
///   Between two kinds no comparison holds but `!=`: the number 2020 is not the text `"2020"`. The one
///   exception is a text that is a day, which is compared with days as that day.
/// - Texts are compared exactly as they stand, capitals included, as tags and codes differ by them and as
///   every engine that a first pass may be built on can do it the same way.
/// - Of a list one value must fit. `!=` is the opposite of `=`, so there none may be the same.
/// - A document without the name fits no comparison, not even `!=`. `not lang = "en"` takes it in:
///   `not` is the opposite of whatever follows it.
///
/// [`Display`]: std::fmt::Display
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(Tree);

/// The outermost part of a [`Condition`], for a first pass to translate. It is all there is: no other
/// crate can make a condition of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// There is a value of this name.
    Has(String),
    /// The value of `name` compares so with `value`.
    Compare {
        /// The name in the metadata.
        name: String,
        /// The comparison.
        comparison: Comparison,
        /// What is compared with.
        value: Literal,
    },
    /// The value of `name` equals one of `values`; none fits where there are none.
    OneOf {
        /// The name in the metadata.
        name: String,
        /// What is compared with.
        values: Vec<Literal>,
    },
    /// The value of `name` is a text with `text` in it.
    Contains {
        /// The name in the metadata.
        name: String,
        /// What must stand in it, exactly so.
        text: String,
    },
    /// All of these hold; two or more, none of them an `All`.
    All(Vec<Condition>),
    /// One of these holds; two or more, none of them an `Any`.
    Any(Vec<Condition>),
    /// This does not hold; it is no `Not`.
    Not(Box<Condition>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// A value that stands in a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Words.
    Text(String),
    /// A number; never infinite, and never "not a number".
    Number(f64),
    /// A day.
    Date(Date),
}

/// Numbers of literals are always equal to themselves.
impl Eq for Literal {}

impl Condition {
    /// Holds where both conditions do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut parts = self.into_all();
        parts.extend(other.into_all());
        Self(Tree::All(parts))
    }

    /// Holds where one of the two conditions does, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut parts = self.into_any();
        parts.extend(other.into_any());
        Self(Tree::Any(parts))
    }

    /// The outermost part.
    pub fn tree(&self) -> &Tree {
        &self.0
    }

    fn into_all(self) -> Vec<Self> {
        match self.0 {
            Tree::All(parts) => parts,
            other => vec![Self(other)],
        }
    }

    fn into_any(self) -> Vec<Self> {
        match self.0 {
            Tree::Any(parts) => parts,
            other => vec![Self(other)],
        }
    }
}

/// `!condition` holds where `condition` does not.
impl Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        match self.0 {
            Tree::Not(inner) => *inner,
            other => Self(Tree::Not(Box::new(Self(other)))),
        }
    }
}

impl Literal {
    /// As in metadata, what is not finite becomes text.
    fn finite(self) -> Self {
        match self {
            Self::Number(number) if !number.is_finite() => Self::Text(number.to_string()),
            other => other,
        }
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Literal {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<f64> for Literal {
    /// What is not finite becomes text, as no comparison could be made with it.
    fn from(number: f64) -> Self {
        Self::Number(number).finite()
    }
}

impl From<bool> for Literal {
    /// The text `true` or `false`, as metadata has no kind of its own for these.
    fn from(truth: bool) -> Self {
        Self::Text(truth.to_string())
    }
}

impl From<Date> for Literal {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}
