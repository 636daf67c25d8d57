//! When the second pass may stop, as what it has not read cannot change the answer.
//!
//! The [final score](crate::blend_passes) of candidate `i` is `s_i(Z) = w v_i / Z + (1 - w) f_i`: `f_i` is
//! its scaled first-pass score, which is known, `v_i` its vote and `Z` the sum of all votes. What
//! is not read can do two things:
//!
//! - It enlarges `Z`, and so lessens the cross-encoder's say. With `m` unread candidates of at most `V`
//!   votes each, `Z` lies between the votes read and `m V` more. The difference of two candidates
//!   that were read is linear in `1 / Z`: what holds at both ends holds between them.
//! - It comes before what was read. The most that an unread candidate can reach is `V` votes
//!   with the greatest unread `f`, and against a candidate `i` with fewer votes it is best off when the
//!   others have none, else when they have the most: again two values of `Z`.
//!
//! A bound of this kind on scores that are not known yet is the idea of the threshold algorithm: Fagin,
//! Lotem and Naor, "Optimal aggregation algorithms for middleware", JCSS 66 (2003), section 4.

use std::collections::{HashMap, HashSet};

use crate::candidate::Candidate;
use crate::final_order::{NONE, vote};
use crate::options::{ReadOptions, Stop};

/// Differences below this may be those of rounding.
const MARGIN: f64 = 1e-5;

/// With a greater weight the bound never settles anything before the last candidate (measured on
/// all collections, `docs/ranking.md`), and reading step by step has its price.
const MAX_CERTAIN_WEIGHT: f32 = 0.5;

/// How far the logits that were not read are taken to lie above the mean of those that were, in
/// standard deviations.
const CONFIDENT_DEVIATIONS: f64 = 3.0;

/// Says whether the first results are settled.
pub(crate) struct EarlyStop {
    /// Scaled scores of the first pass.
    first_pass: Vec<f64>,
    /// Of each candidate the result that it is part of.
    results: Vec<usize>,
    n_results: usize,
    weight: f64,
    limit: Limit,
}

/// What a logit that is not known yet can be.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// Never more than this.
    Certain(f32),
    /// Hardly more than what was read suggests, and never more than this.
    Confident(Option<f32>),
}

