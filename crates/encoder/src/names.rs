//! Choices that go by names: how a name is read, and what is said of one that nothing goes by.

/// A name that no choice goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{given}`; the names are {}", names.join(", "))]
#[non_exhaustive]
pub struct UnknownName {
    /// What was to be named, such as `mode`.
    pub what: &'static str,
    /// The name that was given.
    pub given: String,
    /// The names that there are.
    pub names: Vec<&'static str>,
}

impl UnknownName {
    /// Finds the one of `all` that goes by the name `given`.
    ///
    /// # Errors
    /// [`UnknownName`] where none does.
    pub fn or_find<T: Copy>(
        what: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        given: &str,
    ) -> Result<T, Self> {
        let found = all.iter().find(|&&choice| name(choice) == given);
        found.copied().ok_or_else(|| Self {
            what,
            given: given.to_owned(),
            names: all.iter().map(|&choice| name(choice)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;

    #[test]
    fn names_are_read_back_and_an_unknown_one_is_answered_with_them() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        let error: UnknownName = "both".parse::<Precision>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no precision `both`; the names are int8, f32"
        );
    }
}
