//! One sequence on several threads: its rows are dealt out, and the threads meet twice a layer.

use rayon::prelude::*;

use crate::kernels::Aligned;
use crate::tokenizer::Tokens;

use super::super::Shape;
use super::{Asking, Layer, Scratch, mix};

/// Fewer rows to a thread are not worth the meeting.
const MIN_ROWS: usize = 4;

/// The memory that the threads work in.
#[derive(Debug, Default)]
pub(in super::super) struct SplitScratch {
    parts: Vec<Scratch>,
    /// Of all rows, head after head.
    keys_values: Aligned,
}

impl Layer {
    /// Quantises the rows of one sequence for this layer to read on `n_threads` threads.
    pub(in super::super) fn quantise_split(
        &self,
        shape: &Shape,
        sequence: &Tokens,
        n_threads: usize,
        rows: &[f32],
        scratch: &mut SplitScratch,
    ) {
        let part = part_len(sequence.len(), n_threads) * shape.hidden;
        scratch.make_parts(rows.len().div_ceil(part));
        for (rows, scratch) in rows.chunks(part).zip(&mut scratch.parts) {
            self.quantise(shape, rows, scratch);
        }
    }

    /// Runs the layer over all rows of one sequence, in place, on `n_threads` threads.
    ///
    /// They are in `scratch` too, before and after. The results are those of [`Layer::run`], bit
    /// for bit.
    pub(in super::super) fn run_split(
        &self,
        shape: &Shape,
        sequence: &Tokens,
        n_threads: usize,
        rows: &mut [f32],
        scratch: &mut SplitScratch,
    ) {
        let part = part_len(sequence.len(), n_threads) * shape.hidden;
        let n_parts = rows.len().div_ceil(part);
        let parts = scratch.parts[..n_parts].par_iter_mut();
        parts.with_max_len(1).for_each(|scratch| {
            self.ask(shape, scratch);
            self.offer(shape, scratch);
        });
        scratch.join_keys_values(shape, part, rows.len());
        let keys_values = &scratch.keys_values;
        let each = rows.par_chunks_mut(part).zip(&mut scratch.parts);
        each.with_max_len(1).for_each(|(rows, scratch)| {
            mix(shape, &[sequence], keys_values, Asking::Part, scratch);
            self.feed_forward(shape, rows, scratch);
        });
    }

    /// Runs the layer for the first row of one sequence, on `n_threads` threads.
    ///
    /// The results are those of [`Layer::run_for_first`], bit for bit.
    pub(in super::super) fn run_split_for_first(
        &self,
        shape: &Shape,
        sequence: &Tokens,
        n_threads: usize,
        rows: &[f32],
        first_row: &mut [f32],
        scratch: &mut SplitScratch,
    ) {
        let part = part_len(sequence.len(), n_threads) * shape.hidden;
        let n_parts = rows.len().div_ceil(part);
        let parts = scratch.parts[..n_parts].par_iter_mut();
        parts
            .with_max_len(1)
            .for_each(|scratch| self.offer(shape, scratch));
        scratch.join_keys_values(shape, part, rows.len());
        if let Some(own) = scratch.parts.first_mut() {
            let keys_values = &scratch.keys_values;
            self.finish_first(shape, &[sequence], rows, keys_values, first_row, own);
        }
    }
}

impl SplitScratch {
    fn make_parts(&mut self, n_parts: usize) {
        let n_parts = n_parts.max(self.parts.len());
        self.parts.resize_with(n_parts, Scratch::default);
    }

    /// Puts the keys and values of the parts together: `len` values of each, `part` to a thread.
    fn join_keys_values(&mut self, shape: &Shape, part: usize, len: usize) {
        let (dim, n_rows) = (shape.head_dim, len / shape.hidden);
        let joined = self.keys_values.of_len(2 * len);
        let starts = (0..len).step_by(part);
        for (start, scratch) in starts.zip(&self.parts) {
            let part_rows = part.min(len - start) / shape.hidden;
            let first = start / shape.hidden;
            let heads = joined.chunks_exact_mut(n_rows * dim);
            for (to, from) in heads.zip(scratch.keys_values.chunks_exact(part_rows * dim)) {
                to[first * dim..][..from.len()].copy_from_slice(from);
            }
        }
    }
}

/// Rows to a thread: whole tiles of the product where there are many.
fn part_len(n_rows: usize, n_threads: usize) -> usize {
    let rows = n_rows.div_ceil(n_threads.max(1)).max(MIN_ROWS);
    if rows > 16 {
        rows.next_multiple_of(8)
    } else {
        rows
    }
}
