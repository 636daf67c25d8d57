//! Orders and reads the scores of a cross-encoder.

/// Positions of the logits from the highest to the lowest; equal logits keep their order.
pub fn rank(logits: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order
}

/// A logit as people see it: the logistic function, between 0 and 1.
///
/// A monotone scale, not a calibrated probability.
pub fn relevance(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
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
    fn relevance_is_the_logistic_function() {
        assert!((relevance(0.0) - 0.5).abs() < 1e-7);
        assert!((relevance(2.0) - 0.880_797).abs() < 1e-6);
        assert!(relevance(-200.0) >= 0.0 && relevance(200.0) <= 1.0);
    }
}
