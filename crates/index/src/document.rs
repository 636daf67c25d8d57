//! What the user hands in: one text with its title, headings and place of origin.

mod extract;
mod html;
mod json_lines;
mod kind;
mod markdown;
mod pdf;
mod problem;
mod text;
mod walk;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

pub(crate) use text::boundary_before;
pub(crate) use walk::is_store_name;

pub use extract::{ExtractOptions, Extraction, extract};
pub use problem::{Problem, Reason};
pub use walk::{FoundFile, HiddenFiles, SkippedFiles, Walk, WalkOptions, walk};

/// One document, as text: what a file was read into, or what an application handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let has_other = |kind: &Self| kind.other_names().contains(&name);
        match Self::ALL.into_iter().find(has_other) {
            Some(kind) => Ok(kind),
            None => UnknownName::or_find("kind of document", &Self::ALL, Self::name, name),
        }
    }
}
