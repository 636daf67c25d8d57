//! The product of quantised rows with an int8 matrix, in tiles.
//!
//! ```text
//! rows [n, stride]                  matrix: n / 32 panels (rounded up) of k / 64 steps (rounded up)
//! ┌──────────────┬─ ─ ─┬─ ─ ┐       ┌─────────┬─────────┐
//! │ k bytes      │ 0s  │ 64 │       │ columns │ columns │  16 lines of 16 groups of 4 bytes
//! │              │     │    │       │ 0 - 15  │ 16 - 31 │  step 0
//! │              │     │    │       ├─────────┼─────────┤
//! ├──────────────┼─ ─ ─┼─ ─ ┤       │         │         │  step 1
//! │ up to 15 more rows      │       └─────────┴─────────┘  ...
//! └─ ─ ─ ─ ─ ─ ─ ┴─ ─ ─┴─ ─ ┘
//! ```
//!
//! Rows go through in blocks of 32, the last 16 or fewer in one of 16. What stands beyond the last
//! row is read and its sums are left alone; what stands beyond `k` in a row meets weights of 0.
//! The sums of a block stay in the first-level cache until they are turned into values.

use std::ops::Range;

use super::Amx;
use super::tiles::{PANEL_STEP, SIDE, Strip, Sums, Tiles};
use crate::kernels::aligned::Aligned;
use crate::kernels::quantised::{Finish, IntProduct, Multiply};
use crate::kernels::simd::Isa;

/// Columns of a panel.
pub(in crate::kernels) const PANEL_WIDTH: usize = 2 * SIDE;

/// Puts panels of `[n_groups, 32]` in the order of tiles.
pub(in crate::kernels) fn in_tile_order(groups: &[i32], n_groups: usize) -> Aligned<i32> {
    let n_steps = n_groups.div_ceil(SIDE);
    let panels = groups.chunks_exact(n_groups * PANEL_WIDTH);
    let mut ordered = Aligned::zeroed(panels.len() * n_steps * PANEL_STEP);
    let to = ordered.chunks_exact_mut(n_steps * PANEL_STEP);
    for (panel, to) in panels.zip(to) {
        for (number, group) in panel.chunks_exact(PANEL_WIDTH).enumerate() {
            let (step, line) = (number / SIDE, number % SIDE);
            for (half, columns) in group.chunks_exact(SIDE).enumerate() {
                let at = ((2 * step + half) * SIDE + line) * SIDE;
                to[at..at + SIDE].copy_from_slice(columns);
            }
        }
    }
    ordered
}

/// Multiplies in tiles; the matrix is [`in_tile_order`].
pub(in crate::kernels) struct ByTiles(pub(in crate::kernels) Amx);

impl Multiply for ByTiles {
    #[inline(always)]
    fn multiply<I: Isa, F: Finish>(self, isa: I, product: &IntProduct<'_>, mut finish: F) {
        let Range { start, end } = product.columns;
        assert!(
            I::LANES == SIDE && product.width == PANEL_WIDTH,
            "a register is as wide as a tile"
        );
        assert!(
            start.is_multiple_of(PANEL_WIDTH),
            "columns from the first of a panel on"
        );
        if product.rows == 0 || product.columns.is_empty() {
            return;
        }
        let tiles = Tiles::configure(self.0);
        let mut sums = Sums::ZERO;
        let panels = product
            .panels
            .chunks_exact(product.n_groups.div_ceil(SIDE) * PANEL_STEP)
            .skip(start / PANEL_WIDTH);
        for (panel, first) in panels.zip((start..end).step_by(PANEL_WIDTH)) {
            for row in (0..product.rows).step_by(2 * SIDE) {
                let strip = Strip {
                    from: &product.a[row * product.a_stride..],
                    stride: product.a_stride,
                };
                let n_rows = (product.rows - row).min(2 * SIDE);
                if n_rows > SIDE {
                    tiles.multiply_32_rows(strip, panel, &mut sums);
                } else {
                    tiles.multiply_16_rows(strip, panel, &mut sums);
                }
                finish_block(isa, end, row..row + n_rows, first, &sums, &mut finish);
            }
        }
    }
}

/// Hands on the sums of `rows` and of the columns from `first` on, below `end`.
#[inline(always)]
fn finish_block<I: Isa, F: Finish>(
    isa: I,
    end: usize,
    rows: Range<usize>,
    first: usize,
    sums: &Sums,
    finish: &mut F,
) {
    for half in 0..2 {
        let column = first + half * SIDE;
        if column >= end {
            continue;
        }
        let column = finish.column(isa, column);
        for (number, row) in rows.clone().enumerate() {
            // SAFETY: a line is as long as a register of 16 lanes.
            let sums = unsafe { isa.load_int(sums.line(number, half).as_ptr()) };
            finish.finish(isa, row, &column, sums);
        }
    }
}
