//! Scaled dot-product attention of one head over one sequence, in tiles of bf16.
//!
//! ```text
//!                   keys: panels of 32 keys          values: panels of 32 columns
//!                   ┌────────┬────────┐              ┌────────┬────────┐
//!                   │ 16 keys│ 16 keys│ a step is    │ 16 col.│ 16 col.│ a step is 32 keys,
//!                   │        │        │ 32 of `dim`  │        │        │ two to a group
//!                   └────────┴────────┘              └────────┴────────┘
//! queries           scores                 weights                     context
//! ┌─────────────┐   ┌────────┬────────┐    ┌─────────────────┬─ ─┐     ┌────────┬────────┐
//! │ 16 x dim    │ x │ 16x16  │ 16x16  │ ─> │ 16 x keys       │ 0 │  x  │ 16x16  │ 16x16  │
//! └─────────────┘   └────────┴────────┘    └─────────────────┴─ ─┘     └────────┴────────┘
//!   bf16              f32, a row at a time   bf16, at most 1              f32, divided by the
//!                     less the greatest,                                  sum of the weights
//!                     then 2^x
//! ```
//!
//! Keys beyond the last are rows of 0, with weights of 0 for values of 0. Queries
//! beyond the last are what was there before, and nobody reads what becomes of them. Each query
//! meets the keys in the same order, wherever it stands in its block.
//!
//! A bf16 has 8 bits, so a score is off by some 2^-9 of the products that it adds up, and the
//! context by as much of the values.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_si512, _mm512_permutexvar_epi16,
    _mm512_reduce_ps, _mm512_scalef_ps,
};

use super::Amx;
use super::tiles::{SIDE, Strip, Tiles};
use super::transpose::transposed;
use crate::kernels::aligned::Aligned;
use crate::kernels::avx512::Avx512;
use crate::kernels::simd::Isa;

/// Keys of a panel and of a step, and columns of a panel.
const WIDTH: usize = 2 * SIDE;

/// The memory that attention in tiles works in, kept from one head to the next.
#[derive(Debug, Default)]
pub(in crate::kernels) struct TileScratch {
    queries: Aligned<i32>,
    keys: Aligned<i32>,
    values: Aligned<i32>,
    scores: Aligned,
    weights: Aligned<i32>,
}

/// One head of one sequence, whose rows of `dim` values stand one after the other.
pub(in crate::kernels) struct TileHead<'a> {
    /// A multiple of 32.
    pub(in crate::kernels) dim: usize,
    pub(in crate::kernels) queries: &'a [f32],
    pub(in crate::kernels) keys: &'a [f32],
    pub(in crate::kernels) values: &'a [f32],
    /// As many rows as queries, `out_stride` values apart.
    pub(in crate::kernels) out: &'a mut [f32],
    pub(in crate::kernels) out_stride: usize,
}

/// Attention in tiles, configured until it is dropped.
pub(in crate::kernels) struct TileAttention {
    tiles: Tiles,
    isa: Avx512<true>,
}

impl TileAttention {
    pub(in crate::kernels) fn new(amx: Amx) -> Self {
        Self {
            tiles: Tiles::configure(amx),
            isa: amx.0,
        }
    }

