//! The check of a whole index: every file, every passage in both arms, every vector.
//!
//! [`diagnose`] only reads. It goes on after the first problem, so that one run tells everything
//! that is wrong, and leaves out what cannot be looked at because a file under it is damaged.

mod arms;
mod check;
mod derive;
mod files;
mod graph;
mod leftovers;
mod mend;
mod vectors;

use std::path::{Path, PathBuf};

use crate::format::catalog::Origin;
use crate::format::manifest::Manifest;
use crate::index_folder::{is_ours, names, stored_root};
use crate::{Error, Result};

use check::blocked;
pub use check::{Check, Finding, Remedy, Subject, Verdict};
pub use derive::OpenEmbedder;
pub use leftovers::remove_leftovers;
pub use mend::{Loss, Mended, mend};

/// How often a check begins again when a writer commits while it reads.
const ATTEMPTS: usize = 5;

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
    /// Whether files were taken in that an ignore file names.
    pub ignored: bool,
    /// Whether symbolic links were followed.
    pub links: bool,
    /// Larger files were left out.
    pub max_file_bytes: u64,
    /// As the manifest has it: empty for the folder around the index.
    root: String,
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

    /// Refuses to rebuild from another folder than the index was built for.
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
    let scope = manifest.scope();
    Diagnosis {
        folder: folder.to_owned(),
        generation: Some(manifest.generation),
        checks,
        added,
        built: Some(Built {
            max_tokens: manifest.max_tokens as usize,
            overlap_tokens: manifest.overlap_tokens as usize,
            hidden: scope.hidden,
            ignored: scope.ignored,
            links: scope.links,
            max_file_bytes: scope.max_file_bytes,
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

#[cfg(test)]
pub(crate) mod tests;
