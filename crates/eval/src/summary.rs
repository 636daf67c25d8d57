//! What many trials say together: the table, the losses and the times.

use std::collections::BTreeMap;
use std::time::Duration;

use reread_engine::Fate;

use crate::evaluate::{Evaluation, evaluate};
use crate::measure::Measure;
use crate::statistics::{Comparison, compare, holm, percentile};
use crate::targets::{Presence, Targets};
use crate::trial::{Ranking, System, Trial, TrialOptions, run_of};

/// A place is found if it is among this many results: a screenful, and the usual cut-off.
pub const FOUND_AT: usize = 10;

/// One row of the table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SystemSummary {
    /// Which system.
    pub system: System,
    /// Every measure over every question; the first measure is the one that is compared.
    pub evaluation: Evaluation,
    /// This system less the hybrid, in the first measure; `None` for the hybrid itself.
    pub against_hybrid: Option<Comparison>,
    /// The p-value of that comparison by Holm's correction over all rows.
    pub corrected_p: Option<f64>,
    /// The mean of the first measure if the candidates that this system may reorder were in the best
    /// possible order: no second pass of this depth can do better. For the hybrid all candidates
    /// count.
    pub ceiling: f64,
    /// Pairs that the cross-encoder reads at this depth, over all questions.
    pub n_pairs: usize,
    /// The time of a question, median and 95th percentile.
    pub time: Option<(Duration, Duration)>,
    /// Whether part of the time is in proportion to the pairs of a deeper reading, not measured.
    pub estimated: bool,
    /// What became of the relevant places.
    pub fates: BTreeMap<Fate, usize>,
}

impl SystemSummary {
    /// The part of the ceiling that the mean of the first measure reaches; `None` for a ceiling of 0.
    pub fn reached(&self) -> Option<f64> {
        let mean = *self.evaluation.means().first()?;
        (self.ceiling > 0.0).then_some(mean / self.ceiling)
    }
}

