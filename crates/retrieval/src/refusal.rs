//! Why a search may not return a passage, whatever it says.

use reread_document::DocumentKind;

/// What keeps a passage out of an answer before anything is ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its document's path matches none of the filter's patterns.
    Path,
    /// Its document is of this kind, which the filter leaves out.
    Kind(DocumentKind),
    /// Its document was last modified before the filter's time.
    ModifiedBefore,
    /// It does not hold this phrase, which the query has in quotes.
    Phrase(String),
    /// It holds these words, which the query excludes with a minus.
    Exclusion(String),
}
