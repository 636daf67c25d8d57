//! What the user hands in: one text with its title, headings and place of origin.

use std::ops::Range;

use serde::Serialize;

use crate::file_name::{file_name, file_stem};
use crate::kind::DocumentKind;
use crate::metadata::{Metadata, Value};
use crate::words::is_wordless;

/// One document, as text: what a file was read into, or what an application handed in.
///
/// ```
/// use reread_document::Document;
///
/// let ticket = Document::new("T-17", "The printer prints blank pages.")
///     .with_title("Printer")
///     .with_metadata("floor", 2);
/// assert_eq!(ticket.id, "T-17");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Document {
    /// The name under which results report the document: a file's relative path, or the `_id` of
    /// a JSON Lines record. Unique within its file.
    pub id: String,
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
    /// Whether the title is only the name of the file, because the file gives none.
    #[serde(skip)]
    pub(crate) is_named_by_file: bool,
}

/// A heading inside a document's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// The bytes of `Document::text` that the heading takes up, markup and line end included.
    pub range: Range<usize>,
    /// 1 for the outermost level.
    pub level: u8,
    /// The heading's words without markup.
    pub text: String,
}

/// How line numbers of a passage are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lines {
    /// Line numbers count the line feeds of `Document::text`; its first line is number 1.
    OfText,
    /// The whole document stands on this one line of its file (a JSON Lines record).
    Single(u32),
}

impl Document {
    /// A plain text under the name `id`, without a title, headings, pages or metadata.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: String::new(),
            kind: DocumentKind::Text,
            text: text.into(),
            headings: Vec::new(),
            pages: Vec::new(),
            lines: Lines::OfText,
            metadata: Metadata::new(),
            is_named_by_file: false,
        }
    }

    /// Sets the title, which models read in front of each passage.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self.is_named_by_file = false;
        self
    }

    /// Sets the name of its file as the title, for want of another.
    pub(crate) fn named_by_file(mut self, name: &str) -> Self {
        name.clone_into(&mut self.title);
        self.is_named_by_file = true;
        self
    }

    /// Whether it has a title with a word in it that says more than the name of its file.
    pub(crate) fn has_own_title(&self) -> bool {
        let is_name = || [file_stem(&self.id), file_name(&self.id)].contains(&self.title.as_str());
        let is_nothing = is_wordless(&self.title) || self.is_named_by_file && is_name();
        !is_nothing
    }

    /// Sets the kind, by which searches can be narrowed. Code is cut at line ends, not at full stops.
    #[must_use]
    pub fn with_kind(mut self, kind: DocumentKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the headings in the text, in order.
    #[must_use]
    pub fn with_headings(mut self, headings: Vec<Heading>) -> Self {
        self.headings = headings;
        self
    }

    /// Sets the byte offsets in the text at which its pages start, ascending, page 1 first.
    #[must_use]
    pub fn with_pages(mut self, pages: Vec<usize>) -> Self {
        self.pages = pages;
        self
    }

    /// Sets how byte offsets become line numbers.
    #[must_use]
    pub fn with_lines(mut self, lines: Lines) -> Self {
        self.lines = lines;
        self
    }

    /// Adds a fact, in place of an earlier one of the same name.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_json_is_plain() {
        let text = "# A\nb\n";
        let heading = Heading {
            range: 0..4,
            level: 1,
            text: "A".to_owned(),
        };
        let document = Document::new("a", text)
            .with_kind(DocumentKind::Markdown)
            .with_headings(vec![heading])
            .with_lines(Lines::Single(3))
            .with_metadata("year", 2024);
        let json = serde_json::to_value(&document).unwrap();
        let expected = serde_json::json!({
            "id": "a", "title": "", "kind": "markdown", "text": text,
            "headings": [{"range": {"start": 0, "end": 4}, "level": 1, "text": "A"}],
            "pages": [], "lines": {"single": 3}, "metadata": {"year": 2024},
        });
        assert_eq!(json, expected);
    }
}
