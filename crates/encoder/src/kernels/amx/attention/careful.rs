//! The queries that take care: the greatest score of a row is taken off all its scores.

use std::arch::x86_64::{
    __m512, _mm512_loadu_si512, _mm512_permutexvar_epi32, _mm512_reduce_ps, _mm512_scalef_ps,
};

use crate::kernels::amx::layout::{LINE_OF_PAIR, STEPS, Shape, WIDTH, in_order, pair};
use crate::kernels::amx::tiles::{SIDE, Strip, TILE, Tiles};
use crate::kernels::avx512::Avx512;
use crate::kernels::simd::Isa;

/// A block of queries with the packed keys and values of its head.
pub(super) struct Careful<'a> {
    pub(super) isa: Avx512<true>,
    pub(super) tiles: &'a Tiles,
    pub(super) shape: Shape,
    pub(super) asking: Strip<'a>,
    pub(super) keys: &'a [i32],
    pub(super) values: &'a [i32],
}

impl Careful<'_> {
    /// Mixes the values for those of up to 32 queries whose bits are set. It is seldom called, so it
    /// may take its memory where it finds it.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    pub(super) fn attend(&self, which: u32, out: &mut [f32]) {
        let Shape {
            dim,
            n_keys,
            out_stride,
            ..
        } = self.shape;
        let (isa, tiles) = (self.isa, self.tiles);
        let n_panels = self.shape.n_panels();
        let (score_stride, weight_stride) = (n_panels * WIDTH, n_panels * SIDE);
        let mut scores = vec![0.0; SIDE * score_stride];
        let mut weights = vec![0; SIDE * weight_stride];
        let mut context = [0.0; SIDE * WIDTH];
        for (number, out) in out.chunks_mut(SIDE * out_stride).enumerate() {
            let which = which >> (number * SIDE) & 0xFFFF;
            if which == 0 {
                continue;
            }
            let asking = Strip {
                from: &self.asking.from[number * SIDE * self.asking.stride..],
                ..self.asking
            };
            let panels = self.keys.chunks_exact(WIDTH * dim / 2);
            for (keys, first) in panels.zip((0..score_stride).step_by(WIDTH)) {
                tiles.multiply_floats(asking, keys, &mut scores[first..], score_stride);
            }
            let mut factors = [0.0; SIDE];
            let rows = scores
                .chunks_exact_mut(score_stride)
                .zip(weights.chunks_exact_mut(weight_stride));
            for ((scores, weights), factor) in rows.zip(&mut factors) {
                scores[n_keys..].fill(f32::MIN);
                *factor = 1.0 / exponentials(isa, scores, weights);
            }
            let weights = Strip {
                from: &weights,
                stride: weight_stride,
            };
            let panels =
                self.values[..n_panels * WIDTH * dim / 2].chunks_exact(n_panels * 2 * TILE);
            for (values, first) in panels.zip((0..dim).step_by(WIDTH)) {
                tiles.multiply_floats(weights, values, &mut context, WIDTH);
                let rows = context.chunks_exact(WIDTH).zip(&factors);
                for (row, ((context, &factor), out)) in
                    rows.zip(out.chunks_mut(out_stride)).enumerate()
                {
                    if which >> row & 1 == 0 {
                        continue;
                    }
                    let halves = [isa.load(context), isa.load(&context[SIDE..])];
                    let to = out[first..first + WIDTH].chunks_exact_mut(SIDE);
                    for (values, to) in in_order(halves).into_iter().zip(to) {
                        isa.store(isa.mul(values, isa.splat(factor)), to);
                    }
                }
            }
        }
    }
}

/// Turns scores (to the base 2, in [`STEPS`]) into weights, the greatest of them 1 and the pairs of
/// keys in the order of [`LINE_OF_PAIR`], and returns their sum.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn exponentials(isa: Avx512<true>, scores: &[f32], weights: &mut [i32]) -> f32 {
    static PAIR_OF_LINE: [i32; SIDE] = {
        let mut pairs = [0; SIDE];
        let mut pair = 0;
        while pair < SIDE {
            pairs[LINE_OF_PAIR[pair]] = pair as i32;
            pair += 1;
        }
        pairs
    };
    // SAFETY: it is as long as a register.
    let order = unsafe { _mm512_loadu_si512(PAIR_OF_LINE.as_ptr().cast()) };
    let mut greatest = isa.splat(f32::MIN);
    for scores in scores.chunks_exact(SIDE) {
        greatest = isa.max(greatest, isa.load(scores));
    }
    let greatest = isa.splat(isa.greatest(greatest));
    let step = isa.splat(1.0 / STEPS);
    let weight = |scores: &[f32]| exp2(isa, isa.mul(isa.sub(isa.load(scores), greatest), step));
    let mut sum = isa.splat(0.0);
    let registers = scores
        .chunks_exact(WIDTH)
        .zip(weights.chunks_exact_mut(SIDE));
    for (scores, weights) in registers {
        let (low, high) = (weight(scores), weight(&scores[SIDE..]));
        sum = isa.add(sum, isa.add(low, high));
        let pairs = _mm512_permutexvar_epi32(order, pair(low, high));
        // SAFETY: `weights` is as long as a register.
        unsafe { isa.store_int(pairs, weights.as_mut_ptr()) };
    }
    isa.sum(sum)
}

/// `2^x` with a relative error of 7.5e-5, which is far below the step of a bf16; 0 where `x` is far
/// below 0.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
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
