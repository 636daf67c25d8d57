//! Layer normalisation of rows that are quantised at once.
//!
//! A row's mean, its variance and its range are each the end of a long chain of operations. So a
//! few rows go through each step together, and the chains of one row run beside those of the next.

use super::quantised::{QuantisedRows, Span, Spans};
use super::simd::{Isa, Kernel};

/// The weights of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gain: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) epsilon: f32,
}

/// Rows that go through the steps together; they stay in the first-level cache.
const BLOCK_ROWS: usize = 8;

/// Brings each row to mean 0 and variance 1, scales and shifts it (Ba et al., arXiv:1607.06450),
/// and quantises it.
pub(super) struct NormRows<'a> {
    /// `[n, width]`; the width is a multiple of the register.
    pub(super) rows: &'a mut [f32],
    pub(super) norm: &'a Norm,
    /// The greatest word, from the matrix that the rows are multiplied with.
    pub(super) limit: f32,
    pub(super) to: &'a mut QuantisedRows,
    /// Where the first row goes in `to`.
    pub(super) first: usize,
}

impl Kernel for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let width = self.norm.gain.len();
        let (gain, shift) = (&self.norm.gain[..], &self.norm.shift[..width]);
        let n_rows = self.first + self.rows.len() / width;
        self.to.of_shape(n_rows, width, I::BYTE_ROWS);
        let blocks = self.rows.chunks_mut(BLOCK_ROWS * width);
        for (number, rows) in blocks.enumerate() {
            let first = self.first + number * BLOCK_ROWS;
            let mut moments = [(0.0, 0.0); BLOCK_ROWS];
            for (row, moments) in rows.chunks_exact(width).zip(&mut moments) {
                *moments = mean_and_factor(isa, row, self.norm.epsilon);
            }
            let mut spans = [Span::default(); BLOCK_ROWS];
            let each = rows.chunks_exact_mut(width).zip(&moments).zip(&mut spans);
            for ((row, &(mean, factor)), span) in each {
                *span = normalise(isa, row, mean, factor, gain, shift);
            }
            for (number, (row, &span)) in rows.chunks_exact(width).zip(&spans).enumerate() {
                self.to.write(isa, first + number, row, span, self.limit);
            }
        }
    }
}

/// The mean of a row, and one over its standard deviation.
#[inline(always)]
fn mean_and_factor<I: Isa>(isa: I, row: &[f32], epsilon: f32) -> (f32, f32) {
    let mut sums = [isa.splat(0.0); 2];
    let mut squares = [isa.splat(0.0); 2];
    let pairs = row.chunks_exact(2 * I::LANES);
    let rest = pairs.remainder();
    for pair in pairs {
        for (v, values) in pair.chunks_exact(I::LANES).enumerate() {
            let values = isa.load(values);
            sums[v] = isa.add(sums[v], values);
            squares[v] = isa.mul_add(values, values, squares[v]);
        }
    }
    for values in rest.chunks_exact(I::LANES) {
        let values = isa.load(values);
        sums[0] = isa.add(sums[0], values);
        squares[0] = isa.mul_add(values, values, squares[0]);
    }
    let share = 1.0 / row.len() as f32;
    let mean = isa.sum(isa.add(sums[0], sums[1])) * share;
    let square = isa.sum(isa.add(squares[0], squares[1])) * share;
    let variance = (square - mean * mean).max(0.0);
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Normalises a row, and returns what it reaches over.
#[inline(always)]
fn normalise<I: Isa>(
    isa: I,
    row: &mut [f32],
    mean: f32,
    factor: f32,
    gain: &[f32],
    shift: &[f32],
) -> Span {
    let (factor, offset) = (isa.splat(factor), isa.splat(-mean * factor));
    let mut spans = Spans::none(isa);
    let weights = gain
        .chunks_exact(I::LANES)
        .zip(shift.chunks_exact(I::LANES));
    for (values, (gain, shift)) in row.chunks_exact_mut(I::LANES).zip(weights) {
        let standard = isa.mul_add(isa.load(values), factor, offset);
        let value = isa.mul_add(standard, isa.load(gain), isa.load(shift));
        spans.take_in(isa, value);
        isa.store(value, values);
    }
    spans.reduce(isa)
}
