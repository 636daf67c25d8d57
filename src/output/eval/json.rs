//! Every number as one JSON object.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use reread_eval::{Comparison, Fate, SystemSummary, stage_times};
use serde::Serialize;

use super::{Results, reached};
use crate::output::json::{SCHEMA, milliseconds, write_line};

#[derive(Serialize)]
struct EvaluationJson<'a> {
    schema: u32,
    name: &'a str,
    unit: &'static str,
    n_questions: usize,
    n_passages: usize,
    models: &'a [String],
    seed: u64,
    measures: Vec<String>,
    systems: Vec<SystemJson>,
    stages_ms: BTreeMap<&'static str, TimesJson>,
    findings: Vec<String>,
    advice: Option<String>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct SystemJson {
    system: String,
    means: BTreeMap<String, f64>,
    ceiling: f64,
    reached: Option<f64>,
    pairs: usize,
    time_ms: Option<TimesJson>,
    time_estimated: bool,
    against_hybrid: Option<ComparisonJson>,
    relevant: BTreeMap<&'static str, usize>,
    /// Values in the order of `measures`.
    questions: BTreeMap<String, Vec<f64>>,
}

#[derive(Serialize)]
pub(in crate::output) struct ComparisonJson {
    mean: f64,
    deviation: f64,
    interval: Option<[f64; 2]>,
    wins: usize,
    losses: usize,
    ties: usize,
    p: f64,
    corrected_p: Option<f64>,
    detectable: Option<f64>,
}

#[derive(Serialize)]
struct TimesJson {
    p50: f64,
    p95: f64,
}

/// Writes the evaluation as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, results: &Results) -> io::Result<()> {
    let stages = stage_times(&results.trials)
        .into_iter()
        .map(|(stage, p50, p95)| (stage, times((p50, p95))));
    let evaluation = EvaluationJson {
        schema: SCHEMA,
        name: &results.name,
        unit: results.targets.by.name(),
        n_questions: results.trials.len(),
        n_passages: results.n_passages,
        models: &results.models,
        seed: results.seed,
        measures: results.measures.iter().map(ToString::to_string).collect(),
        systems: results.rows.iter().map(system).collect(),
        stages_ms: stages.collect(),
        findings: results.findings(),
        advice: results.advice(),
        warnings: &results.warnings,
    };
    write_line(out, &evaluation)
}

fn system(row: &SystemSummary) -> SystemJson {
    let means = row.evaluation.means();
    let main = means.first().copied().unwrap_or(0.0);
    let names = row.evaluation.measures.iter().map(ToString::to_string);
    let questions = row.evaluation.queries.iter();
    SystemJson {
        system: row.system.id(),
        means: names.zip(means).collect(),
        ceiling: row.ceiling,
        reached: reached(main, row.ceiling),
        pairs: row.n_pairs,
        time_ms: row.time.map(times),
        time_estimated: row.estimated,
        against_hybrid: row
            .against_hybrid
            .map(|comparison| comparison_json(&comparison, row.corrected_p)),
        relevant: Fate::ALL
            .into_iter()
            .map(|fate| (fate.id(), row.fates.get(&fate).copied().unwrap_or(0)))
            .collect(),
        questions: questions
            .map(|question| (question.query.clone(), question.values.clone()))
            .collect(),
    }
}

pub(in crate::output) fn comparison_json(
    comparison: &Comparison,
    corrected_p: Option<f64>,
) -> ComparisonJson {
    ComparisonJson {
        mean: comparison.mean,
        deviation: comparison.deviation,
        interval: comparison.interval.map(|(low, high)| [low, high]),
        wins: comparison.wins,
        losses: comparison.losses,
        ties: comparison.ties,
        p: comparison.p_value,
        corrected_p,
        detectable: comparison.detectable,
    }
}

fn times((p50, p95): (Duration, Duration)) -> TimesJson {
    TimesJson {
        p50: milliseconds(p50),
        p95: milliseconds(p95),
    }
}
