//! What kinds of documents are called, as the table of formats says.

use std::fmt;
use std::str::FromStr;

use crate::format::{FORMATS, Format};
use crate::kind::DocumentKind;

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; FORMATS.len()] = {
        let mut all = [Self::Text; FORMATS.len()];
        let mut row = 0;
        while row < all.len() {
            all[row] = FORMATS[row].kind;
            row += 1;
        }
        all
    };

    /// The name, as [`FromStr`] reads it: the usual ending of such a file where there is one.
    pub fn name(self) -> &'static str {
        Format::of(self).name
    }

    /// Other names that [`FromStr`] reads, that of the index files among them.
    pub fn other_names(self) -> &'static [&'static str] {
        Format::of(self).other_names
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DocumentKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let is_called = |kind: &Self| kind.name() == name || kind.other_names().contains(&name);
        let found = Self::ALL.into_iter().find(is_called);
        found.ok_or_else(|| UnknownKind {
            given: name.to_owned(),
        })
    }
}

/// A name that no kind of document goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no kind of document `{given}`; the kinds are {}",
    DocumentKind::ALL.map(DocumentKind::name).join(", ")
)]
#[non_exhaustive]
pub struct UnknownKind {
    /// The name that was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use crate::kind::DocumentKind;

    #[test]
    fn a_kind_is_known_by_each_of_its_names_and_by_the_one_it_is_stored_under() {
        for kind in DocumentKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            for name in kind.other_names() {
                assert_eq!(name.parse(), Ok(kind));
            }
            let stored = serde_json::to_value(kind).unwrap();
            assert_eq!(stored.as_str().unwrap().parse(), Ok(kind));
        }
        let error = "docx".parse::<DocumentKind>().unwrap_err();
        assert!(error.to_string().ends_with("code, jsonl"), "{error}");
    }
}
