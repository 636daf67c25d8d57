//! The final order: what the two passes say together. Pure functions; `docs/ranking.md` says why.
//!
//! Both passes give evidence, and evidence adds up as log-odds do: the first pass's score, times a
//! constant, and the cross-encoder's logit, on the [`Scale`] of its model, times another. What a passage
//! scores follows from the query and that passage alone. Copies of it, or other candidates, however many,
//! neither lower its score nor swap it with a third.

use reread_models::Scale;

/// The log-odds of the best passage where nothing seems to answer the query: a score of 0.07.
///
/// Of 119 questions put to documents that cannot know their answers all stay below it, of 937 put to those that do
/// two. All constants were measured on three collections (`docs/ranking.md`).
const FLOOR: f32 = -2.6;

/// The first-pass score that such a passage has, and what a score greater by 1 adds to the log-odds.
const FIRST_PASS_FLOOR: f32 = 0.39;
const FIRST_PASS: f32 = 7.5;

/// The place of its logit on the scale of the cross-encoder, and what a place greater by 1 adds to the
/// log-odds.
const CROSS_ENCODER_FLOOR: f32 = 0.45;
const CROSS_ENCODER: f32 = 1.8;

/// How what both passes say of a candidate becomes one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinalOrder {
    weight: f32,
    scale: Scale,
}

impl FinalOrder {
    /// With the weight of the cross-encoder, from 0 to 1, whose logits are on this scale. At 0.5 both
    /// passes count as fitted, at 1 the cross-encoder alone, at 0 the first pass alone.
    pub fn new(weight: f32, scale: Scale) -> Self {
        Self { weight, scale }
    }

    /// The log-odds of a candidate with this first-pass score and logit: those at which nothing seems to
    /// answer, and the evidence of both passes.
    pub fn log_odds(self, first_pass: f32, logit: f32) -> f32 {
        FLOOR + self.from_first_pass(first_pass) + self.from_cross_encoder(logit)
    }

    /// The log-odds of a candidate that may be a heading and say nothing itself.
    pub fn log_odds_as(self, is_heading: bool, first_pass: f32, logit: f32) -> f32 {
        FLOOR + self.from_first_pass(first_pass) + self.from_cross_encoder_as(is_heading, logit)
    }

    /// What a first-pass score adds to the log-odds; below 0 where it speaks against the passage.
    pub fn from_first_pass(self, score: f32) -> f32 {
        2.0 * (1.0 - self.weight) * FIRST_PASS * (score - FIRST_PASS_FLOOR)
    }

    /// What the logit of a candidate adds that may be a heading without text below it. Cross-encoders take the
    /// question's own words for an answer, so a logit counts only against a heading.
    pub fn from_cross_encoder_as(self, is_heading: bool, logit: f32) -> f32 {
        let evidence = self.from_cross_encoder(logit);
        if is_heading {
            evidence.min(0.0)
        } else {
            evidence
        }
    }

    /// What a logit adds to the log-odds; below 0 where it speaks against the passage.
    pub fn from_cross_encoder(self, logit: f32) -> f32 {
        2.0 * self.weight * CROSS_ENCODER * (self.scale.place(logit) - CROSS_ENCODER_FLOOR)
    }
}

/// The log-odds of a candidate where there is no second pass.
pub fn first_pass_log_odds(score: f32) -> f32 {
    FLOOR + FIRST_PASS * (score - FIRST_PASS_FLOOR)
}

/// A logit that says nothing for a passage and nothing against it.
pub fn neutral_logit(scale: Scale) -> f32 {
    scale.score(CROSS_ENCODER_FLOOR)
}

/// Whether the best passage of an answer, with these log-odds, seems to answer the query at all.
pub fn seems_to_answer(log_odds: f32) -> bool {
    log_odds >= FLOOR
}

