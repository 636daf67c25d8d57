//! Scaled dot-product attention of one sequence, in words of 16 bits.
//!
//! ```text
//! per head:  queries [n, head]   words, two to a group   x   keys    panels [head / 2, keys]
//!              = scores [n, keys]       f32
//!            softmax -> weights [n, keys]  words that add up to 32,767 in each row
//!            weights, two to a group   x   values  panels [keys / 2, head]   = context [n, head]
//! ```
//!
//! A word has 13 bits of a query or key and 15 of a value or weight, so that what is lost here is
//! less than what bf16 would lose, and no sum leaves 32 bits: 32 products of 8,191 squared, and
//! weights that add up to 32,767 times values of 32,767 at most.

use super::aligned::Aligned;
use super::attention::Attention;
use super::pointwise::quick_exp2;
use super::quantised::{Finish, IntProduct, Words, greatest_magnitude};
use super::simd::{Isa, Kernel};

/// What the weights of a row add up to, and the greatest value.
const ONE: f32 = 32_767.0;

/// The memory that attention works in, kept from one sequence to the next.
#[derive(Debug, Default)]
pub(crate) struct WordScratch {
    /// The queries of a block of rows, then one row after the other the keys, `[n, head]`.
    queries: Aligned<i32>,
    rows: Aligned<i32>,
    keys: Aligned<i32>,
    values: Aligned<i32>,
    scores: Aligned,
    weights: Aligned<i32>,
}

/// [`Attention`] in words.
pub(super) struct WordAttention<'a> {
    pub(super) attention: Attention<'a>,
    pub(super) scratch: &'a mut WordScratch,
}

impl Kernel for WordAttention<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Attention {
            n_heads,
            head_dim,
            queries,
            query_stride,
            keys_values,
            key_stride,
            out,
        } = self.attention;
        let hidden = n_heads * head_dim;
        let n_keys = keys_values.len().div_ceil(key_stride);
        let n_queries = out.len() / hidden;
        for at in (0..hidden).step_by(head_dim) {
            let mut head = Head {
                dim: head_dim,
                n_keys,
                padded: n_keys.next_multiple_of(I::WIDE * I::LANES),
                key_scale: 0.0,
                value_scale: 0.0,
                scratch: &mut *self.scratch,
            };
            head.pack_keys(isa, &keys_values[at..], key_stride);
            head.pack_values(isa, &keys_values[hidden + at..], key_stride);
            for first in (0..n_queries).step_by(I::ROWS) {
                let n_rows = I::ROWS.min(n_queries - first);
                let queries = &queries[first * query_stride + at..];
                let out = &mut out[first * hidden + at..];
                head.attend(isa, n_rows, queries, query_stride, out, hidden);
            }
        }
    }
}

/// One head of one sequence.
struct Head<'a> {
    dim: usize,
    n_keys: usize,
    /// `n_keys`, rounded up to whole panels.
    padded: usize,
    key_scale: f32,
    value_scale: f32,
    scratch: &'a mut WordScratch,
}

