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
//! The sums of a block stay in the first-level cache until they are turned into values. Long rows go
//! through in parts, two blocks at a time ([`GROUPS_AT_ONCE`]).

use std::ops::Range;

use super::proof::Amx;
use super::tiles::{PANEL_STEP, SIDE, Strip, Sums, Tiles};
use crate::kernels::aligned::Aligned;
use crate::kernels::quantised::{Finish, IntProduct, Multiply, PanelLayout};
use crate::kernels::simd::Isa;

/// Rows of a block.
const ROWS: usize = 2 * SIDE;

/// Groups that the rows of two blocks go through together: those of their rows and of a panel stay in
/// the first-level cache.
const GROUPS_AT_ONCE: usize = 6 * SIDE;

/// Columns of a panel.
pub(in crate::kernels) const PANEL_WIDTH: usize = 2 * SIDE;

/// What [`in_tile_order`] makes.
pub(in crate::kernels) const PANELS: PanelLayout = PanelLayout {
    width: PANEL_WIDTH,
    group: 4,
    step: SIDE,
    in_runs: false,
};

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
        assert!(I::LANES == SIDE, "a register is as wide as a tile");
        let end = product.columns.end;
        let tiles = Tiles::configure(self.0);
        let take = FinishLines {
            isa,
            end,
            finish: &mut finish,
        };
        multiply_blocks(&tiles, product, take);
    }
}

/// What is done with the sums of a block; an implementation marks it as `#[inline(always)]`.
pub(super) trait TakeBlock {
    /// Takes the sums of `rows` and of 32 columns from `first` on.
    fn take(&mut self, rows: Range<usize>, first: usize, sums: &Sums);
}

/// Multiplies block by block, and hands the sums of each on.
#[inline(always)]
pub(super) fn multiply_blocks(tiles: &Tiles, product: &IntProduct<'_>, mut take: impl TakeBlock) {
    let Range { start, end } = product.columns;
    assert!(
        product.width == PANEL_WIDTH && start.is_multiple_of(PANEL_WIDTH),
        "columns from the first of a panel on"
    );
    if product.rows == 0 || product.columns.is_empty() {
        return;
    }
    let mut sums = [Sums::ZERO, Sums::ZERO];
    let panels = product
        .panels
        .chunks_exact(product.n_groups.div_ceil(SIDE) * PANEL_STEP)
        .skip(start / PANEL_WIDTH);
    let panels = panels.zip((start..end).step_by(PANEL_WIDTH));
    let multiply = |rows: Range<usize>, group: usize, part: &[i32], sums: &mut Sums| {
        let strip = Strip {
            from: &product.a[rows.start * product.a_stride + group..],
            stride: product.a_stride,
        };
        if rows.len() > SIDE {
            tiles.multiply_32_rows(strip, part, group > 0, sums);
        } else {
            tiles.multiply_16_rows(strip, part, group > 0, sums);
        }
    };
    for rows in blocks(0..product.rows, sums.len() * ROWS) {
        for (panel, first) in panels.clone() {
            let (n_rows, n_groups) = if product.n_groups > GROUPS_AT_ONCE {
                (2 * ROWS, GROUPS_AT_ONCE)
            } else {
                (ROWS, panel.len() / PANEL_WIDTH)
            };
            for rows in blocks(rows.clone(), n_rows) {
                let parts = panel.chunks(n_groups * PANEL_WIDTH);
                for (part, group) in parts.zip((0..).step_by(n_groups)) {
                    for (rows, sums) in blocks(rows.clone(), ROWS).zip(&mut sums) {
                        multiply(rows, group, part, sums);
                    }
                }
                for (rows, sums) in blocks(rows, ROWS).zip(&sums) {
                    take.take(rows, first, sums);
                }
            }
        }
    }
}

/// Splits rows into blocks of `len`.
fn blocks(rows: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(len)
        .map(move |start| start..end.min(start + len))
}

/// Hands on the sums line by line, of columns below `end`.
struct FinishLines<'a, I, F> {
    isa: I,
    end: usize,
    finish: &'a mut F,
}

impl<I: Isa, F: Finish> TakeBlock for FinishLines<'_, I, F> {
    #[inline(always)]
    fn take(&mut self, rows: Range<usize>, first: usize, sums: &Sums) {
        for half in 0..2 {
            let column = first + half * SIDE;
            if column >= self.end {
                continue;
            }
            let column = self.finish.column(self.isa, column);
            for (number, row) in rows.clone().enumerate() {
                // SAFETY: a line is as long as a register of 16 lanes.
                let sums = unsafe { self.isa.load_int(sums.line(number, half).as_ptr()) };
                self.finish.finish(self.isa, row, &column, sums);
            }
        }
    }
}
