//! The matrix product in integers: quantised rows of activations times an int8 matrix.
//!
//! ```text
//!             k in groups of 32 bits                    panel 0: `width` columns of the result
//!           ┌──────┬──────┬──────┐                        0     1     2          width - 1
//! row 0     │ g 0  │ g 1  │ ...  │  scale, least     ┌──────┬──────┬──────┬───────┬──────┐
//! row 1     │ g 0  │ g 1  │ ...  │  scale, least     │ g 0  │ g 0  │ g 0  │  ...  │ g 0  │
//! ...       └──────┴──────┴──────┘                   │ g 1  │ g 1  │ g 1  │  ...  │ g 1  │
//!                                                    │ ...  │      │      │       │      │
//!                                                    └──────┴──────┴──────┴───────┴──────┘
//! ```
//!
//! A group is four bytes where the machine multiplies bytes, else two words: the innermost loop
//! takes one group of a row, repeats it in all lanes, and adds its products with the same group of
//! as many columns as a register has lanes. Bytes are unsigned and stand for
//! `scale * byte + least`; words are signed and stand for `scale * word`. The weights are signed
//! bytes (or words with the values of bytes) with a scale for each column.
//!
//! Sums of integers are exact, so they are the same in every order and on every machine with
//! groups of the same kind; a plain loop is the twin that the tests compare with.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::aligned::Aligned;
use super::huge_pages::{self, Packed};
use super::pointwise::{Activation, GeluTanh, Lanewise, QuickGelu, Relu};
use super::simd::{Isa, Kernel};

/// The greatest word of an activation, where the length of the sums allows it.
const MAX_WORD: usize = 8191;

/// How far ahead weights are called from memory, in groups: 4 KB.
const AHEAD: usize = 1024;

/// Rows of activations, quantised each by itself.
#[derive(Debug, Default)]
pub(crate) struct QuantisedRows {
    groups: Aligned<i32>,
    /// The groups of a row.
    n_groups: usize,
    /// From one row to the next, in groups.
    stride: usize,
    scales: Vec<f32>,
    least: Vec<f32>,
    n_rows: usize,
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

    /// Makes room for `n_rows` rows of `k` values, and keeps what is there if they are the same.
    pub(super) fn of_shape(&mut self, n_rows: usize, k: usize, bytes: bool) {
        self.n_groups = k / if bytes { 4 } else { 2 };
        self.stride = row_stride(self.n_groups);
        self.n_rows = n_rows;
        self.groups
            .of_len(n_rows.next_multiple_of(16) * self.stride);
        let len = self.scales.len().max(n_rows);
        self.scales.resize(len, 0.0);
        self.least.resize(len, 0.0);
    }

    /// Quantises `values`, which reach over `span`, into row `row`.
    #[inline(always)]
    pub(super) fn write<I: Isa>(
        &mut self,
        isa: I,
        row: usize,
        values: &[f32],
        span: Span,
        limit: f32,
    ) {
        let to = &mut self.groups[row * self.stride..][..self.n_groups];
        let (scale, least) = if I::BYTES {
            quantise_to_bytes(isa, values, span, to)
        } else {
            quantise_to_words(isa, values, span, limit, to)
        };
        self.scales[row] = scale;
        self.least[row] = least;
    }
}

/// From one row of `n_groups` groups to the next, in groups: whole cache lines, which is how tiles
/// are read, and not a multiple of 512 bytes, so that rows do not meet in a few sets of the
/// first-level cache. For the same reader rows are added up to a multiple of 16.
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
pub(super) struct Span {
    pub(super) least: f32,
    pub(super) greatest: f32,
}

impl Span {
    /// Looks at `values`, a multiple of the register long.
    #[inline(always)]
    pub(super) fn of<I: Isa>(isa: I, values: &[f32]) -> Self {
        let mut span = Spans::none(isa);
        for values in values.chunks_exact(I::LANES) {
            span.take_in(isa, isa.load(values));
        }
        span.reduce(isa)
    }
}

/// A [`Span`] for each lane.
pub(super) struct Spans<V> {
    least: V,
    greatest: V,
}

