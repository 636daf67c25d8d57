//! Whether a condition holds for the metadata of a document.

use std::cmp::Ordering;

use reread_document::{Date, Metadata, Value};

use super::{Comparison, Condition, Literal, Tree};

impl Condition {
    /// Whether a document with this metadata fits.
    pub fn holds(&self, metadata: &Metadata) -> bool {
        let value = |name: &String| find(metadata, name);
        match self.tree() {
            Tree::Has(name) => value(name).is_some(),
            Tree::Compare {
                name,
                comparison,
                value: literal,
            } => value(name).is_some_and(|value| compares(value, *comparison, literal)),
            Tree::OneOf { name, values } => {
                value(name).is_some_and(|value| values.iter().any(|literal| equals(value, literal)))
            }
            Tree::Contains { name, text } => value(name).is_some_and(|value| contains(value, text)),
            Tree::All(parts) => parts.iter().all(|part| part.holds(metadata)),
            Tree::Any(parts) => parts.iter().any(|part| part.holds(metadata)),
            Tree::Not(inner) => !inner.holds(metadata),
        }
    }

    /// The smallest part that keeps a document with this metadata out; `None` where the condition holds.
    /// Of conditions that must all hold it is the first that does not, and of any other it is the whole.
    pub fn failing(&self, metadata: &Metadata) -> Option<&Self> {
        match self.tree() {
            Tree::All(parts) => parts.iter().find_map(|part| part.failing(metadata)),
            _ => (!self.holds(metadata)).then_some(self),
        }
    }
}

/// The value of a name as it is written, else in lower case, as names that were read from files are.
fn find<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a Value> {
    let exact = metadata.get(name);
    exact.or_else(|| metadata.get(&name.to_lowercase()))
}

fn compares(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    // The opposite of `=` also of a list, where "one of them is another" would be of no use.
    if comparison == Comparison::NotEqual {
        return !equals(value, literal);
    }
    any(value, &|value| {
        order(value, literal).is_some_and(|order| match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Below => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Above => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        })
    })
}

fn equals(value: &Value, literal: &Literal) -> bool {
    compares(value, Comparison::Equal, literal)
}

fn contains(value: &Value, text: &str) -> bool {
    any(
        value,
        &|value| matches!(value, Value::Text(whole) if whole.contains(text)),
    )
}

/// Whether a value fits, or one of its list.
fn any(value: &Value, fits: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::List(values) => values.iter().any(|value| any(value, fits)),
        value => fits(value),
    }
}

/// How a value lies to a literal; `None` where they are of two kinds.
fn order(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Text(value), Literal::Text(literal)) => Some(value.cmp(literal)),
        (Value::Number(value), Literal::Number(literal)) => value.partial_cmp(literal),
        (Value::Date(value), Literal::Date(literal)) => Some(value.cmp(literal)),
        (Value::Date(value), Literal::Text(literal)) => Some(value.cmp(&day(literal)?)),
        (Value::Text(value), Literal::Date(literal)) => Some(day(value)?.cmp(literal)),
        _ => None,
    }
}

/// The day that a text is, and nothing else beside it.
pub(super) fn day(text: &str) -> Option<Date> {
    let is_bare = text.len() == "2024-03-01".len();
    text.parse().ok().filter(|_| is_bare)
}
