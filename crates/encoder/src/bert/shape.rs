//! What every layer knows of the model, and the rows that go through it.

use crate::kernels::{Activation, Kernels};
use crate::tokenizer::tokens::Tokens;

/// What every layer knows of the model.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kernels: Kernels,
    pub(super) hidden: usize,
    pub(super) n_heads: usize,
    pub(super) head_dim: usize,
    pub(super) activation: Activation,
}

/// A layer in one of the two arithmetics.
pub(super) trait RunLayer {
    /// The memory that it works in.
    type Scratch;

    /// Runs the layer over all rows, in place.
    fn run(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &mut [f32],
        scratch: &mut Self::Scratch,
    );

    /// Runs the layer for the first row of each sequence, into `first_rows`.
    fn run_for_first(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        first_rows: &mut [f32],
        scratch: &mut Self::Scratch,
    );
}

/// Copies the first row of each sequence.
pub(super) fn copy_first_rows(
    sequences: &[&Tokens],
    hidden: usize,
    rows: &[f32],
    first_rows: &mut [f32],
) {
    let mut from = 0;
    for (sequence, first_row) in sequences.iter().zip(first_rows.chunks_exact_mut(hidden)) {
        first_row.copy_from_slice(&rows[from..from + hidden]);
        from += sequence.len() * hidden;
    }
}
