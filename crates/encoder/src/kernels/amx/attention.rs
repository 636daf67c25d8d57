//! Scaled dot-product attention of one head over one sequence, in tiles of bf16.
//!
//! ```text
//!                   keys: panels of 32 keys          values: panels of 32 columns    counted
//!                   ┌────────┬────────┐              ┌────────┬────────┐            ┌────────┐
//!                   │ 16 keys│ 16 keys│ a step is    │ 16 col.│ 16 col.│ a step is  │ 1 1 1  │
//!                   │        │        │ 32 of `dim`  │        │        │ 32 keys    │ ...    │
//!                   └────────┴────────┘              └────────┴────────┘            └────────┘
//! queries           scores                 weights   context                         totals
//! ┌─────────────┐   ┌────────┬────────┐    ┌──────┐  ┌────────┬────────┐            ┌────────┐
//! │ 32 x dim    │ x │ 16x16  │ 16x16  │ ─> │ 16x32│  │ 16x16  │ 16x16  │            │ 16x16  │
//! │             │   │ 16x16  │ 16x16  │    │ 16x32│  │ 16x16  │ 16x16  │            │ 16x16  │
//! └─────────────┘   └────────┴────────┘    └──────┘  └────────┴────────┘            └────────┘
//!   bf16              f32, in steps of       bf16      f32, divided by the totals
//!                     2^-7 to the base 2
//! ```
//!
//! A weight is `2^score`, not less the greatest of its row: that has room in bf16 nearly always, and
//! the row need not be looked at before. A bf16 is the upper half of a float, whose bits from the
//! seventh on are the whole part of its logarithm; below them `2^f - 1` is a little less than the
//! fraction `f`. So the bits are the score in steps of 2^-7, less what a table of 64 bytes says,
//! for 32 weights in a register. Rows whose totals show that the room was not enough are done
//! again with care ([`Careful`]), as are queries and keys that are very great or not numbers.
//!
//! Keys beyond the last are rows of 0 for values of 0, and are not counted. Queries beyond the last
//! are what was there before, and nobody reads what becomes of them. Each query meets the keys
//! in the same order, wherever it stands in its block.
//!
//! A bf16 has 8 bits, so a score is off by some 2^-9 of the products that it adds up, and the
//! context by as much of the values. A weight is off by a quarter of a percent.

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_cmpge_epu16_mask, _mm512_cvtps_epi32, _mm512_loadu_si512,
    _mm512_maskz_permutexvar_epi8, _mm512_max_epu16, _mm512_min_epu16, _mm512_packus_epi32,
    _mm512_set1_epi16, _mm512_srli_epi16, _mm512_sub_epi16, _mm512_unpackhi_epi16,
    _mm512_unpacklo_epi16,
};

use self::careful::Careful;
use super::layout::{LINE_OF_PAIR, STEPS, Shape, WIDTH, in_order, pair};
use super::proof::Amx;
use super::scratch::TileScratch;
use super::tiles::{Line, Mixed, SIDE, Strip, TILE, Tiles};
use super::transpose::transposed;
use crate::kernels::aligned::Aligned;
use crate::kernels::avx512::Avx512;
use crate::kernels::simd::Isa;

mod careful;

/// [`Tiles::score_32_rows`] or [`Tiles::score_16_rows`].
type Score = fn(&Tiles, Strip<'_>, &[i32], usize, &Line, &mut [f32]);

/// The bits of a weight of 1, which is what a score of 0 gives.
const ONE: Line = Line([127.0 * STEPS; SIDE]);

/// The bits of the greatest weight, 2^110. As many as there may be keys are still a float.
const GREATEST: i16 = (127 + 110) << 7;

/// The totals of a row in which no weight was too great, and the greatest not too small; what they are
/// multiplied with has room beside them.
const TOTALS: std::ops::Range<f32> = 8.3e-25..1.2e24; // 2^-80..2^80

/// The bits of 2^8 and 2^16: keys and queries of smaller values have scores of less than 2^31.
const GREAT_KEY: i16 = 0x4380;
const GREAT_QUERY: i16 = 0x4780;

/// `2^f - 1` is so much less than `f`, in steps of 2^-7: an entry for each two.
static TOO_MUCH: [u8; 64] = [
    0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 10, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 10, 10, 10, 10, 10, 9, 9, 9, 8, 8, 8, 7, 7, 6,
    6, 5, 5, 4, 3, 3, 2, 1, 1,
];

/// The lower byte of each word.
const LOWER_BYTES: u64 = 0x5555_5555_5555_5555;

/// Rows of `dim` values of one head, one after the other.
pub(in crate::kernels) trait HeadValues: Copy {
    /// The number of all values.
    fn len(self) -> usize;

    /// 32 values from `at` on as bf16.
    fn load(self, isa: Avx512<true>, at: usize) -> __m512i;
}

impl HeadValues for &[f32] {
    #[inline(always)]
    fn len(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn load(self, isa: Avx512<true>, at: usize) -> __m512i {
        let values = &self[at..][..WIDTH];
        // SAFETY: this is called where tiles are configured, which proves the features.
        unsafe { pair(isa.load(values), isa.load(&values[SIDE..])) }
    }
}

/// Values that are bf16 already, two to a group.
#[derive(Clone, Copy)]
pub(super) struct Halves<'a>(pub(super) &'a [i32]);

impl HeadValues for Halves<'_> {
    #[inline(always)]
    fn len(self) -> usize {
        2 * self.0.len()
    }

    #[inline(always)]
    fn load(self, isa: Avx512<true>, at: usize) -> __m512i {
        let groups = &self.0[at / 2..][..SIDE];
        // SAFETY: they are as long as a register.
        unsafe { isa.load_int(groups.as_ptr()) }
    }
}

