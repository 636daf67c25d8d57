//! The final order: what the two passes say together. Pure functions; `docs/ranking.md` says why.

/// What logits are divided by before they become shares. Cross-encoders are trained to be sure of
/// themselves on questions like those they have seen, and are too sure of themselves on others.
/// Chosen with [`NONE`] and the default weight, on four sets of questions (`docs/ranking.md`).
const TEMPERATURE: f64 = 2.0;

/// The logit of "none of these", which has a vote like a candidate: what answers a question of the
/// kind that the model was trained on has more.
pub(crate) const NONE: f32 = 5.0;

/// Final scores of the candidates that the second pass is to read, in first-pass order, higher is
/// better, each in [0, 1].
///
/// `first_pass[i]` is the first pass's score of candidate `i`, min-max scaled to [0, 1] over all of
/// them, and `logits` are the cross-encoder's for the first `logits.len()`. The score is
/// `weight * share + (1 - weight) * first_pass`, where `share` is the cross-encoder's [share](shares)
/// for the candidate. One that the second pass has not come to gets 0 and stays behind all that were
/// read, in its first-pass order.
pub fn blend_passes(first_pass: &[f32], logits: &[f32], weight: f32) -> Vec<f32> {
    let n_scored = logits.len().min(first_pass.len());
    let read = shares(&logits[..n_scored]);
    let mut scores: Vec<f32> = first_pass
        .iter()
        .zip(&read)
        .map(|(retrieved, read)| weight * read + (1.0 - weight) * retrieved)
        .collect();
    scores.resize(first_pass.len(), 0.0);
    scores
}

/// How the cross-encoder would divide one vote between the candidates and "none of these": the softmax
/// of their logits, each in [0, 1], at most 1 in all.
///
/// A model that can tell the candidates apart gives nearly all to one or two of them. One that cannot
/// gives each about the same, and one that finds nothing gives nearly all to none; then the first
/// pass decides. (Min-max scaling, in contrast, stretches a difference that means nothing to the
/// full range.) It is the probability that a candidate is the best one, after Cao et al.,
/// "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007, definition 5, with the
/// temperature of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
pub fn shares(logits: &[f32]) -> Vec<f32> {
    let greatest = logits.iter().copied().fold(NONE, f32::max);
    let vote = |logit| vote(logit, greatest);
    let votes: Vec<f64> = logits.iter().copied().map(vote).collect();
    let all = votes.iter().sum::<f64>() + vote(NONE);
    votes.into_iter().map(|vote| (vote / all) as f32).collect()
}

/// A logit's vote, where a logit of `one` has one vote.
pub(crate) fn vote(logit: f32, one: f32) -> f64 {
    ((f64::from(logit) - f64::from(one)) / TEMPERATURE).exp()
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
        // first pass 1, 0.5, 0; logits 5 + 2 ln 2, 5 + 2 ln 6, 5 -> votes 2, 6, 1, and 1
        // for none: 10. Half and half: (1 + 0.2) / 2, (0.5 + 0.6) / 2, (0 + 0.1) / 2.
        let logits = [5.0 + 2.0 * 2f32.ln(), 5.0 + 2.0 * 6f32.ln(), 5.0];
        let scores = blend_passes(&[1.0, 0.5, 0.0], &logits, 0.5);
        for (score, expected) in scores.iter().zip([0.6, 0.55, 0.05]) {
            assert!((score - expected).abs() < 1e-6, "{score}, not {expected}");
        }
        assert_eq!(final_order(&scores, 3), [0, 1, 2]);
        let scores = blend_passes(&[1.0, 0.5, 0.0], &logits, 0.75);
        assert_eq!(final_order(&scores, 3), [1, 0, 2]);
    }

    #[test]
    fn a_reader_that_cannot_tell_leaves_the_first_pass_alone() {
        let first = [1.0, 0.875, 0.75, 0.0];
        // Min-max scaling would make the last one the first.
        for logits in [[8.0, 8.1, 8.2, 8.3], [-11.0, -10.0, -7.0, -4.0]] {
            let scores = blend_passes(&first, &logits, 0.75);
            assert_eq!(final_order(&scores, 4), [0, 1, 2, 3]);
        }
        let scores = blend_passes(&first, &[-9.0, -9.0, -9.0, 7.0], 0.75);
        assert_eq!(final_order(&scores, 4), [3, 0, 1, 2]);
    }

    #[test]
    fn shares_bear_any_logit() {
        assert_eq!(shares(&[f32::MAX, f32::MIN]), [1.0, 0.0]);
        assert_eq!(shares(&[f32::MIN]), [0.0]);
        assert_eq!(shares(&[5.0]), [0.5]);
        assert!(shares(&[]).is_empty());
    }

    #[test]
    fn weight_one_is_the_cross_encoder_and_weight_zero_the_first_pass() {
        let (first, logits) = ([1.0, 0.875, 0.0], [-5.0, -6.0, 3.0]);
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
        let first = [1.0, 0.75, 0.5, 0.0];
        let scores = blend_passes(&first, &[-3.0, 2.0], 1.0);
        assert_eq!(final_order(&scores, 2), [1, 0, 2, 3]);
        let scores = blend_passes(&first, &[-3.0, 2.0], 0.0);
        for (score, expected) in scores.iter().zip([1.0, 0.75, 0.0, 0.0]) {
            assert!((score - expected).abs() < 1e-6, "{score}, not {expected}");
        }
    }

    #[test]
    fn nothing_to_order_is_fine() {
        assert!(blend_passes(&[], &[], 0.5).is_empty());
        assert!(final_order(&[], 0).is_empty());
    }
}
