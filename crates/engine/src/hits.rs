//! From candidates and logits to the hits of an answer.

use reread_rerank::{
    Calibration, FinalOrder, final_order, first_pass_log_odds, logistic, rank, seems_to_answer,
};
use reread_retrieval::{Candidate, Query, highlight, is_bare_heading};

use crate::options::SearchOptions;
use crate::per_document::PerDocument;
use crate::result::{Evidence, Hit, Ranks, Scores};

/// A passage with this share of the most that BM25 could give holds about all words of the query. Who asks with
/// a word or two is answered by a place that holds them, whatever models make of it. No passage came to more
/// than 0.49 for 119 questions that its documents cannot know (`docs/ranking.md`).
const HELD: f32 = 0.55;

/// Candidates, and what the second pass said of the first of them.
pub(crate) struct Judged {
    candidates: Vec<Candidate>,
    logits: Vec<f32>,
    scores: Vec<f32>,
    /// How both passes were joined, if they were.
    both: Option<FinalOrder>,
    /// Of the best candidate; none without a candidate.
    best: Option<f32>,
    /// Whether the scores are probabilities that judgements were fitted to.
    is_calibrated: bool,
    order: Vec<usize>,
}

impl Judged {
    /// Joins both passes, where the second one has read the first `logits.len()` candidates.
    pub(crate) fn new(
        candidates: Vec<Candidate>,
        logits: Vec<f32>,
        both: Option<FinalOrder>,
        calibration: Option<&Calibration>,
    ) -> Self {
        let n = candidates.len();
        let Some(both) = both.filter(|_| !logits.is_empty()) else {
            let log_odds: Vec<f32> = candidates
                .iter()
                .map(|candidate| first_pass_log_odds(candidate.score))
                .collect();
            return Self {
                scores: log_odds.iter().copied().map(logistic).collect(),
                best: log_odds.first().copied(),
                candidates,
                logits: Vec::new(),
                both: None,
                is_calibrated: false,
                order: (0..n).collect(),
            };
        };
        let read = candidates.iter().zip(&logits);
        let log_odds: Vec<f32> = read
            .map(|(candidate, &logit)| {
                let is_heading = is_bare_heading(&candidate.passage);
                both.log_odds_as(is_heading, candidate.score, logit)
            })
            .collect();
        let score = |&log_odds: &f32| match calibration {
            Some(calibration) => calibration.probability(log_odds),
            None => logistic(log_odds),
        };
        let mut scores: Vec<f32> = log_odds.iter().map(score).collect();
        // What was not read stays behind what was, so it has the least score there is.
        scores.resize(n, 0.0);
        let order = final_order(&log_odds, n);
        Self {
            best: order.first().and_then(|&pos| log_odds.get(pos)).copied(),
            order,
            candidates,
            logits,
            scores,
            both: Some(both),
            is_calibrated: calibration.is_some(),
        }
    }

    /// Whether the best of them seems to answer the query; `None` where nothing was found.
    pub(crate) fn seems_answered(&self) -> Option<bool> {
        let shares = self.candidates.iter().map(|it| it.lexical_share);
        let holds_words = shares.flatten().any(|share| share >= HELD);
        self.best.map(|best| holds_words || seems_to_answer(best))
    }

    /// The best of them that pass the thresholds, of each document as many as may be results.
    pub(crate) fn into_hits(self, query: &Query, options: &SearchOptions) -> Vec<Hit> {
        let mut reader_ranks = vec![None; self.candidates.len()];
        for (pos, reader_rank) in rank(&self.logits).into_iter().zip(1u32..) {
            reader_ranks[pos] = Some(reader_rank);
        }
        // A result moves among what could have been one in the order of the first pass.
        let document = |pos: usize| self.candidates[pos].passage.document;
        let documents = (0..self.candidates.len()).map(document);
        let ranks_before = PerDocument::new(options).ranks(documents);
        let mut per_document = PerDocument::new(options);
        let mut is_admitted = |pos: usize| per_document.admits(document(pos));
        let order = self.order.iter().copied();
        let chosen = order.filter(|&pos| self.is_enough(pos, options) && is_admitted(pos));
        chosen
            .take(options.top_k)
            .zip(1u32..)
            .map(|(pos, rank)| self.hit(pos, rank, ranks_before[pos], reader_ranks[pos], query))
            .collect()
    }

    fn hit(
        &self,
        pos: usize,
        rank: u32,
        rank_before: u32,
        reader_rank: Option<u32>,
        query: &Query,
    ) -> Hit {
        let candidate = &self.candidates[pos];
        let logit = self.logits.get(pos).copied();
        Hit {
            rank,
            score: self.scores[pos],
            moved: rank_before as i32 - rank as i32,
            highlights: highlight(query, &candidate.passage.text),
            passage: candidate.passage.clone(),
            also_at: Vec::new(),
            scores: Scores {
                bm25: candidate.bm25,
                cosine: candidate.cosine,
                first_pass: candidate.score,
                cross_encoder: logit,
                evidence: self.both.zip(logit).map(|(both, logit)| Evidence {
                    first_pass: both.from_first_pass(candidate.score),
                    cross_encoder: both
                        .from_cross_encoder_as(is_bare_heading(&candidate.passage), logit),
                }),
                probability: logit
                    .filter(|_| self.is_calibrated)
                    .map(|_| self.scores[pos]),
                final_score: self.scores[pos],
            },
            ranks: Ranks {
                lexical: candidate.lexical.map(|placed| placed.rank),
                dense: candidate.dense.map(|placed| placed.rank),
                first_pass: candidate.rank,
                cross_encoder: reader_rank,
                final_rank: rank,
            },
        }
    }

    /// Whether a candidate passes the least score, where there is one. One that is a probability says nothing
    /// of scores that are none.
    fn is_enough(&self, pos: usize, options: &SearchOptions) -> bool {
        let is_comparable = options.calibration.is_none() || self.is_calibrated;
        let least = options.min_score.filter(|_| is_comparable);
        least.is_none_or(|least| self.scores[pos] >= least)
    }
}
