//! `reread tune`: settings that suit the documents, chosen by judged questions.

use std::io::Write;

use anyhow::bail;
use reread_engine::{
    Calibration, FinalOrder, Fusion, ModelIdentity, RetrieveOptions, SearchOptions, SecondPass,
};
use reread_eval::{
    Answer, Comparison, Fit, Measure, System, TrialOptions, calibrate, compare, trust, weigh,
};

use super::judged::{DEPTHS, Judged, PERCENTS, Place, less};
use super::styled_stdout;
use crate::args::{CommonArgs, FilterArgs, TuneArgs};
use crate::config::Edited;
use crate::output::{clean, counted, grouped};
use crate::{Outcome, resolve};

/// Weights of the vectors that are tried, in percent; the default stands in the middle.
const DENSE_PERCENTS: [u8; 7] = [20, 30, 40, 50, 60, 70, 80];
const DENSE_DEFAULT: u8 = (Fusion::DEFAULT_DENSE_WEIGHT * 100.0) as u8;

/// What is written, and on what grounds.
struct Tuned {
    dense_weight: Moved,
    /// `None` where the second pass is turned off.
    second_pass: Option<(Moved, Moved)>,
    /// What logits mean, where there is a second pass and both kinds of pairs.
    fit: Option<Fit>,
    /// The cross-encoder that was fitted.
    model: ModelIdentity,
}

impl Tuned {
    /// The fit, where it is worth writing down.
    fn useful_fit(&self) -> Option<&Fit> {
        self.fit.as_ref().filter(|fit| fit.is_useful())
    }
}

/// A setting between its default and what did best.
struct Moved {
    default: f64,
    best: f64,
    /// What the best has over the default.
    gain: Comparison,
    /// How far it moves, from 0 to 1.
    trust: f64,
    chosen: f64,
}

impl Moved {
    /// `n_tried` is how many settings the best is the best of, `step` how finely it is written.
    fn new(default: f64, best: f64, gain: Comparison, n_tried: usize, step: f64) -> Self {
        let trust = trust(&gain, n_tried);
        let moved = default + trust * (best - default);
        Self {
            default,
            best,
            gain,
            trust,
            chosen: (moved / step).round() * step,
        }
    }
}

pub(crate) fn run(args: &TuneArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    if args.judged.known_item.is_some() {
        bail!(
            "settings cannot be chosen by questions made from the documents, because these favour BM25; judge some of your own with `reread judge`"
        );
    }
    let place = Place::find(&args.judged)?;
    let file = place.configuration();
    let settings = place.settings(args.judged.settings(TuneArgs::search()), common)?;
    let options = resolve::search_options(&settings, &FilterArgs { since: None })?;
    // A file that cannot be kept is better known before the models run.
    let mut document = Edited::open(&file)?;
    let judged = place.open(&settings, args.judged.limit, common)?;
    judged.check_enough()?;
    let measure = args.measure;
    let tuning = Tuning {
        judged: &judged,
        measure,
        seed: args.judged.seed,
        quiet: common.quiet,
    };
    let tuned = tuning.tune(options.first_pass)?;
    let mut out = styled_stdout();
    write_grounds(&mut out, &judged, measure, &tuned)?;
    if args.dry_run {
        writeln!(out, "nothing was written to {}", file.display())?;
    } else {
        write(&mut document, &tuned)?;
        writeln!(
            out,
            "written to {}; flags and environment variables override it",
            file.display()
        )?;
    }
    out.flush()?;
    Ok(Outcome::Found)
}

/// What every trial has in common.
struct Tuning<'a> {
    judged: &'a Judged,
    measure: Measure,
    seed: u64,
    quiet: bool,
}

