//! Choices that go by names: how a name is read, and what is said of one that nothing goes by.

/// A name that no choice goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{given}`; there are {}", names.join(", "))]
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
    use crate::{DocumentKind, Fusion, Mode};

    #[test]
    fn names_are_read_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for fusion in Fusion::ALL {
            assert_eq!(fusion.name().parse(), Ok(fusion));
        }
        for kind in DocumentKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            for name in kind.other_names() {
                assert_eq!(name.parse(), Ok(kind));
            }
        }
        assert_eq!(Fusion::ALL[0], Fusion::default());
    }

    #[test]
    fn a_kind_is_known_by_the_name_under_which_it_is_stored() {
        for kind in DocumentKind::ALL {
            let stored = serde_json::to_value(kind).unwrap();
            assert_eq!(stored.as_str().unwrap().parse(), Ok(kind));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "both".parse::<Mode>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no mode `both`; there are lexical, vector, hybrid"
        );
    }
}
