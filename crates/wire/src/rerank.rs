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
}

impl Line {
    /// The line with this number and text, at this rank.
    pub fn new(found: &Reranked, rank: usize, line: usize, text: &str) -> Self {
        Self {
            rank,
            line,
            relevance: found.relevance,
            score: found.logit,
            text: text.to_owned(),
        }
    }
}
