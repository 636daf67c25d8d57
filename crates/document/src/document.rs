//! What the user hands in: one text with its title, headings and place of origin.

use std::ops::Range;

use serde::{Deserialize, Serialize};

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
