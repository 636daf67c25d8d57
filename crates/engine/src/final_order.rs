//! The final order: what the two passes say together. Pure functions.

use reread_index::fusion::min_max;

/// Final scores of candidates in first-pass order, higher is better, each in [0, 1].
///
/// `first_pass[i]` is the score of candidate `i` and `logits` the cross-encoder's for the first
/// `logits.len()` of them. Both are min-max scaled over the scored candidates and summed with
/// `weight` on the cross-encoder. A candidate beyond those, which the second pass has not read, gets
/// no part of the weight and so stays behind all that were read, in its first-pass order.
pub fn blend_passes(first_pass: &[f32], logits: &[f32], weight: f32) -> Vec<f32> {
    let n_scored = logits.len().min(first_pass.len());
    let retrieved = min_max(&first_pass[..n_scored]);
    let read = min_max(&logits[..n_scored]);
    let mut scores: Vec<f32> = retrieved
        .iter()
        .zip(&read)
        .map(|(retrieved, read)| weight * read + (1.0 - weight) * retrieved)
        .collect();
    scores.resize(first_pass.len(), 0.0);
    scores
}

/// Positions by final score, highest first; candidates that were read come before those that were
/// not, and equal scores keep the order of the first pass.
pub fn final_order(scores: &[f32], n_scored: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| {
        let read_first = (a >= n_scored).cmp(&(b >= n_scored));
        read_first
            .then(scores[b].total_cmp(&scores[a]))
            .then(a.cmp(&b))
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_worked_table() {
        // first pass 0.9 0.5 0.1 -> 1, 0.5, 0; logits -2 4 1 -> 0, 1, 0.5.
        // Half and half: 0.5, 0.75, 0.25.
        let scores = blend_passes(&[0.9, 0.5, 0.1], &[-2.0, 4.0, 1.0], 0.5);
        for (score, expected) in scores.iter().zip([0.5, 0.75, 0.25]) {
            assert!((score - expected).abs() < 1e-6);
        }
        assert_eq!(final_order(&scores, 3), [1, 0, 2]);
    }

    #[test]
    fn weight_one_is_the_cross_encoder_and_weight_zero_the_first_pass() {
        let (first, logits) = ([0.9, 0.8, 0.1], [-5.0, -6.0, 3.0]);
        assert_eq!(
            final_order(&blend_passes(&first, &logits, 1.0), 3),
            [2, 0, 1]
        );
        assert_eq!(
            final_order(&blend_passes(&first, &logits, 0.0), 3),
            [0, 1, 2]
        );
    }

    #[test]
    fn what_was_not_read_stays_behind_in_its_order() {
        let scores = blend_passes(&[0.9, 0.8, 0.7, 0.6], &[-3.0, 2.0], 1.0);
        assert_eq!(final_order(&scores, 2), [1, 0, 2, 3]);
    }

    #[test]
    fn nothing_to_order_is_fine() {
        assert!(blend_passes(&[], &[], 0.5).is_empty());
        assert!(final_order(&[], 0).is_empty());
    }
}
