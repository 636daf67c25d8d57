//! How a program builds a condition: a name, and what its value must be.

use super::{Comparison, Condition, Literal, Tree};

/// A name in the metadata, of which a condition is made by saying what its value must be.
#[derive(Debug, Clone)]
#[must_use]
pub struct Named(String);

impl Condition {
    /// Begins a condition on the value of this name.
    pub fn name(name: impl Into<String>) -> Named {
        Named(name.into())
    }
}

impl Named {
    /// There is a value.
    #[must_use]
    pub fn exists(self) -> Condition {
        Condition(Tree::Has(self.0))
    }

    /// The value is this one.
    #[must_use]
    pub fn equals(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::Equal, value)
    }

    /// There is a value, and it is not this one.
    #[must_use]
    pub fn differs_from(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::NotEqual, value)
    }

    /// The value is less than this one.
    #[must_use]
    pub fn below(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::Below, value)
    }

    /// The value is this one or less.
    #[must_use]
    pub fn at_most(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::AtMost, value)
    }

    /// The value is more than this one.
    #[must_use]
    pub fn above(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::Above, value)
    }

    /// The value is this one or more.
    #[must_use]
    pub fn at_least(self, value: impl Into<Literal>) -> Condition {
        self.compare(Comparison::AtLeast, value)
    }

    /// The value compares so with this one.
    #[must_use]
    pub fn compare(self, comparison: Comparison, value: impl Into<Literal>) -> Condition {
        let (name, value) = (self.0, value.into().finite());
        Condition(Tree::Compare {
            name,
            comparison,
            value,
        })
    }

    /// The value is one of these.
    #[must_use]
    pub fn one_of<T: Into<Literal>>(self, values: impl IntoIterator<Item = T>) -> Condition {
        let values = values.into_iter().map(|value| value.into().finite());
        Condition(Tree::OneOf {
            name: self.0,
            values: values.collect(),
        })
    }

    /// The value is a text with this one in it.
    #[must_use]
    pub fn contains(self, text: impl Into<String>) -> Condition {
        Condition(Tree::Contains {
            name: self.0,
            text: text.into(),
        })
    }
}
