//! Every number as one JSON object.

use std::io::{self, Write};

use reread_eval::stage_times;
use reread_wire::SCHEMA;
use reread_wire::eval::{Evaluation, System, TimesMs};

use super::Results;
use crate::output::json::write_line;

/// Writes the evaluation as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, results: &Results) -> io::Result<()> {
    let stages = stage_times(&results.trials)
        .into_iter()
        .map(|(stage, p50, p95)| (stage.to_owned(), TimesMs::from((p50, p95))));
    let evaluation = Evaluation {
        schema: SCHEMA,
        name: results.name.clone(),
        unit: results.targets.by.name().to_owned(),
        n_questions: results.trials.len(),
        n_passages: results.n_passages,
        models: results.models.clone(),
        seed: results.seed,
        measures: results.measures.iter().map(ToString::to_string).collect(),
        systems: results.rows.iter().map(System::from).collect(),
        stages_ms: stages.collect(),
        findings: results.findings(),
        advice: results.advice(),
        warnings: results.warnings.clone(),
    };
    write_line(out, &evaluation)
}
