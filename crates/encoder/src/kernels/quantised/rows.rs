//! Rows of activations as integers.

use std::ops::Range;

use crate::kernels::aligned::Aligned;
use crate::kernels::simd::{Isa, Kernel};

use super::panels::Int8Columns;
use super::product::IntProduct;

/// Rows of activations, quantised each by itself.
#[derive(Debug, Default)]
pub(crate) struct QuantisedRows {
    pub(in crate::kernels) groups: Aligned<i32>,
    /// The groups of a row.
    pub(super) n_groups: usize,
    /// From one row to the next, in groups.
    pub(in crate::kernels) stride: usize,
    pub(in crate::kernels) scales: Vec<f32>,
    pub(in crate::kernels) least: Vec<f32>,
    pub(super) n_rows: usize,
}

impl QuantisedRows {
    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Forgets all but the first `n_rows` rows.
    pub(crate) fn keep(&mut self, n_rows: usize) {
        self.n_rows = self.n_rows.min(n_rows);
    }

    /// Some of the rows.
    pub(crate) fn part(&self, rows: Range<usize>) -> QuantisedPart<'_> {
        QuantisedPart {
            groups: &self.groups[rows.start * self.stride..],
            n_groups: self.n_groups,
            stride: self.stride,
            scales: &self.scales[rows.clone()],
            least: &self.least[rows],
        }
    }

    /// Makes room for `n_rows` rows of `k` values, and keeps what is there if they are the same.
    pub(in crate::kernels) fn of_shape(&mut self, n_rows: usize, k: usize, bytes: bool) {
        self.n_groups = k / if bytes { 4 } else { 2 };
        self.stride = row_stride(self.n_groups);
        self.n_rows = n_rows;
        self.groups.of_len((n_rows + BEYOND) * self.stride);
        let len = self.scales.len().max(n_rows);
        self.scales.resize(len, 0.0);
        self.least.resize(len, 0.0);
    }

    /// Quantises `values`, which reach over `span`, into row `row`.
    #[inline(always)]
    pub(in crate::kernels) fn write<I: Isa>(
        &mut self,
        isa: I,
        row: usize,
        values: &[f32],
        span: Span,
        limit: f32,
    ) {
        let to = &mut self.groups[row * self.stride..][..self.n_groups];
        let (scale, least) = if I::BYTE_ROWS {
            quantise_to_bytes(isa, values, span, to)
        } else {
            quantise_to_words(isa, values, span, limit, to)
        };
        self.scales[row] = scale;
        self.least[row] = least;
    }
}

/// Some rows of [`QuantisedRows`], one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuantisedPart<'a> {
    /// From the first row on, and beyond the last.
    pub(in crate::kernels) groups: &'a [i32],
    pub(in crate::kernels) n_groups: usize,
    pub(in crate::kernels) stride: usize,
    /// One of each row.
    pub(in crate::kernels) scales: &'a [f32],
    pub(in crate::kernels) least: &'a [f32],
}

impl<'p> QuantisedPart<'p> {
    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.scales.len()
    }

    /// The product with a matrix, or with some columns of the result.
    pub(in crate::kernels) fn times(&self, matrix: Int8Columns<'p>) -> IntProduct<'p> {
        IntProduct {
            rows: self.n_rows(),
            n_groups: self.n_groups,
            columns: matrix.columns,
            a: self.groups,
            a_stride: self.stride,
            panels: &matrix.panels.groups,
            runs: &matrix.panels.runs,
            width: matrix.panels.width,
        }
    }

    /// The scale and the least value of some rows.
    #[cfg(target_arch = "x86_64")]
    pub(in crate::kernels) fn factors(
        &self,
        rows: Range<usize>,
    ) -> impl Iterator<Item = (f32, f32)> + 'p {
        let least = self.least[rows.clone()].iter();
        self.scales[rows].iter().copied().zip(least.copied())
    }
}

impl<'a> From<&'a QuantisedRows> for QuantisedPart<'a> {
    fn from(rows: &'a QuantisedRows) -> Self {
        rows.part(0..rows.n_rows)
    }
}

/// Rows that tiles may read beyond the last: they read 16 at a time.
const BEYOND: usize = 15;

/// From one row of `n_groups` groups to the next, in groups: whole cache lines, which is how tiles
/// are read, and not a multiple of 512 bytes, so that rows do not meet in a few sets of the
/// first-level cache. For the same reader there are rows [`BEYOND`] the last.
fn row_stride(n_groups: usize) -> usize {
    let stride = n_groups.next_multiple_of(16);
    if stride.is_multiple_of(128) {
        stride + 16
    } else {
        stride
    }
}

