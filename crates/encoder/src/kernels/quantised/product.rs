//! Sums of products of integers, tile by tile in registers.

use std::ops::Range;

use crate::kernels::simd::Isa;

use super::runs::PanelRuns;

/// How far ahead weights are called from memory, in groups: 4 KB.
pub(super) const AHEAD: usize = 1024;

/// A way to add up products.
pub(in crate::kernels) trait AddUp {
    /// Adds up the products of `MR` rows from `row` on and `NV` registers of columns from `column` on,
    /// which are within one panel.
    ///
    /// # Safety
    /// [`IntProduct::run_tiles`] has checked the sizes, and the rows and columns are the product's.
    unsafe fn add_up<I: Isa, const NV: usize, const MR: usize>(
        product: &IntProduct<'_>,
        isa: I,
        row: usize,
        column: usize,
    ) -> [[I::I; NV]; MR];
}

/// Group by group, by the instruction for this kind of group.
pub(in crate::kernels) trait Dot {
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I;
}

/// Four bytes.
pub(in crate::kernels) struct Bytes;

impl Dot for Bytes {
    #[inline(always)]
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I {
        isa.dot_bytes(sum, a, b)
    }
}

/// Two words.
pub(in crate::kernels) struct Words;

impl Dot for Words {
    #[inline(always)]
    fn dot<I: Isa>(isa: I, sum: I::I, a: I::I, b: I::I) -> I::I {
        isa.dot_words(sum, a, b)
    }
}

impl<D: Dot> AddUp for D {
    #[inline(always)]
    unsafe fn add_up<I: Isa, const NV: usize, const MR: usize>(
        product: &IntProduct<'_>,
        isa: I,
        row: usize,
        column: usize,
    ) -> [[I::I; NV]; MR] {
        let IntProduct {
            n_groups,
            a_stride,
            width,
            ..
        } = *product;
        let a = product.a[row * a_stride..].as_ptr();
        let (panel, within) = (column / width, column % width);
        let panel = product.panels[panel * width * n_groups + within..].as_ptr();
        let mut sums = [[isa.splat_int(0); NV]; MR];
        for group in 0..n_groups {
            // SAFETY: `a` holds `MR` rows of `n_groups` groups, and `panel` as many lines, in each of
            // which `NV` registers follow.
            unsafe {
                if row == 0 {
                    for v in 0..NV {
                        prefetch(panel.wrapping_add(group * width + v * I::LANES + AHEAD));
                    }
                }
                let mut weights = [isa.splat_int(0); NV];
                for (v, weights) in weights.iter_mut().enumerate() {
                    *weights = isa.load_int(panel.add(group * width + v * I::LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let group = isa.splat_int(*a.add(row * a_stride + group));
                    for (sum, &weights) in sums.iter_mut().zip(&weights) {
                        *sum = D::dot(isa, *sum, group, weights);
                    }
                }
            }
        }
        sums
    }
}

/// What is done with the sums, a register at a time.
pub(in crate::kernels) trait Finish {
    /// What is known of as many columns as a register has lanes.
    type Column<I: Isa>: Copy;

    /// Looks at the columns from `column` on.
    fn column<I: Isa>(&self, isa: I, column: usize) -> Self::Column<I>;

    /// Takes the sums of `row`.
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &Self::Column<I>, sums: I::I);
}

/// What is done with the sums of a tile; an implementation marks it as `#[inline(always)]`.
pub(in crate::kernels) trait TakeTile<I: Isa> {
    /// Takes the sums of `MR` rows from `row` on and `NV` registers of columns from `column` on. Where
    /// there is more than one row, `row` is even.
    fn take<const NV: usize, const MR: usize>(
        &mut self,
        isa: I,
        row: usize,
        column: usize,
        sums: &[[I::I; NV]; MR],
    );
}

/// Hands on the sums register by register.
struct Registers<F>(F);

impl<I: Isa, F: Finish> TakeTile<I> for Registers<F> {
    #[inline(always)]
    fn take<const NV: usize, const MR: usize>(
        &mut self,
        isa: I,
        row: usize,
        column: usize,
        sums: &[[I::I; NV]; MR],
    ) {
        for v in 0..NV {
            let column = self.0.column(isa, column + v * I::LANES);
            for (number, sums) in sums.iter().enumerate() {
                self.0.finish(isa, row + number, &column, sums[v]);
            }
        }
    }
}

/// Sums of products of groups, for every row and some columns.
pub(in crate::kernels) struct IntProduct<'a> {
    pub(in crate::kernels) rows: usize,
    pub(in crate::kernels) n_groups: usize,
    /// From a multiple of the register to a multiple of the register.
    pub(in crate::kernels) columns: Range<usize>,
    pub(in crate::kernels) a: &'a [i32],
    /// From one row to the next.
    pub(in crate::kernels) a_stride: usize,
    /// Panels of `[n_groups, width]`, from column 0 on; of the lengths of [`Self::runs`] where there
    /// are such.
    pub(in crate::kernels) panels: &'a [i32],
    /// How the panels are cut for [`Pairs`](super::Pairs); none for other ways.
    pub(in crate::kernels) runs: &'a [PanelRuns],
    /// The width of a panel; one to three registers.
    pub(in crate::kernels) width: usize,
}

