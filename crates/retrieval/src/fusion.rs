//! Fusion: two ranked lists into one. Pure functions.
//!
//! A list holds each entry at most once, with a finite score, higher is better. The order of its
//! entries says nothing: ranks follow from the scores, ties by id. Results are sorted by fused
//! score, descending, then by id, ascending.

use std::collections::HashMap;
use std::hash::Hash;

/// Returns the convex blend of two lists: `dense_weight * dense + (1 - dense_weight) * lexical`,
/// over scores that are each scaled to `[0, 1]` within their list by [`min_max`].
///
/// An entry that one list lacks counts 0 there, like the list's last. `dense_weight` lies between
/// 0 and 1. At 0 or 1 the other list adds its entries at the end, all with a score of 0.
///
/// This is the convex combination `f_convex` with min-max scaling of Bruch, Gai and Ingber, "An
/// Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023, arXiv:2210.11934, section 4.
/// It differs in that an absent entry counts 0 and is not scored by the other arm, and that the
/// minimum is that of the list and not the least that the scoring function can give.
pub fn blend<Id: Copy + Ord + Hash>(
    dense: &[(Id, f32)],
    lexical: &[(Id, f32)],
    dense_weight: f32,
) -> Vec<(Id, f32)> {
    let weighted = |list: &[(Id, f32)], weight: f32| {
        let scores: Vec<f32> = list.iter().map(|entry| entry.1).collect();
        let scaled = min_max(&scores)
            .into_iter()
            .map(move |score| weight * score);
        list.iter()
            .map(|entry| entry.0)
            .zip(scaled)
            .collect::<Vec<_>>()
    };
    sum(
        weighted(dense, dense_weight),
        weighted(lexical, 1.0 - dense_weight),
    )
}

/// Returns the reciprocal rank fusion of two lists: the sum of `1 / (rrf_k + rank)` over the lists
/// that hold an entry, with ranks from 1. The usual `rrf_k` is [`RRF_K`].
///
/// Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
/// learning methods", SIGIR 2009, equation 1.
pub fn reciprocal_rank<Id: Copy + Ord + Hash>(
    dense: &[(Id, f32)],
    lexical: &[(Id, f32)],
    rrf_k: f32,
) -> Vec<(Id, f32)> {
    let ranked = |list: &[(Id, f32)]| {
        let mut list = list.to_vec();
        sort(&mut list);
        for (pos, entry) in list.iter_mut().enumerate() {
            entry.1 = 1.0 / (rrf_k + (pos + 1) as f32);
        }
        list
    };
    sum(ranked(dense), ranked(lexical))
}

/// The `rrf_k` of Cormack, Clarke and Büttcher, who found that its value matters little.
pub const RRF_K: f32 = 60.0;

/// Scales scores to `[0, 1]`: the least to 0, the greatest to 1, the others in proportion.
///
/// Where all are equal, and so too where there is but one, each becomes 1: being found at all is
/// evidence, and a list's only entry must not count as little as an absent one.
pub fn min_max(scores: &[f32]) -> Vec<f32> {
    let least = scores.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // In f64, so that no difference of two f32 overflows.
    let range = f64::from(greatest) - f64::from(least);
    let scale = |score: f32| ((f64::from(score) - f64::from(least)) / range) as f32;
    scores
        .iter()
        .map(|score| if range > 0.0 { scale(*score) } else { 1.0 })
        .collect()
}

/// Adds up the scores of each entry, the first list's before the second's.
fn sum<Id: Copy + Ord + Hash>(first: Vec<(Id, f32)>, second: Vec<(Id, f32)>) -> Vec<(Id, f32)> {
    let mut sums: HashMap<Id, f32> = HashMap::with_capacity(first.len() + second.len());
    for (id, score) in first.into_iter().chain(second) {
        *sums.entry(id).or_insert(0.0) += score;
    }
    let mut fused: Vec<(Id, f32)> = sums.into_iter().collect();
    sort(&mut fused);
    fused
}