impl<V: Copy> Spans<V> {
    #[inline(always)]
    pub(super) fn none<I: Isa<V = V>>(isa: I) -> Self {
        Self {
            least: isa.splat(f32::MAX),
            greatest: isa.splat(f32::MIN),
        }
    }

    #[inline(always)]
    pub(super) fn take_in<I: Isa<V = V>>(&mut self, isa: I, values: V) {
        self.least = isa.min(self.least, values);
        self.greatest = isa.max(self.greatest, values);
    }

    #[inline(always)]
    pub(super) fn reduce<I: Isa<V = V>>(&self, isa: I) -> Span {
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
pub(super) fn greatest_magnitude<I: Isa>(isa: I, values: &[f32]) -> f32 {
    let span = Span::of(isa, values);
    let magnitude = span.greatest.max(-span.least);
    // Less than 0 is nothing at all; what is not a number stays so.
    if magnitude < 0.0 { 0.0 } else { magnitude }
}

/// Quantises rows of `k` values.
pub(super) struct Quantise<'a> {
    pub(super) rows: &'a [f32],
    pub(super) k: usize,
    /// The greatest word, from the matrix that the rows are multiplied with.
    pub(super) limit: f32,
    pub(super) to: &'a mut QuantisedRows,
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        self.to.of_shape(self.rows.len() / self.k, self.k, I::BYTES);
        for (number, row) in self.rows.chunks_exact(self.k).enumerate() {
            let span = Span::of(isa, row);
            self.to.write(isa, number, row, span, self.limit);
        }
    }
}

/// An int8 matrix `[n, k]` with its bias, in the order in which the product reads it.
#[derive(Debug)]
pub(crate) struct Int8Panels {
    /// `n / width` panels (rounded up) of `[k / group, width]`.
    groups: Packed,
    /// One value a column: the scale, the scaled sum of the weights, and the bias.
    scales: Aligned,
    sums: Aligned,
    bias: Aligned,
    width: usize,
    n: usize,
    k: usize,
}

impl Int8Panels {
    /// Packs the matrix, of which `row` writes out a row and returns its scale; as many rows as
    /// `bias` has values. `k` is a multiple of 32.
    pub(super) fn pack<R>(width: usize, bytes: bool, k: usize, bias: &[f32], row: R) -> Self
    where
        R: Fn(usize, &mut [i8]) -> f32 + Sync,
    {
        let n = bias.len();
        let n_padded = n.next_multiple_of(width);
        let group = if bytes { 4 } else { 2 };
        let n_groups = k / group;
        let mut groups = Aligned::<i32>::zeroed(n_padded * n_groups);
        let columns: Vec<Vec<(f32, i32)>> = groups
            .par_chunks_mut(width * n_groups)
            .enumerate()
            .map_init(
                || vec![0; k],
                |unpacked, (number, panel)| {
                    let first = number * width;
                    let pack_column = |column: usize| {
                        let scale = row(first + column, unpacked);
                        for (at, weights) in unpacked.chunks_exact(group).enumerate() {
                            panel[at * width + column] = group_of(weights);
                        }
                        (
                            scale,
                            unpacked.iter().map(|&weight| i32::from(weight)).sum(),
                        )
                    };
                    (0..width.min(n - first)).map(pack_column).collect()
                },
            )
            .collect();
        let mut packed = Self {
            groups: Packed::Alone(groups),
            scales: Aligned::zeroed(n_padded),
            sums: Aligned::zeroed(n_padded),
            bias: Aligned::zeroed(n_padded),
            width,
            n,
            k,
        };
        packed.bias[..n].copy_from_slice(bias);
        for (column, (scale, sum)) in columns.into_iter().flatten().enumerate() {
            packed.scales[column] = scale;
            packed.sums[column] = scale * sum as f32;
        }
        packed
    }

