//! The matrix product: rows of activations times a matrix packed in panels.
//!
//! Each result is one chain of additions in the order of `k`, beginning with the bias. Blocks and
//! tiles only decide which chains run side by side, so a row's result does not depend on the rows
//! around it, and not on its place among them.

use rayon::prelude::*;

use super::aligned::Aligned;
use super::simd::{Isa, Kernel, MAX_LANES};

/// The values of a panel that one pass over the rows reads again and again: 24 KB of a first-level
/// cache of 32 KB or more.
const BLOCK_VALUES: usize = 6144;

/// The widest panel of any instruction set.
const MAX_WIDTH: usize = 3 * MAX_LANES;

static ZEROS: [f32; MAX_WIDTH] = [0.0; MAX_WIDTH];

/// A weight matrix `[n, k]` and its bias, in the order in which the product reads them.
///
/// A panel holds `width` rows of the matrix as `[k, width]`; the last one is filled up with zeros.
#[derive(Debug)]
pub(crate) struct Panels {
    values: Aligned,
    bias: Aligned,
    width: usize,
    n: usize,
    k: usize,
}

impl Panels {
    /// Packs the matrix whose rows `row` writes out, with as many rows as `bias` has values.
    pub(super) fn pack<R>(width: usize, k: usize, bias: &[f32], row: R) -> Self
    where
        R: Fn(usize, &mut [f32]) + Sync,
    {
        let n = bias.len();
        let n_padded = n.next_multiple_of(width);
        let mut padded_bias = Aligned::zeroed(n_padded);
        padded_bias[..n].copy_from_slice(bias);
        let mut values = Aligned::zeroed(n_padded * k);
        values.par_chunks_mut(width * k).enumerate().for_each_init(
            || vec![0.0; k],
            |unpacked, (number, panel)| {
                for column in 0..width.min(n - number * width) {
                    row(number * width + column, unpacked);
                    for (line, &value) in panel.chunks_exact_mut(width).zip(unpacked.iter()) {
                        line[column] = value;
                    }
                }
            },
        );
        Self {
            values,
            bias: padded_bias,
            width,
            n,
            k,
        }
    }

    /// The number of values in a row of results.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The number of values in a row of activations.
    pub(crate) fn k(&self) -> usize {
        self.k
    }

    /// The product of `rows` rows of activations with this matrix, plus bias.
    pub(super) fn product<'a>(
        &'a self,
        rows: usize,
        a: &'a [f32],
        out: &'a mut [f32],
    ) -> Product<'a> {
        Product {
            rows,
            k: self.k,
            n: self.n,
            width: self.width,
            a,
            a_stride: self.k,
            panels: &self.values,
            bias: Some(&self.bias),
            out,
            out_stride: self.n,
        }
    }
}

/// `out[row, ..n] = bias + a[row, ..k] * panels`, for every row.
pub(super) struct Product<'a> {
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    /// The width of a panel; 1 to 3 registers.
    pub(super) width: usize,
    pub(super) a: &'a [f32],
    pub(super) a_stride: usize,
    /// `n / width` panels (rounded up) of `[k, width]`.
    pub(super) panels: &'a [f32],
    /// One value a column of the panels; zero where absent.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) out: &'a mut [f32],
    pub(super) out_stride: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        if self.rows == 0 || self.n == 0 {
            return;
        }
        self.check();
        match self.width / I::LANES {
            1 => self.blocks::<I, 1>(isa),
            2 => self.blocks::<I, 2>(isa),
            _ => self.blocks::<I, 3>(isa),
        }
    }
}

