//! What stands between the two halves of a feed-forward layer.

use super::Kernels;
use super::aligned::Aligned;
use super::pointwise::Activation;
use super::quantised::{After, Int8Panels, QuantisedPart, QuantisedRows};

/// The memory for what stands between, kept from one block of rows to the next.
#[derive(Debug, Default)]
pub(crate) struct BetweenScratch {
    values: Aligned,
    #[cfg(target_arch = "x86_64")]
    pub(super) words: super::amx::WordScratch,
}

/// The first half, the activation, and the bytes or words for the second half.
pub(crate) struct Between<'a> {
    pub(crate) up: &'a Int8Panels,
    pub(crate) activation: Activation,
    pub(crate) rows: QuantisedPart<'a>,
    pub(crate) down: &'a Int8Panels,
    pub(crate) to: &'a mut QuantisedRows,
    pub(crate) scratch: &'a mut BetweenScratch,
}

impl Between<'_> {
    /// In values of 32 bits.
    pub(super) fn run(self, kernels: Kernels) {
        let values = self.scratch.values.of_len(self.rows.n_rows() * self.up.n());
        let after = After::Activate(self.activation);
        kernels.linear_int8(self.up, self.rows, after, values);
        kernels.quantise(values, self.down, self.to);
    }
}
