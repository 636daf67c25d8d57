//! What a run over a folder did.

use std::time::Duration;

use reread_document::{Problem, Walk};

use crate::format::catalog::{Catalog, Origin, Outcome, Source};

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
    /// Documents of the index without a passage, as neither their title nor their text holds a word.
    pub empty: Vec<EmptyDocument>,
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

/// A document without a word, which nothing can find.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EmptyDocument {
    /// The file, relative to the indexed folder.
    pub path: String,
    /// What results would call it: the file's path, or a record's id. `None` for a file without a
    /// single record.
    pub id: Option<String>,
}

pub(super) fn new_summary(found: &Walk) -> IndexSummary {
    IndexSummary {
        n_symlinks: found.skipped.symlinks,
        n_special: found.skipped.special,
        problems: found.problems.clone(),
        ..IndexSummary::default()
    }
}

/// What of the folder is indexed and holds no word, in order of the paths.
pub(super) fn empty(catalog: &Catalog) -> Vec<EmptyDocument> {
    let read = catalog
        .iter()
        .filter(|source| source.origin == Origin::Folder && source.outcome == Outcome::Indexed);
    let named = |source: &Source, id: Option<&str>| EmptyDocument {
        path: source.path.clone(),
        id: id.map(str::to_owned),
    };
    let of_source = |source: &Source| -> Vec<EmptyDocument> {
        if source.documents.is_empty() {
            return vec![named(source, None)];
        }
        let documents = source.documents.iter();
        let silent = documents.filter(|document| document.n_passages == 0);
        silent
            .map(|document| named(source, Some(&document.id)))
            .collect()
    };
    read.flat_map(of_source).collect()
}

pub(super) fn n_binary(catalog: &Catalog) -> usize {
    catalog
        .iter()
        .filter(|source| source.outcome == Outcome::Binary)
        .count()
}