/// One head of one sequence.
pub(in crate::kernels) struct TileHead<'a, V> {
    /// A multiple of 32.
    pub(in crate::kernels) dim: usize,
    /// What [`TileAttention::pack_queries`] writes, and 31 rows more.
    pub(in crate::kernels) queries: &'a [i32],
    pub(in crate::kernels) n_queries: usize,
    pub(in crate::kernels) keys: V,
    pub(in crate::kernels) values: V,
    /// As many rows as queries, `out_stride` values apart.
    pub(in crate::kernels) out: &'a mut [f32],
    pub(in crate::kernels) out_stride: usize,
}

/// Rows of queries that tiles may read beyond the last.
pub(super) const BEYOND: usize = WIDTH - 1;

/// What queries are multiplied with, so that their products with keys are scores to the base 2 in
/// [`STEPS`].
pub(super) fn query_factor(dim: usize) -> f32 {
    STEPS * std::f32::consts::LOG2_E / (dim as f32).sqrt()
}

/// Attention in tiles, configured until it is dropped.
pub(in crate::kernels) struct TileAttention {
    pub(super) tiles: Tiles,
    pub(super) isa: Avx512<true>,
}

impl TileAttention {
    pub(in crate::kernels) fn new(amx: Amx) -> Self {
        Self {
            tiles: Tiles::configure(amx),
            isa: amx.isa(),
        }
    }

    /// Makes the factors that count `n_keys` keys, which [`Self::attend`] needs for every head.
    pub(in crate::kernels) fn count(n_keys: usize, scratch: &mut TileScratch) {
        const ONES: i32 = 0x3F80_3F80;
        let counted = &mut scratch.counted.0;
        counted.fill(ONES);
        for key in n_keys..n_keys.next_multiple_of(WIDTH) {
            let line = SIDE + LINE_OF_PAIR[key % WIDTH / 2];
            // An even key is the lower half.
            let kept = if key % 2 == 0 { 0 } else { ONES & 0xFFFF };
            for group in &mut counted[line * SIDE..][..SIDE] {
                *group &= kept;
            }
        }
    }

    /// Runs attention for one head.
    pub(in crate::kernels) fn attend<V: HeadValues>(
        &self,
        head: &mut TileHead<'_, V>,
        scratch: &mut TileScratch,
    ) {
        // SAFETY: tiles were configured by a value of `Amx`, which proves the features.
        unsafe { self.attend_with_bf16(head, scratch) }
    }

    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn attend_with_bf16<V: HeadValues>(
        &self,
        head: &mut TileHead<'_, V>,
        scratch: &mut TileScratch,
    ) {
        let dim = head.dim;
        let n_keys = head.keys.len() / dim;
        assert!(
            dim.is_multiple_of(WIDTH) && head.values.len() == head.keys.len() && n_keys > 0,
            "whole steps, and a value for each key"
        );
        let shape = Shape {
            dim,
            n_keys,
            small_keys: self.pack_keys(head.keys, dim, n_keys, scratch),
            out_stride: head.out_stride,
        };
        self.pack_values(head.values, dim, n_keys, scratch);
        let out = head.out.chunks_mut(WIDTH * head.out_stride);
        for (first, out) in (0..head.n_queries).step_by(WIDTH).zip(out) {
            let n_rows = (head.n_queries - first).min(WIDTH);
            let queries = &head.queries[first * dim / 2..];
            self.attend_block(queries, n_rows, shape, out, scratch);
        }
    }

