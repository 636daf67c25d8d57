//! What the user hands in: one text with its title, headings and place of origin.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;

/// One document, as text: what a file was read into, or what an application handed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The name under which results report the document: a file's relative path, or the `_id` of
    /// a JSON Lines record. Unique within its file.
    pub id: String,
    /// The path relative to the indexed folder, with `/` between its parts.
    pub path: String,
    /// The title: a metadata field, the first heading or the file's name. May be empty.
    pub title: String,
    /// What sort of document it was read from.
    pub kind: DocumentKind,
    /// The text that passages are cut from. Byte ranges refer to it.
    pub text: String,
    /// The headings in `text`, in order, none overlapping another.
    pub headings: Vec<Heading>,
    /// For documents with pages: the byte offset in `text` at which each page starts, ascending,
    /// page 1 first. Empty for documents without pages.
    pub pages: Vec<usize>,
    /// How byte offsets of `text` become line numbers.
    pub lines: Lines,
    /// What is known of it beside its text.
    pub metadata: Metadata,
}

/// A heading inside a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The bytes of `Document::text` that the heading takes up, markup and line end included.
    pub range: Range<usize>,
    /// 1 for the outermost level.
    pub level: u8,
    /// The heading's words without markup.
    pub text: String,
}

/// How line numbers of a passage are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Line numbers count the line feeds of `Document::text`; its first line is number 1.
    OfText,
    /// The whole document stands on this one line of its file (a JSON Lines record).
    Single(u32),
}

/// The sort of a document, decided by its file's name and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DocumentKind {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML, indexed as the text it shows.
    Html,
    /// PDF, indexed as the text on its pages.
    Pdf,
    /// Source code and configuration.
    Code,
    /// One record of a JSON Lines file.
    JsonLines,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Markdown,
        Self::Html,
        Self::Pdf,
        Self::Code,
        Self::JsonLines,
    ];

    /// The name, as [`FromStr`] reads it: the usual ending of such a file where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Code => "code",
            Self::JsonLines => "jsonl",
        }
    }

    /// Other names that [`FromStr`] reads, that of the index files among them.
    pub fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["txt"],
            Self::Markdown => &["markdown"],
            Self::Html => &["htm"],
            Self::Pdf | Self::Code => &[],
            Self::JsonLines => &["json-lines", "jsonlines"],
        }
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
    "there is no kind of document `{given}`; there are {}",
    DocumentKind::ALL.map(DocumentKind::name).join(", ")
)]
#[non_exhaustive]
pub struct UnknownKind {
    /// The name that was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

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
