//! The check of a whole index: every file, every passage in both arms, every vector.
//!
//! [`diagnose`] only reads. It goes on after the first problem, so that one run tells everything
//! that is wrong, and leaves out what cannot be looked at because a file under it is damaged.

mod arms;
mod derive;
mod files;
mod graph;
mod leftovers;
mod mend;
mod vectors;

use std::path::{Path, PathBuf};

use crate::format::catalog::Origin;
use crate::format::manifest::{Manifest, SegmentRef};
use crate::index_folder::{is_ours, names, stored_root};
use crate::{Error, Result};

pub use leftovers::remove_leftovers;
pub use mend::{Loss, Mended, OpenEmbedder, mend};

/// How often a check begins again when a writer commits while it reads.
const ATTEMPTS: usize = 5;

/// At most so many findings of one check are described; the others are counted.
const MAX_DESCRIBED: usize = 20;

/// A check that has found so much looks no further: what it compares may be far off, and damaged
/// numbers may be large.
const MAX_COUNTED: usize = 100_000;

/// What is known of an index after looking at all of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The index folder.
    pub folder: PathBuf,
    /// The generation that was looked at, unless the manifest cannot be read.
    pub generation: Option<u64>,
    /// What was checked, in this order.
    pub checks: Vec<Check>,
    /// The documents that an application added and a rebuild from the folder would lose. `None`
    /// where the catalog cannot be read.
    pub added: Option<Vec<String>>,
    /// How the index was built, unless the manifest cannot be read.
    pub built: Option<Built>,
}

/// How an index was built, for a rebuild that does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// Longest passage in tokens.
    pub max_tokens: usize,
    /// Tokens that a passage repeats of the one before it.
    pub overlap_tokens: usize,
    /// Whether hidden files were taken in.
    pub hidden: bool,
    /// Larger files were left out.
    pub max_file_bytes: u64,
    /// As the manifest has it: empty for the folder around the index.
    root: String,
}

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
    /// Let a repair make it anew, or restore a backup.
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

impl Diagnosis {
    /// `Problem` if any check found one, else `NotChecked` if any could not be made, else `Sound`:
    /// what is left over does not make an index unsound.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.checks.iter().any(|check| check.verdict() == verdict);
        if any(Verdict::Problem) {
            Verdict::Problem
        } else if any(Verdict::NotChecked) {
            Verdict::NotChecked
        } else {
            Verdict::Sound
        }
    }

    /// Refuses to build anew from another folder than the index was built for.
    ///
    /// # Errors
    /// `OtherFolder`, which names both.
    pub fn check_root(&self, root: &Path) -> Result<()> {
        let Some(built) = &self.built else {
            return Ok(());
        };
        let given = stored_root(&self.folder, root);
        if built.root == given {
            return Ok(());
        }
        let named = |root: &str| match root {
            "" => "the folder around it".to_owned(),
            root => root.to_owned(),
        };
        Err(Error::OtherFolder {
            path: self.folder.clone(),
            built_for: named(&built.root),
            given: named(&given),
        })
    }

    /// Whether there is anything that [`remove_leftovers`] would remove.
    pub fn has_leftovers(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| check.subject == Subject::Leftovers && check.n_findings > 0)
    }
}

