//! Exponential, activations and layer normalisation.

use super::simd::{Isa, Kernel};

/// The function between the two halves of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x/2 (1 + erf(x / sqrt 2))`.
    Gelu,
    /// GELU through the hyperbolic tangent, as in GPT-2.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// Applies an activation to every value.
pub(super) struct Activate<'a> {
    pub(super) activation: Activation,
    pub(super) values: &'a mut [f32],
}

impl Kernel for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        match self.activation {
            Activation::Gelu => each::<I, Gelu>(isa, self.values),
            Activation::GeluTanh => each::<I, GeluTanh>(isa, self.values),
            Activation::Relu => each::<I, Relu>(isa, self.values),
        }
    }
}

/// A function of one register.
pub(super) trait Lanewise {
    fn apply<I: Isa>(isa: I, x: I::V) -> I::V;
}

#[inline(always)]
fn each<I: Isa, F: Lanewise>(isa: I, values: &mut [f32]) {
    let mut registers = values.chunks_exact_mut(I::LANES);
    for values in &mut registers {
        isa.store(F::apply(isa, isa.load(values)), values);
    }
    let rest = registers.into_remainder();
    let part = F::apply(isa, isa.load_part(rest, 0.0));
    isa.store_part(part, rest);
}

struct Gelu;

impl Lanewise for Gelu {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, x: I::V) -> I::V {
        let erf = erf(isa, isa.mul(x, isa.splat(std::f32::consts::FRAC_1_SQRT_2)));
        let half = isa.mul(x, isa.splat(0.5));
        isa.mul_add(half, erf, half)
    }
}

/// GELU to 1.7e-4, which is far below the step of a byte.
///
/// `x (1/2 + u P(u^2))` with `u` brought within ±3.95, where the sum is 1 or 0 and stays so.
pub(super) struct QuickGelu;

impl Lanewise for QuickGelu {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, x: I::V) -> I::V {
        let u = isa.min(isa.max(x, isa.splat(-3.95)), isa.splat(3.95));
        let p = polynomial(
            isa,
            isa.mul(u, u),
            [
                2.443_578_5e-8,
                -1.681_152_8e-6,
                4.955_194_5e-5,
                -8.290_394e-4,
                8.842_918e-3,
                -6.472_275e-2,
                0.397_986_68,
            ],
        );
        isa.mul(x, isa.mul_add(u, p, isa.splat(0.5)))
    }
}

pub(super) struct GeluTanh;

impl Lanewise for GeluTanh {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, x: I::V) -> I::V {
        // (1 + tanh u) / 2 = 1 / (1 + exp(-2u)), with u = sqrt(2/pi) (x + 0.044715 x^3).
        let cubic = isa.mul_add(isa.mul(x, x), isa.splat(0.044_715), isa.splat(1.0));
        let u = isa.mul(isa.mul(x, cubic), isa.splat(-1.595_769));
        isa.div(x, isa.add(isa.splat(1.0), exp(isa, u)))
    }
}

pub(super) struct Relu;

impl Lanewise for Relu {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, x: I::V) -> I::V {
        isa.max(x, isa.splat(0.0))
    }
}

/// The polynomial with the coefficients given, the highest power first.
#[inline(always)]
fn polynomial<I: Isa, const N: usize>(isa: I, x: I::V, coefficients: [f32; N]) -> I::V {
    let mut sum = isa.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = isa.mul_add(sum, x, isa.splat(coefficient));
    }
    sum
}

/// `e^x` with a relative error of about 2^-23; `x` is first brought within -87.3..=88.
///
/// The reduction by `ln 2` in two parts and the polynomial are those of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp<I: Isa>(isa: I, x: I::V) -> I::V {
    let x = isa.min(isa.max(x, isa.splat(-87.3)), isa.splat(88.0));
    // Adding 1.5 * 2^23 leaves no room for a fraction, so taking it off again has rounded.
    let round = isa.splat(12_582_912.0);
    let exponent = isa.mul_add(x, isa.splat(std::f32::consts::LOG2_E), round);
    let exponent = isa.sub(exponent, round);
    let x = isa.mul_add(exponent, isa.splat(-0.693_359_4), x);
    let x = isa.mul_add(exponent, isa.splat(2.121_944_4e-4), x);
    let p = polynomial(
        isa,
        x,
        [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            0.166_666_66,
            0.5,
        ],
    );
    let value = isa.add(isa.mul_add(isa.mul(x, x), p, x), isa.splat(1.0));
    isa.scale_by_pow2(value, exponent)
}

