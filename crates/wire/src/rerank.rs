//! Lines that the second pass alone has put in order.

use reread_engine::Reranked;
use serde::{Deserialize, Serialize};

/// One line of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Position in the answer, from 1.
    pub rank: usize,
    /// Which line of the input it is, from 1; empty lines count.
    pub line: usize,
    /// The logit on a scale from 0 to 1.
    pub relevance: f32,
    /// The cross-encoder's logit; higher is more relevant.
    pub score: f32,
    /// The line, without its end.
    pub text: String,
    /// The field of a line of JSON that was read; `None` where the whole line was.
    pub field: Option<String>,
    /// In how many pieces it was read; it has the score of the best.
    pub windows: usize,
}

impl Line {
    /// The line with this number and text, of which this field was read, at this rank.
    pub fn new(
        found: &Reranked,
        rank: usize,
        line: usize,
        text: &str,
        field: Option<&str>,
    ) -> Self {
        Self {
            rank,
            line,
            relevance: found.relevance,
            score: found.logit,
            text: text.to_owned(),
            field: field.map(str::to_owned),
            windows: found.n_windows,
        }
    }
}
