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

use super::pointwise::{Activation, GeluTanh, Lanewise, QuickGelu, Relu};
use super::simd::{Isa, Kernel};

mod pairs;
mod panels;
mod product;
mod rows;
mod runs;
mod stored;

pub(super) use pairs::Pairs;
pub(super) use panels::Int8Columns;
pub(crate) use panels::Int8Panels;
#[cfg(target_arch = "x86_64")]
pub(super) use product::TakeTile;
pub(super) use product::{Bytes, Finish, IntProduct, Words};
pub(super) use rows::{Quantise, Span, Spans, greatest_magnitude};
pub(crate) use rows::{QuantisedPart, QuantisedRows};
#[cfg(test)]
pub(super) use runs::PanelRuns;
pub(super) use stored::PanelLayout;
pub(crate) use stored::{LAYOUT_VERSION, StoredInt8};

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
    pub(super) rows: QuantisedPart<'a>,
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
        let matrix = self.matrix.panels;
        let Range { start, end } = self.matrix.columns;
        let block = match self.layout {
            Layout::Rows => end - start,
            Layout::Heads(head_dim) => head_dim,
        };
        let finish = Dequantise::<A> {
            matrix,
            first: start,
            scales: rows.scales,
            least: rows.least,
            block,
            out: self.out,
            apply: PhantomData,
        };
        let product = rows.times(self.matrix);
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
        } else if I::PAIRS {
            product.run::<I, Pairs, _>(isa, finish);
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
pub(super) struct Columns<V> {
    scales: V,
    sums: V,
    bias: V,
}

impl<V: Copy> Columns<V> {
    /// The columns from `column` on.
    #[inline(always)]
    pub(super) fn of<I: Isa<V = V>>(isa: I, matrix: &Int8Panels, column: usize) -> Self {
        Self {
            scales: isa.load(&matrix.scales[column..]),
            sums: isa.load(&matrix.sums[column..]),
            bias: isa.load(&matrix.bias[column..]),
        }
    }

    /// The same columns with `factor`, a power of 2, times the values.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn scaled<I: Isa<V = V>>(self, isa: I, factor: f32) -> Self {
        let factor = isa.splat(factor);
        Self {
            scales: isa.mul(self.scales, factor),
            sums: isa.mul(self.sums, factor),
            bias: isa.mul(self.bias, factor),
        }
    }

    /// The values of the sums of a row.
    #[inline(always)]
    pub(super) fn values<I: Isa<V = V>>(&self, isa: I, sums: I::I, scale: f32, least: f32) -> V {
        // scale_row * scale_column * sum + least_row * sum_column + bias_column
        let rest = isa.mul_add(isa.splat(least), self.sums, self.bias);
        let scaled = isa.mul(isa.to_float(sums), isa.splat(scale));
        isa.mul_add(scaled, self.scales, rest)
    }
}

impl<A: Apply> Finish for Dequantise<'_, A> {
    /// The columns, and where those of the first row stand.
    type Column<I: Isa> = (Columns<I::V>, usize);

    #[inline(always)]
    fn column<I: Isa>(&self, isa: I, column: usize) -> Self::Column<I> {
        let (block, number) = (self.block, column - self.first);
        let at = number / block * block * self.scales.len() + number % block;
        (Columns::of(isa, self.matrix, column), at)
    }

    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &Self::Column<I>, sums: I::I) {
        let (columns, at) = column;
        let values = columns.values(isa, sums, self.scales[row], self.least[row]);
        A::apply(isa, values, &mut self.out[at + row * self.block..]);
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