    /// Runs attention for one head.
    pub(in crate::kernels) fn attend(&self, head: &mut TileHead<'_>, scratch: &mut TileScratch) {
        // SAFETY: tiles were configured by a value of `Amx`, which proves the features.
        unsafe { self.attend_with_bf16(head, scratch) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
    fn attend_with_bf16(&self, head: &mut TileHead<'_>, scratch: &mut TileScratch) {
        let n_keys = head.keys.len() / head.dim;
        assert!(
            head.dim.is_multiple_of(WIDTH) && head.values.len() == head.keys.len() && n_keys > 0,
            "whole steps, and a value for each key"
        );
        self.pack_keys(head.keys, head.dim, n_keys, scratch);
        self.pack_values(head.values, head.dim, n_keys, scratch);
        let queries = head.queries.chunks(SIDE * head.dim);
        for (queries, out) in queries.zip(head.out.chunks_mut(SIDE * head.out_stride)) {
            self.attend_block(queries, head.dim, n_keys, out, head.out_stride, scratch);
        }
    }

    /// Packs the keys, `[keys / 32, dim / 32]` steps of two tiles.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
    fn pack_keys(&self, keys: &[f32], dim: usize, n_keys: usize, scratch: &mut TileScratch) {
        let isa = self.isa;
        let packed = scratch
            .keys
            .of_len(n_keys.next_multiple_of(WIDTH) * dim / 2);
        let panels = packed.chunks_exact_mut(WIDTH * dim / 2);
        for (panel, keys) in panels.zip(keys.chunks(WIDTH * dim)) {
            for (number, tile) in panel.chunks_exact_mut(SIDE * SIDE).enumerate() {
                let (step, half) = (number / 2, number % 2);
                let mut rows = [isa.splat_int(0); SIDE];
                let keys = keys.chunks_exact(dim).skip(half * SIDE);
                for (row, key) in rows.iter_mut().zip(keys) {
                    let (low, high) = key[step * WIDTH..][..WIDTH].split_at(SIDE);
                    *row = pair(isa.load(low), isa.load(high));
                }
                for (line, to) in transposed(&rows)
                    .into_iter()
                    .zip(tile.chunks_exact_mut(SIDE))
                {
                    // SAFETY: `to` is as long as a register.
                    unsafe { isa.store_int(line, to.as_mut_ptr()) };
                }
            }
        }
    }

    /// Packs the values, `[dim / 32, keys / 32]` steps of two tiles.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
    fn pack_values(&self, values: &[f32], dim: usize, n_keys: usize, scratch: &mut TileScratch) {
        let isa = self.isa;
        let padded = n_keys.next_multiple_of(WIDTH);
        let packed = scratch.values.of_len(padded * dim / 2);
        let mut rows = values.chunks_exact(dim);
        for pair_of_keys in 0..padded / 2 {
            let (even, odd) = (rows.next(), rows.next());
            let (step, line) = (pair_of_keys / SIDE, pair_of_keys % SIDE);
            for column in (0..dim).step_by(SIDE) {
                let load = |row: Option<&[f32]>| {
                    row.map_or_else(|| isa.splat(0.0), |row| isa.load(&row[column..]))
                };
                let pairs = interleave(pair(load(even), load(odd)));
                let (panel, half) = (column / WIDTH, column / SIDE % 2);
                let tile = (panel * padded / WIDTH + step) * 2 + half;
                let to = &mut packed[(tile * SIDE + line) * SIDE..][..SIDE];
                // SAFETY: `to` is as long as a register.
                unsafe { isa.store_int(pairs, to.as_mut_ptr()) };
            }
        }
    }

    /// Mixes the values for up to 16 queries.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
    fn attend_block(
        &self,
        queries: &[f32],
        dim: usize,
        n_keys: usize,
        out: &mut [f32],
        out_stride: usize,
        scratch: &mut TileScratch,
    ) {
        let isa = self.isa;
        let padded = n_keys.next_multiple_of(WIDTH);
        let score_stride = apart(padded);
        let weight_stride = apart(padded / 2);
        let asking = scratch.queries.of_len(SIDE * dim / 2);
        let scores = scratch.scores.of_len(SIDE * score_stride);
        let weights = scratch.weights.of_len(SIDE * weight_stride);
        let keys = scratch.keys[..padded * dim / 2].chunks_exact(WIDTH * dim / 2);
        let values = scratch.values[..padded * dim / 2].chunks_exact(WIDTH * padded / 2);

        let to_log2 = isa.splat(std::f32::consts::LOG2_E / (dim as f32).sqrt());
        for (query, to) in queries
            .chunks_exact(dim)
            .zip(asking.chunks_exact_mut(dim / 2))
        {
            let halves = query.chunks_exact(WIDTH).zip(to.chunks_exact_mut(SIDE));
            for (query, to) in halves {
                let scaled = |values: &[f32]| isa.mul(isa.load(values), to_log2);
                let pairs = pair(scaled(query), scaled(&query[SIDE..]));
                // SAFETY: `to` is as long as a register.
                unsafe { isa.store_int(pairs, to.as_mut_ptr()) };
            }
        }
        let asking = Strip {
            from: asking,
            stride: dim / 2,
        };
        for (keys, first) in keys.zip((0..padded).step_by(WIDTH)) {
            let to = &mut scores[first..];
            self.tiles.multiply_floats(asking, keys, to, score_stride);
        }
        let mut factors = [0.0; SIDE];
        let rows = scores
            .chunks_exact_mut(score_stride)
            .zip(weights.chunks_exact_mut(weight_stride));
        for ((scores, weights), factor) in rows.zip(&mut factors).take(queries.len() / dim) {
            scores[n_keys..padded].fill(f32::MIN);
            *factor = 1.0 / exponentials(isa, &scores[..padded], weights);
        }
        let weights = Strip {
            from: weights,
            stride: weight_stride,
        };
        let mut context = Context([0.0; SIDE * WIDTH]);
        for (values, first) in values.zip((0..dim).step_by(WIDTH)) {
            let to = &mut context.0;
            self.tiles.multiply_floats(weights, values, to, WIDTH);
            let rows = context.0.chunks_exact(WIDTH).zip(&factors);
            for ((context, &factor), out) in rows.zip(out.chunks_mut(out_stride)) {
                let out = &mut out[first..first + WIDTH];
                for (context, out) in context.chunks(SIDE).zip(out.chunks_mut(SIDE)) {
                    isa.store(isa.mul(isa.load(context), isa.splat(factor)), out);
                }
            }
        }
    }
}

/// 16 rows of 32 values.
#[repr(C, align(64))]
struct Context([f32; SIDE * WIDTH]);

/// From one row to the next, for rows of `len` values of 32 bits.
///
/// Rows that are a multiple of 512 bytes apart would meet in a few sets of the first-level cache.
fn apart(len: usize) -> usize {
    if len.is_multiple_of(128) {
        len + SIDE
    } else {
        len
    }
}

/// Rounds two registers to bf16: the lanes of `low` in the lower half, two to a group.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair(low: __m512, high: __m512) -> __m512i {
    let both = _mm512_cvtne2ps_pbh(high, low);
    // SAFETY: both are 512 bits, of which every pattern is a value.
    unsafe { std::mem::transmute(both) }
}

/// Brings the lanes of the lower and the upper half beside each other.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave(halves: __m512i) -> __m512i {
    static ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut lane = 0;
        while lane < 16 {
            order[2 * lane] = lane as u16;
            order[2 * lane + 1] = lane as u16 + 16;
            lane += 1;
        }
        order
    };
    // SAFETY: `ORDER` is as long as a register.
    let order = unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) };
    _mm512_permutexvar_epi16(order, halves)
}