    /// Puts the groups, which are panels of `[n_groups, width]`, in another order.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn reordered(mut self, order: impl Fn(&[i32], usize) -> Aligned<i32>) -> Self {
        let n_groups = self.groups.len() / self.scales.len().max(1);
        self.groups = Packed::Alone(order(&self.groups, n_groups));
        self
    }

    /// Moves the weights of all `matrices` side by side into memory that is quick to address. They
    /// are best in the order in which they are read.
    pub(crate) fn move_together<'a>(matrices: impl Iterator<Item = &'a mut Self>) {
        let mut groups: Vec<_> = matrices.map(|matrix| &mut matrix.groups).collect();
        huge_pages::move_together(&mut groups);
    }

    /// The number of values in a row of results.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The number of values in a row of activations.
    pub(crate) fn k(&self) -> usize {
        self.k
    }

    /// The greatest word for activations, so that no sum leaves 32 bits.
    pub(crate) fn limit(&self) -> f32 {
        MAX_WORD.min(i32::MAX as usize / 128 / self.k.max(1)) as f32
    }

    /// Some of the columns of the result: from a multiple of 32 to a multiple of 32.
    pub(crate) fn columns(&self, columns: Range<usize>) -> Int8Columns<'_> {
        Int8Columns {
            panels: self,
            columns,
        }
    }
}

/// The part of a matrix that makes some columns of the result.
#[derive(Debug, Clone)]
pub(crate) struct Int8Columns<'a> {
    panels: &'a Int8Panels,
    columns: Range<usize>,
}

impl<'a> From<&'a Int8Panels> for Int8Columns<'a> {
    fn from(panels: &'a Int8Panels) -> Self {
        panels.columns(0..panels.n)
    }
}

/// Four bytes or two words as one group.
fn group_of(weights: &[i8]) -> i32 {
    match *weights {
        [low, high] => i32::from(low) & 0xFFFF | i32::from(high) << 16,
        [b0, b1, b2, b3] => i32::from_le_bytes([b0, b1, b2, b3].map(i8::cast_unsigned)),
        _ => unreachable!("groups are of four or of two"),
    }
}

/// What becomes of the values of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// They are the result.
    Store,
    /// They are added to what is there.
    Add,
    /// The result is a function of them.
    Activate(Activation),
}

/// Where the results of a product stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Row after row, `[rows, columns]`.
    Rows,
    /// `[columns / head, rows, head]`: all rows of one head beside each other, so that attention reads
    /// one head without leaping over the others.
    Heads(usize),
}

/// `out = rows * matrix^T + bias`, and what comes after.
pub(super) struct Int8Linear<'a, M> {
    pub(super) matrix: Int8Columns<'a>,
    pub(super) rows: &'a QuantisedRows,
    pub(super) layout: Layout,
    pub(super) after: After,
    pub(super) out: &'a mut [f32],
    pub(super) by: M,
}

impl<M: Multiply> Kernel for Int8Linear<'_, M> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        match self.after {
            After::Store => self.with::<I, Store>(isa),
            After::Add => self.with::<I, Add>(isa),
            After::Activate(Activation::Gelu) => self.with::<I, Activated<QuickGelu>>(isa),
            After::Activate(Activation::GeluTanh) => self.with::<I, Activated<GeluTanh>>(isa),
            After::Activate(Activation::Relu) => self.with::<I, Activated<Relu>>(isa),
        }
    }
}

impl<'a, M: Multiply> Int8Linear<'a, M> {
    /// The same by other means.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn by<N>(self, by: N) -> Int8Linear<'a, N> {
        Int8Linear {
            matrix: self.matrix,
            rows: self.rows,
            layout: self.layout,
            after: self.after,
            out: self.out,
            by,
        }
    }

    #[inline(always)]
    fn with<I: Isa, A: Apply>(self, isa: I) {
        let rows = self.rows;
        let Int8Columns {
            panels: matrix,
            columns,
        } = self.matrix;
        let block = match self.layout {
            Layout::Rows => columns.len(),
            Layout::Heads(head_dim) => head_dim,
        };
        let finish = Dequantise::<A> {
            matrix,
            first: columns.start,
            scales: &rows.scales[..rows.n_rows],
            least: &rows.least[..rows.n_rows],
            block,
            out: self.out,
            apply: PhantomData,
        };
        let product = IntProduct {
            rows: rows.n_rows,
            n_groups: rows.n_groups,
            columns,
            a: &rows.groups,
            a_stride: rows.stride,
            panels: &matrix.groups,
            width: matrix.width,
        };
        self.by.multiply(isa, &product, finish);
    }
}

