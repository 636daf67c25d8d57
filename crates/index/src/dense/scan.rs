//! Exact search: an int8 pass over all rows, and f32 for the few that can be among the best.
//!
//! Each row is kept a second time in 8 bits, with one step size per row. The int8 product of a
//! row with the query differs from the f32 product by no more than a margin that the
//! Cauchy-Schwarz inequality gives, so a row whose upper bound does not reach the `k`-th best
//! lower bound cannot be among the `k` best. What remains is computed in f32, best upper bound
//! first, until no upper bound reaches the `k`-th best product. The answer is the one that f32
//! products of all rows would give, bit for bit, whatever the number of threads.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

use super::allowed::Allowed;
use super::rows::{MAX_NORM, by_score};
use crate::simd;

/// Rows of f32 vectors in 8 bits: row `i` is about `steps[i] * values[i * dim..]`.
#[derive(Debug, Clone, Default)]
pub struct Quantised {
    /// `[n, dim]`, row-major, each between -127 and 127.
    pub values: Vec<i8>,
    /// How much 1 is worth in each row: its largest absolute value divided by 127.
    pub steps: Vec<f32>,
    /// The largest distance of a row from its 8-bit copy, in steps of that row. About
    /// `sqrt(dim / 12)`, and never above `sqrt(dim) / 2`.
    pub max_error: f32,
}

/// Rounds each row of `rows` (`[n, dim]`, row-major) to 8 bits.
///
/// A row's copy depends on nothing but the row. A step per row instead of one for all keeps the
/// rounding as small as each row allows and needs no clamping, so that one unusual row cannot
/// make the bounds of all others useless.
pub fn quantise(rows: &[f32], dim: usize) -> Quantised {
    if dim == 0 {
        return Quantised::default();
    }
    let n = rows.len() / dim;
    let mut quantised = Quantised {
        values: vec![0; n * dim],
        steps: vec![0.0; n],
        max_error: 0.0,
    };
    quantised.max_error = rows
        .par_chunks_exact(dim)
        .zip(quantised.values.par_chunks_exact_mut(dim))
        .zip(quantised.steps.par_iter_mut())
        .map(|((row, values), step)| {
            let error;
            (*step, error) = quantise_row(row, values);
            if *step > 0.0 { error / *step } else { 0.0 }
        })
        .reduce(|| 0.0, f32::max);
    quantised
}

/// Writes `row` to `values` and returns the step and the distance of the two, rounded up.
fn quantise_row(row: &[f32], values: &mut [i8]) -> (f32, f32) {
    let largest = row
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let step = largest / 127.0;
    if step.is_nan() || step <= 0.0 {
        values.fill(0);
        return (0.0, 0.0);
    }
    let mut squares = 0.0_f64;
    for (value, copy) in row.iter().zip(values) {
        *copy = (value / step).round().clamp(-127.0, 127.0) as i8;
        let error = f64::from(*value) - f64::from(*copy) * f64::from(step);
        squares += error * error;
    }
    (step, (squares.sqrt() * (1.0 + 1e-6)) as f32)
}

/// What a scan reads: the rows in f32 and their 8-bit copies, as slices.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub dim: usize,
    pub vectors: &'a [f32],
    pub values: &'a [i8],
    pub steps: &'a [f32],
    pub max_error: f32,
}

impl<'a> Rows<'a> {
    pub(super) fn vector(&self, pos: u32) -> &'a [f32] {
        &self.vectors[pos as usize * self.dim..][..self.dim]
    }
}

/// Returns the `k` rows with the largest product with `query`, best first, ties by position.
///
/// The query's norm is at most [`MAX_NORM`], and so are the rows'.
pub(super) fn scan(
    rows: Rows<'_>,
    query: &[f32],
    k: usize,
    allowed: Option<Allowed<'_>>,
) -> Vec<(u32, f32)> {
    if k == 0 || rows.dim == 0 {
        return Vec::new();
    }
    let query_int8 = QueryInt8::new(query, rows.max_error);
    let floor = Floor::default();
    let n_blocks = rows.steps.len().div_ceil(BLOCK);
    let found: Vec<Vec<Candidate>> = (0..n_blocks)
        .into_par_iter()
        .map(|block| scan_block(rows, &query_int8, block, k, allowed, &floor))
        .collect();
    let mut candidates = found.concat();
    keep_possible(&mut candidates, k);
    candidates.sort_unstable_by(Candidate::by_upper);
    rescore(rows, query, k, &candidates)
}

