//! What `reread doctor` found, for people and for programs.

use std::io::{self, Write};
use std::path::Path;

use reread_engine::doctor::{Check, Diagnosis, Finding, Remedy, Verdict};
use serde::Serialize;

use super::{clean, counted, json};

#[derive(Serialize)]
struct DiagnosisJson<'a> {
    schema: u32,
    index: &'a Path,
    generation: Option<u64>,
    verdict: &'static str,
    checks: Vec<CheckJson<'a>>,
    /// Documents of an application, which only the index holds.
    added: Option<&'a [String]>,
    /// `null` without `--repair`.
    repairs: Option<&'a [String]>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    name: &'static str,
    verdict: &'static str,
    extent: &'a str,
    n_findings: usize,
    findings: Vec<FindingJson<'a>>,
    not_checked: Option<&'a str>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    path: &'a Path,
    offset: Option<u64>,
    problem: &'a str,
    remedy: &'static str,
}

/// Writes a line a check, and one below it for each thing found.
pub(crate) fn write_people(
    out: &mut impl Write,
    diagnosis: &Diagnosis,
    repairs: Option<&[String]>,
) -> io::Result<()> {
    for line in repairs.into_iter().flatten() {
        writeln!(out, "repair      {}", clean(line))?;
    }
    writeln!(
        out,
        "index       {}",
        clean(&diagnosis.folder.display().to_string())
    )?;
    for check in &diagnosis.checks {
        write_check(out, check, &diagnosis.folder)?;
    }
    let n_problems: usize = diagnosis
        .checks
        .iter()
        .filter(|check| check.verdict() == Verdict::Problem)
        .map(|check| check.n_findings)
        .sum();
    match diagnosis.verdict() {
        Verdict::Problem => {
            let problems = counted(n_problems, "problem");
            writeln!(
                out,
                "{problems}; `reread doctor --repair` mends what can be mended"
            )
        }
        Verdict::NotChecked => writeln!(out, "no problem where it could be checked"),
        _ if diagnosis.has_leftovers() => {
            writeln!(
                out,
                "the index is sound; `reread doctor --repair` removes what is left over"
            )
        }
        _ => writeln!(out, "the index is sound"),
    }
}

fn write_check(out: &mut impl Write, check: &Check, folder: &Path) -> io::Result<()> {
    let said = match (&check.not_checked, check.verdict()) {
        (Some(reason), Verdict::NotChecked) => reason.as_str(),
        _ => check.extent.as_str(),
    };
    let verdict = verdict(check.verdict()).replace('_', " ");
    writeln!(
        out,
        "{:<12}{verdict:<13}{}",
        check.subject.name(),
        clean(said)
    )?;
    for finding in &check.findings {
        writeln!(out, "  {}", clean(&sentence(finding, folder)))?;
    }
    if check.n_findings > check.findings.len() {
        let more = check.n_findings - check.findings.len();
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn sentence(finding: &Finding, folder: &Path) -> String {
    let path = finding.path.strip_prefix(folder).unwrap_or(&finding.path);
    let offset = finding
        .offset
        .map(|offset| format!(", byte {offset}"))
        .unwrap_or_default();
    let remedy = match finding.remedy {
        Remedy::Remove => "the next indexing run removes it",
        Remedy::Permit => "allow this user to read it",
        _ => "repair the index, or restore a backup",
    };
    format!("{}{offset}: {}; {remedy}", path.display(), finding.problem)
}

/// Writes one object.
pub(crate) fn write_json(
    out: &mut impl Write,
    diagnosis: &Diagnosis,
    repairs: Option<&[String]>,
) -> io::Result<()> {
    json::write_line(
        out,
        &DiagnosisJson {
            schema: json::SCHEMA,
            index: &diagnosis.folder,
            generation: diagnosis.generation,
            verdict: verdict(diagnosis.verdict()),
            checks: diagnosis
                .checks
                .iter()
                .map(|check| CheckJson {
                    name: check.subject.name(),
                    verdict: verdict(check.verdict()),
                    extent: &check.extent,
                    n_findings: check.n_findings,
                    findings: check.findings.iter().map(finding_json).collect(),
                    not_checked: check.not_checked.as_deref(),
                })
                .collect(),
            added: diagnosis.added.as_deref(),
            repairs,
        },
    )
}

fn finding_json(finding: &Finding) -> FindingJson<'_> {
    FindingJson {
        path: &finding.path,
        offset: finding.offset,
        problem: &finding.problem,
        remedy: match finding.remedy {
            Remedy::Remove => "remove",
            Remedy::Permit => "permit",
            _ => "repair",
        },
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sound => "ok",
        Verdict::Note => "note",
        Verdict::Problem => "problem",
        Verdict::NotChecked => "not_checked",
    }
}
