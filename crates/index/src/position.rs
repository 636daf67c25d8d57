//! Positions in one snapshot, by which the index speaks of passages and documents inside.

use std::fmt;

/// A passage's position in one snapshot of the index, from 0.
///
/// Positions are dense: they count through the segments of a snapshot, deleted passages included. They
/// change from one generation of the index to the next, so they never leave this crate: outside, a
/// passage has its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PassageId(pub(crate) u32);

/// A document's position in one snapshot of the index, from 0, in the order of indexing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DocId(pub(crate) u32);

impl fmt::Display for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passage {}", self.0)
    }
}
