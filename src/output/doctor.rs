//! What `reread doctor` found, for people.

use std::io::{self, Write};
use std::path::Path;

use reread_engine::doctor::{Check, Diagnosis, Finding, Remedy, Verdict};

use super::{clean, counted};

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
                "{problems}; `reread doctor --repair` repairs what can be repaired"
            )
        }
        Verdict::NotChecked => writeln!(out, "no problem in what could be checked"),
        _ if diagnosis.has_leftovers() => {
            writeln!(
                out,
                "the index is sound; `reread doctor --repair` removes the leftovers"
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
    let verdict = check.verdict().name().replace('_', " ");
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
        Remedy::Permit => "give this user permission to read it",
        _ => "repair the index, or restore a backup",
    };
    format!("{}{offset}: {}; {remedy}", path.display(), finding.problem)
}