    /// Rounds queries to bf16, for [`TileHead::queries`].
    pub(in crate::kernels) fn pack_queries<'a>(
        &self,
        queries: &[f32],
        dim: usize,
        to: &'a mut Aligned<i32>,
    ) -> &'a [i32] {
        let to = to.of_len(queries.len() / 2 + BEYOND * dim / 2);
        // SAFETY: tiles were configured by a value of `Amx`, which proves the features.
        unsafe { pack_queries(self.isa, queries, query_factor(dim), to) };
        to
    }

    /// Packs the keys, `[keys / 32, dim / 32]` steps of two tiles, and tells whether all are
    /// small.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn pack_keys<V: HeadValues>(
        &self,
        keys: V,
        dim: usize,
        n_keys: usize,
        scratch: &mut TileScratch,
    ) -> bool {
        let isa = self.isa;
        let packed = scratch
            .keys
            .of_len(n_keys.next_multiple_of(WIDTH) * dim / 2);
        let panels = packed.chunks_exact_mut(WIDTH * dim / 2);
        let mut greatest = isa.splat_int(0);
        for (panel, first) in panels.zip((0..n_keys).step_by(WIDTH)) {
            for (number, tile) in panel.chunks_exact_mut(TILE).enumerate() {
                let (step, half) = (number / 2, number % 2);
                let mut rows = [isa.splat_int(0); SIDE];
                for (row, key) in rows.iter_mut().zip(first + half * SIDE..n_keys) {
                    *row = keys.load(isa, key * dim + step * WIDTH);
                    greatest = _mm512_max_epu16(greatest, magnitude(*row));
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
        _mm512_cmpge_epu16_mask(greatest, _mm512_set1_epi16(GREAT_KEY)) == 0
    }

    /// Packs the values, `[dim / 32, keys / 32]` steps of two tiles, the pairs of keys of a step in
    /// the order of [`LINE_OF_PAIR`] and its columns in that of [`in_order`].
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn pack_values<V: HeadValues>(
        &self,
        values: V,
        dim: usize,
        n_keys: usize,
        scratch: &mut TileScratch,
    ) {
        let isa = self.isa;
        let padded = n_keys.next_multiple_of(WIDTH);
        let packed = scratch.values.of_len(padded * dim / 2);
        let panels = packed.chunks_exact_mut(padded * WIDTH / 2);
        for (panel, first) in panels.zip((0..dim).step_by(WIDTH)) {
            let mut keys = 0..n_keys;
            for step in panel.chunks_exact_mut(2 * TILE) {
                for line in LINE_OF_PAIR {
                    let mut rows = [isa.splat_int(0); 2];
                    for (row, key) in rows.iter_mut().zip(&mut keys) {
                        *row = values.load(isa, key * dim + first);
                    }
                    let [even, odd] = rows;
                    let halves = [
                        _mm512_unpacklo_epi16(even, odd),
                        _mm512_unpackhi_epi16(even, odd),
                    ];
                    for (half, tile) in halves.into_iter().zip(step.chunks_exact_mut(TILE)) {
                        let to = &mut tile[line * SIDE..][..SIDE];
                        // SAFETY: `to` is as long as a register.
                        unsafe { isa.store_int(half, to.as_mut_ptr()) };
                    }
                }
            }
        }
    }

    /// Mixes the values for up to 32 queries.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn attend_block(
        &self,
        queries: &[i32],
        n_rows: usize,
        shape: Shape,
        out: &mut [f32],
        scratch: &mut TileScratch,
    ) {
        let (isa, dim) = (self.isa, shape.dim);
        let n_panels = shape.n_panels();
        let n_tiles = n_rows.div_ceil(SIDE);
        let mut with_care = great_queries(isa, &queries[..n_rows * dim / 2], dim);
        if !shape.small_keys {
            with_care = u32::MAX >> (32 - n_rows);
        }
        let asking = Strip {
            from: queries,
            stride: dim / 2,
        };
        let keys = &scratch.keys[..n_panels * WIDTH * dim / 2];
        let weights = scratch.weights.of_len(n_panels * n_tiles * TILE);
        let scores = &mut scratch.scores.0;
        let (score, n_at_once): (Score, _) = if n_tiles == 2 {
            (Tiles::score_32_rows, 1)
        } else {
            (Tiles::score_16_rows, 2)
        };
        let chunks = keys.chunks(n_at_once * WIDTH * dim / 2);
        for (keys, weights) in chunks.zip(weights.chunks_mut(2 * TILE)) {
            score(&self.tiles, asking, keys, dim / WIDTH, &ONE, scores);
            to_weights(isa, scores, weights);
        }
        let panels = scratch.values[..n_panels * WIDTH * dim / 2].chunks_exact(n_panels * 2 * TILE);
        let counted = &scratch.counted;
        let mut mixed = Mixed::ZERO;
        for (values, first) in panels.zip((0..dim).step_by(WIDTH)) {
            if n_tiles == 2 {
                self.tiles.mix_32_rows(weights, values, counted, &mut mixed);
            } else {
                self.tiles.mix_16_rows(weights, values, counted, &mut mixed);
            }
            for (row, out) in out.chunks_mut(shape.out_stride).enumerate() {
                let total = mixed.total(row);
                if !TOTALS.contains(&total[0]) {
                    with_care |= 1 << row;
                }
                let factor = isa.div(isa.splat(1.0), isa.load(total));
                let halves = [isa.load(mixed.line(row, 0)), isa.load(mixed.line(row, 1))];
                let to = out[first..first + WIDTH].chunks_exact_mut(SIDE);
                for (values, to) in in_order(halves).into_iter().zip(to) {
                    isa.store(isa.mul(values, factor), to);
                }
            }
        }
        if with_care != 0 {
            Careful {
                isa,
                tiles: &self.tiles,
                shape,
                asking,
                keys,
                values: &scratch.values,
            }
            .attend(with_care, out);
        }
    }
}

/// The bits of each bf16 without its sign.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn magnitude(values: __m512i) -> __m512i {
    _mm512_and_si512(values, _mm512_set1_epi16(i16::MAX))
}

