//! Passages: the units that are indexed and scored.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use reread_document::{DocumentKind, Locator, Metadata};

/// Names a passage of an index for good: another passage never gets the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageKey(pub u64);

/// Names a document of an index for good. One that is put in place of another has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey(pub u64);

impl fmt::Display for PassageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passage {}", self.0)
    }
}

/// A passage with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Passage {
    /// Its key.
    pub key: PassageKey,
    /// Its document's key.
    pub document: DocumentKey,
    /// What results call its document: a file's path, or a record's `_id`.
    pub doc_id: String,
    /// The file it comes from, relative to the indexed folder.
    pub path: String,
    /// Its document's title; may be empty.
    pub title: String,
    /// Its document's kind.
    pub kind: DocumentKind,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Its bytes in the document's text.
    pub bytes: Range<u64>,
    /// Its lines, and its page where the document has pages.
    pub locator: Locator,
    /// What is known of its document beside the text.
    pub metadata: Metadata,
    /// The text to show.
    pub text: String,
}

impl Passage {
    /// A passage on the first line of a text document that is its own file, without a title; the rest is set
    /// as it is known.
    pub fn new(
        key: PassageKey,
        document: DocumentKey,
        doc_id: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        let (doc_id, text) = (doc_id.into(), text.into());
        Self {
            key,
            document,
            path: doc_id.clone(),
            doc_id,
            title: String::new(),
            kind: DocumentKind::Text,
            heading_path: Vec::new(),
            bytes: 0..text.len() as u64,
            locator: Locator::new(1..=1, None),
            metadata: Metadata::new(),
            text,
        }
    }

    /// Sets the file it comes from.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets its document's title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets its document's kind.
    #[must_use]
    pub fn with_kind(mut self, kind: DocumentKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the headings above it, outermost first.
    #[must_use]
    pub fn with_heading_path(mut self, heading_path: Vec<String>) -> Self {
        self.heading_path = heading_path;
        self
    }

    /// Sets its bytes in the document's text, and where a reader finds them.
    #[must_use]
    pub fn with_place(mut self, bytes: Range<u64>, locator: Locator) -> Self {
        (self.bytes, self.locator) = (bytes, locator);
        self
    }

    /// Sets what is known of its document beside the text.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Its lines, from 1.
    pub fn lines(&self) -> &RangeInclusive<u32> {
        self.locator.lines()
    }

    /// Its page, from 1, where the document has pages.
    pub fn page(&self) -> Option<u32> {
        self.locator.page()
    }

    /// The text that models read: title, heading path and text.
    pub fn contextual_text(&self) -> String {
        contextual_text(&self.title, &self.heading_path, &self.text)
    }
}

/// Joins what models read of a passage: title and heading path, on a line each, before the text.
/// A passage that is its document's title is read once.
pub fn contextual_text(title: &str, heading_path: &[String], text: &str) -> String {
    let headings = heading_path.join(" > ");
    let title = if title == text { "" } else { title };
    let mut joined = String::with_capacity(title.len() + headings.len() + text.len() + 2);
    for part in [title, &headings, text] {
        if !part.is_empty() {
            if !joined.is_empty() {
                joined.push('\n');
            }
            joined.push_str(part);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_read_title_and_headings_before_the_text() {
        let headings = ["Backups".to_owned(), "Restore".to_owned()];
        assert_eq!(
            contextual_text("Manual", &headings, "Text."),
            "Manual\nBackups > Restore\nText."
        );
        assert_eq!(contextual_text("", &[], "Text."), "Text.");
        assert_eq!(contextual_text("Title", &[], "Title"), "Title");
    }
}
