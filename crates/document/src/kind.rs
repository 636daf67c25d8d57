//! The sorts of documents.

use serde::{Deserialize, Serialize};

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
