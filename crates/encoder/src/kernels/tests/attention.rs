//! Attention in integers against a plain sum in f64.
//!
//! An error is measured against the greatest value, of which all results are averages. With
//! scores of a few units, queries and keys in bytes cost some hundredths of it, words less than a
//! thousandth.

use std::ops::Range;

use super::*;

const MOST_IN_BYTES: f64 = 0.04;
const MOST_IN_WORDS: f64 = 0.001;

/// Tiles round values to bf16, which has 8 bits.
const MOST_IN_TILES: f64 = 0.002;

/// One sequence; each part is `[n_heads, rows, head_dim]`.
#[derive(Clone)]
struct Sequence {
    n_heads: usize,
    head_dim: usize,
    n_queries: usize,
    n_keys: usize,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Sequence {
    fn random(n_queries: usize, n_keys: usize, heads: (usize, usize), seed: u64) -> Self {
        let (n_heads, head_dim) = heads;
        let hidden = n_heads * head_dim;
        Self {
            n_heads,
            head_dim,
            n_queries,
            n_keys,
            queries: values(n_queries * hidden, seed),
            keys: values(n_keys * hidden, !seed),
            values: values(n_keys * hidden, seed ^ 5),
        }
    }

    fn attend(&self, kernels: Kernels, scratch: &mut IntAttentionScratch) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.n_queries * self.n_heads * self.head_dim];
        let of = |values, n_rows| HeadRows {
            values,
            n_rows,
            rows: 0..n_rows,
        };
        kernels.attend_int8(IntAttention {
            n_heads: self.n_heads,
            head_dim: self.head_dim,
            queries: of(&self.queries, self.n_queries),
            keys: of(&self.keys, self.n_keys),
            values: of(&self.values, self.n_keys),
            out: &mut out,
            scratch,
        });
        out
    }

    fn exact(&self) -> Vec<f64> {
        let (dim, hidden) = (self.head_dim, self.n_heads * self.head_dim);
        let mut out = vec![0.0; self.n_queries * hidden];
        for head in 0..self.n_heads {
            let keys = &self.keys[head * self.n_keys * dim..][..self.n_keys * dim];
            let values = &self.values[head * self.n_keys * dim..][..self.n_keys * dim];
            let queries = self.queries[head * self.n_queries * dim..].chunks(dim);
            for (query, out) in queries.zip(out.chunks_mut(hidden)) {
                let score = |key: &[f32]| {
                    let products = query.iter().zip(key);
                    let sum: f64 = products.map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
                    sum / (dim as f64).sqrt()
                };
                let scores: Vec<f64> = keys.chunks(dim).map(score).collect();
                let greatest = scores.iter().copied().fold(f64::MIN, f64::max);
                let weights: Vec<f64> = scores.iter().map(|x| (x - greatest).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for (weight, value) in weights.iter().zip(values.chunks(dim)) {
                    for (out, &value) in out[head * dim..].iter_mut().zip(value) {
                        *out += weight / sum * f64::from(value);
                    }
                }
            }
        }
        out
    }

    /// Compares every instruction set with the plain sum; `bytes` and `words` are the errors
    /// allowed, relative to the greatest value.
    fn check(&self, bytes: f64, words: f64) {
        let exact = self.exact();
        let greatest = self
            .values
            .iter()
            .fold(0.0_f32, |most, x| most.max(x.abs()));
        for kernels in Kernels::all() {
            let out = self.attend(kernels, &mut IntAttentionScratch::default());
            let most = match kernels.instruction_set() {
                InstructionSet::Amx => bytes.max(MOST_IN_TILES),
                _ if multiplies_bytes(kernels) => bytes,
                _ => words,
            };
            let most = most * f64::from(greatest);
            for (&ours, &exact) in out.iter().zip(&exact) {
                let set = kernels.instruction_set();
                let error = (f64::from(ours) - exact).abs();
                assert!(
                    error <= most,
                    "{ours} for {exact}: {error} > {most} on {set}"
                );
            }
        }
    }
}

