//! What a run over a folder did.

use std::time::Duration;

use reread_document::{Problem, Walk};

use crate::format::catalog::{Catalog, Outcome};

/// What an indexing run did.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct IndexSummary {
    /// Files that were not in the index before.
    pub n_added: usize,
    /// Files whose content had changed.
    pub n_changed: usize,
    /// Files that are gone.
    pub n_removed: usize,
    /// Files as they were.
    pub n_unchanged: usize,
    /// Files that hold no text.
    pub n_binary: usize,
    /// Symbolic links, which are never followed.
    pub n_symlinks: usize,
    /// Pipes, sockets and devices.
    pub n_special: usize,
    /// Passages written.
    pub n_passages: usize,
    /// Of these, those that the model embedded; the others' texts were known.
    pub n_embedded: usize,
    /// What could not be read, and why. The rest was indexed.
    pub problems: Vec<Problem>,
    /// Whether what can be found has changed. A new generation that only takes over file times does
    /// not count.
    pub changed: bool,
    /// Whether an earlier run had been stopped before its end, and this one went on from there.
    pub resumed: bool,
    /// How long it took.
    pub elapsed: Duration,
}

pub(super) fn new_summary(found: &Walk) -> IndexSummary {
    IndexSummary {
        n_symlinks: found.skipped.symlinks,
        n_special: found.skipped.special,
        problems: found.problems.clone(),
        ..IndexSummary::default()
    }
}

pub(super) fn n_binary(catalog: &Catalog) -> usize {
    catalog
        .iter()
        .filter(|source| source.outcome == Outcome::Binary)
        .count()
}