/// Rows that one task works through. Their scores stay in the first-level cache.
const BLOCK: usize = 4096;

/// The query in 8 bits, and how far off an int8 product can be.
pub(super) struct QueryInt8 {
    pub(super) values: Vec<i8>,
    step: f32,
    /// The part of the margin that is the same for all rows.
    margin: f32,
    /// The part that grows with a row's step.
    margin_per_step: f32,
}

impl QueryInt8 {
    /// With `q`, `x` the vectors and `q'`, `x'` their copies, `|q·x - q'·x'|` is at most
    /// `|q - q'| |x| + |q'| |x - x'|`. The f32 product and the int8 score are themselves rounded,
    /// by less than `dim` units in the last place of the product of the norms.
    pub(super) fn new(query: &[f32], max_error: f32) -> Self {
        let mut values = vec![0; query.len()];
        let (step, error) = quantise_row(query, &mut values);
        let copy_norm = values
            .iter()
            .map(|v| f64::from(*v) * f64::from(*v))
            .sum::<f64>()
            .sqrt();
        let rounding = (query.len() + 16) as f32 * f32::EPSILON * MAX_NORM * MAX_NORM;
        QueryInt8 {
            values,
            step,
            margin: error * MAX_NORM + rounding,
            margin_per_step: (copy_norm * f64::from(step) * (1.0 + 1e-6)) as f32 * max_error,
        }
    }

    /// A row's own copy as the query: its product with another row is all that is asked of it.
    pub(super) fn of_row(rows: Rows<'_>, pos: u32) -> Self {
        QueryInt8 {
            values: rows.values[pos as usize * rows.dim..][..rows.dim].to_vec(),
            step: rows.steps[pos as usize],
            margin: 0.0,
            margin_per_step: 0.0,
        }
    }

    /// The score of a row by its int8 product and its step.
    #[inline]
    pub(super) fn score(&self, product: i32, step: f32) -> f32 {
        product as f32 * (self.step * step)
    }

    /// The row with its bounds.
    pub(super) fn candidate(&self, pos: u32, score: f32, step: f32) -> Candidate {
        let margin = self.margin + self.margin_per_step * step;
        Candidate {
            pos,
            lower: score - margin,
            upper: score + margin,
        }
    }
}

/// A row that may be among the best: its f32 product lies between `lower` and `upper`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) pos: u32,
    lower: f32,
    upper: f32,
}

impl Candidate {
    /// Orders by upper bound, descending, then by position.
    pub(super) fn by_upper(left: &Self, right: &Self) -> Ordering {
        right
            .upper
            .total_cmp(&left.upper)
            .then(left.pos.cmp(&right.pos))
    }
}

/// Of fewer rows than one in this many the products are computed one by one; where more may be
/// returned, all of a block at once is faster.
const ONE_BY_ONE: usize = 4;

fn scan_block(
    rows: Rows<'_>,
    query: &QueryInt8,
    block: usize,
    k: usize,
    allowed: Option<Allowed<'_>>,
    floor: &Floor,
) -> Vec<Candidate> {
    let range = block * BLOCK..rows.steps.len().min((block + 1) * BLOCK);
    let positions: Option<Vec<u32>> =
        allowed.map(|allowed| allowed.positions(range.clone()).collect());
    let mut products = vec![0; range.len()];
    match positions {
        Some(positions) if positions.len() < range.len() / ONE_BY_ONE => {
            simd::dot_some_i8(&query.values, rows.values, &positions, &mut products);
            let scored = positions.iter().copied().zip(products);
            possible(rows, query, k, scored, floor)
        }
        positions => {
            let values = &rows.values[range.start * rows.dim..range.end * rows.dim];
            simd::dot_rows_i8(&query.values, values, &mut products);
            let product = |pos: u32| (pos, products[pos as usize - range.start]);
            match positions {
                Some(positions) => {
                    possible(rows, query, k, positions.into_iter().map(product), floor)
                }
                None => possible(
                    rows,
                    query,
                    k,
                    range.clone().map(|pos| product(pos as u32)),
                    floor,
                ),
            }
        }
    }
}

