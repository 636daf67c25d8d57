//! Orders and reads the scores of a cross-encoder.

/// Positions of the logits from the highest to the lowest; equal logits keep their order.
pub fn rank(logits: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order
}

/// Log-odds as people see them, between 0 and 1: the logistic function, `1 / (1 + exp(-log_odds))`.
pub fn logistic(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_logit_comes_first_and_ties_keep_their_order() {
        assert_eq!(rank(&[0.5, 2.0, 0.5, -1.0]), [1, 0, 2, 3]);
        assert_eq!(rank(&[]), Vec::<usize>::new());
    }

    #[test]
    fn log_odds_of_any_size_become_a_number_between_zero_and_one() {
        assert!((logistic(0.0) - 0.5).abs() < 1e-7);
        assert!((logistic(2.0) - 0.880_797).abs() < 1e-6);
        assert!(logistic(-200.0) >= 0.0 && logistic(200.0) <= 1.0);
    }
}