impl Tuning<'_> {
    /// Chooses the first pass, then the second one over it.
    fn tune(&self, mut first_pass: RetrieveOptions) -> anyhow::Result<Tuned> {
        let dense_weight = self.dense_weight(&first_pass)?;
        first_pass.fusion = Fusion::Blend {
            dense_weight: dense_weight.chosen as f32,
        };
        let options =
            TrialOptions::new(first_pass, SecondPass::default(), &DEPTHS).with_percents(&PERCENTS);
        let trials = self.judged.ask(&options, self.quiet)?;
        let sweep = self.judged.sweep(&trials, &options, self.measure)?;
        let default = SearchOptions::default().first_pass.depth;
        let default = (default, percent(SecondPass::DEFAULT_WEIGHT));
        let current = sweep.position(default);
        let Some(verdict) = weigh(&sweep.gains, current, &sweep.n_words, self.seed) else {
            bail!("no setting of the second pass could be tried");
        };
        let best = verdict.best;
        let over = less(&sweep.gains[best], &sweep.gains[current]);
        let gain = compare(&over, self.seed);
        let (from, to) = (default, sweep.settings[best]);
        let share = |percent: u8| f64::from(percent) / 100.0;
        let n_tried = sweep.settings.len();
        let second_pass = (verdict.answer != Answer::No).then(|| {
            (
                Moved::new(from.0 as f64, to.0 as f64, gain, n_tried, 1.0),
                Moved::new(share(from.1), share(to.1), gain, n_tried, 0.01),
            )
        });
        let cross_encoder = self.judged.engine.cross_encoder()?;
        let scale = self.judged.engine.logit_scale(cross_encoder.as_ref())?;
        let fit = second_pass.as_ref().and_then(|(depth, weight)| {
            let both = FinalOrder::new(weight.chosen as f32, scale);
            let depth = depth.chosen as usize;
            calibrate(&trials, &self.judged.targets, depth, both)
        });
        Ok(Tuned {
            dense_weight,
            second_pass,
            fit,
            model: cross_encoder.model().clone(),
        })
    }

    /// Tries the weights of the vectors, without the second pass.
    fn dense_weight(&self, first_pass: &RetrieveOptions) -> anyhow::Result<Moved> {
        let mut tried = Vec::new();
        for percent in DENSE_PERCENTS {
            let mut first_pass = first_pass.clone();
            first_pass.fusion = Fusion::Blend {
                dense_weight: f32::from(percent) / 100.0,
            };
            let options = TrialOptions::new(first_pass, SecondPass::Off, &[1]);
            let trials = self.judged.ask(&options, self.quiet)?;
            let hybrid = options
                .systems()
                .iter()
                .position(|&system| system == System::Hybrid)
                .expect("a trial always has the first pass");
            let values = self.judged.values(&trials, hybrid, self.measure);
            tried.push((percent, values));
        }
        let sum = |values: &Vec<f64>| values.iter().sum::<f64>();
        let default = tried.iter().find(|(percent, _)| *percent == DENSE_DEFAULT);
        let (_, default) = default.expect("the default is one of the weights");
        // Of equals the one nearest to the default.
        let best = tried.iter().max_by(|a, b| {
            let distance = |percent: u8| percent.abs_diff(DENSE_DEFAULT);
            sum(&a.1)
                .total_cmp(&sum(&b.1))
                .then(distance(b.0).cmp(&distance(a.0)))
        });
        let (percent, values) = best.expect("the default, if nothing else, was tried");
        let gain = compare(&less(values, default), self.seed);
        let weight = |percent: u8| f64::from(percent) / 100.0;
        Ok(Moved::new(
            weight(DENSE_DEFAULT),
            weight(*percent),
            gain,
            DENSE_PERCENTS.len(),
            0.01,
        ))
    }
}

/// A weight in percent.
fn percent(weight: f32) -> u8 {
    (weight * 100.0).round() as u8
}