impl Product<'_> {
    /// Checks that every access of the tiles stays within the slices.
    fn check(&self) {
        let last = self.rows - 1;
        let n_panels = self.n.div_ceil(self.width);
        assert!(
            self.a.len() >= last * self.a_stride + self.k,
            "too few activations"
        );
        assert!(
            self.panels.len() >= n_panels * self.k * self.width,
            "too few weights"
        );
        assert!(
            self.out.len() >= last * self.out_stride + self.n,
            "too little room for results"
        );
        assert!(
            self.bias
                .is_none_or(|bias| bias.len() >= n_panels * self.width),
            "too few biases"
        );
    }

    /// Goes through blocks of `k`, panels and tiles of rows, innermost last.
    #[inline(always)]
    fn blocks<I: Isa, const NV: usize>(mut self, isa: I) {
        let width = NV * I::LANES;
        assert!(
            self.width == width,
            "a panel is one to three registers wide"
        );
        // With few rows the weights are read once, so they are better read in order.
        let block = if self.rows <= 2 * I::ROWS {
            self.k
        } else {
            BLOCK_VALUES / width
        };
        let mut from = 0;
        loop {
            let to = self.k.min(from + block.max(1));
            for column in (0..self.n).step_by(width) {
                let mut row = 0;
                while row < self.rows {
                    let n_rows = I::ROWS.min(self.rows - row);
                    self.tile_of_rows::<I, NV>(isa, n_rows, row, column, from..to);
                    row += n_rows;
                }
            }
            from = to;
            if from >= self.k {
                return;
            }
        }
    }

    /// Runs the tile for `n_rows` rows.
    #[inline(always)]
    fn tile_of_rows<I: Isa, const NV: usize>(
        &mut self,
        isa: I,
        n_rows: usize,
        row: usize,
        column: usize,
        part: std::ops::Range<usize>,
    ) {
        match n_rows {
            1 => self.tile::<I, NV, 1>(isa, row, column, part),
            2 => self.tile::<I, NV, 2>(isa, row, column, part),
            3 => self.tile::<I, NV, 3>(isa, row, column, part),
            4 => self.tile::<I, NV, 4>(isa, row, column, part),
            5 if I::ROWS > 4 => self.tile::<I, NV, 5>(isa, row, column, part),
            6 if I::ROWS > 4 => self.tile::<I, NV, 6>(isa, row, column, part),
            7 if I::ROWS > 6 => self.tile::<I, NV, 7>(isa, row, column, part),
            _ if I::ROWS > 6 => self.tile::<I, NV, 8>(isa, row, column, part),
            _ => unreachable!("a tile has at most `ROWS` rows"),
        }
    }

    /// Adds the part of `k` to the sums of `MR` rows and one panel.
    #[inline(always)]
    fn tile<I: Isa, const NV: usize, const MR: usize>(
        &mut self,
        isa: I,
        row: usize,
        column: usize,
        part: std::ops::Range<usize>,
    ) {
        let width = NV * I::LANES;
        let used = width.min(self.n - column);
        let bias = self
            .bias
            .map_or(&ZEROS[..width], |bias| &bias[column..column + width]);
        let start = if part.start == 0 {
            Some(bias.as_ptr())
        } else {
            None
        };
        let a = &self.a[row * self.a_stride + part.start..];
        let panel = &self.panels[column * self.k + part.start * width..];
        let out = &mut self.out[row * self.out_stride + column..];
        let mut tile = Tile::<NV, MR> {
            k: part.len(),
            a: a.as_ptr(),
            a_stride: self.a_stride,
            panel: panel.as_ptr(),
            start,
            sums: out.as_mut_ptr(),
            sums_stride: self.out_stride,
        };
        if used == width {
            isa.run(tile);
            return;
        }
        let mut sums = [0.0; 8 * MAX_WIDTH];
        for (line, sums) in out
            .chunks(self.out_stride)
            .zip(sums.chunks_exact_mut(width))
            .take(MR)
        {
            sums[..used].copy_from_slice(&line[..used]);
        }
        tile.sums = sums.as_mut_ptr();
        tile.sums_stride = width;
        isa.run(tile);
        let lines = out
            .chunks_mut(self.out_stride)
            .zip(sums.chunks_exact(width))
            .take(MR);
        for (line, sums) in lines {
            line[..used].copy_from_slice(&sums[..used]);
        }
    }
}

/// The sums of `MR` rows and `NV` registers of columns, kept in registers over a part of `k`.
///
/// Made only by [`Product::tile`], for which [`Product::check`] has compared the sizes: `a` holds
/// `MR` rows of `k` values, `panel` `k` lines of `NV` registers, `sums` `MR` lines of `NV`
/// registers, and `start` one line of them.
struct Tile<const NV: usize, const MR: usize> {
    k: usize,
    a: *const f32,
    a_stride: usize,
    panel: *const f32,
    /// Where the sums begin; they go on from `sums` where absent.
    start: Option<*const f32>,
    sums: *mut f32,
    sums_stride: usize,
}

impl<const NV: usize, const MR: usize> Kernel for Tile<NV, MR> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let width = NV * I::LANES;
        // SAFETY: every offset is within the sizes that the type's comment states.
        unsafe {
            let mut sums = [[isa.splat(0.0); NV]; MR];
            for (row, sums) in sums.iter_mut().enumerate() {
                let from = self.start.unwrap_or(self.sums.add(row * self.sums_stride));
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = isa.load_ptr(from.add(v * I::LANES));
                }
            }
            let mut panel = self.panel;
            for at in 0..self.k {
                let mut weights = [isa.splat(0.0); NV];
                for (v, weight) in weights.iter_mut().enumerate() {
                    *weight = isa.load_ptr(panel.add(v * I::LANES));
                }
                panel = panel.add(width);
                for (row, sums) in sums.iter_mut().enumerate() {
                    let value = isa.splat(*self.a.add(row * self.a_stride + at));
                    for (sum, &weight) in sums.iter_mut().zip(&weights) {
                        *sum = isa.mul_add(value, weight, *sum);
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let to = self.sums.add(row * self.sums_stride);
                for (v, &sum) in sums.iter().enumerate() {
                    isa.store_ptr(sum, to.add(v * I::LANES));
                }
            }
        }
    }
}