/// The error function, as a quotient of two polynomials over -4..=4; absolute error below 5e-7.
///
/// The coefficients are those of Eigen's `erf` for single precision.
#[inline(always)]
fn erf<I: Isa>(isa: I, x: I::V) -> I::V {
    let x = isa.min(isa.max(x, isa.splat(-4.0)), isa.splat(4.0));
    let square = isa.mul(x, x);
    let above = polynomial(
        isa,
        square,
        [
            -2.726_142_3e-10,
            2.770_681_4e-8,
            -2.101_024e-6,
            -5.692_506_4e-5,
            -7.349_906_3e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
    );
    let below = polynomial(
        isa,
        square,
        [
            -1.456_607_2e-5,
            -2.133_740_6e-4,
            -1.682_827e-3,
            -7.373_329e-3,
            -1.426_473_9e-2,
        ],
    );
    isa.div(isa.mul(x, above), below)
}

/// Adds `delta` to `rows` and brings each row to mean 0 and variance 1, then scales and shifts it.
pub(super) struct AddNorm<'a> {
    /// `[n, gain.len()]`.
    pub(super) rows: &'a mut [f32],
    /// Of the shape of `rows`.
    pub(super) delta: Option<&'a [f32]>,
    pub(super) gain: &'a [f32],
    pub(super) shift: &'a [f32],
    pub(super) epsilon: f32,
}

impl Kernel for AddNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let width = self.gain.len();
        assert!(
            self.shift.len() == width,
            "gain and shift are of one length"
        );
        if let Some(delta) = self.delta {
            for (row, delta) in self
                .rows
                .chunks_exact_mut(width)
                .zip(delta.chunks_exact(width))
            {
                add(isa, row, delta);
            }
        }
        for row in self.rows.chunks_exact_mut(width) {
            let mean = total(isa, row, 0.0, |sum, x| isa.add(sum, x)) / width as f32;
            let center = isa.splat(mean);
            let squares = |sum, x| {
                let difference = isa.sub(x, center);
                isa.mul_add(difference, difference, sum)
            };
            let variance = total(isa, row, mean, squares) / width as f32;
            let factor = 1.0 / (variance + self.epsilon).sqrt();
            normalise(isa, row, mean, factor, self.gain, self.shift);
        }
    }
}

#[inline(always)]
fn add<I: Isa>(isa: I, row: &mut [f32], delta: &[f32]) {
    let mut to = row.chunks_exact_mut(I::LANES);
    let from = delta.chunks_exact(I::LANES);
    let rest = from.remainder();
    for (to, from) in (&mut to).zip(from) {
        isa.store(isa.add(isa.load(to), isa.load(from)), to);
    }
    for (to, from) in to.into_remainder().iter_mut().zip(rest) {
        *to += from;
    }
}

/// Adds up `of` each value, on four chains of additions so that none waits for the one before it.
#[inline(always)]
fn total<I: Isa>(isa: I, row: &[f32], fill: f32, of: impl Fn(I::V, I::V) -> I::V) -> f32 {
    let mut sums = [isa.splat(0.0); 4];
    let blocks = row.chunks_exact(4 * I::LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, values) in sums.iter_mut().zip(block.chunks_exact(I::LANES)) {
            *sum = of(*sum, isa.load(values));
        }
    }
    let registers = rest.chunks_exact(I::LANES);
    let part = isa.load_part(registers.remainder(), fill);
    for (sum, values) in sums.iter_mut().zip(registers) {
        *sum = of(*sum, isa.load(values));
    }
    sums[3] = of(sums[3], part);
    let [a, b, c, d] = sums;
    isa.sum(isa.add(isa.add(a, b), isa.add(c, d)))
}

#[inline(always)]
fn normalise<I: Isa>(isa: I, row: &mut [f32], mean: f32, factor: f32, gain: &[f32], shift: &[f32]) {
    let (mean, factor) = (isa.splat(mean), isa.splat(factor));
    let starts = (0..row.len()).step_by(I::LANES);
    for start in starts {
        let end = row.len().min(start + I::LANES);
        let (row, gain, shift) = (&mut row[start..end], &gain[start..end], &shift[start..end]);
        if row.len() == I::LANES {
            let scaled = isa.mul(isa.sub(isa.load(row), mean), factor);
            isa.store(isa.mul_add(scaled, isa.load(gain), isa.load(shift)), row);
        } else {
            let scaled = isa.mul(isa.sub(isa.load_part(row, 0.0), mean), factor);
            let gain = isa.load_part(gain, 0.0);
            isa.store_part(isa.mul_add(scaled, gain, isa.load_part(shift, 0.0)), row);
        }
    }
}