/// The way to work out the sums of a linear layer.
pub(super) trait Multiply {
    fn multiply<I: Isa, F: Finish>(self, isa: I, product: &IntProduct<'_>, finish: F);
}

/// In the registers of the instruction set.
pub(super) struct InRegisters;

impl Multiply for InRegisters {
    #[inline(always)]
    fn multiply<I: Isa, F: Finish>(self, isa: I, product: &IntProduct<'_>, finish: F) {
        if I::BYTES {
            product.run::<I, Bytes, _>(isa, finish);
        } else {
            product.run::<I, Words, _>(isa, finish);
        }
    }
}

/// Turns sums into values and writes them.
struct Dequantise<'a, A> {
    matrix: &'a Int8Panels,
    /// The first column of the result.
    first: usize,
    /// One of each row.
    scales: &'a [f32],
    least: &'a [f32],
    /// Columns of a row that stand beside each other.
    block: usize,
    out: &'a mut [f32],
    apply: PhantomData<A>,
}

/// What a register of columns needs for every row.
#[derive(Clone, Copy)]
struct DequantiseColumn<V> {
    scales: V,
    sums: V,
    bias: V,
    /// Where the columns of the first row stand.
    at: usize,
}

impl<A: Apply> Finish for Dequantise<'_, A> {
    type Column<I: Isa> = DequantiseColumn<I::V>;

    #[inline(always)]
    fn column<I: Isa>(&self, isa: I, column: usize) -> Self::Column<I> {
        let (block, number) = (self.block, column - self.first);
        DequantiseColumn {
            scales: isa.load(&self.matrix.scales[column..]),
            sums: isa.load(&self.matrix.sums[column..]),
            bias: isa.load(&self.matrix.bias[column..]),
            at: number / block * block * self.scales.len() + number % block,
        }
    }

    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &Self::Column<I>, sums: I::I) {
        // scale_row * scale_column * sum + least_row * sum_column + bias_column
        let rest = isa.mul_add(isa.splat(self.least[row]), column.sums, column.bias);
        let scaled = isa.mul(isa.to_float(sums), isa.splat(self.scales[row]));
        let value = isa.mul_add(scaled, column.scales, rest);
        A::apply(isa, value, &mut self.out[column.at + row * self.block..]);
    }
}

/// Writes a register of values.
trait Apply {
    fn apply<I: Isa>(isa: I, value: I::V, to: &mut [f32]);
}

struct Store;

impl Apply for Store {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, value: I::V, to: &mut [f32]) {
        isa.store(value, to);
    }
}

struct Add;

impl Apply for Add {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, value: I::V, to: &mut [f32]) {
        isa.store(isa.add(value, isa.load(to)), to);
    }
}

struct Activated<F>(PhantomData<F>);

impl<F: Lanewise> Apply for Activated<F> {
    #[inline(always)]
    fn apply<I: Isa>(isa: I, value: I::V, to: &mut [f32]) {
        isa.store(F::apply(isa, value), to);
    }
}

/// The kind of a group.
pub(super) trait Dot {
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I;
}

/// Four bytes.
pub(super) struct Bytes;

impl Dot for Bytes {
    #[inline(always)]
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I {
        isa.dot_bytes(sum, a, b)
    }
}

/// Two words.
pub(super) struct Words;

impl Dot for Words {
    #[inline(always)]
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I {
        isa.dot_words(sum, a, b)
    }
}

/// What is done with the sums, a register at a time.
pub(super) trait Finish {
    /// What is known of as many columns as a register has lanes.
    type Column<I: Isa>: Copy;

    /// Looks at the columns from `column` on.
    fn column<I: Isa>(&self, isa: I, column: usize) -> Self::Column<I>;

    /// Takes the sums of `row`.
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &Self::Column<I>, sums: I::I);
}

/// Sums of products of groups, for every row and some columns.
pub(super) struct IntProduct<'a> {
    pub(super) rows: usize,
    pub(super) n_groups: usize,
    /// From a multiple of the register to a multiple of the register.
    pub(super) columns: Range<usize>,
    pub(super) a: &'a [i32],
    /// From one row to the next.
    pub(super) a_stride: usize,
    /// Panels of `[n_groups, width]`, from column 0 on.
    pub(super) panels: &'a [i32],
    /// The width of a panel; one to three registers.
    pub(super) width: usize,
}

