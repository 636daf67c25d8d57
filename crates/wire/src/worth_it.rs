//! Whether the second pass pays, in numbers.

use serde::{Deserialize, Serialize};

use crate::eval::Comparison;

/// A verdict on the second pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The number of this set of fields: [`SCHEMA`](crate::SCHEMA).
    pub schema: u32,
    /// The collection's or folder's name.
    pub name: String,
    /// Does it pay? `yes`, `only_short`, `only_long`, `no` or `unknown`.
    pub answer: String,
    /// The answer as a sentence.
    pub sentence: String,
    /// The measure that gains are in.
    pub measure: String,
    /// Questions that were asked.
    pub n_questions: usize,
    /// The mean of the measure for the first pass alone.
    pub hybrid: f64,
    /// The setting in use.
    pub current: Setting,
    /// What it gains over the first pass alone.
    pub current_gain: Comparison,
    /// The setting with the greatest mean gain.
    pub best: Setting,
    /// What that one gains; too high, as it was chosen by these very questions.
    pub best_gain: Comparison,
    /// What choosing a setting on one half of the questions gains on the other.
    pub held_out: Comparison,
    /// What the setting in use gains on kinds of questions.
    pub kinds: Vec<Kind>,
    /// Every setting that was tried.
    pub settings: Vec<Setting>,
    /// The median time of a question by the first pass alone, in milliseconds.
    pub first_pass_ms: f64,
    /// What the user should know, in sentences.
    pub warnings: Vec<String>,
}

/// What the setting in use gains on one kind of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kind {
    /// The kind, in words.
    pub kind: String,
    /// The gain.
    pub gain: Comparison,
}

/// One setting of the second pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// How many candidates are read.
    pub depth: usize,
    /// The cross-encoder's weight, from 0 to 1.
    pub rerank_weight: f64,
    /// The mean gain over the first pass alone.
    pub gain: f64,
    /// The median time of a question, in milliseconds.
    pub p50_ms: f64,
    /// The 95th percentile of that time.
    pub p95_ms: f64,
    /// In how many of the halves it was chosen.
    pub chosen: usize,
}

/// An answer as one word.
pub fn word(answer: reread_eval::Answer) -> &'static str {
    use reread_eval::{Answer, Kind};
    match answer {
        Answer::Yes(_) => "yes",
        Answer::OnlyFor(Kind::Short(_)) => "only_short",
        Answer::OnlyFor(Kind::Long(_)) => "only_long",
        Answer::No => "no",
        Answer::Unknown => "unknown",
    }
}