impl EarlyStop {
    /// `None` where reading on is the only way: it is asked for, all candidates are results, or nothing
    /// is known of what a logit can be.
    pub(crate) fn new(
        candidates: &[Candidate<'_>],
        options: &ReadOptions,
        greatest_logit: Option<f32>,
    ) -> Option<Self> {
        let ReadOptions { top_k, weight, .. } = *options;
        let limit = match options.stop {
            Stop::Never => return None,
            Stop::Certain if weight > MAX_CERTAIN_WEIGHT => return None,
            Stop::Certain => Limit::Certain(greatest_logit?),
            Stop::Confident => Limit::Confident(greatest_logit),
        };
        if top_k == 0 {
            return None;
        }
        let first_pass: Vec<f32> = candidates.iter().map(|it| it.first_pass).collect();
        Self::of(&first_pass, results(candidates), top_k, weight, limit)
    }

    fn of(
        first_pass: &[f32],
        results: Vec<usize>,
        n_results: usize,
        weight: f32,
        limit: Limit,
    ) -> Option<Self> {
        let n_different = results
            .iter()
            .enumerate()
            .filter(|(at, result)| at == *result)
            .count();
        (n_different > n_results).then(|| Self {
            first_pass: first_pass.iter().copied().map(f64::from).collect(),
            results,
            n_results,
            weight: f64::from(weight),
            limit,
        })
    }

    /// Whether the results and their order are those that reading everything would give, as far
    /// as the limit is right. `logits` are those of the first candidates.
    pub(crate) fn is_settled(&self, logits: &[f32]) -> bool {
        let n_read = logits.len();
        let Some(&unread) = self.first_pass.get(n_read) else {
            return true;
        };
        let (most, n_unread) = match self.limit {
            Limit::Certain(limit) => (limit, self.first_pass.len() - n_read),
            Limit::Confident(limit) => (likely_most(logits, limit), 1),
        };
        let votes: Vec<f64> = logits.iter().map(|&logit| vote(logit, NONE)).collect();
        let most = vote(most, NONE);
        // "None of these" has one vote.
        let read = 1.0 + votes.iter().sum::<f64>();
        let score = |votes: f64, first_pass: f64, all: f64| {
            self.weight * votes / all + (1.0 - self.weight) * first_pass
        };
        let of = |at: usize, all| score(votes[at], self.first_pass[at], all);

        let mut order: Vec<usize> = (0..n_read).collect();
        order.sort_by(|&a, &b| of(b, read).total_cmp(&of(a, read)));
        let Some(n_settled) = self.n_needed(&order) else {
            return false;
        };
        let (settled, rest) = order.split_at(n_settled);
        let Some(&last) = settled.last() else {
            return false;
        };
        let is_above = |a: f64, b: f64| a - b > MARGIN;
        let all_of = |n: usize| read + n as f64 * most;
        let is_in_order = |all: f64| {
            let pairs = settled.windows(2).map(|pair| (pair[0], pair[1]));
            let behind = rest.iter().map(|&at| (last, at));
            pairs
                .chain(behind)
                .all(|(a, b)| is_above(of(a, all), of(b, all)))
        };
        let is_out_of_reach = |all: f64| is_above(of(last, all), score(most, unread, all));
        [read, all_of(n_unread)].into_iter().all(is_in_order)
            && [all_of(1), all_of(n_unread)]
                .into_iter()
                .all(is_out_of_reach)
    }

    /// How many candidates in `order` make up the results, if they do.
    fn n_needed(&self, order: &[usize]) -> Option<usize> {
        let mut seen = HashSet::new();
        order
            .iter()
            .position(|&at| {
                seen.insert(self.results[at]);
                seen.len() == self.n_results
            })
            .map(|at| at + 1)
    }
}

/// For each candidate the position of the first one of the same result.
fn results(candidates: &[Candidate<'_>]) -> Vec<usize> {
    let mut firsts = HashMap::new();
    let positions = candidates.iter().enumerate();
    positions
        .map(|(at, candidate)| match candidate.result {
            Some(result) => *firsts.entry(result).or_insert(at),
            None => at,
        })
        .collect()
}

/// Some standard deviations above the mean of the logits.
fn likely_most(logits: &[f32], limit: Option<f32>) -> f32 {
    let logits = logits.iter().map(|&logit| f64::from(logit));
    let n = logits.len().max(1) as f64;
    let mean = logits.clone().sum::<f64>() / n;
    let variance = logits.map(|logit| (logit - mean).powi(2)).sum::<f64>() / n;
    let most = (mean + CONFIDENT_DEVIATIONS * variance.sqrt()) as f32;
    most.min(limit.unwrap_or(f32::INFINITY))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::final_order::{blend_passes, final_order};

    const LIMIT: f32 = 12.0;

    /// The first results, each by its best candidate.
    fn results(order: &[usize], of: &[usize], n_results: usize) -> Vec<usize> {
        let mut seen = std::collections::HashSet::new();
        let mut firsts: Vec<usize> = order.to_vec();
        firsts.retain(|&at| seen.insert(of[at]));
        firsts.truncate(n_results);
        firsts
    }

    /// How many candidates are read, step by step, until it is settled.
    fn n_read(early_stop: &EarlyStop, logits: &[f32]) -> usize {
        (1..logits.len())
            .find(|&n| early_stop.is_settled(&logits[..n]))
            .unwrap_or(logits.len())
    }

    fn order(first_pass: &[f32], logits: &[f32], weight: f32) -> Vec<usize> {
        final_order(&blend_passes(first_pass, logits, weight), logits.len())
    }

    prop_compose! {
        fn candidates()(n in 2usize..30)(
            first_pass in prop::collection::vec(0f32..1.0, n),
            logits in prop::collection::vec(-LIMIT..LIMIT, n),
            documents in prop::collection::vec(0usize..12, n),
            is_by_document in any::<bool>(),
        ) -> (Vec<f32>, Vec<f32>, Vec<usize>) {
            let mut first_pass = first_pass;
            first_pass.sort_by(|a, b| b.total_cmp(a));
            // As the first pass scales them: the best 1, the last 0.
            let (most, least) = (first_pass[0], first_pass[first_pass.len() - 1]);
            for score in &mut first_pass {
                *score = if most > least { (*score - least) / (most - least) } else { 1.0 };
            }
            let results = (0..documents.len()).map(|at| if is_by_document {
                documents.iter().position(|&document| document == documents[at]).unwrap()
            } else {
                at
            });
            (first_pass, logits, results.collect())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_settled_is_what_reading_everything_gives(
            (first_pass, logits, of) in candidates(),
            weight in prop_oneof![0f32..=1.0, 0f32..0.2],
            n_results in 1usize..5,
        ) {
            let limit = Limit::Certain(LIMIT);
            let Some(early_stop) = EarlyStop::of(&first_pass, of.clone(), n_results, weight, limit) else {
                return Ok(());
            };
            let full = results(&order(&first_pass, &logits, weight), &of, n_results);
            for n in 1..logits.len() {
                if early_stop.is_settled(&logits[..n]) {
                    let early = order(&first_pass, &logits[..n], weight);
                    prop_assert_eq!(&results(&early, &of, n_results), &full, "{} read", n);
                }
            }
        }
    }

    #[test]
    fn a_clear_answer_is_settled_early_and_a_close_one_is_not() {
        let first_pass: Vec<f32> = (0..20u8).map(|at| 1.0 - f32::from(at) / 20.0).collect();
        let alone: Vec<usize> = (0..20).collect();
        let of =
            |weight, limit| EarlyStop::of(&first_pass, alone.clone(), 1, weight, limit).unwrap();
        let mut clear = [-11.0; 20];
        clear[0] = 11.9;
        // The first one has the first pass's best score and nearly the greatest logit.
        let certain = Limit::Certain(LIMIT);
        assert!(n_read(&of(0.5, certain), &clear) < 12);
        assert_eq!(n_read(&of(0.1, certain), &clear), 1);
        clear[0] = 8.0;
        assert_eq!(n_read(&of(0.9, certain), &clear), 20);
        // One of those that were not read may be as good.
        let open = [-11.0; 20];
        assert_eq!(n_read(&of(0.9, certain), &open), 20);
        assert!(n_read(&of(0.9, Limit::Confident(Some(LIMIT))), &open) < 4);
        // A limit that is no number settles nothing.
        assert_eq!(n_read(&of(0.5, Limit::Certain(f32::INFINITY)), &clear), 20);
        assert_eq!(n_read(&of(0.5, Limit::Certain(f32::NAN)), &clear), 20);
    }

    #[test]
    fn where_all_candidates_are_results_all_are_read() {
        let limit = Limit::Certain(LIMIT);
        assert!(EarlyStop::of(&[1.0, 0.5], vec![0, 1], 2, 0.1, limit).is_none());
        assert!(EarlyStop::of(&[1.0, 0.5, 0.1], vec![0, 0, 0], 1, 0.1, limit).is_none());
    }
}
