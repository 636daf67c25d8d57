use proptest::prelude::*;

use super::*;

fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() < tolerance,
        "{found}, not {expected}"
    );
}

/// All assignments of signs, one after the other: the plain twin of the test.
fn by_hand(differences: &[f64]) -> f64 {
    let observed: f64 = differences.iter().sum::<f64>().abs();
    let n = differences.len();
    let reached = (0..1u32 << n).filter(|signs| {
        let signed = (0..n).map(|i| {
            if signs >> i & 1 == 1 {
                -differences[i]
            } else {
                differences[i]
            }
        });
        signed.sum::<f64>().abs() >= observed - 1e-9
    });
    reached.count() as f64 / f64::from(1u32 << n)
}

#[test]
fn the_exact_test_of_a_hand_worked_table() {
    // Of the 8 assignments of 1, 2 and 3 only +++ and --- reach 6.
    assert_close(randomisation_test(&[1.0, 2.0, 3.0], 1), 0.25, 1e-12);
    // 1 + 2 - 3 = 0: every assignment is as far from 0.
    assert_close(randomisation_test(&[1.0, 2.0, -3.0], 1), 1.0, 1e-12);
    assert_close(randomisation_test(&[], 1), 1.0, 1e-12);
    assert_close(randomisation_test(&[0.0, 0.0], 1), 1.0, 1e-12);
}

#[test]
fn the_interval_is_that_of_scipy() {
    // scipy.stats.ttest_1samp([.1, -.05, .2, .15, 0, .3], 0).confidence_interval(.95)
    let (low, high) = confidence_interval(&[0.1, -0.05, 0.2, 0.15, 0.0, 0.3], 0.95).unwrap();
    assert_close(low, SCIPY_INTERVAL.0, 1e-6);
    assert_close(high, SCIPY_INTERVAL.1, 1e-6);
    assert_eq!(confidence_interval(&[0.1], 0.95), None);
    assert_eq!(confidence_interval(&[], 0.95), None);
}

const SCIPY_INTERVAL: (f64, f64) = (-0.018_814_891_9, 0.252_148_225_2);

#[test]
fn power_agrees_with_published_tables() {
    // Cohen 1988: an effect of 0.5 deviations takes 34 pairs for a power of .8 at .05 two-sided;
    // one of 0.2 takes 199. The formula is good to a pair.
    let needed = queries_needed(0.5, 1.0, 0.05, 0.8).unwrap();
    assert!((33..=35).contains(&needed), "{needed}");
    let needed = queries_needed(-0.2, 1.0, 0.05, 0.8).unwrap();
    assert!((197..=200).contains(&needed), "{needed}");
    assert_eq!(queries_needed(0.0, 1.0, 0.05, 0.8), None);
    assert_eq!(queries_needed(0.1, 0.0, 0.05, 0.8), None);
    assert_eq!(detectable_gain(1, 1.0, 0.05, 0.8), None);
}

#[test]
fn holm_of_a_hand_worked_table() {
    let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (found, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert_close(*found, expected, 1e-12);
    }
    assert!(holm(&[]).is_empty());
}

#[test]
fn percentiles_are_nearest_ranks() {
    let values: Vec<u32> = (1..=20).rev().collect();
    assert_eq!(percentile(&values, 0.5), Some(10));
    assert_eq!(percentile(&values, 0.95), Some(19));
    assert_eq!(percentile(&values, 0.0), Some(1));
    assert_eq!(percentile::<u32>(&[], 0.5), None);
}

#[test]
fn random_assignments_agree_with_all_of_them() {
    // 20 differences are few enough for the exact test; one more of almost nothing is not.
    // No two sums are equal, so that the one more breaks no tie.
    let differences: Vec<f64> = (0..20)
        .map(|i| (f64::from(i) * 0.739).sin() + 0.25)
        .collect();
    let exact = randomisation_test(&differences, 1);
    let mut more = differences.clone();
    more.push(1e-6);
    let sampled = randomisation_test(&more, 1);
    // Four standard errors of 100,000 draws.
    let error = 4.0 * (exact * (1.0 - exact) / 100_000.0).sqrt();
    assert_close(sampled, exact, error);
    assert_close(sampled, randomisation_test(&more, 1), 0.0 + f64::EPSILON);
    assert!((sampled - randomisation_test(&more, 2)).abs() > 0.0);
}

