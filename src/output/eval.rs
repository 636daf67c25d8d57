//! How an evaluation is written: tables for people, JSON for programs, a run, a page.

mod json;
mod page;
mod plots;
mod svg;
mod tables;

use std::io::{self, Write};

use reread_eval::statistics::queries_needed;
use reread_eval::{
    Comparison, Losses, Measure, Part, System, SystemSummary, Targets, Trial, run_of, to_word,
};

pub(crate) use json::write_json;
pub(crate) use page::write_report;
pub(crate) use tables::write_tables;

/// Corrected p-values up to this are called significant.
pub(super) const ALPHA: f64 = 0.05;

/// The chance to find a true gain that power is reckoned for.
pub(super) const POWER: f64 = 0.8;

/// Everything that was measured.
pub(crate) struct Results {
    /// The collection's or folder's name.
    pub(crate) name: String,
    pub(crate) rows: Vec<SystemSummary>,
    pub(crate) trials: Vec<Trial>,
    pub(crate) targets: Targets,
    pub(crate) measures: Vec<Measure>,
    pub(crate) models: Vec<String>,
    pub(crate) n_passages: usize,
    pub(crate) seed: u64,
    pub(crate) warnings: Vec<String>,
}

impl Results {
    /// The measure that systems are compared by.
    fn main_measure(&self) -> String {
        self.measures
            .first()
            .map(Measure::to_string)
            .unwrap_or_default()
    }

    fn hybrid(&self) -> Option<&SystemSummary> {
        self.rows.iter().find(|row| row.system == System::Hybrid)
    }

    /// The rows of the second pass, shallowest first.
    fn second_pass(&self) -> impl DoubleEndedIterator<Item = &SystemSummary> {
        let is_depth = |row: &&SystemSummary| matches!(row.system, System::Depth(_));
        self.rows.iter().filter(is_depth)
    }

    /// Where the last system, the deepest second pass if there is one, loses most, and what that part
    /// can be mended with; `None` where nothing is lost that one could mend.
    fn advice(&self) -> Option<String> {
        let row = self.rows.last()?;
        let losses = Losses::of(&row.fates)?;
        let by_part = Part::ALL.iter().zip(losses.by_part);
        let by_part: Vec<String> = by_part
            .map(|(part, count)| format!("{} {}", part.label(), super::grouped(count)))
            .collect();
        let mend = match losses.most {
            Part::Chunking => {
                "longer passages or more overlap, and --pair-tokens if passages are cut off"
            }
            Part::FirstPass => "--dense-weight, other words in documents, another embedder",
            _ => "a greater --depth, another --rerank-weight or cross-encoder",
        };
        Some(format!(
            "{}: {} of {} are not found; lost by {}. Improve {} first: {mend}.",
            row.system,
            super::grouped(losses.n_lost),
            super::counted(losses.n_relevant, "relevant place"),
            by_part.join(", "),
            losses.most.label()
        ))
    }

    /// What the comparison of the second pass with the hybrid comes to, a sentence a depth.
    fn findings(&self) -> Vec<String> {
        let n_queries = self.trials.len();
        let row = |row: &SystemSummary| {
            let comparison = row.against_hybrid?;
            Some(finding(row, &comparison, &self.main_measure(), n_queries))
        };
        self.second_pass().filter_map(row).collect()
    }
}

fn finding(
    row: &SystemSummary,
    comparison: &Comparison,
    measure: &str,
    n_queries: usize,
) -> String {
    let p = row.corrected_p.unwrap_or(1.0);
    let interval = comparison.interval.map_or_else(String::new, |(low, high)| {
        format!(" (95 % interval {} to {})", signed(low), signed(high))
    });
    let verdict = match (p <= ALPHA, comparison.mean > 0.0) {
        (true, true) => "better than the hybrid",
        (true, false) => "worse than the hybrid",
        _ => "no difference established",
    };
    let power = if p <= ALPHA {
        String::new()
    } else {
        power(comparison, n_queries)
    };
    format!(
        "{}: {} {measure}{interval}, {verdict} (corrected p {}).{power}",
        row.system,
        signed(comparison.mean),
        p_value(p)
    )
}

/// What this many questions could have shown, and what it would take to show the difference seen.
fn power(comparison: &Comparison, n_queries: usize) -> String {
    let Some(detectable) = comparison.detectable else {
        return String::new();
    };
    let (mean, deviation) = (comparison.mean, comparison.deviation);
    let needed = queries_needed(mean, deviation, ALPHA, POWER)
        .filter(|&needed| needed > n_queries)
        .map(|needed| {
            format!(
                "; one of {} would take about {}",
                decimal(mean.abs()),
                super::grouped(needed)
            )
        });
    format!(
        " {} would show a true gain of {} with a chance of 80 %{}.",
        super::counted(n_queries, "question"),
        decimal(detectable),
        needed.unwrap_or_default()
    )
}

/// Writes the ranking of the system at `pos` as `query Q0 name rank score run`.
pub(crate) fn write_run(out: &mut impl Write, results: &Results, pos: usize) -> io::Result<()> {
    let name = format!("reread-{}", results.rows[pos].system.name());
    for (query, ranked) in run_of(&results.trials, pos).queries() {
        for ((id, score), rank) in ranked.iter().zip(1u32..) {
            writeln!(
                out,
                "{} Q0 {} {rank} {score} {name}",
                to_word(query),
                to_word(id)
            )?;
        }
    }
    Ok(())
}

/// A measure's value.
pub(super) fn decimal(value: f64) -> String {
    format!("{value:.4}")
}

pub(super) fn signed(value: f64) -> String {
    format!("{value:+.4}")
}

pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 {
        "< .001".to_owned()
    } else {
        format!("{p:.3}")
    }
}
