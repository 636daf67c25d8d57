//! What stands between the two halves of a feed-forward layer.

use super::aligned::Aligned;
use super::pointwise::Activation;
use super::quantised::{Int8Panels, QuantisedPart, QuantisedRows};

/// The first half, the activation, and the bytes or words for the second half.
pub(crate) struct Between<'a> {
    pub(crate) up: &'a Int8Panels,
    pub(crate) activation: Activation,
    pub(crate) rows: QuantisedPart<'a>,
    pub(crate) down: &'a Int8Panels,
    pub(crate) to: &'a mut QuantisedRows,
    pub(crate) scratch: &'a mut Activated,
}

/// Some columns of the first half after the activation, in values or in words; kept from one block of
/// rows to the next.
#[derive(Debug, Default)]
pub(crate) struct Activated {
    /// `[rows, columns]`.
    pub(super) values: Aligned,
    pub(super) n_rows: usize,
    pub(super) n_columns: usize,
    #[cfg(target_arch = "x86_64")]
    pub(super) words: super::words::GeluWords,
}

impl Activated {
    /// Makes room for this many values.
    pub(super) fn values_of(&mut self, n_rows: usize, n_columns: usize) -> &mut [f32] {
        (self.n_rows, self.n_columns) = (n_rows, n_columns);
        self.values.of_len(n_rows * n_columns)
    }

    /// Puts the columns of all `parts` beside each other; they are as many as `n_columns`.
    pub(super) fn join_values<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a Self>,
        n_columns: usize,
    ) {
        let mut first = 0;
        for part in parts {
            let joined = self.values_of(part.n_rows, n_columns);
            let rows = part.values.chunks_exact(part.n_columns);
            for (to, from) in joined.chunks_exact_mut(n_columns).zip(rows) {
                to[first..first + part.n_columns].copy_from_slice(from);
            }
            first += part.n_columns;
        }
    }
}
