//! What a search returns.

use std::ops::Range;
use std::time::Duration;

use reread_models::{ModelIdentity, QueryLength};
use reread_rerank::{Outcome, Stopped};
use reread_retrieval::{DenseMethod, Mode, Passage};

use crate::warning::Warning;

/// The answer to one search.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SearchResult {
    /// The query as it was given.
    pub query: String,
    /// The best passages, best first.
    pub hits: Vec<Hit>,
    /// Whether the best candidate seems to answer the query, by a floor that was measured
    /// (`docs/ranking.md`); `None` where nothing was found, and after a fusion by ranks.
    pub seems_answered: Option<bool>,
    /// Where the time went.
    pub timings: Timings,
    /// What the first pass did.
    pub first_pass: FirstPassReport,
    /// What the second pass did.
    pub second_pass: SecondPassReport,
    /// What the user should know: how the query was read, or that the second pass failed.
    pub warnings: Vec<Warning>,
}

/// One result: a passage with what each pass said of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    /// Position in the answer, from 1.
    pub rank: u32,
    /// The score the answer is ordered by; equal to `scores.final_score`.
    pub score: f32,
    /// Places gained from the first pass to the answer; negative when it fell.
    pub moved: i32,
    /// The passage.
    pub passage: Passage,
    /// The other passages of the same text that the first pass found, best first; the result stands for
    /// them, too. With [`Fold::Similar`](crate::Fold::Similar) texts may be nearly the same.
    pub also_at: Vec<Passage>,
    /// Its score in each list. Scores of different lists cannot be compared.
    pub scores: Scores,
    /// Its rank in each list, from 1.
    pub ranks: Ranks,
    /// The bytes of the passage's text that match words of the query.
    pub highlights: Vec<Range<usize>>,
}

/// A passage's scores; higher is better in each.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// BM25, where words were looked for; 0 for a passage without any of them.
    pub bm25: Option<f32>,
    /// Cosine similarity of query and passage, where vectors were compared.
    pub cosine: Option<f32>,
    /// The fused score that decided who became a candidate.
    pub first_pass: f32,
    /// The cross-encoder's logit, if the second pass has read the passage.
    pub cross_encoder: Option<f32>,
    /// What the two passes add to the log-odds that the final score is made of, if the second one has read
    /// the passage.
    pub evidence: Option<Evidence>,
    /// The final score, where it is a probability: the second pass has read the passage, and the search has
    /// a [calibration](crate::Calibration) of its model.
    pub probability: Option<f32>,
    /// The score the answer is ordered by, in [0, 1]: see [`FinalOrder`](crate::FinalOrder). It follows from
    /// the query and the passage alone. 0 for what the second pass was to read and has not.
    pub final_score: f32,
}

/// What the two passes add to a passage's log-odds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// What the first pass's score adds.
    pub first_pass: f32,
    /// What the cross-encoder's logit adds.
    pub cross_encoder: f32,
}

/// A passage's ranks, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ranks {
    /// In the lexical list.
    pub lexical: Option<u32>,
    /// In the dense list.
    pub dense: Option<u32>,
    /// After fusion.
    pub first_pass: u32,
    /// By the cross-encoder alone.
    pub cross_encoder: Option<u32>,
    /// In the answer.
    pub final_rank: u32,
}

/// Where the time of a search went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Opening the index and the models; zero once they are open.
    pub open: Duration,
    /// Embedding the query.
    pub embed: Duration,
    /// BM25.
    pub lexical: Duration,
    /// Searching the vectors.
    pub dense: Duration,
    /// The cross-encoder; for scores that were kept, what they took then.
    pub rerank: Duration,
    /// Everything.
    pub total: Duration,
}

/// What the first pass did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FirstPassReport {
    /// Which arms were asked.
    pub mode: Mode,
    /// Candidates it returned, those of one text counted once.
    pub n_candidates: usize,
    /// How many passages more have the text of one of these.
    pub n_folded: usize,
    /// How long the question is, where the bi-encoder was asked and tells.
    pub query_length: Option<QueryLength>,
    /// Length of the lexical list.
    pub n_lexical: usize,
    /// Length of the dense list.
    pub n_dense: usize,
    /// How the vectors were searched, if they were.
    pub dense_method: Option<DenseMethod>,
    /// Passages in the index.
    pub n_passages: usize,
}

/// What the second pass did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SecondPassReport {
    /// How many candidates it was to read.
    pub requested: usize,
    /// How many it has read.
    pub scored: usize,
    /// How many of these scores were [kept](crate::Engine::keep_scores) from before.
    pub n_known: usize,
    /// Why it read no more, if it read fewer than requested or was not asked.
    pub stopped: Option<Stopped>,
    /// About how much longer the rest would have taken, where the budget ran out and something
    /// was read.
    pub time_left: Option<Duration>,
    /// The model, where one was used.
    pub model: Option<ModelIdentity>,
    /// How long the question is, where the model was used and tells.
    pub query_length: Option<QueryLength>,
}

impl SecondPassReport {
    /// A second pass that is to read this many candidates and has read none.
    pub(crate) fn new(requested: usize) -> Self {
        Self {
            requested,
            scored: 0,
            n_known: 0,
            stopped: None,
            time_left: None,
            model: None,
            query_length: None,
        }
    }

    /// Takes over what was read.
    pub(crate) fn take(&mut self, outcome: &Outcome) {
        self.scored = outcome.logits.len();
        self.n_known = outcome.n_known;
        self.stopped = outcome.stopped;
        self.time_left = outcome.time_left;
    }
}