/// Keeps the rows that can be among the `k` best of all blocks.
fn possible(
    rows: Rows<'_>,
    query: &QueryInt8,
    k: usize,
    products: impl Iterator<Item = (u32, i32)>,
    floor: &Floor,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut lowest = floor.load();
    let mut full = (4 * k).max(256);
    for (pos, product) in products {
        let step = rows.steps[pos as usize];
        let candidate = query.candidate(pos, query.score(product, step), step);
        if candidate.upper >= lowest {
            candidates.push(candidate);
            if candidates.len() == full {
                lowest = floor.raise(keep_possible(&mut candidates, k));
                full = full.max(2 * candidates.len());
            }
        }
    }
    floor.raise(keep_possible(&mut candidates, k));
    candidates
}

/// Drops the candidates that `k` others are sure to beat, and returns the `k`-th best lower bound.
fn keep_possible(candidates: &mut Vec<Candidate>, k: usize) -> f32 {
    if candidates.len() < k {
        return f32::NEG_INFINITY;
    }
    let mut lowers: Vec<f32> = candidates.iter().map(|candidate| candidate.lower).collect();
    let (_, kth, _) = lowers.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let kth = *kth;
    candidates.retain(|candidate| candidate.upper >= kth);
    kth
}

/// The best `k`-th lower bound that any block has found so far.
///
/// How soon a block sees it decides how many candidates it keeps, never which rows are returned.
struct Floor(AtomicU32);

impl Default for Floor {
    fn default() -> Self {
        Floor(AtomicU32::new(ordered(f32::NEG_INFINITY)))
    }
}

impl Floor {
    fn load(&self) -> f32 {
        unordered(self.0.load(Relaxed))
    }

    fn raise(&self, lower: f32) -> f32 {
        let before = self.0.fetch_max(ordered(lower), Relaxed);
        unordered(before.max(ordered(lower)))
    }
}

/// Maps floats to integers of the same order.
pub(super) fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

/// The other way round.
pub(super) fn unordered(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 {
        bits & !(1 << 31)
    } else {
        !bits
    })
}

/// A row and its product, the better one greater.
#[derive(PartialEq)]
struct Scored(u32, f32);

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        by_score((other.0, other.1), (self.0, self.1))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How many rows ahead of the one that is rescored are fetched.
const AHEAD: usize = 2;

