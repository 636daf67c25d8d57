//! `reread worth-it`: does the second pass pay?

use std::io::Write;

use anyhow::bail;
use reread_engine::eval::{
    MIN_QUESTIONS, Measure, System, Trial, TrialOptions, evaluate, run_of, time, weigh,
};
use reread_engine::{SearchOptions, SecondPass};

use super::judged::{Judged, Place};
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, FilterArgs, Settings, WorthItArgs};
use crate::output::counted;
use crate::output::worth_it::{Choice, Findings, write_json, write_screen};
use crate::{Outcome, resolve};

/// The depths that are tried, unless others are given: around the default of a search.
const DEPTHS: [usize; 3] = [10, 20, 50];

/// The weights that are tried, in percent: around the default, and the cross-encoder's order alone.
const PERCENTS: [u8; 5] = [30, 50, 75, 90, 100];

pub(crate) fn run(args: &WorthItArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let place = Place::find(&args.judged, &args.index)?;
    let flags = Settings {
        search: args.search(),
        index: args.cut,
        read: args.read,
        models: args.models.clone(),
        ..Settings::default()
    };
    let settings = place.settings(flags, common)?;
    let options = resolve::search_options(&settings, &FilterArgs { since: None })?;
    let depths = if args.depths.is_empty() {
        &DEPTHS[..]
    } else {
        &args.depths
    };
    let current = current(&options);
    let depths = [depths, &[current.0]].concat();
    let options = TrialOptions::new(options.first_pass, options.second_pass, &depths)
        .with_percents(&with(&PERCENTS, current.1));

    let judged = place.open(&settings, args.judged.limit, common)?;
    if judged.questions.len() < MIN_QUESTIONS {
        bail!(
            "there are {}, and a verdict needs {MIN_QUESTIONS}: one half chooses, the other judges",
            counted(judged.questions.len(), "judged question")
        );
    }
    let trials = judged.ask(&options, common.quiet)?;
    let findings = findings(
        judged,
        &trials,
        &options,
        current,
        args.measure,
        args.judged.seed,
    )?;
    if args.json {
        let mut out = raw_stdout();
        write_json(&mut out, &findings)?;
        out.flush()?;
    } else {
        let mut out = styled_stdout();
        write_screen(&mut out, &findings)?;
        out.flush()?;
    }
    Ok(Outcome::Found)
}

/// What may be wrong where nothing is found.
pub(super) const WHAT_TO_CHECK: &str =
    "see what `reread eval` says, and whether the judgements name documents as the index does";

/// Depth and weight in percent of a search as it is set up.
fn current(options: &SearchOptions) -> (usize, u8) {
    let SecondPass::Rerank { weight } = options.second_pass else {
        return (options.first_pass.depth, 0);
    };
    (options.first_pass.depth, (weight * 100.0).round() as u8)
}

/// Some weights and one more, each once, in order.
fn with(percents: &[u8], one_more: u8) -> Vec<u8> {
    let mut percents = [percents, &[one_more]].concat();
    percents.sort_unstable();
    percents.dedup();
    percents
}

/// Measures every setting and weighs them.
fn findings(
    judged: Judged,
    trials: &[Trial],
    options: &TrialOptions,
    current: (usize, u8),
    measure: Measure,
    seed: u64,
) -> anyhow::Result<Findings> {
    let mut grades = judged.targets.grades();
    grades.retain(|query, _| trials.iter().any(|trial| trial.query.id == *query));
    let values = |pos: usize| evaluate(&run_of(trials, pos), &grades, &[measure]).column(0);
    let mut hybrid = Vec::new();
    let mut choices = Vec::new();
    let mut gains = Vec::new();
    for (pos, system) in options.systems().into_iter().enumerate() {
        match system {
            System::Hybrid => hybrid = values(pos),
            System::Weighted { depth, percent } => {
                let pairs = values(pos).into_iter().zip(&hybrid);
                let gain: Vec<f64> = pairs.map(|(value, base)| value - base).collect();
                choices.push(Choice {
                    depth,
                    percent,
                    gain: gain.iter().sum::<f64>() / gain.len().max(1) as f64,
                    time: time(trials, system).unwrap_or_default(),
                });
                gains.push(gain);
            }
            _ => (),
        }
    }
    if hybrid.iter().all(|value| *value <= 0.0) {
        bail!(
            "the first pass finds nothing relevant for any question, so there is nothing to weigh; {WHAT_TO_CHECK}"
        );
    }
    // In the order of the evaluation, which is that of the ids.
    let n_words: Vec<usize> = grades
        .keys()
        .filter_map(|query| trials.iter().find(|trial| trial.query.id == *query))
        .map(|trial| trial.query.text.split_whitespace().count())
        .collect();
    let is_current = |choice: &Choice| (choice.depth, choice.percent) == current;
    let current = choices.iter().position(is_current).unwrap_or_default();
    let Some(verdict) = weigh(&gains, current, &n_words, seed) else {
        bail!("there is nothing to weigh: no setting of the second pass was tried");
    };
    Ok(Findings {
        name: judged.name,
        measure,
        hybrid: hybrid.iter().sum::<f64>() / hybrid.len().max(1) as f64,
        first_pass_time: time(trials, System::Hybrid).unwrap_or_default(),
        choices,
        verdict,
        warnings: judged.warnings,
    })
}