/// The stages of a search, with the median and the 95th percentile of their times.
pub type StageTimes = Vec<(&'static str, Duration, Duration)>;

/// Sums trials up, one row a system, in the order of [`TrialOptions::systems`].
///
/// `seed` is that of the randomisation test. The average is over the queries of the trials; each has
/// its judgements in `targets`. Without measures there is nothing to compare, and no row.
pub fn summarise(
    trials: &[Trial],
    targets: &Targets,
    options: &TrialOptions,
    measures: &[Measure],
    seed: u64,
) -> Vec<SystemSummary> {
    let Some(&main) = measures.first() else {
        return Vec::new();
    };
    let mut grades = targets.grades();
    grades.retain(|query, _| trials.iter().any(|trial| trial.query.id == *query));
    let systems = options.systems();
    let evaluations: Vec<Evaluation> = (0..systems.len())
        .map(|pos| evaluate(&run_of(trials, pos), &grades, measures))
        .collect();
    let hybrid = systems.iter().position(|&system| system == System::Hybrid);
    let base = hybrid.map(|pos| evaluations[pos].column(0));
    let mut rows = Vec::with_capacity(systems.len());
    for (pos, (&system, evaluation)) in systems.iter().zip(evaluations).enumerate() {
        let differences = |base: &Vec<f64>| -> Vec<f64> {
            let values = evaluation.column(0);
            values.iter().zip(base).map(|(a, b)| a - b).collect()
        };
        let against_hybrid = base
            .as_ref()
            .filter(|_| system != System::Hybrid)
            .map(|base| compare(&differences(base), seed));
        rows.push(SystemSummary {
            system,
            against_hybrid,
            corrected_p: None,
            ceiling: ceiling(trials, targets, pos, system, main),
            n_pairs: trials.iter().map(|trial| pairs(trial, system)).sum(),
            time: time(trials, system),
            estimated: system
                .depth()
                .is_some_and(|depth| depth < deepest(&systems)),
            fates: fates(trials, targets, pos, system),
            evaluation,
        });
    }
    correct(&mut rows);
    rows
}

/// The times of the stages, the cross-encoder's at the deepest depth.
pub fn stage_times(trials: &[Trial]) -> StageTimes {
    type Stage = (&'static str, fn(&Trial) -> Duration);
    let stages: [Stage; 4] = [
        ("embed", |trial| trial.stages.embed),
        ("BM25", |trial| trial.stages.lexical),
        ("vectors", |trial| trial.stages.dense),
        ("cross-encoder", |trial| trial.stages.rerank),
    ];
    stages
        .into_iter()
        .filter_map(|(name, of)| {
            let times: Vec<Duration> = trials.iter().map(of).collect();
            // A stage that took no time at all was not asked for.
            times.iter().any(|time| !time.is_zero()).then_some(())?;
            Some((name, percentile(&times, 0.5)?, percentile(&times, 0.95)?))
        })
        .collect()
}

/// Several comparisons, so a correction.
fn correct(rows: &mut [SystemSummary]) {
    let compared: Vec<usize> = (0..rows.len())
        .filter(|&pos| rows[pos].against_hybrid.is_some())
        .collect();
    let p_values: Vec<f64> = compared
        .iter()
        .filter_map(|&pos| {
            rows[pos]
                .against_hybrid
                .map(|comparison| comparison.p_value)
        })
        .collect();
    for (pos, p_value) in compared.into_iter().zip(holm(&p_values)) {
        rows[pos].corrected_p = Some(p_value);
    }
}

fn deepest(systems: &[System]) -> usize {
    let depths = systems.iter().filter_map(|system| system.depth());
    depths.max().unwrap_or(0)
}

fn pairs(trial: &Trial, system: System) -> usize {
    system.depth().unwrap_or(0).min(trial.n_pairs)
}

/// The time of a question with a system, median and 95th percentile; `None` without trials.
///
/// It follows from the stages: a shallower second pass takes its share of the deepest one's time.
pub fn time(trials: &[Trial], system: System) -> Option<(Duration, Duration)> {
    let of_trial = |trial: &Trial| {
        let stages = &trial.stages;
        let first = stages.embed + stages.lexical + stages.dense;
        match system {
            System::Lexical => stages.lexical,
            System::Dense => stages.embed + stages.dense,
            System::Hybrid => first,
            System::Depth(_) | System::Weighted { .. } => {
                let share = pairs(trial, system) as f64 / trial.n_pairs.max(1) as f64;
                first + stages.rerank.mul_f64(share)
            }
        }
    };
    let times: Vec<Duration> = trials.iter().map(of_trial).collect();
    Some((percentile(&times, 0.5)?, percentile(&times, 0.95)?))
}

/// The mean of a measure if what may be reordered stood in the best order.
fn ceiling(
    trials: &[Trial],
    targets: &Targets,
    pos: usize,
    system: System,
    measure: Measure,
) -> f64 {
    let of_trial = |trial: &Trial| {
        let ranking = &trial.rankings[pos];
        let n_reordered = match system.depth() {
            Some(_) => ranking.n_reordered,
            None => ranking.names.len(),
        };
        best_order(ranking, n_reordered, trial, targets, measure)
    };
    let sum: f64 = trials.iter().map(of_trial).sum();
    sum / trials.len().max(1) as f64
}

fn best_order(
    ranking: &Ranking,
    n_reordered: usize,
    trial: &Trial,
    targets: &Targets,
    measure: Measure,
) -> f64 {
    let judged = targets.of(&trial.query.id);
    let grade = |name: &String| {
        let target = judged.iter().find(|target| target.name == *name);
        target.map(|target| target.grade)
    };
    let mut grades: Vec<Option<i32>> = ranking.names.iter().map(|(name, _)| grade(name)).collect();
    let n_reordered = n_reordered.min(grades.len());
    grades[..n_reordered].sort_by_key(|grade| std::cmp::Reverse(grade.unwrap_or(0)));
    let all: Vec<i32> = judged.iter().map(|target| target.grade).collect();
    measure.value(&grades, &all)
}

fn fates(trials: &[Trial], targets: &Targets, pos: usize, system: System) -> BTreeMap<Fate, usize> {
    let mut fates = BTreeMap::new();
    for trial in trials {
        let judged = targets.of(&trial.query.id).iter().zip(&trial.traces);
        for (target, trace) in judged.filter(|(target, _)| target.grade > 0) {
            let found = trace.ranked[pos].is_some_and(|rank| rank < FOUND_AT);
            let in_list = match system {
                System::Lexical => trace.lexical,
                System::Dense => trace.dense,
                System::Hybrid | System::Depth(_) | System::Weighted { .. } => trace.candidates,
            };
            let fate = match (target.presence, in_list) {
                _ if found => Fate::Found,
                (Presence::UnknownDocument | Presence::Empty, _) => Fate::NotIndexed,
                (Presence::CutApart, _) => Fate::CutApart,
                (_, Some(at)) if at < pairs(trial, system) => {
                    let read = trace.read.is_some_and(|at| at < pairs(trial, system));
                    if read { Fate::PutDown } else { Fate::CutOff }
                }
                (_, Some(_)) => Fate::TooDeep,
                _ if trace.refused => Fate::FilteredOut,
                (_, None) if trace.lexical.or(trace.dense).is_some() => match system {
                    System::Lexical | System::Dense => Fate::NotRetrieved,
                    _ => Fate::LostInFusion,
                },
                _ => Fate::NotRetrieved,
            };
            *fates.entry(fate).or_insert(0) += 1;
        }
    }
    fates
}
