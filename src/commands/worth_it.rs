//! `reread worth-it`: does the second pass pay?

use std::io::Write;

use anyhow::bail;
use reread_engine::{SearchOptions, SecondPass};
use reread_eval::{Measure, System, Trial, TrialOptions, time, weigh};

use super::judged::{DEPTHS, Judged, PERCENTS, Place};
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, FilterArgs, WorthItArgs};
use crate::output::worth_it::{Choice, Findings, write_json, write_screen};
use crate::{Outcome, resolve};

pub(crate) fn run(args: &WorthItArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let place = Place::find(&args.judged)?;
    let settings = place.settings(args.judged.settings(args.search()), common)?;
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
    judged.check_enough()?;
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
    let sweep = judged.sweep(trials, options, measure)?;
    let current = sweep.position(current);
    let Some(verdict) = weigh(&sweep.gains, current, &sweep.n_words, seed) else {
        bail!("there is nothing to weigh: no setting of the second pass was tried");
    };
    let time = |system| time(trials, system).expect("a verdict has questions");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let choice = |(&(depth, percent), gains): (&(usize, u8), &Vec<f64>)| Choice {
        depth,
        percent,
        gain: mean(gains),
        time: time(System::Weighted { depth, percent }),
    };
    Ok(Findings {
        name: judged.name,
        measure,
        hybrid: mean(&sweep.hybrid),
        first_pass_time: time(System::Hybrid),
        choices: sweep
            .settings
            .iter()
            .zip(&sweep.gains)
            .map(choice)
            .collect(),
        verdict,
        warnings: judged.warnings,
        is_known_item: judged.is_known_item,
    })
}
