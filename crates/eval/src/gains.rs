//! Measures of ranking quality over one query. Pure functions.
//!
//! `gains` holds the judged grade of each returned item in the order returned, 0 for what is not
//! judged; `judged` holds the grades of everything judged for the query, in any order. The measures
//! follow `trec_eval`: linear gain, a grade above 0 counts as relevant, and one below 0 counts as
//! 0. A cut-off of `usize::MAX` is none.

/// Normalised discounted cumulative gain at `k`, 0 to 1.
///
/// Gain is the grade itself and the discount `1 / log2(rank + 1)`; the sum is divided by that of the
/// best possible order. Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
/// 2002, with the discount of `trec_eval`'s `ndcg_cut`. 0 when nothing relevant is judged.
pub fn ndcg_at(k: usize, gains: &[f64], judged: &[f64]) -> f64 {
    let mut ideal: Vec<f64> = judged
        .iter()
        .copied()
        .filter(|&grade| grade > 0.0)
        .collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best = dcg(k, &ideal);
    if best > 0.0 {
        dcg(k, gains) / best
    } else {
        0.0
    }
}

fn dcg(k: usize, gains: &[f64]) -> f64 {
    let discounted = gains
        .iter()
        .take(k)
        .zip(2u32..)
        .map(|(gain, next)| gain.max(0.0) / f64::from(next).log2());
    // A sum of nothing is -0.
    discounted.sum::<f64>() + 0.0
}

/// The share of the relevant items that is among the first `k`, 0 to 1. 0 when nothing relevant is
/// judged.
pub fn recall_at(k: usize, gains: &[f64], judged: &[f64]) -> f64 {
    share(n_relevant(take(k, gains)), n_relevant(judged))
}

/// The share of relevant items among the first `k`, 0 to 1. Fewer items than `k` count as `k`.
pub fn precision_at(k: usize, gains: &[f64]) -> f64 {
    share(n_relevant(take(k, gains)), k)
}

/// 1 if there is a relevant item among the first `k`, else 0.
pub fn success_at(k: usize, gains: &[f64]) -> f64 {
    f64::from(u8::from(n_relevant(take(k, gains)) > 0))
}

/// The mean over all relevant items of the precision at each one's rank, 0 for one that is not
/// among the first `k`; 0 to 1. `trec_eval`'s `map_cut`, and its `map` without a cut-off.
pub fn average_precision_at(k: usize, gains: &[f64], judged: &[f64]) -> f64 {
    let relevant = take(k, gains)
        .iter()
        .zip(1u32..)
        .filter(|(gain, _)| **gain > 0.0);
    let precisions = relevant
        .zip(1u32..)
        .map(|((_, rank), found)| f64::from(found) / f64::from(rank));
    // A sum of nothing is -0.
    let sum = precisions.sum::<f64>() + 0.0;
    match n_relevant(judged) {
        0 => 0.0,
        n => sum / n as f64,
    }
}

/// One over the rank of the first relevant item among the first `k`, or 0.
pub fn reciprocal_rank_at(k: usize, gains: &[f64]) -> f64 {
    let first = gains.iter().take(k).position(|&gain| gain > 0.0);
    first.map_or(0.0, |pos| 1.0 / (pos + 1) as f64)
}

fn take(k: usize, gains: &[f64]) -> &[f64] {
    &gains[..k.min(gains.len())]
}

fn n_relevant(grades: &[f64]) -> usize {
    grades.iter().filter(|&&grade| grade > 0.0).count()
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndcg_of_a_hand_worked_table() {
        // Grades 0, 2, 1 returned; 2, 1 and 1 judged.
        // DCG = 2/log2(3) + 1/log2(4) = 1.261860 + 0.5 = 1.761860
        // ideal = 2/log2(2) + 1/log2(3) + 1/log2(4) = 2 + 0.630930 + 0.5 = 3.130930
        let ndcg = ndcg_at(10, &[0.0, 2.0, 1.0], &[1.0, 2.0, 1.0]);
        assert!((ndcg - 1.761_860 / 3.130_930).abs() < 1e-6);
    }

    #[test]
    fn the_cut_off_applies_to_both_sides() {
        let ndcg = ndcg_at(1, &[1.0, 2.0], &[1.0, 2.0]);
        assert!((ndcg - 0.5).abs() < 1e-12);
    }

    #[test]
    fn recall_and_reciprocal_rank_count_relevant_items() {
        let gains = [0.0, 0.0, 1.0, 2.0];
        assert!((recall_at(3, &gains, &[1.0, 2.0, 1.0, 0.0]) - 1.0 / 3.0).abs() < 1e-12);
        assert!((reciprocal_rank_at(10, &gains) - 1.0 / 3.0).abs() < 1e-12);
        assert!(reciprocal_rank_at(2, &gains).abs() < 1e-12);
    }

    #[test]
    fn average_precision_of_a_hand_worked_table() {
        // Relevant at ranks 1, 3 and 4, a fourth one is not returned: (1/1 + 2/3 + 3/4) / 4.
        let gains = [1.0, 0.0, 2.0, 1.0];
        let judged = [1.0, 2.0, 1.0, 1.0, 0.0];
        let found = average_precision_at(usize::MAX, &gains, &judged);
        assert!((found - (1.0 + 2.0 / 3.0 + 0.75) / 4.0).abs() < 1e-12);
        let cut = average_precision_at(2, &gains, &judged);
        assert!((cut - 0.25).abs() < 1e-12);
    }

    #[test]
    fn precision_counts_missing_items_as_wrong() {
        assert!((precision_at(5, &[1.0, 0.0, 1.0]) - 0.4).abs() < 1e-12);
        assert!((success_at(2, &[0.0, 0.0, 1.0])).abs() < 1e-12);
        assert!((success_at(3, &[0.0, 0.0, 1.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_negative_grade_costs_nothing() {
        assert!((ndcg_at(10, &[-1.0, 1.0], &[-1.0, 1.0]) - 1.0 / 3f64.log2()).abs() < 1e-12);
    }

    #[test]
    fn a_query_without_relevant_items_scores_nothing() {
        assert!(ndcg_at(10, &[0.0], &[0.0]).abs() < 1e-12);
        assert!(recall_at(10, &[0.0], &[]).abs() < 1e-12);
    }
}
