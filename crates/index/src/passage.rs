//! Passages: the units that are indexed and scored.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use crate::document::DocumentKind;

/// A passage's position in one snapshot of the index, from 0.
///
/// Ids are dense: they count through the segments of a snapshot, deleted passages included. They
/// change from one generation of the index to the next, so they are never stored outside a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageId(pub u32);

/// A document's position in one snapshot of the index, from 0, in the order of indexing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocId(pub u32);

impl fmt::Display for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passage {}", self.0)
    }
}

/// A passage with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passage {
    /// Its position in the snapshot.
    pub id: PassageId,
    /// Its document's position in the snapshot.
    pub document: DocId,
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
    /// Its lines, from 1.
    pub lines: RangeInclusive<u32>,
    /// Its page, from 1, where the document has pages.
    pub page: Option<u32>,
    /// The text to show.
    pub text: String,
}

impl Passage {
    /// The text that models read: title, heading path and text.
    pub fn contextual_text(&self) -> String {
        contextual_text(&self.title, &self.heading_path, &self.text)
    }
}

/// Joins what models read of a passage: title and heading path, on a line each, before the text.
pub(crate) fn contextual_text(title: &str, heading_path: &[String], text: &str) -> String {
    let headings = heading_path.join(" > ");
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
    }
}
