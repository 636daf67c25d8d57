//! Attention of whole sequences in tiles: queries, keys and values go from the tiles that work them
//! out into bf16, head after head, and from there into the tiles of attention.
//!
//! ```text
//! sums           queries, then keys and values, [heads, rows, dim]
//! ┌─────────┐    ┌─────────────┐
//! │ 32 x 32 │ -> │ 32 x 32     │  a block of sums is 32 columns of one head, 64 bytes a row
//! └─────────┘    │ bf16        │
//!                └─────────────┘
//! ```
//!
//! Values are worked out as in every linear layer and rounded once, so the results are those of
//! attention over values of 32 bits, bit for bit.

use std::ops::Range;

use super::attention::{BEYOND, Halves, TileAttention, TileHead, query_factor};
use super::layout::pair;
use super::product::{PANEL_WIDTH, TakeBlock, multiply_blocks};
use super::proof::Amx;
use super::tiles::{SIDE, Sums};
use crate::kernels::avx512::Avx512;
use crate::kernels::int_attention::RowAttention;
use crate::kernels::quantised::{Columns, Int8Panels, QuantisedPart};
use crate::kernels::simd::Isa;

impl Amx {
    /// Runs attention for whole sequences, into `[rows, n_heads * head_dim]`.
    pub(in crate::kernels) fn attend_rows(self, attention: RowAttention<'_>, out: &mut [f32]) {
        // SAFETY: `self` proves the features.
        unsafe { attend_rows(self, attention, out) }
    }
}

#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn attend_rows(amx: Amx, attention: RowAttention<'_>, out: &mut [f32]) {
    let RowAttention {
        n_heads,
        head_dim: dim,
        query,
        keys_values,
        rows,
        lens,
        scratch,
        ..
    } = attention;
    let scratch = &mut scratch.tiles;
    let tiles = TileAttention::new(amx);
    let (n_rows, hidden) = (rows.n_rows(), n_heads * dim);
    let mut queries = std::mem::take(&mut scratch.queries);
    let mut offered = std::mem::take(&mut scratch.offered);
    let asked = queries.of_len(n_rows * hidden / 2 + BEYOND * dim / 2);
    to_heads(&tiles, query, rows, dim, Some(query_factor(dim)), asked);
    let keys_values_of = offered.of_len(n_rows * hidden);
    to_heads(&tiles, keys_values, rows, dim, None, keys_values_of);
    let (keys, values) = keys_values_of.split_at(n_rows * hidden / 2);
    let mut first = 0;
    for &len in lens {
        TileAttention::count(len, scratch);
        for head in 0..n_heads {
            let start = (head * n_rows + first) * dim / 2;
            let of_head = start..start + len * dim / 2;
            let mut head = TileHead {
                dim,
                queries: &asked[start..],
                n_queries: len,
                keys: Halves(&keys[of_head.clone()]),
                values: Halves(&values[of_head]),
                out: &mut out[first * hidden + head * dim..(first + len) * hidden],
                out_stride: hidden,
            };
            tiles.attend(&mut head, scratch);
        }
        first += len;
    }
    scratch.queries = queries;
    scratch.offered = offered;
}

/// Writes the product, or `factor` times it, as bf16, `[columns / dim, rows, dim]`.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn to_heads(
    tiles: &TileAttention,
    matrix: &Int8Panels,
    rows: QuantisedPart<'_>,
    dim: usize,
    factor: Option<f32>,
    to: &mut [i32],
) {
    let to_heads = ToHeads {
        isa: tiles.isa,
        matrix,
        rows,
        dim,
        factor,
        to,
    };
    multiply_blocks(&tiles.tiles, &rows.times(matrix.into()), to_heads);
}

/// Takes the sums of [`to_heads`].
struct ToHeads<'a> {
    isa: Avx512<true>,
    matrix: &'a Int8Panels,
    rows: QuantisedPart<'a>,
    dim: usize,
    factor: Option<f32>,
    to: &'a mut [i32],
}

impl TakeBlock for ToHeads<'_> {
    #[inline(always)]
    fn take(&mut self, rows: Range<usize>, first: usize, sums: &Sums) {
        let (isa, dim) = (self.isa, self.dim);
        let [low, high] = [0, SIDE].map(|more| Columns::of(isa, self.matrix, first + more));
        let (head, step) = (first / dim, first % dim / PANEL_WIDTH);
        let at = (head * self.rows.n_rows() + rows.start) * dim / 2 + step * SIDE;
        let lines = self.to[at..].chunks_mut(dim / 2);
        let factors = self.rows.factors(rows);
        for ((line, (scale, least)), number) in lines.zip(factors).zip(0..) {
            let mut values = [
                low.values(isa, sums.register(isa, number, 0), scale, least),
                high.values(isa, sums.register(isa, number, 1), scale, least),
            ];
            if let Some(factor) = self.factor {
                let factor = isa.splat(factor);
                values = [isa.mul(values[0], factor), isa.mul(values[1], factor)];
            }
            let line = &mut line[..SIDE];
            // SAFETY: `line` is as long as a register, and whoever has tiles has the instructions.
            unsafe { isa.store_int(pair(values[0], values[1]), line.as_mut_ptr()) };
        }
    }
}
