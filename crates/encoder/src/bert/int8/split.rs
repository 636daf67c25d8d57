//! One sequence on several threads.

mod columns;
mod rows;
mod turns;

use crate::cancel::Stop;
use crate::tokenizer::Tokens;

use super::super::Shape;
use super::Layer;

/// From so many rows on, rows are dealt out instead of columns.
///
/// Two threads with half of 16 rows each keep all registers busy, and meet once a layer instead of
/// four times: 1.3 ms against 1.5. With 12 rows they take 1.07 ms, and 0.93 with half of the columns.
const MANY_ROWS: usize = 16;

/// The layers of one pass over one sequence.
pub(in super::super) struct Split<'a> {
    pub(in super::super) shape: &'a Shape,
    pub(in super::super) sequence: &'a Tokens,
    pub(in super::super) n_threads: usize,
    /// The layers that run for all rows.
    pub(in super::super) full: &'a [Layer],
    /// The layer after them, which runs for the first row only.
    pub(in super::super) last: Option<&'a Layer>,
}

/// The memory that the threads work in.
#[derive(Debug, Default)]
pub(in super::super) struct SplitScratch {
    columns: columns::Scratch,
    rows: rows::Scratch,
}

impl Split<'_> {
    /// Runs the layers: the full ones over `rows`, in place, the last one into `first_row`.
    ///
    /// The results are those of [`Layer::run`] and [`Layer::run_for_first`], bit for bit. Asks
    /// `stop` before each step of each part, and returns `false` where it said so.
    pub(in super::super) fn run(
        &self,
        rows: &mut [f32],
        first_row: &mut [f32],
        scratch: &mut SplitScratch,
        stop: Stop<'_>,
    ) -> bool {
        if self.sequence.len() < MANY_ROWS {
            self.run_by_columns(rows, first_row, &mut scratch.columns, stop)
        } else {
            self.run_by_rows(rows, first_row, &mut scratch.rows, stop)
        }
    }
}
