//! When the second pass may stop, as what it has not read cannot change the answer.
//!
//! What a candidate scores depends on itself alone ([`FinalOrder`]), and grows with its logit. So what is not
//! read can score at most what the greatest first-pass score among it and the greatest logit that the
//! model can give come to. Results that score more than that are settled.
//!
//! A bound of this kind on scores that are not known yet is the idea of the threshold algorithm: Fagin,
//! Lotem and Naor, "Optimal aggregation algorithms for middleware", JCSS 66 (2003), section 4.

use std::collections::{HashMap, HashSet};

use crate::candidate::Candidate;
use crate::final_order::FinalOrder;
use crate::options::{ReadOptions, Stop};

/// Differences below this may be those of rounding.
const MARGIN: f32 = 1e-5;

/// How far the logits that were not read are taken to lie above the mean of those that were, in
/// standard deviations.
const CONFIDENT_DEVIATIONS: f64 = 3.0;

/// Says whether the first results are settled.
pub(crate) struct EarlyStop {
    /// Scores of the first pass.
    first_pass: Vec<f32>,
    /// Which candidates are headings.
    headings: Vec<bool>,
    /// Of each candidate the greatest first-pass score from it on.
    greatest_from: Vec<f32>,
    /// Of each candidate the result that it is part of.
    results: Vec<usize>,
    n_results: usize,
    order: FinalOrder,
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
        let order = options.order?;
        let limit = match options.stop {
            Stop::Never => return None,
            Stop::Certain => Limit::Certain(greatest_logit?),
            Stop::Confident => Limit::Confident(greatest_logit),
        };
        if options.top_k == 0 {
            return None;
        }
        let first_pass: Vec<f32> = candidates.iter().map(|it| it.first_pass).collect();
        Self::of(
            &first_pass,
            results(candidates),
            options.top_k,
            order,
            limit,
        )
    }

    fn of(
        first_pass: &[f32],
        results: Vec<usize>,
        n_results: usize,
        order: FinalOrder,
        limit: Limit,
    ) -> Option<Self> {
        let n_different = results
            .iter()
            .enumerate()
            .filter(|(at, result)| at == *result)
            .count();
        let mut greatest_from = first_pass.to_vec();
        for at in (1..greatest_from.len()).rev() {
            greatest_from[at - 1] = greatest_from[at - 1].max(greatest_from[at]);
        }
        (n_different > n_results).then(|| Self {
            first_pass: first_pass.to_vec(),
            headings: vec![false; first_pass.len()],
            greatest_from,
            results,
            n_results,
            order,
            limit,
        })
    }

    /// Whether the results and their order are those that reading everything would give, as far
    /// as the limit is right. `logits` are those of the first candidates.
    pub(crate) fn is_settled(&self, logits: &[f32]) -> bool {
        let Some(&unread) = self.greatest_from.get(logits.len()) else {
            return true;
        };
        let limit = match self.limit {
            Limit::Certain(limit) => limit,
            Limit::Confident(limit) => likely_most(logits, limit),
        };
        let read = self.first_pass.iter().zip(&self.headings).zip(logits);
        let log_odds: Vec<f32> = read
            .map(|((&first_pass, &is_heading), &logit)| {
                self.order.log_odds_as(is_heading, first_pass, logit)
            })
            .collect();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| log_odds[b].total_cmp(&log_odds[a]));
        let last = self.n_needed(&order).and_then(|n| order.get(n - 1));
        last.is_some_and(|&last| log_odds[last] - self.order.log_odds(unread, limit) > MARGIN)
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
    use crate::Scale;
    use crate::final_order::final_order;

    const LIMIT: f32 = 12.0;

    fn both(weight: f32) -> FinalOrder {
        FinalOrder::new(weight, Scale::new(-10.0, 4.0).unwrap())
    }

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
        let read = first_pass.iter().zip(logits);
        let log_odds: Vec<f32> = read
            .map(|(&first_pass, &logit)| both(weight).log_odds(first_pass, logit))
            .collect();
        final_order(&log_odds, first_pass.len())
    }

    prop_compose! {
        fn candidates()(n in 2usize..30)(
            first_pass in prop::collection::vec(0f32..1.0, n),
            logits in prop::collection::vec(-LIMIT..LIMIT, n),
            documents in prop::collection::vec(0usize..12, n),
            is_by_document in any::<bool>(),
            is_sorted in any::<bool>(),
        ) -> (Vec<f32>, Vec<f32>, Vec<usize>) {
            let mut first_pass = first_pass;
            if is_sorted {
                first_pass.sort_by(|a, b| b.total_cmp(a));
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
            let Some(early_stop) = EarlyStop::of(&first_pass, of.clone(), n_results, both(weight), limit)
            else {
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
        let of = |weight, limit| {
            EarlyStop::of(&first_pass, alone.clone(), 1, both(weight), limit).unwrap()
        };
        let mut clear = [-11.0; 20];
        clear[0] = 11.9;
        // The first one has the first pass's best score and nearly the greatest logit.
        let certain = Limit::Certain(LIMIT);
        assert!(n_read(&of(0.5, certain), &clear) < 4);
        assert_eq!(n_read(&of(0.1, certain), &clear), 1);
        clear[0] = 5.0;
        assert_eq!(n_read(&of(0.95, certain), &clear), 20);
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
        assert!(EarlyStop::of(&[1.0, 0.5], vec![0, 1], 2, both(0.1), limit).is_none());
        assert!(EarlyStop::of(&[1.0, 0.5, 0.1], vec![0, 0, 0], 1, both(0.1), limit).is_none());
    }
}
