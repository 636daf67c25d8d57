//! How a graph is built, and from which size on.

use crate::{Error, Result};

/// How a graph is built. Given for each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HnswOptions {
    /// Links per row and layer, twice as many in the lowest: between 2 and 128. 16 and an
    /// `ef_construction` of 200 are the usual values, with which all figures here were measured.
    pub m: usize,
    /// The beam width while building: between 1 and 10 000.
    pub ef_construction: usize,
    /// The number of passages from which a graph is built at all.
    ///
    /// `benches/dense.rs`, passages of documentation, `k` 100, CPU time of one thread: the exact
    /// scan takes 0.28, 0.54 and 1.7 ms at 10, 20 and 67 thousand rows, a walk with the default
    /// beam 0.33 ms at 67 thousand and less below. The scan misses nothing, uses all threads and
    /// needs no build: hence 20 000.
    pub from_passages: usize,
}

impl Default for HnswOptions {
    fn default() -> Self {
        HnswOptions {
            m: 16,
            ef_construction: 200,
            from_passages: 20_000,
        }
    }
}

impl HnswOptions {
    /// Sets the links per row and layer.
    #[must_use]
    pub fn with_m(mut self, m: usize) -> Self {
        self.m = m;
        self
    }

    /// Sets the beam width while building.
    #[must_use]
    pub fn with_ef_construction(mut self, ef_construction: usize) -> Self {
        self.ef_construction = ef_construction;
        self
    }

    /// Sets the number of passages from which a graph is built.
    #[must_use]
    pub fn with_from_passages(mut self, from_passages: usize) -> Self {
        self.from_passages = from_passages;
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for the first option out of bounds.
    pub fn check(&self) -> Result<()> {
        if !(2..=128).contains(&self.m) {
            let value = self.m.to_string();
            return Err(Error::InvalidOption {
                option: "m",
                value,
                bound: "between 2 and 128",
            });
        }
        if !(1..=10_000).contains(&self.ef_construction) {
            return Err(Error::InvalidOption {
                option: "ef_construction",
                value: self.ef_construction.to_string(),
                bound: "between 1 and 10000",
            });
        }
        Ok(())
    }
}