fn write_grounds(
    out: &mut impl Write,
    judged: &Judged,
    measure: Measure,
    tuned: &Tuned,
) -> std::io::Result<()> {
    let n_questions = counted(judged.questions.len(), "question");
    writeln!(out, "{}: {n_questions}, {measure}\n", clean(&judged.name))?;
    writeln!(
        out,
        "{:<15}{:>9}{:>9}{:>9}{:>9}  best over default",
        "", "default", "best", "trust", "chosen"
    )?;
    let mut row = |name: &str, moved: &Moved| {
        writeln!(
            out,
            "{name:<15}{:>9}{:>9}{:>9}{:>9}  {:+.4}",
            moved.default,
            moved.best,
            format!("{:.0} %", moved.trust * 100.0),
            format!("{:.2}", moved.chosen).trim_end_matches(".00"),
            moved.gain.mean
        )
    };
    row("dense_weight", &tuned.dense_weight)?;
    match &tuned.second_pass {
        Some((depth, weight)) => {
            row("depth", depth)?;
            row("rerank_weight", weight)?;
        }
        None => writeln!(
            out,
            "rerank         turned off: a gain that is worth its time can be ruled out"
        )?,
    }
    writeln!(out)?;
    match &tuned.fit {
        Some(fit) => write_fit(out, fit)?,
        None => writeln!(
            out,
            "no probabilities: they need both relevant and irrelevant pairs"
        )?,
    }
    writeln!(out)
}

/// How well probabilities come true, for questions that had no part in them.
fn write_fit(out: &mut impl Write, fit: &Fit) -> std::io::Result<()> {
    if !fit.is_useful() {
        return writeln!(
            out,
            "no probabilities: the cross-encoder's scores do not show what is relevant here"
        );
    }
    writeln!(
        out,
        "probability    1 / (1 + exp(-({:.3} * log-odds {:+.3}))), from {}, {} relevant",
        fit.slope,
        fit.intercept,
        counted(fit.n_pairs, "pair"),
        grouped(fit.n_relevant)
    )?;
    writeln!(
        out,
        "               {:.3} bits lost per pair on other questions, {:.3} without the scores",
        fit.loss, fit.base_loss
    )?;
    for row in &fit.table {
        writeln!(
            out,
            "               predicted {:>3.0} %, found {:>3.0} % of {}",
            row.predicted * 100.0,
            row.observed * 100.0,
            counted(row.n_pairs, "pair")
        )?;
    }
    let n_others = fit.n_pairs - fit.n_relevant;
    match fit.threshold {
        Some(threshold) => writeln!(
            out,
            "min_score      {:.2}: leaves out {} of {} that are not relevant, and {} of {} that are",
            threshold.probability,
            grouped(threshold.n_dropped),
            grouped(n_others),
            grouped(threshold.n_lost),
            grouped(fit.n_relevant)
        ),
        None => writeln!(
            out,
            "no min_score: none is sure to leave out little that is relevant"
        ),
    }
}

fn calibration(fit: &Fit, model: &ModelIdentity) -> Option<Calibration> {
    Calibration::new(fit.slope as f32, fit.intercept as f32, model)
}

/// Writes the settings into the configuration.
fn write(file: &mut Edited, tuned: &Tuned) -> anyhow::Result<()> {
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    file.set("dense_weight", Some(rounded(tuned.dense_weight.chosen)));
    file.set("rerank", Some(tuned.second_pass.is_some()));
    // Without a fit there is neither of them.
    let fit = tuned.useful_fit();
    let calibration = fit.and_then(|fit| calibration(fit, &tuned.model));
    let threshold = fit
        .and_then(|fit| fit.threshold)
        .filter(|_| calibration.is_some());
    file.set("calibration", calibration.map(|it| it.to_string()));
    file.set("min_score", threshold.map(|it| it.probability));
    if let Some((depth, weight)) = &tuned.second_pass {
        file.set("depth", Some(depth.chosen as i64));
        file.set("rerank_weight", Some(rounded(weight.chosen)));
    }
    file.save()
}
