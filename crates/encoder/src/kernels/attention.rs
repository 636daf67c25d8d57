//! Scaled dot-product attention of one sequence.

use super::aligned::Aligned;
use super::pointwise::exp;
use super::product::Product;
use super::simd::{Isa, Kernel};

/// Tiles of query rows between which scores are kept, so that they stay in the second-level cache.
const TILES: usize = 8;

/// Attention of query rows over one sequence (Vaswani et al., arXiv:1706.03762, equation 1).
pub(crate) struct Attention<'a> {
    pub(crate) n_heads: usize,
    pub(crate) head_dim: usize,
    /// `[n, n_heads * head_dim]`.
    pub(crate) queries: &'a [f32],
    /// `[sequence, 2 * n_heads * head_dim]`: the keys of all heads, then the values.
    pub(crate) keys_values: &'a [f32],
    /// Of the shape of `queries`.
    pub(crate) out: &'a mut [f32],
    pub(crate) scratch: &'a mut AttentionScratch,
}

/// The memory that [`Attention`] works in, kept from one sequence to the next.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    keys: Aligned,
    values: Aligned,
    scores: Aligned,
    sums: Aligned,
}

impl Kernel for Attention<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let dim = self.head_dim;
        let hidden = self.n_heads * dim;
        let n_keys = self.keys_values.len() / (2 * hidden);
        let n_queries = self.queries.len() / hidden;
        let wide = I::WIDE * I::LANES;
        let narrow = I::NARROW * I::LANES;
        let padded = n_keys.next_multiple_of(wide);
        let rows = TILES * I::ROWS;
        let AttentionScratch {
            keys,
            values,
            scores,
            sums,
        } = self.scratch;
        let keys = keys.of_len(padded * dim);
        let values = values.of_len(dim.next_multiple_of(narrow) * n_keys);
        let scores = scores.of_len(rows * padded);
        let sums = sums.of_len(rows);
        let factor = 1.0 / (dim as f32).sqrt();

        for head in 0..self.n_heads {
            pack_keys(self.keys_values, 2 * hidden, head * dim, dim, wide, keys);
            pack_values(
                self.keys_values,
                2 * hidden,
                hidden + head * dim,
                dim,
                narrow,
                values,
            );
            for first in (0..n_queries).step_by(rows) {
                let rows = rows.min(n_queries - first);
                isa.run(Product {
                    rows,
                    k: dim,
                    n: padded,
                    width: wide,
                    a: &self.queries[first * hidden + head * dim..],
                    a_stride: hidden,
                    panels: keys,
                    bias: None,
                    out: scores,
                    out_stride: padded,
                });
                for (scores, sum) in scores.chunks_exact_mut(padded).zip(&mut *sums).take(rows) {
                    scores[n_keys..].fill(f32::MIN);
                    *sum = exponentials(isa, scores, factor);
                }
                let out = &mut self.out[first * hidden + head * dim..];
                isa.run(Product {
                    rows,
                    k: n_keys,
                    n: dim,
                    width: narrow,
                    a: scores,
                    a_stride: padded,
                    panels: values,
                    bias: None,
                    out,
                    out_stride: hidden,
                });
                for (out, &sum) in out.chunks_mut(hidden).zip(&*sums).take(rows) {
                    scale(isa, &mut out[..dim], 1.0 / sum);
                }
            }
        }
    }
}

/// Packs the keys of one head as panels `[head_dim, width]` of `width` keys.
fn pack_keys(from: &[f32], stride: usize, at: usize, dim: usize, width: usize, to: &mut [f32]) {
    let panels = to.chunks_exact_mut(dim * width);
    for (panel, keys) in panels.zip(from.chunks(width * stride)) {
        let n_keys = keys.len() / stride;
        if n_keys < width {
            panel.fill(0.0);
        }
        for (column, key) in keys.chunks_exact(stride).enumerate() {
            for (line, &value) in panel.chunks_exact_mut(width).zip(&key[at..at + dim]) {
                line[column] = value;
            }
        }
    }
}

/// Packs the values of one head as panels `[sequence, width]` of `width` columns.
fn pack_values(from: &[f32], stride: usize, at: usize, dim: usize, width: usize, to: &mut [f32]) {
    let n_keys = from.len() / stride;
    for (number, panel) in to.chunks_exact_mut(n_keys * width).enumerate() {
        let start = number * width;
        let used = width.min(dim - start);
        for (line, value) in panel.chunks_exact_mut(width).zip(from.chunks_exact(stride)) {
            line[..used].copy_from_slice(&value[at + start..at + start + used]);
            line[used..].fill(0.0);
        }
    }
}

/// Replaces each score `s` by `exp((s - greatest) * factor)`, and returns their sum.
///
/// `scores` is a multiple of the register long.
#[inline(always)]
fn exponentials<I: Isa>(isa: I, scores: &mut [f32], factor: f32) -> f32 {
    let mut greatest = isa.splat(f32::MIN);
    for scores in scores.chunks_exact(I::LANES) {
        greatest = isa.max(greatest, isa.load(scores));
    }
    let greatest = isa.splat(isa.greatest(greatest));
    let factor = isa.splat(factor);
    let mut sum = isa.splat(0.0);
    for scores in scores.chunks_exact_mut(I::LANES) {
        let value = exp(isa, isa.mul(isa.sub(isa.load(scores), greatest), factor));
        sum = isa.add(sum, value);
        isa.store(value, scores);
    }
    isa.sum(sum)
}

#[inline(always)]
fn scale<I: Isa>(isa: I, values: &mut [f32], factor: f32) {
    let mut registers = values.chunks_exact_mut(I::LANES);
    for values in &mut registers {
        isa.store(isa.mul(isa.load(values), isa.splat(factor)), values);
    }
    for value in registers.into_remainder() {
        *value *= factor;
    }
}
