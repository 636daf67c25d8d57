//! Tables for people.

use std::io::{self, Write};

use reread_eval::{Fate, stage_times};

use super::{Results, decimal, p_value, signed};
use crate::output::{clean, counted, duration, grouped};

/// Writes the tables one after the other.
pub(crate) fn write_tables(out: &mut impl Write, results: &Results) -> io::Result<()> {
    writeln!(out, "{}", heading(results))?;
    writeln!(out)?;
    write_measures(out, results)?;
    writeln!(out)?;
    write_comparisons(out, results)?;
    writeln!(out)?;
    write_fates(out, results)?;
    if let Some(advice) = results.advice() {
        writeln!(out, "{advice}")?;
    }
    writeln!(out)?;
    for (stage, p50, p95) in stage_times(&results.trials) {
        writeln!(
            out,
            "{stage:<14}{:>8} p50 {:>8} p95",
            duration(p50),
            duration(p95)
        )?;
    }
    let findings = results.findings();
    if !findings.is_empty() {
        writeln!(out)?;
    }
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    Ok(())
}

pub(super) fn heading(results: &Results) -> String {
    let n_judged: usize = results
        .trials
        .iter()
        .map(|trial| results.targets.of(&trial.query.id).len())
        .sum();
    format!(
        "{}: {}, {}, {}; {}",
        clean(&results.name),
        counted(results.trials.len(), "question"),
        counted(n_judged, "judgement"),
        counted(results.n_passages, "passage"),
        clean(&results.models.join(", "))
    )
}

fn write_measures(out: &mut impl Write, results: &Results) -> io::Result<()> {
    write!(out, "{:<10}", "")?;
    for measure in &results.measures {
        write!(out, "{measure:>11}")?;
    }
    writeln!(
        out,
        "{:>9}{:>9}{:>9}{:>9}{:>9}",
        "ceiling", "reached", "pairs", "p50", "p95"
    )?;
    for row in &results.rows {
        write!(out, "{:<10}", row.system)?;
        for mean in row.evaluation.means() {
            write!(out, "{:>11}", decimal(mean))?;
        }
        let share = row.reached();
        let share = share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        write!(
            out,
            "{:>9}{share:>9}{:>9}",
            decimal(row.ceiling),
            grouped(row.n_pairs)
        )?;
        let about = if row.estimated { "~" } else { "" };
        let times = row.time.map(|(p50, p95)| [p50, p95]);
        for time in times.into_iter().flatten() {
            write!(out, "{:>9}", format!("{about}{}", duration(time)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_comparisons(out: &mut impl Write, results: &Results) -> io::Result<()> {
    writeln!(
        out,
        "{:<10}{:>10}  {:<20}{:>6}{:>8}{:>6}{:>9}{:>11}",
        "vs hybrid",
        results.main_measure(),
        "95 % interval",
        "wins",
        "losses",
        "ties",
        "p",
        "corrected"
    )?;
    for row in &results.rows {
        let Some(comparison) = row.against_hybrid else {
            continue;
        };
        let interval = comparison.interval.map_or_else(
            || "-".to_owned(),
            |(low, high)| format!("{} to {}", signed(low), signed(high)),
        );
        writeln!(
            out,
            "{:<10}{:>10}  {interval:<20}{:>6}{:>8}{:>6}{:>9}{:>11}",
            row.system,
            signed(comparison.mean),
            comparison.wins,
            comparison.losses,
            comparison.ties,
            p_value(comparison.p_value),
            p_value(row.corrected_p.unwrap_or(1.0))
        )?;
    }
    Ok(())
}

fn write_fates(out: &mut impl Write, results: &Results) -> io::Result<()> {
    write!(out, "{:<27}", "relevant places")?;
    for row in &results.rows {
        write!(out, "{:>11}", row.system)?;
    }
    writeln!(out)?;
    for fate in Fate::ALL {
        let counts: Vec<usize> = results
            .rows
            .iter()
            .map(|row| row.fates.get(&fate).copied().unwrap_or(0))
            .collect();
        if counts.iter().all(|&count| count == 0) {
            continue;
        }
        write!(out, "{:<27}", fate.label())?;
        for count in counts {
            write!(out, "{:>11}", grouped(count))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
