//! Measures of ranking quality over one query. Pure functions.
//!
//! `gains` holds the judged grade of each returned item in the order returned, 0 for what is not
//! judged; `judged` holds the grades of everything judged for the query, in any order. The measures
//! follow `trec_eval`: linear gain, and a grade above 0 counts as relevant.

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
        .map(|(gain, next)| gain / f64::from(next).log2());
    discounted.sum()
}

/// The share of the relevant items that is among the first `k`, 0 to 1.
pub fn recall_at(k: usize, gains: &[f64], judged: &[f64]) -> f64 {
    let relevant = judged.iter().filter(|&&grade| grade > 0.0).count();
    let found = gains.iter().take(k).filter(|&&gain| gain > 0.0).count();
    if relevant > 0 {
        found as f64 / relevant as f64
    } else {
        0.0
    }
}

/// One over the rank of the first relevant item among the first `k`, or 0.
pub fn reciprocal_rank_at(k: usize, gains: &[f64]) -> f64 {
    let first = gains.iter().take(k).position(|&gain| gain > 0.0);
    first.map_or(0.0, |pos| 1.0 / (pos + 1) as f64)
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
    fn a_query_without_relevant_items_scores_nothing() {
        assert!(ndcg_at(10, &[0.0], &[0.0]).abs() < 1e-12);
        assert!(recall_at(10, &[0.0], &[]).abs() < 1e-12);
    }
}
