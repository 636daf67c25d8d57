//! What is said of an option out of bounds.

/// An option lies outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} is {value}, but must be {bound}")]
#[non_exhaustive]
pub struct InvalidOption {
    /// The option's name.
    pub option: &'static str,
    /// The value given.
    pub value: String,
    /// What is allowed.
    pub bound: &'static str,
}

impl InvalidOption {
    /// Says that the option called `option` is `value`, which is not `bound`.
    pub fn new(option: &'static str, value: impl Into<String>, bound: &'static str) -> Self {
        Self {
            option,
            value: value.into(),
            bound,
        }
    }
}