/// Any number, and those around whole registers, panels and pairs of registers.
fn n_keys() -> impl Strategy<Value = usize> {
    let around = |n: usize| (1_usize..7, 0_usize..3).prop_map(move |(k, d)| (k * n + d - 1).max(1));
    prop_oneof![1_usize..300, around(16), around(32), around(48)]
}

fn heads() -> impl Strategy<Value = (usize, usize)> {
    (1_usize..=4, prop_oneof![Just(32), Just(64)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn integer_attention_agrees_with_the_plain_sum(
        n_queries in 1_usize..40, n_keys in n_keys(), heads in heads(), seed: u64,
    ) {
        Sequence::random(n_queries, n_keys, heads, seed).check(MOST_IN_BYTES, MOST_IN_WORDS);
    }

    #[test]
    fn a_row_of_queries_is_the_same_wherever_it_stands(
        n_queries in 2_usize..40, n_keys in n_keys(), heads in heads(), seed: u64,
    ) {
        let all = Sequence::random(n_queries, n_keys, heads, seed);
        let hidden = all.n_heads * all.head_dim;
        for kernels in Kernels::all() {
            let together = all.attend(kernels, &mut IntAttentionScratch::default());
            for (number, expected) in together.chunks(hidden).enumerate() {
                let of_heads = all.queries.chunks(n_queries * all.head_dim);
                let query = of_heads.flat_map(|head| &head[number * all.head_dim..][..all.head_dim]);
                let alone = Sequence { n_queries: 1, queries: query.copied().collect(), ..all.clone() };
                let alone = alone.attend(kernels, &mut IntAttentionScratch::default());
                prop_assert!(alone == expected, "{} on {}", number, kernels.instruction_set());
            }
        }
    }

    #[test]
    fn a_sequence_among_others_is_the_same_as_alone(
        lens in prop::collection::vec(1_usize..80, 1..5), heads in heads(), seed: u64,
    ) {
        let sequence = |(at, &len): (usize, &usize)| Sequence::random(len, len, heads, seed ^ at as u64);
        let sequences: Vec<_> = lens.iter().enumerate().map(sequence).collect();
        let n_rows: usize = lens.iter().sum();
        let merged = |of: fn(&Sequence) -> &Vec<f32>| -> Vec<f32> {
            let head = |head| sequences.iter().flat_map(move |sequence| {
                let len = sequence.n_keys * sequence.head_dim;
                of(sequence)[head * len..][..len].iter().copied()
            });
            (0..heads.0).flat_map(head).collect()
        };
        let queries = merged(|sequence| &sequence.queries);
        let keys = merged(|sequence| &sequence.keys);
        let values = merged(|sequence| &sequence.values);
        for kernels in Kernels::all() {
            // One scratch for all, so that a long sequence leaves its traces for a short one.
            let mut scratch = IntAttentionScratch::default();
            let mut start = 0;
            for sequence in &sequences {
                let rows: Range<usize> = start..start + sequence.n_keys;
                start = rows.end;
                let of = |values| HeadRows { values, n_rows, rows: rows.clone() };
                let mut out = vec![f32::NAN; sequence.queries.len()];
                kernels.attend_int8(IntAttention {
                    n_heads: heads.0,
                    head_dim: heads.1,
                    queries: of(&queries),
                    keys: of(&keys),
                    values: of(&values),
                    out: &mut out,
                    scratch: &mut scratch,
                });
                let alone = sequence.attend(kernels, &mut IntAttentionScratch::default());
                prop_assert!(out == alone, "{:?} on {}", rows, kernels.instruction_set());
            }
        }
    }
}

#[test]
fn what_a_longer_sequence_leaves_behind_is_never_read() {
    for heads in [(1, 32), (2, 64)] {
        let mut long = Sequence::random(30, 300, heads, 1);
        for numbers in [&mut long.queries, &mut long.keys, &mut long.values] {
            for number in numbers {
                *number *= 1e3;
            }
        }
        for n_keys in [1, 2, 15, 16, 17, 31, 33, 47, 48, 49, 95, 97] {
            let short = Sequence::random(9, n_keys, heads, 2);
            for kernels in Kernels::all() {
                let alone = short.attend(kernels, &mut IntAttentionScratch::default());
                let mut scratch = IntAttentionScratch::default();
                long.attend(kernels, &mut scratch);
                let after = short.attend(kernels, &mut scratch);
                assert!(after == alone, "{n_keys} on {}", kernels.instruction_set());
            }
        }
    }
}

/// Equal keys make flat rows, whose weights add up to more than a sum has room for.
#[test]
fn flat_rows_of_any_length_give_the_mean() {
    for n_keys in [
        1, 2, 31, 32, 33, 34, 63, 64, 65, 127, 129, 300, 511, 512, 2000,
    ] {
        for head_dim in [32, 64] {
            let random = Sequence::random(3, n_keys, (2, head_dim), 7);
            let mut equal_keys = random.clone();
            for head in equal_keys.keys.chunks_mut(n_keys * head_dim) {
                let first = head[..head_dim].to_vec();
                head.chunks_mut(head_dim)
                    .for_each(|key| key.copy_from_slice(&first));
            }
            equal_keys.check(0.0005, 0.0005);
            let mut no_keys = random.clone();
            no_keys.keys.fill(0.0);
            no_keys.check(0.0005, 0.0005);
            let mut no_queries = random.clone();
            no_queries.queries.fill(0.0);
            no_queries.check(0.0005, 0.0005);
            let mut no_values = random.clone();
            no_values.values.fill(0.0);
            no_values.check(0.0, 0.0);
            // All values at the end of their range: the greatest sums that there are.
            for value in [3.0, -3.0] {
                let mut equal_values = equal_keys.clone();
                equal_values.values.fill(value);
                equal_values.check(1e-5, 1e-5);
            }
        }
    }
}

/// A key that nearly all weight goes to, at every place in a register.
#[test]
fn peaked_rows_give_the_value_of_their_key() {
    for n_keys in [2, 33, 100] {
        for at in 0..n_keys {
            let mut sequence = Sequence::random(2, n_keys, (1, 32), at as u64);
            let query = sequence.queries[..32].to_vec();
            sequence.queries[32..].copy_from_slice(&query);
            let key = &mut sequence.keys[at * 32..][..32];
            for (key, query) in key.iter_mut().zip(&query) {
                *key = 5.0 * query;
            }
            sequence.check(0.01, 0.001);
        }
    }
}

/// All products of a query and a key at the ends of their range and of one sign.
#[test]
fn the_greatest_scores_keep_their_sign() {
    for (head_dim, size) in [(32, 0.5), (64, 0.5), (32, 3.0), (64, 3.0)] {
        let mut sequence = Sequence::random(2, 2, (1, head_dim), 3);
        let (first, second) = sequence.queries.split_at_mut(head_dim);
        first.fill(size);
        second.fill(-size);
        let (first, second) = sequence.keys.split_at_mut(head_dim);
        first.fill(size);
        second.fill(-size);
        sequence.check(0.01, 0.001);
    }
}

#[test]
fn a_shift_of_all_keys_changes_nothing_much() {
    let sequence = Sequence::random(8, 77, (2, 32), 11);
    let mut shifted = sequence.clone();
    shifted.keys.iter_mut().for_each(|key| *key += 40.0);
    shifted.check(MOST_IN_BYTES, MOST_IN_WORDS);
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    for kernels in Kernels::all() {
        for part in 0..3 {
            let mut sequence = Sequence::random(3, 50, (1, 32), 11);
            match part {
                0 => sequence.queries.fill(f32::NAN),
                1 => sequence.keys[32..64].fill(f32::NAN),
                _ => sequence.values.fill(f32::INFINITY),
            }
            let out = sequence.attend(kernels, &mut IntAttentionScratch::default());
            let set = kernels.instruction_set();
            assert!(
                out.iter().all(|value| !value.is_finite()),
                "{part} on {set}"
            );
        }
    }
}
