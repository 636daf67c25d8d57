//! Is a difference more than luck? Paired comparisons of two runs over the same queries.
//!
//! Everything is computed from the differences, one a query, first run less second. Pure and
//! seeded: the same differences and seed give the same numbers everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Up to this many queries that differ, every assignment of signs is looked at.
const MAX_EXACT: usize = 20;

/// Beyond that, this many random ones: a p-value of .05 then has a standard error of .0007.
const N_SAMPLES: u32 = 100_000;

/// Differences that are smaller in size are ties: measures are sums whose last bits are noise.
const TIE: f64 = 1e-9;

/// How two runs compare over the same queries.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// How many queries were compared.
    pub n_queries: usize,
    /// Queries where the first run is better.
    pub wins: usize,
    /// Queries where it is worse.
    pub losses: usize,
    /// Queries where both are equal to rounding.
    pub ties: usize,
    /// The mean difference; above 0 the first run is better.
    pub mean: f64,
    /// The standard deviation of the differences; 0 for fewer than two queries.
    pub deviation: f64,
    /// The 95 % confidence interval of the mean difference, where there are two queries or more.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p-value of the randomisation test.
    pub p_value: f64,
    /// The least true gain that would be found significant at .05 with a chance of 80 %.
    pub detectable: Option<f64>,
}

/// Compares two runs by their differences. `seed` decides about the random assignments of
/// [`randomisation_test`], where it needs any.
pub fn compare(differences: &[f64], seed: u64) -> Comparison {
    let wins = differences.iter().filter(|&&d| d > TIE).count();
    let losses = differences.iter().filter(|&&d| d < -TIE).count();
    Comparison {
        n_queries: differences.len(),
        wins,
        losses,
        ties: differences.len() - wins - losses,
        mean: mean(differences),
        deviation: deviation(differences),
        interval: confidence_interval(differences, 0.95),
        p_value: randomisation_test(differences, seed),
        detectable: detectable_gain(differences.len(), deviation(differences), 0.05, 0.8),
    }
}

/// The two-sided p-value of the paired randomisation test on the mean difference.
///
/// If the two runs were exchangeable, each query's difference could as well have the other sign. The
/// p-value is the share of all assignments of signs whose mean is at least as far from 0 as the one
/// observed. Exact for up to 20 queries that differ; beyond that 100,000 random assignments are
/// drawn, and the observed one counts as one of them, so that the value is never 0.
///
/// Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information
/// Retrieval Evaluation", CIKM 2007; Phipson and Smyth, "Permutation P-values Should Never Be
/// Zero", 2010, for the count of the observed assignment.
pub fn randomisation_test(differences: &[f64], seed: u64) -> f64 {
    let sizes: Vec<f64> = differences
        .iter()
        .map(|d| d.abs())
        .filter(|&size| size > TIE)
        .collect();
    let observed: f64 = differences.iter().filter(|d| d.abs() > TIE).sum();
    // Sums of the same numbers in another order differ in their last bits.
    let reached = observed.abs() - TIE;
    if sizes.len() <= MAX_EXACT {
        exact(&sizes, reached)
    } else {
        sampled(&sizes, reached, seed)
    }
}

/// Goes through all assignments so that each differs from the one before in one sign (Gray code).
fn exact(sizes: &[f64], reached: f64) -> f64 {
    let mut signed = sizes.to_vec();
    let n_assignments = 1u32 << sizes.len();
    let mut n_reached = 0u32;
    let mut sum: f64 = signed.iter().sum();
    for assignment in 1..=n_assignments {
        n_reached += u32::from(sum.abs() >= reached);
        let flipped = assignment.trailing_zeros() as usize;
        if let Some(difference) = signed.get_mut(flipped) {
            *difference = -*difference;
            sum += 2.0 * *difference;
        }
    }
    f64::from(n_reached) / f64::from(n_assignments)
}

fn sampled(sizes: &[f64], reached: f64, seed: u64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut n_reached = 0u32;
    for _ in 0..N_SAMPLES {
        let mut sum = 0.0;
        for chunk in sizes.chunks(64) {
            let mut signs = random.next_u64();
            for size in chunk {
                // The lowest bit becomes the sign, without a branch that could not be predicted.
                sum += f64::from_bits(size.to_bits() | (signs << 63));
                signs >>= 1;
            }
        }
        n_reached += u32::from(sum.abs() >= reached);
    }
    f64::from(n_reached + 1) / f64::from(N_SAMPLES + 1)
}

/// The t interval of the mean difference at a level such as 0.95; `None` for fewer than two queries.
///
/// Student's t with `n - 1` degrees of freedom. Means over queries are near enough to normal for it
/// from some 25 queries on (Sakai, "Statistical Reform in Information Retrieval?", SIGIR Forum 2014).
pub fn confidence_interval(differences: &[f64], level: f64) -> Option<(f64, f64)> {
    let n_queries = differences.len();
    let half = t_quantile(n_queries.checked_sub(1)?, 0.5 + level / 2.0)?
        * standard_error(n_queries, deviation(differences));
    let mean = mean(differences);
    Some((mean - half, mean + half))
}