/// Positions by log-odds, highest first. Candidates that were read come before those that were not, whose
/// log-odds are not known: `log_odds` are those of the first of `n` candidates. Equal ones keep the order of
/// the first pass.
pub fn final_order(log_odds: &[f32], n: usize) -> Vec<usize> {
    let n_read = log_odds.len().min(n);
    let mut order: Vec<usize> = (0..n).collect();
    order[..n_read].sort_by(|&a, &b| log_odds[b].total_cmp(&log_odds[a]).then(a.cmp(&b)));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logistic;

    /// Logits are places.
    fn unit(weight: f32) -> FinalOrder {
        FinalOrder::new(weight, Scale::new(0.0, 1.0).unwrap())
    }

    #[test]
    fn a_hand_worked_table() {
        // At the floor of both: -2.6. 0.2 above the one: 1.5 more; 1 above the other: 1.8 more.
        for (weight, first_pass, logit, expected) in [
            (0.5, 0.39, 0.45, -2.6),
            (0.5, 0.59, 0.45, -1.1),
            (0.5, 0.59, 1.45, 0.7),
            (1.0, 0.9, 1.45, 1.0),
            (0.0, 0.59, 9.0, 0.4),
            (0.25, 0.59, 1.45, 0.55),
            (0.5, 0.19, -0.55, -5.9),
        ] {
            let found = unit(weight).log_odds(first_pass, logit);
            assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
        }
        assert!((first_pass_log_odds(0.59) - -1.1).abs() < 1e-5);
        assert!(seems_to_answer(-2.5) && !seems_to_answer(-2.7));
    }

    #[test]
    fn a_logit_counts_only_against_a_heading() {
        let (order, close) = (unit(0.5), |a: f32, b: f32| (a - b).abs() < 1e-5);
        assert!(close(order.log_odds_as(true, 0.59, 9.0), -1.1));
        assert!(close(
            order.log_odds_as(true, 0.59, -0.55),
            order.log_odds(0.59, -0.55)
        ));
        assert!(close(
            order.log_odds_as(false, 0.59, 9.0),
            order.log_odds(0.59, 9.0)
        ));
    }

    #[test]
    fn what_was_not_read_stays_behind_in_its_order() {
        assert_eq!(final_order(&[-3.0, 2.0], 4), [1, 0, 2, 3]);
        assert_eq!(final_order(&[1.0, 1.0, 5.0], 3), [2, 0, 1]);
        assert_eq!(final_order(&[], 2), [0, 1]);
        assert!(final_order(&[], 0).is_empty());
    }

    #[test]
    fn weight_one_is_the_cross_encoder_and_weight_zero_the_first_pass() {
        let (first, logits) = ([0.9, 0.875, 0.0], [-5.0, -6.0, 3.0]);
        let order = |weight| {
            let of = |(first, logit): (&f32, &f32)| unit(weight).log_odds(*first, *logit);
            let log_odds: Vec<f32> = first.iter().zip(&logits).map(of).collect();
            final_order(&log_odds, 3)
        };
        assert_eq!(order(1.0), [2, 0, 1]);
        assert_eq!(order(0.0), [0, 1, 2]);
    }

    /// First-pass score and logit of a candidate, with ties.
    fn candidate() -> impl Strategy<Value = (f32, f32)> {
        (
            (0_u8..20).prop_map(|it| f32::from(it) / 20.0),
            (-20_i8..20).prop_map(|it| f32::from(it) / 4.0),
        )
    }

    proptest! {
        #[test]
        fn other_candidates_and_copies_never_swap_two_passages(
            pair in [candidate(), candidate()],
            others in prop::collection::vec(candidate(), 0..20),
            n_copies in 0_usize..10,
            weight in 0_f32..=1.0,
        ) {
            let order_of = |candidates: &[(f32, f32)]| -> (Vec<f32>, Vec<usize>) {
                let of = |&(first, logit): &(f32, f32)| unit(weight).log_odds(first, logit);
                let log_odds: Vec<f32> = candidates.iter().map(of).collect();
                let order = final_order(&log_odds, candidates.len());
                (log_odds, order)
            };
            let (alone, order_alone) = order_of(&pair);
            let mut all = pair.to_vec();
            all.extend(&others);
            all.extend(std::iter::repeat_n(pair[0], n_copies));
            let (among, order) = order_of(&all);
            prop_assert_eq!(&among[..2], &alone[..]);
            let place = |at| order.iter().position(|&it| it == at);
            prop_assert_eq!(place(0) < place(1), order_alone[0] == 0);
        }

        #[test]
        fn a_higher_score_in_either_pass_is_never_worse(
            (first, logit) in candidate(), more in 0_f32..3.0, weight in 0_f32..=1.0,
        ) {
            let order = unit(weight);
            let before = order.log_odds(first, logit);
            prop_assert!(order.log_odds(first + more, logit) >= before);
            prop_assert!(order.log_odds(first, logit + more) >= before);
        }

        #[test]
        fn scores_stay_between_zero_and_one(first in any::<f32>(), logit in any::<f32>()) {
            prop_assume!(first.is_finite() && logit.is_finite());
            let score = logistic(unit(0.5).log_odds(first, logit));
            prop_assert!(score.is_nan() || (0.0..=1.0).contains(&score));
            prop_assert!((0.0..=1.0).contains(&logistic(first)));
        }
    }
}
