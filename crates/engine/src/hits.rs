//! From candidates and logits to the hits of an answer.

use reread_rerank::{Calibration, blend_passes, final_order, rank};
use reread_retrieval::fusion::min_max;
use reread_retrieval::{Candidate, Query, highlight};

use crate::options::{SearchOptions, SecondPass};
use crate::per_document::PerDocument;
use crate::result::{Hit, Ranks, Scores};

/// Candidates, and what the second pass said of the first of them.
pub(crate) struct Judged {
    candidates: Vec<Candidate>,
    logits: Vec<f32>,
    /// Of the logits; none without a calibration.
    probabilities: Vec<f32>,
    scores: Vec<f32>,
    order: Vec<usize>,
}

impl Judged {
    /// Joins both passes. The second pass was to read the first `n_requested` candidates and has read the
    /// first `logits.len()` of them.
    pub(crate) fn new(
        candidates: Vec<Candidate>,
        n_requested: usize,
        logits: Vec<f32>,
        calibration: Option<&Calibration>,
        options: &SearchOptions,
    ) -> Self {
        let first: Vec<f32> = candidates.iter().map(|candidate| candidate.score).collect();
        let scores = match options.second_pass {
            SecondPass::Rerank { weight } if !logits.is_empty() => {
                let scaled = min_max(&first[..n_requested]);
                let mut scores = blend_passes(&scaled, &logits, weight);
                scores.resize(first.len(), 0.0);
                scores
            }
            _ => first,
        };
        let order = if logits.is_empty() {
            (0..candidates.len()).collect()
        } else {
            final_order(&scores, logits.len())
        };
        let probability = |&logit: &f32| calibration.map(|it| it.probability(logit));
        Self {
            probabilities: logits.iter().map_while(probability).collect(),
            candidates,
            logits,
            scores,
            order,
        }
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
        Hit {
            rank,
            score: self.scores[pos],
            moved: rank_before as i32 - rank as i32,
            highlights: highlight(query, &candidate.passage.text),
            passage: candidate.passage.clone(),
            also_at: Vec::new(),
            scores: Scores {
                bm25: candidate.lexical.map(|placed| placed.score),
                cosine: candidate.dense.map(|placed| placed.score),
                first_pass: candidate.score,
                cross_encoder: self.logits.get(pos).copied(),
                probability: self.probabilities.get(pos).copied(),
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

    /// Whether a candidate passes the least score and the least probability, where there are any.
    fn is_enough(&self, pos: usize, options: &SearchOptions) -> bool {
        let least = options.min_score.unwrap_or(f32::NEG_INFINITY);
        let is_likely = match options.min_probability {
            Some(least) if !self.probabilities.is_empty() => {
                let probability = self.probabilities.get(pos);
                probability.is_some_and(|probability| *probability >= least)
            }
            _ => true,
        };
        self.scores[pos] >= least && is_likely
    }
}