impl IntProduct<'_> {
    /// Adds up and hands on register by register.
    #[inline(always)]
    pub(in crate::kernels) fn run<I: Isa, A: AddUp, F: Finish>(&self, isa: I, finish: F) {
        self.run_tiles::<I, A, _>(isa, Registers(finish));
    }

    /// Adds up and hands on tile by tile.
    #[inline(always)]
    pub(in crate::kernels) fn run_tiles<I: Isa, A: AddUp, T: TakeTile<I>>(
        &self,
        isa: I,
        mut take: T,
    ) {
        let Range { start, end } = self.columns;
        if self.rows == 0 || self.columns.is_empty() {
            return;
        }
        assert!(
            self.a.len() >= (self.rows - 1) * self.a_stride + self.n_groups,
            "too few activations"
        );
        assert!(
            self.holds_panels(end.div_ceil(self.width)),
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
                1 => self.panel::<I, A, T, 1>(isa, column, &mut take),
                2 => self.panel::<I, A, T, 2>(isa, column, &mut take),
                _ => self.panel::<I, A, T, 3>(isa, column, &mut take),
            }
            column = next;
        }
    }

    /// Tells whether this many panels are there.
    #[inline(always)]
    fn holds_panels(&self, n_panels: usize) -> bool {
        if self.runs.is_empty() {
            return self.panels.len() >= n_panels * self.n_groups * self.width;
        }
        let runs = self.runs.get(..n_panels);
        runs.is_some_and(|runs| {
            let mut runs = runs.iter();
            runs.all(|runs| runs.is_within(self.n_groups, self.width, self.panels.len()))
        })
    }

    /// Goes through the tiles of rows of one panel, of which `NV` registers are columns of the
    /// result.
    #[inline(always)]
    fn panel<I: Isa, A: AddUp, T: TakeTile<I>, const NV: usize>(
        &self,
        isa: I,
        column: usize,
        take: &mut T,
    ) {
        let mut row = 0;
        while row + I::ROWS <= self.rows {
            match I::ROWS {
                8 => self.tile::<I, A, T, NV, 8>(isa, row, column, take),
                6 => self.tile::<I, A, T, NV, 6>(isa, row, column, take),
                _ => self.tile::<I, A, T, NV, 4>(isa, row, column, take),
            }
            row += I::ROWS;
        }
        if row + 4 <= self.rows {
            self.tile::<I, A, T, NV, 4>(isa, row, column, take);
            row += 4;
        }
        if row + 2 <= self.rows {
            self.tile::<I, A, T, NV, 2>(isa, row, column, take);
            row += 2;
        }
        if row < self.rows {
            self.tile::<I, A, T, NV, 1>(isa, row, column, take);
        }
    }

    /// Works out `MR` rows and `NV` registers of columns in registers.
    #[inline(always)]
    fn tile<I: Isa, A: AddUp, T: TakeTile<I>, const NV: usize, const MR: usize>(
        &self,
        isa: I,
        row: usize,
        column: usize,
        take: &mut T,
    ) {
        // SAFETY: `run_tiles` has compared the sizes, and goes over its rows and columns.
        let sums: [[I::I; NV]; MR] = unsafe { A::add_up(self, isa, row, column) };
        take.take(isa, row, column, &sums);
    }
}

/// Calls a cache line from memory, without waiting for it; any address will do.
#[inline(always)]
pub(super) fn prefetch(line: *const i32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every machine has the instruction, which reads nothing that the program sees.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