/// The least true gain that a two-sided test at level `alpha` finds with chance `power`, over
/// `n_queries` whose differences have the standard deviation `deviation`.
///
/// `(t(1 - alpha/2) + t(power)) * deviation / sqrt(n)`, both quantiles with `n - 1` degrees of
/// freedom (Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2; for
/// retrieval Webber, Moffat and Zobel, CIKM 2008). `None` for fewer than two queries, or where
/// nothing differs at all.
pub fn detectable_gain(n_queries: usize, deviation: f64, alpha: f64, power: f64) -> Option<f64> {
    if deviation <= 0.0 {
        return None;
    }
    let freedom = n_queries.checked_sub(1)?;
    let quantiles = t_quantile(freedom, 1.0 - alpha / 2.0)? + t_quantile(freedom, power)?;
    Some(quantiles * standard_error(n_queries, deviation))
}

/// How many queries it takes to find a true gain of size `gain` with chance `power`; the inverse of
/// [`detectable_gain`]. `None` for a gain of 0, or where nothing differs.
pub fn queries_needed(gain: f64, deviation: f64, alpha: f64, power: f64) -> Option<usize> {
    if gain.abs() <= TIE || deviation <= 0.0 || !gain.is_finite() || !deviation.is_finite() {
        return None;
    }
    let normal = Normal::standard();
    let quantiles = normal.inverse_cdf(1.0 - alpha / 2.0) + normal.inverse_cdf(power);
    // The normal quantiles are below Student's, so this is a little too low.
    let mut n_queries = (quantiles * deviation / gain).powi(2).floor().max(2.0) as usize;
    while detectable_gain(n_queries, deviation, alpha, power)? > gain.abs() {
        n_queries += 1 + n_queries / 1_000;
    }
    Some(n_queries)
}

/// Holm's correction of the p-values of several comparisons, in the order given.
///
/// A comparison may be called significant at `alpha` if its corrected value is at most `alpha`; the
/// chance that any of them is called so by luck is then at most `alpha`. Holm, "A Simple
/// Sequentially Rejective Multiple Test Procedure", 1979.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (pos, &at) in order.iter().enumerate() {
        let n_left = (p_values.len() - pos) as f64;
        largest = largest.max((n_left * p_values[at]).min(1.0));
        corrected[at] = largest;
    }
    corrected
}

/// The p-value of each of several runs that are compared with the same one, corrected for how many
/// they are: `differences[run][query]`, all over the same queries.
///
/// The signs of a query are exchanged for all runs at once, which keeps what the runs have in common.
/// A run's p-value is the share of 20,000 random assignments in which any run is at least as far from 0 as
/// it is, each measured in units of its own spread. Runs that hardly differ, as neighbouring settings do,
/// cost little, where [`holm`] would charge for each. Westfall and Young, "Resampling-Based Multiple
/// Testing", 1993, single-step maxT.
pub fn greatest_test(differences: &[Vec<f64>], seed: u64) -> Vec<f64> {
    const N_SAMPLES: u32 = 20_000;
    let spread = |run: &Vec<f64>| run.iter().map(|d| d * d).sum::<f64>().sqrt();
    let units: Vec<f64> = differences.iter().map(|run| spread(run).max(TIE)).collect();
    let observed: Vec<f64> = differences
        .iter()
        .zip(&units)
        .map(|(run, unit)| run.iter().sum::<f64>().abs() / unit)
        .collect();
    let n_queries = differences.first().map_or(0, Vec::len);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut n_reached = vec![0u32; differences.len()];
    let mut signs = vec![1.0; n_queries];
    for _ in 0..N_SAMPLES {
        for chunk in signs.chunks_mut(64) {
            let bits = random.next_u64();
            for (at, sign) in chunk.iter_mut().enumerate() {
                *sign = if bits >> at & 1 == 1 { 1.0 } else { -1.0 };
            }
        }
        let sums = differences.iter().zip(&units).map(|(run, unit)| {
            let sum: f64 = run.iter().zip(&signs).map(|(d, sign)| d * sign).sum();
            sum.abs() / unit
        });
        let greatest = sums.fold(0.0, f64::max);
        for (n_reached, observed) in n_reached.iter_mut().zip(&observed) {
            *n_reached += u32::from(greatest >= observed - TIE);
        }
    }
    let share = |n: u32| f64::from(n + 1) / f64::from(N_SAMPLES + 1);
    n_reached.into_iter().map(share).collect()
}

/// The value at a share such as 0.95 of the sorted values (nearest rank); `None` if there are none.
pub fn percentile<T: Copy + Ord>(values: &[T], share: f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

/// Puts things into a random order (Fisher and Yates).
pub(super) fn shuffle<T>(things: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..things.len()).rev() {
        let at = (random.next_u64() % (last as u64 + 1)) as usize;
        things.swap(last, at);
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

fn standard_error(n_queries: usize, deviation: f64) -> f64 {
    deviation / (n_queries as f64).sqrt()
}

fn t_quantile(freedom: usize, share: f64) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
    Some(student.inverse_cdf(share))
}

#[cfg(test)]
mod tests;
