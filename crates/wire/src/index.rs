//! What an indexing run has done.

use std::path::{Path, PathBuf};

use reread_engine::IndexSummary;
use serde::{Deserialize, Serialize};

use crate::{SCHEMA, milliseconds};

/// What one run has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The folder that was indexed, as it was given.
    pub folder: PathBuf,
    /// The folder of the index; `None` for one that is in no folder.
    pub index: Option<PathBuf>,
    /// Whether what can be found has changed.
    pub changed: bool,
    /// Whether an earlier run had been stopped before its end, and this one went on from there.
    pub resumed: bool,
    /// Files, by what became of them.
    pub files: Files,
    /// Passages, by what was done with them.
    pub passages: Passages,
    /// Documents of the index without a word, in no passage of it.
    pub empty: Vec<Empty>,
    /// What could not be read. The rest was indexed.
    pub problems: Vec<Problem>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
}

/// Files, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Those that were not in the index before.
    pub added: usize,
    /// Those whose content had changed.
    pub changed: usize,
    /// Those that are gone.
    pub removed: usize,
    /// Those that are as they were.
    pub unchanged: usize,
    /// Those that hold no text.
    pub binary: usize,
    /// Symbolic links, which are never followed.
    pub symlinks: usize,
    /// Pipes, sockets and devices.
    pub special: usize,
}

/// Passages, by what was done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passages {
    /// Those that were written.
    pub written: usize,
    /// Of these, those that the model embedded; the others' texts were known.
    pub embedded: usize,
}

/// A document without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {
    /// The file, relative to the indexed folder.
    pub path: String,
    /// What results would call it; `None` for a file without a single record.
    pub doc_id: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, relative to the indexed folder.
    pub path: String,
    /// The line, from 1, where the problem is about one line.
    pub line: Option<u32>,
    /// What is wrong, in a few words.
    pub reason: String,
}

impl Summary {
    /// A run over this folder, with the folder of its index.
    pub fn new(summary: &IndexSummary, folder: &Path, index: Option<&Path>) -> Self {
        Self {
            schema: SCHEMA,
            folder: folder.to_owned(),
            index: index.map(Path::to_owned),
            changed: summary.changed,
            resumed: summary.resumed,
            files: Files::from(summary),
            passages: Passages {
                written: summary.n_passages,
                embedded: summary.n_embedded,
            },
            empty: summary.empty.iter().map(Empty::from).collect(),
            problems: summary.problems.iter().map(Problem::from).collect(),
            elapsed_ms: milliseconds(summary.elapsed),
        }
    }
}

impl From<&IndexSummary> for Files {
    fn from(summary: &IndexSummary) -> Self {
        Self {
            added: summary.n_added,
            changed: summary.n_changed,
            removed: summary.n_removed,
            unchanged: summary.n_unchanged,
            binary: summary.n_binary,
            symlinks: summary.n_symlinks,
            special: summary.n_special,
        }
    }
}

impl From<&reread_engine::EmptyDocument> for Empty {
    fn from(document: &reread_engine::EmptyDocument) -> Self {
        Self {
            path: document.path.clone(),
            doc_id: document.id.clone(),
        }
    }
}

impl From<&reread_engine::Problem> for Problem {
    fn from(problem: &reread_engine::Problem) -> Self {
        Self {
            path: problem.path.clone(),
            line: problem.line,
            reason: problem.reason.to_string(),
        }
    }
}