/// Writes `factor` times each value as bf16.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn pack_queries(isa: Avx512<true>, queries: &[f32], factor: f32, to: &mut [i32]) {
    let factor = isa.splat(factor);
    let registers = queries.chunks_exact(WIDTH).zip(to.chunks_exact_mut(SIDE));
    for (query, to) in registers {
        let scaled = |values: &[f32]| isa.mul(isa.load(values), factor);
        let query = pair(scaled(query), scaled(&query[SIDE..]));
        // SAFETY: `to` is as long as a register.
        unsafe { isa.store_int(query, to.as_mut_ptr()) };
    }
}

/// Tells which rows of queries are too great, or hold what is not a number.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn great_queries(isa: Avx512<true>, queries: &[i32], dim: usize) -> u32 {
    let mut great = 0;
    for (number, query) in queries.chunks_exact(dim / 2).enumerate() {
        for query in query.chunks_exact(SIDE) {
            // SAFETY: it is as long as a register.
            let query = magnitude(unsafe { isa.load_int(query.as_ptr()) });
            let lanes = _mm512_cmpge_epu16_mask(query, _mm512_set1_epi16(GREAT_QUERY));
            great |= u32::from(lanes != 0) << number;
        }
    }
    great
}

/// Turns the scores of panels into weights: two tiles of scores into one of weights.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn to_weights(isa: Avx512<true>, scores: &[f32], weights: &mut [i32]) {
    // SAFETY: it is as long as a register.
    let too_much = unsafe { _mm512_loadu_si512(TOO_MUCH.as_ptr().cast()) };
    let greatest = _mm512_set1_epi16(GREATEST);
    for (scores, weights) in scores
        .chunks_exact(2 * TILE)
        .zip(weights.chunks_exact_mut(TILE))
    {
        let (first, second) = scores.split_at(TILE);
        let lines = first.chunks_exact(SIDE).zip(second.chunks_exact(SIDE));
        for ((first, second), to) in lines.zip(weights.chunks_exact_mut(SIDE)) {
            let whole = |scores| _mm512_cvtps_epi32(isa.load(scores));
            // What is below 0 becomes 0, and what is no number too.
            let bits = _mm512_packus_epi32(whole(first), whole(second));
            let bits = _mm512_min_epu16(bits, greatest);
            // Of a byte that says which entry is meant only six bits are looked at.
            let entry = _mm512_srli_epi16::<1>(bits);
            let less = _mm512_maskz_permutexvar_epi8(LOWER_BYTES, entry, too_much);
            // SAFETY: `to` is as long as a register.
            unsafe { isa.store_int(_mm512_sub_epi16(bits, less), to.as_mut_ptr()) };
        }
    }
}
