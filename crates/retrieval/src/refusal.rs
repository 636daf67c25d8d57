//! Why a search may not return a passage, whatever it says.

use reread_document::DocumentKind;

use crate::condition::Condition;
use crate::phrase::Phrase;

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
    /// Its document's metadata does not fit this condition: the filter's, or the first that does not fit
    /// of those that must all hold.
    Condition(Condition),
    /// It does not hold this, which the query demands: a phrase in quotes, or words of the title, the path or
    /// the tags.
    Phrase(Phrase),
    /// It holds this, which the query excludes with a minus.
    Exclusion(Phrase),
}