fn sort<Id: Ord>(list: &mut [(Id, f32)]) {
    list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_table(fused: &[(char, f32)], expected: &[(char, f64)]) {
        let ids: Vec<char> = fused.iter().map(|entry| entry.0).collect();
        assert_eq!(
            ids,
            expected.iter().map(|entry| entry.0).collect::<Vec<_>>()
        );
        for (found, expected) in fused.iter().zip(expected) {
            assert!(
                (f64::from(found.1) - expected.1).abs() < 1e-6,
                "{found:?}, not {expected:?}"
            );
        }
    }

    const DENSE: [(char, f32); 4] = [('a', 0.9), ('b', 0.8), ('c', 0.6), ('d', 0.5)];
    const LEXICAL: [(char, f32); 3] = [('c', 12.0), ('e', 9.0), ('a', 2.0)];

    #[test]
    fn the_blend_equals_a_hand_worked_table() {
        // dense, from 0.5 to 0.9:  a 0.4/0.4 = 1, b 0.3/0.4 = 0.75, c 0.1/0.4 = 0.25, d 0
        // lexical, from 2 to 12:   c 10/10 = 1, e 7/10 = 0.7, a 0
        // half of each:            a 0.5, b 0.375, c 0.125 + 0.5 = 0.625, d 0, e 0.35
        let expected = [
            ('c', 0.625),
            ('a', 0.5),
            ('b', 0.375),
            ('e', 0.35),
            ('d', 0.0),
        ];
        assert_table(&blend(&DENSE, &LEXICAL, 0.5), &expected);
        // 0.8 and 0.2:             a 0.8, b 0.6, c 0.2 + 0.2 = 0.4, d 0, e 0.14
        let expected = [('a', 0.8), ('b', 0.6), ('c', 0.4), ('e', 0.14), ('d', 0.0)];
        assert_table(&blend(&DENSE, &LEXICAL, 0.8), &expected);
    }

    #[test]
    fn reciprocal_ranks_equal_a_hand_worked_table() {
        // a is 1st and 3rd: 1/61 + 1/63 = 0.016393443 + 0.015873016 = 0.032266459
        // c is 3rd and 1st: the same, and a comes before c
        // b is 2nd and e is 2nd: 1/62 = 0.016129032 each, and d is 4th: 1/64 = 0.015625
        let expected = [
            ('a', 0.032_266_459),
            ('c', 0.032_266_459),
            ('b', 0.016_129_032),
            ('e', 0.016_129_032),
            ('d', 0.015_625),
        ];
        assert_table(&reciprocal_rank(&DENSE, &LEXICAL, RRF_K), &expected);
        // With rrf_k 0: a and c 1/1 + 1/3, b and e 1/2, d 1/4.
        let expected = [
            ('a', 4.0 / 3.0),
            ('c', 4.0 / 3.0),
            ('b', 0.5),
            ('e', 0.5),
            ('d', 0.25),
        ];
        assert_table(&reciprocal_rank(&DENSE, &LEXICAL, 0.0), &expected);
    }

    #[test]
    fn equal_scores_are_scaled_to_one() {
        assert_eq!(min_max(&[3.0, 3.0]), [1.0, 1.0]);
        assert_eq!(min_max(&[-7.0]), [1.0]);
        assert_eq!(min_max(&[]), [0.0; 0]);
        assert_eq!(min_max(&[f32::MIN, 0.0, f32::MAX]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_lists_only_entry_beats_an_absent_one() {
        let fused = blend(&[('b', 0.3)], &[('c', 5.0), ('d', 4.0)], 0.5);
        assert_table(&fused, &[('b', 0.5), ('c', 0.5), ('d', 0.0)]);
    }

    #[test]
    fn empty_lists_fuse_to_what_there_is() {
        let nothing: [(char, f32); 0] = [];
        assert_eq!(blend(&nothing, &nothing, 0.5), []);
        assert_eq!(reciprocal_rank(&nothing, &nothing, RRF_K), []);
        assert_table(
            &blend(&nothing, &LEXICAL, 0.5),
            &[('c', 0.5), ('e', 0.35), ('a', 0.0)],
        );
        let expected = [('c', 1.0 / 61.0), ('e', 1.0 / 62.0), ('a', 1.0 / 63.0)];
        assert_table(&reciprocal_rank(&LEXICAL, &nothing, RRF_K), &expected);
    }

    /// A list with few different scores, so that ties are common.
    fn list() -> impl Strategy<Value = Vec<(u32, f32)>> {
        prop::collection::btree_map(
            0_u32..30,
            (-8_i8..8).prop_map(|s| f32::from(s) / 4.0),
            0..20,
        )
        .prop_map(|entries| entries.into_iter().collect())
    }

    fn ids(list: &[(u32, f32)]) -> Vec<u32> {
        list.iter().map(|entry| entry.0).collect()
    }

    proptest! {
        #[test]
        fn the_order_of_a_lists_entries_is_irrelevant(
            (dense, shuffled) in list().prop_flat_map(|l| (Just(l.clone()), Just(l).prop_shuffle())),
            lexical in list(),
            weight in 0.0_f32..=1.0,
        ) {
            prop_assert_eq!(blend(&dense, &lexical, weight), blend(&shuffled, &lexical, weight));
            prop_assert_eq!(
                reciprocal_rank(&dense, &lexical, RRF_K),
                reciprocal_rank(&shuffled, &lexical, RRF_K)
            );
        }

        #[test]
        fn what_both_lists_rank_lower_is_not_above(
            dense in list(), lexical in list(), weight in 0.0_f32..=1.0,
        ) {
            let score = |list: &[(u32, f32)], id| {
                list.iter().find(|entry| entry.0 == id).map_or(f32::NEG_INFINITY, |entry| entry.1)
            };
            for fused in [blend(&dense, &lexical, weight), reciprocal_rank(&dense, &lexical, RRF_K)] {
                for (pos, above) in fused.iter().enumerate() {
                    for below in &fused[pos + 1..] {
                        prop_assert!(above.1 >= below.1);
                        let lower = score(&dense, above.0) < score(&dense, below.0)
                            && score(&lexical, above.0) < score(&lexical, below.0);
                        // A list's last entry counts as much as an absent one in a blend.
                        prop_assert!(!lower || above.1.total_cmp(&below.1).is_eq());
                    }
                }
            }
        }

        #[test]
        fn a_weight_of_one_or_zero_gives_one_lists_order(dense in list(), lexical in list()) {
            for (weight, followed) in [(1.0, &dense), (0.0, &lexical)] {
                let mut expected = followed.clone();
                sort(&mut expected);
                let mut fused = blend(&dense, &lexical, weight);
                fused.retain(|entry| followed.iter().any(|other| other.0 == entry.0));
                prop_assert_eq!(ids(&fused), ids(&expected));
            }
        }

        #[test]
        fn a_better_score_never_lowers_a_rank(
            dense in list(), lexical in list(), chosen in 0_usize..20, weight in 0.0_f32..=1.0,
        ) {
            prop_assume!(!dense.is_empty());
            let chosen = chosen % dense.len();
            let id = dense[chosen].0;
            let mut raised = dense.clone();
            raised[chosen].1 += 1.0;
            let rank = |list: Vec<(u32, f32)>| list.iter().position(|entry| entry.0 == id);
            prop_assert!(
                rank(reciprocal_rank(&raised, &lexical, RRF_K))
                    <= rank(reciprocal_rank(&dense, &lexical, RRF_K))
            );
            // The others' scaled scores fall or stay, as long as the raised one was not the least.
            let least = dense.iter().map(|entry| entry.1).fold(f32::INFINITY, f32::min);
            if dense[chosen].1 > least {
                prop_assert!(
                    rank(blend(&raised, &lexical, weight)) <= rank(blend(&dense, &lexical, weight))
                );
            }
        }
    }
}