#[test]
fn a_run_alone_or_beside_its_copy_has_the_plain_p_value() {
    let run: Vec<f64> = (0..15).map(|at| f64::from(at % 5) - 1.3).collect();
    let plain = randomisation_test(&run, 1);
    for runs in [vec![run.clone()], vec![run.clone(), run.clone()]] {
        for p in greatest_test(&runs, 1) {
            assert!((p - plain).abs() < 0.01, "{p}, not {plain}");
        }
    }
}

#[test]
fn a_run_among_others_needs_more_to_be_believed() {
    let run: Vec<f64> = (0..15).map(|at| f64::from(at % 5) - 1.0).collect();
    let others = (1..9).map(|by| (0..15).map(|at| f64::from(at * by % 7) - 3.0).collect());
    let runs: Vec<Vec<f64>> = std::iter::once(run.clone()).chain(others).collect();
    let corrected = greatest_test(&runs, 1)[0];
    let plain = randomisation_test(&run, 1);
    let bonferroni = plain * 9.0;
    assert!(corrected > plain * 1.5, "{corrected}, {plain}");
    assert!(corrected <= bonferroni * 1.1, "{corrected}, {bonferroni}");
}

#[test]
fn runs_that_never_differ_are_no_evidence() {
    assert_eq!(greatest_test(&[vec![0.0; 5], vec![0.0; 5]], 1), [1.0, 1.0]);
    assert!(greatest_test(&[], 1).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_test_equals_its_plain_twin(differences in prop::collection::vec(-1.0..1.0f64, 0..9)) {
        prop_assert!((randomisation_test(&differences, 3) - by_hand(&differences)).abs() < 1e-12);
    }

    #[test]
    fn a_comparison_turned_round_is_its_mirror(
        differences in prop::collection::vec(-1.0..1.0f64, 2..15)
    ) {
        let turned: Vec<f64> = differences.iter().map(|d| -d).collect();
        let (one, other) = (compare(&differences, 5), compare(&turned, 5));
        prop_assert_eq!((one.wins, one.losses, one.ties), (other.losses, other.wins, other.ties));
        prop_assert!((one.mean + other.mean).abs() < 1e-12);
        prop_assert!((one.p_value - other.p_value).abs() < 1e-12);
        let ((low, high), (other_low, other_high)) =
            (one.interval.unwrap(), other.interval.unwrap());
        prop_assert!(low <= one.mean && one.mean <= high);
        prop_assert!((low + other_high).abs() < 1e-9 && (high + other_low).abs() < 1e-9);
    }

    #[test]
    fn holm_never_lowers_a_value_and_keeps_their_order(
        p_values in prop::collection::vec(0.0..1.0f64, 1..10)
    ) {
        let corrected = holm(&p_values);
        for (a, p) in p_values.iter().enumerate() {
            prop_assert!(corrected[a] >= *p && corrected[a] <= 1.0);
            for (b, q) in p_values.iter().enumerate() {
                prop_assert!(p > q || corrected[a] <= corrected[b]);
            }
        }
    }

    #[test]
    fn more_queries_find_smaller_gains(n in 3..300usize, deviation in 0.01..1.0f64) {
        let few = detectable_gain(n, deviation, 0.05, 0.8).unwrap();
        let many = detectable_gain(n + 50, deviation, 0.05, 0.8).unwrap();
        prop_assert!(many < few);
        prop_assert!(queries_needed(few * 1.0001, deviation, 0.05, 0.8).unwrap() <= n + 1);
    }
}
