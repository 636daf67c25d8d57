//! What a check of a whole index has found.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SCHEMA;

/// What is known of an index after looking at all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The folder of the index.
    pub index: PathBuf,
    /// The generation that was looked at; `None` where the manifest cannot be read.
    pub generation: Option<u64>,
    /// `ok`, `problem` or `not_checked`; what is left over does not make an index unsound.
    pub verdict: String,
    /// What was checked, in this order.
    pub checks: Vec<Check>,
    /// Ids of the documents of an application, which only the index holds; `None` where the catalog cannot
    /// be read.
    pub added: Option<Vec<String>>,
    /// What a repair has done, in sentences; `None` where none was asked for.
    pub repairs: Option<Vec<String>>,
}

/// One part of the check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked, in one word.
    pub name: String,
    /// `ok`, `note`, `problem` or `not_checked`.
    pub verdict: String,
    /// How much was looked at, for people.
    pub extent: String,
    /// How many things are wrong.
    pub n_findings: usize,
    /// The first of them.
    pub findings: Vec<Finding>,
    /// Why this, or a part of it, could not be checked.
    pub not_checked: Option<String>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file or folder.
    pub path: PathBuf,
    /// The byte of the file, from 0, at which it shows, where that is known.
    pub offset: Option<u64>,
    /// What is wrong, in a few words.
    pub problem: String,
    /// What to do: `repair`, `remove` or `permit`.
    pub remedy: String,
}

impl Diagnosis {
    /// A diagnosis, with the sentences of what a repair has done, where one was asked for.
    pub fn new(diagnosis: &reread_engine::doctor::Diagnosis, repairs: Option<Vec<String>>) -> Self {
        Self {
            schema: SCHEMA,
            index: diagnosis.folder.clone(),
            generation: diagnosis.generation,
            verdict: diagnosis.verdict().name().to_owned(),
            checks: diagnosis.checks.iter().map(Check::from).collect(),
            added: diagnosis.added.clone(),
            repairs,
        }
    }
}

impl From<&reread_engine::doctor::Check> for Check {
    fn from(check: &reread_engine::doctor::Check) -> Self {
        Self {
            name: check.subject.name().to_owned(),
            verdict: check.verdict().name().to_owned(),
            extent: check.extent.clone(),
            n_findings: check.n_findings,
            findings: check.findings.iter().map(Finding::from).collect(),
            not_checked: check.not_checked.clone(),
        }
    }
}

impl From<&reread_engine::doctor::Finding> for Finding {
    fn from(finding: &reread_engine::doctor::Finding) -> Self {
        Self {
            path: finding.path.clone(),
            offset: finding.offset,
            problem: finding.problem.clone(),
            remedy: finding.remedy.name().to_owned(),
        }
    }
}
