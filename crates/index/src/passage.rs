//! Passages: the units that are indexed and scored.

use std::fmt;

/// A passage's position in one snapshot of the index, from 0.
///
/// Ids are dense: a snapshot with `n` passages uses `0..n`. They change from one generation of the
/// index to the next, so they are never stored outside a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageId(pub u32);

/// A document's position in one snapshot of the index, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocId(pub u32);

impl fmt::Display for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passage {}", self.0)
    }
}