impl Head<'_> {
    /// The greatest word of a query or a key, so that `dim` products stay within 32 bits.
    fn limit(&self) -> f32 {
        (i32::MAX as f32 / self.dim as f32).sqrt().floor()
    }

    /// Quantises the keys with one scale and packs them, `[dim / 2, width]` a panel.
    #[inline(always)]
    fn pack_keys<I: Isa>(&mut self, isa: I, from: &[f32], stride: usize) {
        let (dim, limit, width) = (self.dim, self.limit(), I::WIDE * I::LANES);
        let greatest = from.chunks(stride).fold(0.0_f32, |greatest, key| {
            greatest.max(greatest_magnitude(isa, &key[..dim]))
        });
        self.key_scale = greatest / limit;
        let factor = isa.splat(if greatest > 0.0 {
            limit / greatest
        } else {
            0.0
        });
        let padded = self.padded;
        let rows = self.scratch.rows.of_len(padded * dim / 2);
        for (key, row) in from.chunks(stride).zip(rows.chunks_exact_mut(dim / 2)) {
            to_words(isa, &key[..dim], factor, row);
        }
        rows[self.n_keys * dim / 2..].fill(0);
        let keys = self.scratch.keys.of_len(padded * dim / 2);
        let from = rows.as_ptr();
        for first in (0..padded).step_by(I::LANES) {
            let panel = &mut keys[first / width * width * dim / 2..][..width * dim / 2];
            for pair in (0..dim / 2).step_by(I::LANES) {
                let to = &mut panel[pair * width + first % width..];
                assert!(to.len() > (I::LANES - 1) * width, "whole panels");
                // SAFETY: `rows` holds `padded` rows of `dim / 2` integers, of which these are
                // `LANES` by `LANES`; `dim` is a multiple of 32, `padded` one of `LANES`, and
                // `to` was compared just now.
                unsafe {
                    let from = from.add(first * dim / 2 + pair);
                    isa.transpose(from, dim / 2, to.as_mut_ptr(), width);
                }
            }
        }
    }

    /// Quantises the values with one scale and packs them, `[n_keys / 2, width]` a panel.
    #[inline(always)]
    fn pack_values<I: Isa>(&mut self, isa: I, from: &[f32], stride: usize) {
        let (dim, width) = (self.dim, I::NARROW * I::LANES);
        let greatest = from.chunks(stride).fold(0.0_f32, |greatest, value| {
            greatest.max(greatest_magnitude(isa, &value[..dim]))
        });
        self.value_scale = greatest / ONE;
        let factor = isa.splat(if greatest > 0.0 { ONE / greatest } else { 0.0 });
        let n_pairs = self.n_keys.div_ceil(2);
        let values = self.scratch.values.of_len(n_pairs * dim);
        for (pair, rows) in from.chunks(2 * stride).enumerate() {
            for column in (0..dim).step_by(I::LANES) {
                let word = |row: usize| isa.round(isa.mul(isa.load(&rows[row..]), factor));
                let low = word(column);
                let high = if rows.len() > stride {
                    word(stride + column)
                } else {
                    isa.splat_int(0)
                };
                let (panel, within) = (column / width, column % width);
                let to = &mut values[(panel * n_pairs + pair) * width + within..][..I::LANES];
                // SAFETY: `to` is as long as a register has lanes.
                unsafe { isa.store_int(isa.pair_words(low, high), to.as_mut_ptr()) };
            }
        }
    }

    /// Mixes the values for a few rows of queries.
    #[inline(always)]
    fn attend<I: Isa>(
        &mut self,
        isa: I,
        n_rows: usize,
        queries: &[f32],
        query_stride: usize,
        out: &mut [f32],
        hidden: usize,
    ) {
        let (dim, padded, limit) = (self.dim, self.padded, self.limit());
        let WordScratch {
            queries: words,
            keys,
            values,
            scores,
            weights,
            ..
        } = &mut *self.scratch;
        let words = words.of_len(n_rows * dim / 2);
        let scores = scores.of_len(n_rows * padded);
        let weights = weights.of_len(n_rows * padded / 2);
        let mut factors = [0.0; 8];
        let rows = queries
            .chunks(query_stride)
            .zip(words.chunks_exact_mut(dim / 2));
        for ((query, words), to_log2) in rows.zip(&mut factors).take(n_rows) {
            let greatest = greatest_magnitude(isa, &query[..dim]);
            let factor = if greatest > 0.0 {
                limit / greatest
            } else {
                0.0
            };
            to_words(isa, &query[..dim], isa.splat(factor), words);
            // From products of words to scores, and from e to 2.
            let scale = greatest / limit * self.key_scale;
            *to_log2 = scale / (dim as f32).sqrt() * std::f32::consts::LOG2_E;
        }
        let product = IntProduct {
            rows: n_rows,
            n_groups: dim / 2,
            n: padded,
            a: words,
            a_stride: dim / 2,
            panels: keys,
            width: I::WIDE * I::LANES,
        };
        let finish = ToScores {
            factors: &factors,
            out: scores,
            stride: padded,
        };
        product.run::<I, Words, _>(isa, finish);
        let rows = scores
            .chunks_exact_mut(padded)
            .zip(weights.chunks_exact_mut(padded / 2));
        for (scores, weights) in rows {
            scores[self.n_keys..].fill(f32::MIN);
            softmax(isa, scores, weights);
        }
        let product = IntProduct {
            rows: n_rows,
            n_groups: self.n_keys.div_ceil(2),
            n: dim,
            a: weights,
            a_stride: padded / 2,
            panels: values,
            width: I::NARROW * I::LANES,
        };
        let finish = ToContext {
            factor: self.value_scale / ONE,
            out,
            stride: hidden,
        };
        product.run::<I, Words, _>(isa, finish);
    }
}

/// Writes `factor` times each value as a word.
#[inline(always)]
fn to_words<I: Isa>(isa: I, values: &[f32], factor: I::V, to: &mut [i32]) {
    let registers = values
        .chunks_exact(I::LANES)
        .zip(to.chunks_exact_mut(I::LANES / 2));
    for (values, to) in registers {
        let value = isa.round(isa.mul(isa.load(values), factor));
        // SAFETY: `to` is as many words as a register has lanes.
        unsafe { isa.store_words(value, to.as_mut_ptr().cast()) };
    }
}

struct ToScores<'a> {
    /// One for each row.
    factors: &'a [f32; 8],
    out: &'a mut [f32],
    stride: usize,
}

impl Finish for ToScores<'_> {
    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: usize, sums: I::I) {
        let scores = isa.mul(isa.to_float(sums), isa.splat(self.factors[row]));
        isa.store(scores, &mut self.out[row * self.stride + column..]);
    }
}

struct ToContext<'a> {
    factor: f32,
    out: &'a mut [f32],
    stride: usize,
}

impl Finish for ToContext<'_> {
    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: usize, sums: I::I) {
        let context = isa.mul(isa.to_float(sums), isa.splat(self.factor));
        isa.store(context, &mut self.out[row * self.stride + column..]);
    }
}

/// Turns scores (to the base 2) into weights that add up to [`ONE`].
#[inline(always)]
fn softmax<I: Isa>(isa: I, scores: &mut [f32], weights: &mut [i32]) {
    let mut greatest = isa.splat(f32::MIN);
    for scores in scores.chunks_exact(I::LANES) {
        greatest = isa.max(greatest, isa.load(scores));
    }
    let greatest = isa.splat(isa.greatest(greatest));
    let mut sum = isa.splat(0.0);
    for scores in scores.chunks_exact_mut(I::LANES) {
        let difference = isa.max(isa.sub(isa.load(scores), greatest), isa.splat(-126.0));
        let value = quick_exp2(isa, difference);
        sum = isa.add(sum, value);
        isa.store(value, scores);
    }
    to_words(isa, scores, isa.splat(ONE / isa.sum(sum)), weights);
}
