//! Fusion: two ranked lists into one. Pure functions.
//!
//! A list holds each entry at most once, with a finite score, higher is better. The order of its
//! entries says nothing: ranks follow from the scores, ties by id. Results are sorted by fused
//! score, descending, then by id, ascending.

use std::collections::HashMap;
use std::hash::Hash;

/// What [`blend`] takes off the place of a cosine, so that both arms call the same passages poor: texts
/// that have little to do with a query share few words with it, but some meaning.
const COMMON_MEANING: f32 = 0.3;

/// Returns what both arms say of one passage, blended: `dense_weight * (dense - 0.3) +
/// (1 - dense_weight) * lexical`.
///
/// `lexical` is the passage's [`share`] of the most that BM25 can give for the query, and `dense` its
/// cosine on the [scale](reread_encoder::Scale) of the bi-encoder. Neither depends on any other passage, so
/// copies of a passage, or a list that is longer or shorter, change nothing.
///
/// This is the convex combination of Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
/// Retrieval", ACM TOIS 2023, arXiv:2210.11934, section 4, with the theoretical maximum of the one and
/// the usual range of the other in place of the least and the greatest of the lists at hand
/// (`docs/ranking.md` compares the two).
pub fn blend(lexical: f32, dense: f32, dense_weight: f32) -> f32 {
    dense_weight * (dense - COMMON_MEANING) + (1.0 - dense_weight) * lexical
}

/// Returns the BM25 score of a passage as a share of the most that BM25 can give for the query, `ceiling`,
/// which is above 0: the square root of the share, so that the first words found count more than the
/// last.
///
/// Nearly always in [0, 1]; words of the title and headings, which count twice, may lift it above.
pub fn share(bm25: f32, ceiling: f32) -> f32 {
    (bm25.max(0.0) / ceiling).sqrt()
}

/// Returns the reciprocal rank fusion of two lists: the sum of `1 / (rrf_k + rank)` over the lists
/// that hold an entry, with ranks from 1, as a share of the most there is, that of the first entry of
/// both. The usual `rrf_k` is [`RRF_K`].
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
            entry.1 = (rrf_k + 1.0) / (2.0 * (rrf_k + (pos + 1) as f32));
        }
        list
    };
    sum(ranked(dense), ranked(lexical))
}

/// The `rrf_k` of Cormack, Clarke and Büttcher, who found that its value matters little.
pub const RRF_K: f32 = 60.0;

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
        // A quarter of 0.4 and three quarters of 1.1 - 0.3: 0.1 + 0.6.
        for (weight, expected) in [(0.0, 0.4), (0.75, 0.7), (1.0, 0.8)] {
            assert!((blend(0.4, 1.1, weight) - expected).abs() < 1e-6);
        }
        assert!((share(3.0, 12.0) - 0.5).abs() < 1e-6 && share(-1.0, 12.0) == 0.0);
    }

    #[test]
    fn reciprocal_ranks_equal_a_hand_worked_table() {
        // a is 1st and 3rd: half of 61/61 + 61/63 = 1 + 0.968253968
        // c is 3rd and 1st: the same, and a comes before c
        // b is 2nd and e is 2nd: half of 61/62 each, and d is 4th: half of 61/64
        let expected = [
            ('a', 0.984_126_984),
            ('c', 0.984_126_984),
            ('b', 0.491_935_484),
            ('e', 0.491_935_484),
            ('d', 0.476_562_5),
        ];
        assert_table(&reciprocal_rank(&DENSE, &LEXICAL, RRF_K), &expected);
        // With rrf_k 0: a and c half of 1/1 + 1/3, b and e half of 1/2, d half of 1/4.
        let expected = [
            ('a', 2.0 / 3.0),
            ('c', 2.0 / 3.0),
            ('b', 0.25),
            ('e', 0.25),
            ('d', 0.125),
        ];
        assert_table(&reciprocal_rank(&DENSE, &LEXICAL, 0.0), &expected);
    }

    #[test]
    fn empty_lists_fuse_to_what_there_is() {
        let nothing: [(char, f32); 0] = [];
        assert_eq!(reciprocal_rank(&nothing, &nothing, RRF_K), []);
        let expected = [('c', 0.5), ('e', 30.5 / 62.0), ('a', 30.5 / 63.0)];
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

    proptest! {
        #[test]
        fn the_order_of_a_lists_entries_is_irrelevant(
            (dense, shuffled) in list().prop_flat_map(|l| (Just(l.clone()), Just(l).prop_shuffle())),
            lexical in list(),
        ) {
            prop_assert_eq!(
                reciprocal_rank(&dense, &lexical, RRF_K),
                reciprocal_rank(&shuffled, &lexical, RRF_K)
            );
        }

        #[test]
        fn what_both_lists_rank_lower_is_not_above(dense in list(), lexical in list()) {
            let score = |list: &[(u32, f32)], id| {
                list.iter().find(|entry| entry.0 == id).map_or(f32::NEG_INFINITY, |entry| entry.1)
            };
            let fused = reciprocal_rank(&dense, &lexical, RRF_K);
            for (pos, above) in fused.iter().enumerate() {
                for below in &fused[pos + 1..] {
                    prop_assert!(above.1 >= below.1);
                    let lower = score(&dense, above.0) < score(&dense, below.0)
                        && score(&lexical, above.0) < score(&lexical, below.0);
                    prop_assert!(!lower);
                }
            }
        }

        #[test]
        fn a_better_score_never_lowers_a_rank(
            dense in list(), lexical in list(), chosen in 0_usize..20,
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
        }
    }
}
