//! One part of the check of an index: what was looked at, and what was found.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::format::manifest::SegmentRef;

/// At most this many findings of one check are described; the others are counted.
const MAX_DESCRIBED: usize = 20;

/// A check that has found so much looks no further: what it compares may be far off, and damaged
/// numbers may be large.
const MAX_COUNTED: usize = 100_000;

/// One part of the check.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What was checked.
    pub subject: Subject,
    /// How much was looked at, for people: `12 files`.
    pub extent: String,
    /// How many things are wrong.
    pub n_findings: usize,
    /// The first of them.
    pub findings: Vec<Finding>,
    /// Why this, or a part of it, could not be checked.
    pub not_checked: Option<String>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// MANIFEST, which names everything else.
    Manifest,
    /// Length and digest of every file that the manifest names.
    Files,
    /// The documents and where their passages are.
    Catalog,
    /// The stored texts.
    Passages,
    /// That BM25 knows every passage once, and no other.
    Lexical,
    /// That every passage has a vector, finite and of length 1, and that its 8-bit copy is its
    /// rounding.
    Vectors,
    /// That a search by the graph reaches every vector, where there is a graph.
    Graph,
    /// How many of the nearest vectors a search finds, on a sample.
    Recall,
    /// Files that no manifest names. They cost room and do no harm.
    Leftovers,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file or folder.
    pub path: PathBuf,
    /// Where in the file it shows, where that is known.
    pub offset: Option<u64>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: Remedy,
}

/// What helps against a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Let a repair make it again, or restore a backup.
    Repair,
    /// Remove it; the next writer does so too.
    Remove,
    /// Let this user read it, and check again.
    Permit,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Sound,
    /// Something is left over, which does no harm.
    Note,
    /// Something is wrong.
    Problem,
    /// It could not be checked, or not all of it.
    NotChecked,
}

impl Check {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            extent: String::new(),
            n_findings: 0,
            findings: Vec::new(),
            not_checked: None,
        }
    }

    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        let unreadable = |finding: &Finding| finding.remedy == Remedy::Permit;
        if self.n_findings > 0 && self.findings.iter().all(unreadable) {
            return Verdict::NotChecked;
        }
        match (self.n_findings, &self.not_checked, self.subject) {
            (1.., _, Subject::Leftovers) => Verdict::Note,
            (1.., ..) => Verdict::Problem,
            (0, Some(_), _) => Verdict::NotChecked,
            (0, None, _) => Verdict::Sound,
        }
    }

    pub(super) fn find(&mut self, path: &Path, offset: Option<u64>, problem: impl Into<String>) {
        self.note(Finding {
            path: path.to_owned(),
            offset,
            problem: problem.into(),
            remedy: Remedy::Repair,
        });
    }

    pub(super) fn note(&mut self, finding: Finding) {
        self.n_findings += 1;
        if self.findings.len() < MAX_DESCRIBED {
            self.findings.push(finding);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.n_findings >= MAX_COUNTED
    }

    pub(super) fn close(&mut self, closed: Closed) {
        match closed {
            Closed::Blocked(reason) => self.not_checked = Some(reason),
            Closed::Failed(error) => self.fail(&error),
        }
    }

    /// Takes in what reading a part of the index failed with. What the system refused to read is
    /// not known to be wrong.
    pub(super) fn fail(&mut self, error: &Error) {
        match error {
            Error::Damaged {
                path,
                offset,
                problem,
            } => self.find(path, Some(*offset), problem),
            Error::UnsupportedVersion { path, found, .. } => {
                let problem = format!("it says version {found}, which does not match its index");
                self.find(path, Some(8), problem);
            }
            Error::Lexical { path, source, .. } => self.find(path, None, source.to_string()),
            Error::Io { source, .. } => self.not_checked = Some(format!("{error}: {source}")),
            error => self.not_checked = Some(error.to_string()),
        }
    }
}

impl Verdict {
    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sound => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
            Self::NotChecked => "not_checked",
        }
    }
}

impl Remedy {
    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Remove => "remove",
            Self::Permit => "permit",
        }
    }
}

impl Subject {
    /// Its name, for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Files => "files",
            Self::Catalog => "catalog",
            Self::Passages => "passages",
            Self::Lexical => "lexical",
            Self::Vectors => "vectors",
            Self::Graph => "graph",
            Self::Recall => "recall",
            Self::Leftovers => "leftovers",
        }
    }
}

/// Why a part of the index cannot be looked at.
pub(super) enum Closed {
    /// A file of it is damaged, which has been said already.
    Blocked(String),
    /// It cannot be opened, though its files are as they were written.
    Failed(Error),
}

impl Closed {
    pub(super) fn of_segment(segment: &SegmentRef) -> Self {
        Self::Blocked(format!("a file of segment {} is damaged", segment.number))
    }
}

impl From<Error> for Closed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A check that damage found before makes impossible.
pub(super) fn blocked(subject: Subject, reason: &str) -> Check {
    let mut check = Check::new(subject);
    check.not_checked = Some(reason.to_owned());
    check
}
