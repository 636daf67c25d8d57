//! What is to be run.

use crate::bert::int8::Layer;
use crate::bert::shape::Shape;
use crate::tokenizer::tokens::Tokens;

/// The layers of one pass over one sequence.
pub(in crate::bert) struct Split<'a> {
    pub(in crate::bert) shape: &'a Shape,
    pub(in crate::bert) sequence: &'a Tokens,
    pub(in crate::bert) n_threads: usize,
    /// The layers that run for all rows.
    pub(in crate::bert) full: &'a [Layer],
    /// The layer after them, which runs for the first row only.
    pub(in crate::bert) last: Option<&'a Layer>,
}
