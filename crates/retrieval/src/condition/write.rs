//! Writes conditions in a form that reads back as the same condition.

use std::fmt::{self, Display, Formatter};

use super::parse::is_plain_name;
use super::{Comparison, Condition, Literal, Tree};

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.tree() {
            Tree::Has(name) => write!(f, "has {}", Name(name)),
            Tree::Compare {
                name,
                comparison,
                value,
            } => write!(f, "{} {} {value}", Name(name), comparison.sign()),
            Tree::OneOf { name, values } => {
                write!(f, "{} in (", Name(name))?;
                joined(f, values, ", ")?;
                f.write_str(")")
            }
            Tree::Contains { name, text } => write!(f, "{} contains {}", Name(name), Quoted(text)),
            Tree::All(parts) => joined(f, parts.iter().map(Part), " and "),
            Tree::Any(parts) => joined(f, parts.iter().map(Part), " or "),
            Tree::Not(inner) => match inner.tree() {
                Tree::Has(_) => write!(f, "not {inner}"),
                _ => write!(f, "not ({inner})"),
            },
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Date(date) => date.fmt(f),
            // Very large and very small numbers would be hundreds of digits.
            Self::Number(number) if *number != 0.0 && !(1e-7..1e16).contains(&number.abs()) => {
                write!(f, "{number:e}")
            }
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Equal,
        Self::NotEqual,
        Self::Below,
        Self::AtMost,
        Self::Above,
        Self::AtLeast,
    ];

    /// How it is written, such as `>=`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// A condition that stands between `and`s or `or`s. One made of several is put into parentheses, also
/// where it need not be, so that nobody has to know what binds first.
struct Part<'a>(&'a Condition);

impl Display for Part<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.tree() {
            Tree::All(_) | Tree::Any(_) => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

/// A name, in quotes where it needs them.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_plain_name(self.0) {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}

struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"")
    }
}

fn joined<T: Display>(
    f: &mut Formatter<'_>,
    parts: impl IntoIterator<Item = T>,
    between: &str,
) -> fmt::Result {
    for (pos, part) in parts.into_iter().enumerate() {
        if pos > 0 {
            f.write_str(between)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}