/// Turns scores (to the base 2) into weights, the greatest of them 1, and returns their sum.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
fn exponentials(isa: Avx512<true>, scores: &[f32], weights: &mut [i32]) -> f32 {
    let mut greatest = [isa.splat(f32::MIN); 2];
    for pair in scores.chunks_exact(WIDTH) {
        for (greatest, scores) in greatest.iter_mut().zip(pair.chunks_exact(SIDE)) {
            *greatest = isa.max(*greatest, isa.load(scores));
        }
    }
    let greatest = isa.splat(isa.greatest(isa.max(greatest[0], greatest[1])));
    let weight = |scores: &[f32]| exp2(isa, isa.sub(isa.load(scores), greatest));
    let mut sums = [isa.splat(0.0); 2];
    let registers = scores
        .chunks_exact(WIDTH)
        .zip(weights.chunks_exact_mut(SIDE));
    for (scores, weights) in registers {
        let (low, high) = (weight(scores), weight(&scores[SIDE..]));
        sums = [isa.add(sums[0], low), isa.add(sums[1], high)];
        // SAFETY: `weights` is as long as a register.
        unsafe { isa.store_int(pair(low, high), weights.as_mut_ptr()) };
    }
    isa.sum(isa.add(sums[0], sums[1]))
}

/// `2^x` with a relative error of 7.5e-5, which is far below the step of a bf16; 0 where `x` is far
/// below 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
fn exp2(isa: Avx512<true>, x: __m512) -> __m512 {
    const DOWN: i32 = 0b1001;
    // What is left after rounding down; scaling rounds down as well.
    let fraction = _mm512_reduce_ps::<DOWN>(x);
    let mut power = isa.splat(0.078_024_52);
    for coefficient in [0.226_067_15, 0.695_833_54, 0.999_925_2] {
        power = isa.mul_add(power, fraction, isa.splat(coefficient));
    }
    _mm512_scalef_ps(power, x)
}