/// The least and the greatest of some values.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::kernels) struct Span {
    pub(in crate::kernels) least: f32,
    pub(in crate::kernels) greatest: f32,
}

impl Span {
    /// Looks at `values`, a multiple of the register long.
    #[inline(always)]
    pub(in crate::kernels) fn of<I: Isa>(isa: I, values: &[f32]) -> Self {
        let mut span = Spans::none(isa);
        for values in values.chunks_exact(I::LANES) {
            span.take_in(isa, isa.load(values));
        }
        span.reduce(isa)
    }
}

/// A [`Span`] for each lane.
pub(in crate::kernels) struct Spans<V> {
    least: V,
    greatest: V,
}

impl<V: Copy> Spans<V> {
    #[inline(always)]
    pub(in crate::kernels) fn none<I: Isa<V = V>>(isa: I) -> Self {
        Self {
            least: isa.splat(f32::MAX),
            greatest: isa.splat(f32::MIN),
        }
    }

    #[inline(always)]
    pub(in crate::kernels) fn take_in<I: Isa<V = V>>(&mut self, isa: I, values: V) {
        self.least = isa.min(self.least, values);
        self.greatest = isa.max(self.greatest, values);
    }

    #[inline(always)]
    pub(in crate::kernels) fn reduce<I: Isa<V = V>>(&self, isa: I) -> Span {
        Span {
            least: -isa.greatest(isa.sub(isa.splat(0.0), self.least)),
            greatest: isa.greatest(self.greatest),
        }
    }
}

/// Writes `values` as bytes `b` with `value = scale * b + least`, and returns both.
///
/// `values` is a multiple of the register long.
#[inline(always)]
fn quantise_to_bytes<I: Isa>(isa: I, values: &[f32], span: Span, to: &mut [i32]) -> (f32, f32) {
    assert!(4 * to.len() >= values.len(), "a byte for each value");
    let Span { least, greatest } = span;
    let range = greatest - least;
    let steps = if range > 0.0 { 255.0 / range } else { 0.0 };
    let (factor, shift) = (isa.splat(steps), isa.splat(-least * steps));
    let registers = values
        .chunks_exact(I::LANES)
        .zip(to.chunks_exact_mut(I::LANES / 4));
    for (values, to) in registers {
        let value = isa.round(isa.mul_add(isa.load(values), factor, shift));
        // SAFETY: `to` is as many bytes as a register has lanes.
        unsafe { isa.store_bytes(value, to.as_mut_ptr().cast()) };
    }
    (range / 255.0, least)
}

/// Writes `values` as words `w` with `value = scale * w`, at most `limit`; returns the scale.
///
/// `values` is a multiple of the register long.
#[inline(always)]
fn quantise_to_words<I: Isa>(
    isa: I,
    values: &[f32],
    span: Span,
    limit: f32,
    to: &mut [i32],
) -> (f32, f32) {
    assert!(2 * to.len() >= values.len(), "a word for each value");
    let greatest = span.greatest.max(-span.least);
    let factor = isa.splat(if greatest > 0.0 {
        limit / greatest
    } else {
        0.0
    });
    let registers = values
        .chunks_exact(I::LANES)
        .zip(to.chunks_exact_mut(I::LANES / 2));
    for (values, to) in registers {
        let value = isa.round(isa.mul(isa.load(values), factor));
        // SAFETY: `to` is as many words as a register has lanes.
        unsafe { isa.store_words(value, to.as_mut_ptr().cast()) };
    }
    (greatest / limit, 0.0)
}

/// Returns the greatest magnitude; `values` is a multiple of the register long.
#[inline(always)]
pub(in crate::kernels) fn greatest_magnitude<I: Isa>(isa: I, values: &[f32]) -> f32 {
    let span = Span::of(isa, values);
    let magnitude = span.greatest.max(-span.least);
    // Less than 0 is nothing at all; what is not a number stays so.
    if magnitude < 0.0 { 0.0 } else { magnitude }
}

/// Quantises rows of `k` values.
pub(in crate::kernels) struct Quantise<'a> {
    pub(in crate::kernels) rows: &'a [f32],
    pub(in crate::kernels) k: usize,
    /// The greatest word, from the matrix that the rows are multiplied with.
    pub(in crate::kernels) limit: f32,
    pub(in crate::kernels) to: &'a mut QuantisedRows,
    /// Where the first row goes in `to`.
    pub(in crate::kernels) first: usize,
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let n_rows = self.first + self.rows.len() / self.k;
        self.to.of_shape(n_rows, self.k, I::BYTE_ROWS);
        for (row, number) in self.rows.chunks_exact(self.k).zip(self.first..) {
            let span = Span::of(isa, row);
            self.to.write(isa, number, row, span, self.limit);
        }
    }
}
