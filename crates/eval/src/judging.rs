//! Which candidates to ask a person about, so that few answers tell whether the second pass's order
//! is better than the first's. Pure functions.
//!
//! The two orders of one question differ in DCG by the sum, over its relevant candidates, of what the
//! move from one rank to the other is worth. So a candidate that did not move need not be judged, and
//! one that moved across the top is worth the most: Carterette, Allan and Sitaraman, "Minimal Test
//! Collections for Retrieval Evaluation", SIGIR 2006, with DCG of Järvelin and Kekäläinen 2002.

use crate::statistics::{Comparison, compare, queries_needed};

/// Ranks beyond this are not seen, and worth nothing.
const CUT_OFF: u32 = 10;

/// Fewer judged questions decide nothing.
const MIN_QUESTIONS: usize = 8;

/// The level, and the chance to find a true difference of the size seen, that decide.
const ALPHA: f64 = 0.05;
const POWER: f64 = 0.8;

/// What a relevant candidate adds to the second order's DCG@10 over the first's, by its ranks in both,
/// from 1. Negative if it fell.
pub fn effect(first: u32, second: u32) -> f64 {
    let discount = |rank: u32| {
        if rank <= CUT_OFF {
            1.0 / f64::from(rank + 1).log2()
        } else {
            0.0
        }
    };
    discount(second) - discount(first)
}

/// The candidates that the two orders disagree on most, at most `n` of them, as positions in
/// `ranks`, which holds the rank in the first and in the second order of each. Those without any effect
/// are left out.
pub fn disputed(ranks: &[(u32, u32)], n: usize) -> Vec<usize> {
    let size = |at: usize| effect(ranks[at].0, ranks[at].1).abs();
    let mut moved: Vec<usize> = (0..ranks.len()).filter(|&at| size(at) > 0.0).collect();
    moved.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
    moved.truncate(n);
    moved
}

/// What the judgements so far say of the two orders.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Standing {
    /// The second order less the first, in DCG@10 over what was judged, a question each.
    pub comparison: Comparison,
    /// Whether it is decided, one way or the other.
    pub is_decided: bool,
    /// About how many more questions would decide it, if they go on like this.
    pub n_more: Option<usize>,
}

/// Weighs differences, one a question of which something was judged. `seed` is that of the randomisation
/// test.
///
/// Whoever looks after every question, and stops once the test is significant, is too often wrong. So
/// the level is shared between ten looks (Bonferroni; Pocock 1977 for the problem): decided is what is
/// significant at .005.
pub fn standing(differences: &[f64], seed: u64) -> Standing {
    const N_LOOKS: f64 = 10.0;
    let comparison = compare(differences, seed);
    let n_questions = differences.len();
    let is_decided = n_questions >= MIN_QUESTIONS && comparison.p_value <= ALPHA / N_LOOKS;
    let (mean, deviation) = (comparison.mean, comparison.deviation);
    let needed = queries_needed(mean, deviation, ALPHA / N_LOOKS, POWER);
    let least = MIN_QUESTIONS.saturating_sub(n_questions);
    Standing {
        comparison,
        is_decided,
        n_more: needed
            .filter(|_| !is_decided && n_questions >= 2)
            .map(|needed| needed.saturating_sub(n_questions).max(least).max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_to_the_top_is_worth_most_and_one_out_of_sight_nothing() {
        assert!((effect(2, 1) - (1.0 - 1.0 / 3f64.log2())).abs() < 1e-12);
        assert!((effect(1, 2) + effect(2, 1)).abs() < 1e-12);
        assert!((effect(14, 1) - 1.0).abs() < 1e-12);
        assert!(effect(14, 19).abs() < 1e-12 && effect(3, 3).abs() < 1e-12);
        assert!(effect(11, 10) > 0.0 && effect(10, 11) < 0.0);
    }

    #[test]
    fn the_most_disputed_are_asked_about_first_and_the_undisputed_never() {
        let ranks = [(1, 4), (2, 2), (3, 1), (4, 3), (12, 15), (30, 9)];
        assert_eq!(disputed(&ranks, 9), [0, 2, 5, 3]);
        assert_eq!(disputed(&ranks, 2), [0, 2]);
        assert!(disputed(&[(1, 1), (2, 2)], 9).is_empty());
    }

    #[test]
    fn a_clear_gain_is_decided_and_a_faint_one_is_not() {
        let clear = standing(&[0.5, 0.6, 0.4, 0.5, 0.6, 0.4, 0.5, 0.3, 0.2, 0.5], 1);
        assert!(clear.is_decided && clear.n_more.is_none());
        let worse = standing(&[-0.5; 10], 1);
        assert!(worse.is_decided && worse.comparison.mean < 0.0);
        let faint = standing(&[0.5, -0.4, 0.3, -0.2, 0.1, -0.1, 0.2, -0.1, 0.0, 0.1], 1);
        assert!(!faint.is_decided && faint.n_more.unwrap() > 20);
    }

    #[test]
    fn a_few_questions_decide_nothing() {
        assert!(!standing(&[0.9; 7], 1).is_decided);
        assert_eq!(standing(&[], 1).n_more, None);
    }
}