impl IntProduct<'_> {
    #[inline(always)]
    pub(super) fn run<I: Isa, D: Dot, F: Finish>(&self, isa: I, mut finish: F) {
        let Range { start, end } = self.columns;
        if self.rows == 0 || self.columns.is_empty() {
            return;
        }
        assert!(
            self.a.len() >= (self.rows - 1) * self.a_stride + self.n_groups,
            "too few activations"
        );
        assert!(
            self.panels.len() >= end.div_ceil(self.width) * self.n_groups * self.width,
            "too few weights"
        );
        assert!(
            start.is_multiple_of(I::LANES) && end.is_multiple_of(I::LANES),
            "whole registers of columns"
        );
        assert!(
            self.width.is_multiple_of(I::LANES) && self.width <= 3 * I::LANES,
            "one to three registers to a panel"
        );
        let mut column = start;
        while column < end {
            let next = (column / self.width + 1) * self.width;
            match (next.min(end) - column) / I::LANES {
                1 => self.panel::<I, D, F, 1>(isa, column, &mut finish),
                2 => self.panel::<I, D, F, 2>(isa, column, &mut finish),
                _ => self.panel::<I, D, F, 3>(isa, column, &mut finish),
            }
            column = next;
        }
    }

    /// Goes through the tiles of rows of one panel, of which `NV` registers are columns of the
    /// result.
    #[inline(always)]
    fn panel<I: Isa, D: Dot, F: Finish, const NV: usize>(
        &self,
        isa: I,
        column: usize,
        finish: &mut F,
    ) {
        let mut row = 0;
        while row + I::ROWS <= self.rows {
            match I::ROWS {
                8 => self.tile::<I, D, F, NV, 8>(isa, row, column, finish),
                6 => self.tile::<I, D, F, NV, 6>(isa, row, column, finish),
                _ => self.tile::<I, D, F, NV, 4>(isa, row, column, finish),
            }
            row += I::ROWS;
        }
        if row + 4 <= self.rows {
            self.tile::<I, D, F, NV, 4>(isa, row, column, finish);
            row += 4;
        }
        if row + 2 <= self.rows {
            self.tile::<I, D, F, NV, 2>(isa, row, column, finish);
            row += 2;
        }
        if row < self.rows {
            self.tile::<I, D, F, NV, 1>(isa, row, column, finish);
        }
    }

    /// Sums up `MR` rows and `NV` registers of columns in registers.
    #[inline(always)]
    fn tile<I: Isa, D: Dot, F: Finish, const NV: usize, const MR: usize>(
        &self,
        isa: I,
        row: usize,
        column: usize,
        finish: &mut F,
    ) {
        let a = self.a[row * self.a_stride..].as_ptr();
        let (panel, within) = (column / self.width, column % self.width);
        let panel = self.panels[panel * self.width * self.n_groups + within..].as_ptr();
        let mut sums = [[isa.splat_int(0); NV]; MR];
        for group in 0..self.n_groups {
            // SAFETY: `run` has compared the sizes: `a` holds `MR` rows of `n_groups` groups, and
            // `panel` as many lines, in each of which `NV` registers follow.
            unsafe {
                if row == 0 {
                    for v in 0..NV {
                        prefetch(panel.wrapping_add(group * self.width + v * I::LANES + AHEAD));
                    }
                }
                let mut weights = [isa.splat_int(0); NV];
                for (v, weights) in weights.iter_mut().enumerate() {
                    *weights = isa.load_int(panel.add(group * self.width + v * I::LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let group = isa.splat_int(*a.add(row * self.a_stride + group));
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = D::dot(isa, *sum, group, weights);
                    }
                }
            }
        }
        for v in 0..NV {
            let column = finish.column(isa, column + v * I::LANES);
            for (number, sums) in sums.iter().enumerate() {
                finish.finish(isa, row + number, &column, sums[v]);
            }
        }
    }
}

/// Calls a cache line from memory, without waiting for it; any address will do.
#[inline(always)]
fn prefetch(line: *const i32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every machine has the instruction, which reads nothing that the program sees.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