impl Check {
    fn new(subject: Subject) -> Self {
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

    fn find(&mut self, path: &Path, offset: Option<u64>, problem: impl Into<String>) {
        self.note(Finding {
            path: path.to_owned(),
            offset,
            problem: problem.into(),
            remedy: Remedy::Repair,
        });
    }

    fn note(&mut self, finding: Finding) {
        self.n_findings += 1;
        if self.findings.len() < MAX_DESCRIBED {
            self.findings.push(finding);
        }
    }

    fn is_full(&self) -> bool {
        self.n_findings >= MAX_COUNTED
    }

    fn close(&mut self, closed: Closed) {
        match closed {
            Closed::Blocked(reason) => self.not_checked = Some(reason),
            Closed::Failed(error) => self.fail(&error),
        }
    }

    /// Takes in what reading a part of the index failed with. What the system refused to read is
    /// not known to be wrong.
    fn fail(&mut self, error: &Error) {
        match error {
            Error::Damaged {
                path,
                offset,
                problem,
            } => self.find(path, Some(*offset), problem),
            Error::UnsupportedVersion { path, found, .. } => {
                let problem = format!("it says version {found}, which does not fit its index");
                self.find(path, Some(8), problem);
            }
            Error::Lexical { path, source, .. } => self.find(path, None, source.to_string()),
            Error::Io { source, .. } => self.not_checked = Some(format!("{error}: {source}")),
            error => self.not_checked = Some(error.to_string()),
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

/// Checks everything in an index folder. Reads all of it, and changes nothing.
///
/// A writer may be at work meanwhile: the check begins again when what it reads is replaced.
///
/// # Errors
/// `NoIndex`; `Io` and `UnsupportedVersion` where the manifest cannot be read for that reason. All
/// else is part of the diagnosis.
pub fn diagnose(folder: &Path) -> Result<Diagnosis> {
    let mut attempt = 1;
    loop {
        let manifest = match Manifest::read(folder) {
            Ok(manifest) => manifest,
            Err(error) => return without_manifest(folder, error),
        };
        let diagnosis = diagnose_generation(folder, &manifest);
        let quiet = diagnosis.verdict() == Verdict::Sound && !diagnosis.has_leftovers();
        let replaced = || {
            let now = Manifest::read(folder).map(|now| now.generation);
            now.is_ok_and(|generation| generation != manifest.generation)
        };
        if quiet || attempt >= ATTEMPTS || !replaced() {
            return Ok(diagnosis);
        }
        attempt += 1;
    }
}

fn diagnose_generation(folder: &Path, manifest: &Manifest) -> Diagnosis {
    let mut named = Check::new(Subject::Manifest);
    named.extent = format!("generation {}", manifest.generation);
    let files::Checked { check, unsound, .. } = files::check(folder, manifest);
    let mut checks = vec![named, check];
    let mut added = None;
    match arms::catalog(folder, manifest, &unsound) {
        Ok(catalog) => {
            let sources = catalog.iter();
            let own = sources.filter(|source| source.origin == Origin::Application);
            added = Some(own.map(|source| source.path.clone()).collect());
            checks.extend(arms::check(folder, manifest, &catalog, &unsound));
        }
        Err(unreadable) => {
            checks.push(unreadable);
            for subject in [Subject::Passages, Subject::Lexical] {
                checks.push(blocked(subject, "the catalog is damaged"));
            }
        }
    }
    checks.extend(vectors::check(folder, manifest, &unsound));
    checks.push(leftovers::check(folder, manifest));
    Diagnosis {
        folder: folder.to_owned(),
        generation: Some(manifest.generation),
        checks,
        added,
        built: Some(Built {
            max_tokens: manifest.max_tokens as usize,
            overlap_tokens: manifest.overlap_tokens as usize,
            hidden: manifest.scope.hidden,
            max_file_bytes: manifest.scope.max_file_bytes,
            root: manifest.root.clone(),
        }),
    }
}

/// What can be said without a manifest: that it is damaged, or that it is gone from an index.
fn without_manifest(folder: &Path, error: Error) -> Result<Diagnosis> {
    let mut check = Check::new(Subject::Manifest);
    match error {
        Error::Damaged { .. } => check.fail(&error),
        Error::NoIndex { .. }
            if names(folder).is_ok_and(|names| names.iter().any(|n| is_ours(n))) =>
        {
            let problem = "the file is missing beside parts of an index: a first indexing run was \
                           interrupted, or it was removed";
            check.find(
                &folder.join(crate::format::manifest::MANIFEST),
                None,
                problem,
            );
        }
        error => return Err(error),
    }
    Ok(Diagnosis {
        folder: folder.to_owned(),
        generation: None,
        checks: vec![check],
        added: None,
        built: None,
    })
}

/// Why a part of the index cannot be looked at.
enum Closed {
    /// A file of it is damaged, which has been said already.
    Blocked(String),
    /// It cannot be opened, though its files are as they were written.
    Failed(Error),
}

impl Closed {
    fn of_segment(segment: &SegmentRef) -> Self {
        Self::Blocked(format!("a file of segment {} is damaged", segment.number))
    }
}

impl From<Error> for Closed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A check that damage found before makes impossible.
fn blocked(subject: Subject, reason: &str) -> Check {
    let mut check = Check::new(subject);
    check.not_checked = Some(reason.to_owned());
    check
}

#[cfg(test)]
pub(crate) mod tests;
