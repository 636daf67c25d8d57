//! How well each pass ranks, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use reread_eval::{Fate, SystemSummary};
use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// An evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The number of this set of fields: [`SCHEMA`](crate::SCHEMA).
    pub schema: u32,
    /// The collection's or folder's name.
    pub name: String,
    /// What is judged: `document` or `passage`.
    pub unit: String,
    /// Questions that were asked.
    pub n_questions: usize,
    /// Passages of the index.
    pub n_passages: usize,
    /// The models, for people.
    pub models: Vec<String>,
    /// The seed of the randomisation tests.
    pub seed: u64,
    /// The names of the measures; systems are compared by the first.
    pub measures: Vec<String>,
    /// The rankings that were measured.
    pub systems: Vec<System>,
    /// What each stage of a search took, by its name.
    pub stages_ms: BTreeMap<String, TimesMs>,
    /// What the comparison of the second pass with the first comes to, in sentences.
    pub findings: Vec<String>,
    /// What to mend first, in a sentence; `None` where nothing is lost that could be mended.
    pub advice: Option<String>,
    /// What the user should know, in sentences.
    pub warnings: Vec<String>,
}

/// One way to rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// `bm25`, `vector`, `hybrid`, or `depth-20` for both passes with this many candidates read.
    pub system: String,
    /// The mean over all questions, by the measure's name.
    pub means: BTreeMap<String, f64>,
    /// The mean of the first measure if what this system may reorder were in the best possible order.
    pub ceiling: f64,
    /// The part of the ceiling that is reached; `None` for a ceiling of 0.
    pub reached: Option<f64>,
    /// Pairs of question and passage that the cross-encoder reads, over all questions.
    pub pairs: usize,
    /// The time of a question; `None` where it was not measured.
    pub time_ms: Option<TimesMs>,
    /// Whether a part of that time is reckoned from a deeper reading, not measured.
    pub time_estimated: bool,
    /// This system less the hybrid, in the first measure; `None` for the hybrid itself.
    pub against_hybrid: Option<Comparison>,
    /// What became of the relevant places: how many, by one word.
    pub relevant: BTreeMap<String, usize>,
    /// The values of each question, by its id, in the order of `measures`.
    pub questions: BTreeMap<String, Vec<f64>>,
}

/// How two rankings compare over the same questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The mean difference; above 0 the first one is better.
    pub mean: f64,
    /// The standard deviation of the differences.
    pub deviation: f64,
    /// The 95 % confidence interval of the mean difference; `None` for fewer than two questions.
    pub interval: Option<[f64; 2]>,
    /// Questions where the first one is better.
    pub wins: usize,
    /// Questions where it is worse.
    pub losses: usize,
    /// Questions where both are equal.
    pub ties: usize,
    /// The two-sided p-value of the randomisation test.
    pub p: f64,
    /// That p-value, corrected for how many tests were made; `None` where nothing is to be corrected.
    pub corrected_p: Option<f64>,
    /// The least true gain that would be found with a chance of 80 %.
    pub detectable: Option<f64>,
}

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimesMs {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
}

impl From<&SystemSummary> for System {
    fn from(row: &SystemSummary) -> Self {
        let names = row.evaluation.measures.iter().map(ToString::to_string);
        let count = |fate: Fate| row.fates.get(&fate).copied().unwrap_or(0);
        let questions = row.evaluation.queries.iter();
        Self {
            system: row.system.name(),
            means: names.zip(row.evaluation.means()).collect(),
            ceiling: row.ceiling,
            reached: row.reached(),
            pairs: row.n_pairs,
            time_ms: row.time.map(TimesMs::from),
            time_estimated: row.estimated,
            against_hybrid: row
                .against_hybrid
                .map(|comparison| Comparison::new(&comparison, row.corrected_p)),
            relevant: Fate::ALL
                .map(|fate| (fate.name().to_owned(), count(fate)))
                .into(),
            questions: questions
                .map(|question| (question.query.clone(), question.values.clone()))
                .collect(),
        }
    }
}

impl Comparison {
    /// A comparison, with its p-value as it is corrected for others made beside it.
    pub fn new(comparison: &reread_eval::Comparison, corrected_p: Option<f64>) -> Self {
        Self {
            mean: comparison.mean,
            deviation: comparison.deviation,
            interval: comparison.interval.map(Into::into),
            wins: comparison.wins,
            losses: comparison.losses,
            ties: comparison.ties,
            p: comparison.p_value,
            corrected_p,
            detectable: comparison.detectable,
        }
    }
}

impl From<(Duration, Duration)> for TimesMs {
    /// From the median and the 95th percentile.
    fn from((p50, p95): (Duration, Duration)) -> Self {
        Self {
            p50: milliseconds(p50),
            p95: milliseconds(p95),
        }
    }
}
