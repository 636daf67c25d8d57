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
