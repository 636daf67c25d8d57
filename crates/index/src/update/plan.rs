//! What of a folder has to be read.

use std::collections::HashSet;

use reread_document::{FoundFile, Problem, Reason, Walk};
use reread_retrieval::unix_ns;

use super::summary::IndexSummary;
use crate::format::catalog::{Catalog, Origin, Outcome, Source};

/// A file changed this shortly before the last commit may have changed again within its clock's
/// tick, so its bytes are compared.
const RACY_NS: u64 = 2_000_000_000;

/// A file to be read, and what the index knows of it.
pub(super) struct Job {
    pub(super) file: FoundFile,
    pub(super) known: Option<Known>,
}

#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) digest: [u8; 32],
    pub(super) must_cut: bool,
}

/// What an index knows before a run.
pub(super) struct IndexState<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) written_ns: u64,
    pub(super) must_cut: bool,
}

/// Paths of the index that are no longer in the folder. What cannot be looked at now may well be
/// there, so it stays.
pub(super) fn missing(catalog: &Catalog, found: &Walk) -> Vec<String> {
    let present: HashSet<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let closed: Vec<&str> = found
        .problems
        .iter()
        .filter(|problem| matches!(problem.reason, Reason::Unreadable(_)))
        .map(|problem| problem.path.as_str())
        .collect();
    let unseen = |path: &str| {
        closed.iter().any(|&folder| {
            folder.is_empty()
                || path
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    catalog
        .iter()
        .filter(|s| s.origin == Origin::Folder && !present.contains(s.path.as_str()))
        .filter(|source| !unseen(&source.path))
        .map(|source| source.path.clone())
        .collect()
}

/// The files that must be read; counts the others.
pub(super) fn plan(state: &IndexState<'_>, found: Walk, summary: &mut IndexSummary) -> Vec<Job> {
    let mut jobs = Vec::new();
    for file in found.files {
        match state.source(&file.path) {
            Some(source) if !state.must_cut && state.is_as_it_was(source, &file) => {
                summary.problems.extend(earlier_problem(source));
                summary.n_unchanged += 1;
            }
            source => {
                let known = source.map(|source| Known {
                    digest: source.digest,
                    must_cut: state.must_cut,
                });
                jobs.push(Job { file, known });
            }
        }
    }
    jobs
}

impl IndexState<'_> {
    /// The source of a file of the folder.
    fn source(&self, path: &str) -> Option<&Source> {
        let at = self
            .catalog
            .binary_search_by(|source| source.path.as_str().cmp(path));
        let source = &self.catalog[at.ok()?];
        (source.origin == Origin::Folder).then_some(source)
    }

    /// Whether a file need not be read, as nothing about it has changed.
    fn is_as_it_was(&self, source: &Source, file: &FoundFile) -> bool {
        let modified_ns = unix_ns(file.modified);
        // Later than any time that a file can have.
        let written_ns = i64::try_from(self.written_ns).unwrap_or(i64::MAX);
        source.size_bytes == file.len_bytes
            && source.modified_ns == modified_ns
            && source.changed_ns == file.changed_ns
            && modified_ns.abs_diff(written_ns) > RACY_NS
            // Where the system tells no change of permissions, an unreadable file is tried again.
            && (source.digest != [0; 32] || file.changed_ns != 0)
    }
}

/// What is still wrong with a file that is not tried again.
pub(super) fn earlier_problem(source: &Source) -> Option<Problem> {
    let Outcome::Failed(reason) = &source.outcome else {
        return None;
    };
    Some(Problem {
        path: source.path.clone(),
        line: None,
        reason: Reason::Earlier(reason.clone()),
    })
}
