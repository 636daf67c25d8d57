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
    /// From one row of queries to the next.
    pub(crate) query_stride: usize,
    /// `[sequence, 2 * n_heads * head_dim]`: the keys of all heads, then the values.
    pub(crate) keys_values: &'a [f32],
    /// From one row of keys and values to the next.
    pub(crate) key_stride: usize,
    /// `[n, n_heads * head_dim]`.
    pub(crate) out: &'a mut [f32],
}

/// [`Attention`] in f32.
pub(super) struct FloatAttention<'a> {
    pub(super) attention: Attention<'a>,
    pub(super) scratch: &'a mut AttentionScratch,
}

/// The memory that [`Attention`] works in, kept from one sequence to the next.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    keys: Aligned,
    values: Aligned,
    scores: Aligned,
    sums: Aligned,
}

impl Kernel for FloatAttention<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Attention {
            n_heads,
            head_dim: dim,
            queries,
            query_stride,
            keys_values,
            key_stride,
            out,
        } = self.attention;
        let hidden = n_heads * dim;
        let n_keys = keys_values.len().div_ceil(key_stride);
        let n_queries = out.len() / hidden;
        let (wide, narrow) = (I::WIDE * I::LANES, I::NARROW * I::LANES);
        let padded = n_keys.next_multiple_of(wide);
        let block = TILES * I::ROWS;
        let keys = self.scratch.keys.of_len(padded * dim);
        let values = self
            .scratch
            .values
            .of_len(dim.next_multiple_of(narrow) * n_keys);
        let scores = self.scratch.scores.of_len(block * padded);
        let sums = self.scratch.sums.of_len(block);

        for at in (0..hidden).step_by(dim) {
            pack_keys(keys_values, key_stride, at, dim, wide, keys);
            pack_values(keys_values, key_stride, hidden + at, dim, narrow, values);
            let head = Head {
                dim,
                hidden,
                query_stride,
                n_keys,
                padded,
                keys,
                values,
            };
            for first in (0..n_queries).step_by(block) {
                let rows = block.min(n_queries - first);
                let queries = &queries[first * query_stride + at..];
                let out = &mut out[first * hidden + at..];
                head.attend(isa, rows, queries, scores, sums, out);
            }
        }
    }
}

/// The packed keys and values of one head.
struct Head<'a> {
    dim: usize,
    /// From one row of results to the next.
    hidden: usize,
    /// From one row of queries to the next.
    query_stride: usize,
    n_keys: usize,
    /// `n_keys`, rounded up to whole panels.
    padded: usize,
    keys: &'a [f32],
    values: &'a [f32],
}

impl Head<'_> {
    /// Mixes the values for `rows` rows of queries.
    #[inline(always)]
    fn attend<I: Isa>(
        &self,
        isa: I,
        rows: usize,
        queries: &[f32],
        scores: &mut [f32],
        sums: &mut [f32],
        out: &mut [f32],
    ) {
        isa.run(Product {
            rows,
            k: self.dim,
            n: self.padded,
            width: I::WIDE * I::LANES,
            a: queries,
            a_stride: self.query_stride,
            panels: self.keys,
            bias: None,
            out: scores,
            out_stride: self.padded,
        });
        let factor = 1.0 / (self.dim as f32).sqrt();
        for (scores, sum) in scores
            .chunks_exact_mut(self.padded)
            .zip(&mut *sums)
            .take(rows)
        {
            scores[self.n_keys..].fill(f32::MIN);
            *sum = exponentials(isa, scores, factor);
        }
        isa.run(Product {
            rows,
            k: self.n_keys,
            n: self.dim,
            width: I::NARROW * I::LANES,
            a: scores,
            a_stride: self.padded,
            panels: self.values,
            bias: None,
            out,
            out_stride: self.hidden,
        });
        // Dividing the mixed values is less work than dividing the weights.
        for (out, &sum) in out.chunks_mut(self.hidden).zip(&*sums).take(rows) {
            scale(isa, &mut out[..self.dim], 1.0 / sum);
        }
    }
}

/// Packs the keys of one head as panels `[head_dim, width]` of `width` keys.
fn pack_keys(from: &[f32], stride: usize, at: usize, dim: usize, width: usize, to: &mut [f32]) {
    let panels = to.chunks_exact_mut(dim * width);
    for (panel, keys) in panels.zip(from.chunks(width * stride)) {
        let n_keys = keys.len().div_ceil(stride);
        if n_keys < width {
            panel.fill(0.0);
        }
        for (column, key) in keys.chunks(stride).enumerate() {
            for (line, &value) in panel.chunks_exact_mut(width).zip(&key[at..at + dim]) {
                line[column] = value;
            }
        }
    }
}

/// Packs the values of one head as panels `[sequence, width]` of `width` columns.
fn pack_values(from: &[f32], stride: usize, at: usize, dim: usize, width: usize, to: &mut [f32]) {
    let n_keys = from.len().div_ceil(stride);
    for (number, panel) in to.chunks_exact_mut(n_keys * width).enumerate() {
        let start = number * width;
        let used = width.min(dim - start);
        for (line, value) in panel.chunks_exact_mut(width).zip(from.chunks(stride)) {
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