/// Computes products in f32, best upper bound first, until the rest cannot be among the best. One that
/// is not finite comes from a damaged row, and comes out first, as infinite.
pub(super) fn rescore(
    rows: Rows<'_>,
    query: &[f32],
    k: usize,
    candidates: &[Candidate],
) -> Vec<(u32, f32)> {
    let mut best: BinaryHeap<Reverse<Scored>> = BinaryHeap::with_capacity(k.min(candidates.len()));
    let fetch = |candidate: &Candidate| simd::prefetch(rows.vector(candidate.pos));
    candidates.iter().take(AHEAD).for_each(fetch);
    for (i, candidate) in candidates.iter().enumerate() {
        candidates.get(i + AHEAD).into_iter().for_each(fetch);
        if best.len() == k && best.peek().is_some_and(|worst| candidate.upper < worst.0.1) {
            break;
        }
        let score = simd::dot_f32(query, rows.vector(candidate.pos));
        // A damaged row must not sink where nobody sees it.
        let score = if score.is_finite() {
            score
        } else {
            f32::INFINITY
        };
        best.push(Reverse(Scored(candidate.pos, score)));
        if best.len() > k {
            best.pop();
        }
    }
    best.into_sorted_vec()
        .into_iter()
        .map(|Reverse(Scored(pos, score))| (pos, score))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dense::tests::{bits, clustered, exact, normalise};

    fn run(
        vectors: &[f32],
        query: &[f32],
        k: usize,
        allowed: Option<Allowed<'_>>,
    ) -> Vec<(u32, f32)> {
        let quantised = quantise(vectors, query.len());
        let rows = Rows {
            dim: query.len(),
            vectors,
            values: &quantised.values,
            steps: &quantised.steps,
            max_error: quantised.max_error,
        };
        scan(rows, query, k, allowed)
    }

    #[test]
    fn the_scan_equals_f32_over_several_blocks() {
        let dim = 48;
        let vectors = clustered(3 * BLOCK + 17, dim, 1);
        for (seed, k) in [(2, 1), (3, 10), (4, 100), (5, 3000)] {
            let query = clustered(1, dim, seed);
            assert_eq!(
                run(&vectors, &query, k, None),
                exact(&vectors, &query, k, |_| true)
            );
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let vectors = clustered(2 * BLOCK, 32, 6);
        let query = clustered(1, 32, 7);
        let expected = run(&vectors, &query, 50, None);
        for n_threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n_threads)
                .build()
                .unwrap();
            assert_eq!(pool.install(|| run(&vectors, &query, 50, None)), expected);
        }
    }

    #[test]
    fn a_filter_acts_before_the_cut() {
        let vectors = clustered(2000, 32, 8);
        let query = clustered(1, 32, 9);
        for every in [2, 97, 1999] {
            let bits = bits(2000, |pos| pos % every == 1);
            let hits = run(&vectors, &query, 10, Some(Allowed::new(&bits, 0)));
            assert_eq!(hits, exact(&vectors, &query, 10, |pos| pos % every == 1));
        }
        assert_eq!(run(&vectors, &query, 10, Some(Allowed::new(&[], 0))), []);
    }

    #[test]
    fn equal_rows_come_in_the_order_of_their_positions() {
        let mut row = vec![0.5, -0.5, 0.5, 0.5];
        normalise(&mut row);
        let hits = run(&row.repeat(20), &row, 5, None);
        assert_eq!(
            hits.iter().map(|hit| hit.0).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn nothing_asked_or_nothing_there_gives_nothing() {
        assert_eq!(run(&[1.0, 0.0], &[1.0, 0.0], 0, None), []);
        assert_eq!(run(&[], &[1.0, 0.0], 5, None), []);
        assert_eq!(run(&[1.0, 0.0], &[1.0, 0.0], 5, None), [(0, 1.0)]);
    }

    #[test]
    fn a_row_of_zeros_is_quantised_to_zeros() {
        let quantised = quantise(&[0.0, 0.0, 0.6, -0.8], 2);
        assert_eq!(quantised.values, [0, 0, 95, -127]);
        assert_eq!(quantised.steps[0].to_bits(), 0.0_f32.to_bits());
    }

    /// Rows of uneven shape: some values far larger than the others, some zero, some equal rows.
    fn uneven(dim: usize) -> impl Strategy<Value = Vec<f32>> {
        let value = prop_oneof![4 => -0.1_f32..0.1, 1 => -1.0_f32..1.0, 1 => Just(0.0)];
        prop::collection::vec(value, dim).prop_map(|mut row| {
            row[0] += 0.01;
            normalise(&mut row);
            row
        })
    }

    fn uneven_rows() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>, usize)> {
        (1_usize..70).prop_flat_map(|dim| {
            (
                uneven(dim),
                prop::collection::vec(uneven(dim), 0..60),
                0_usize..70,
            )
        })
    }

    proptest! {
        #[test]
        fn the_scan_equals_f32((query, rows, k) in uneven_rows()) {
            let vectors = rows.concat();
            prop_assert_eq!(run(&vectors, &query, k, None), exact(&vectors, &query, k, |_| true));
        }

        #[test]
        fn the_order_of_floats_is_kept(a in any::<f32>(), b in any::<f32>()) {
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.total_cmp(&b));
            prop_assert_eq!(unordered(ordered(a)).to_bits(), a.to_bits());
        }
    }
}
