//! Changes to a search or an index, and what they would do for a place.

use reread_retrieval::{Mode, Refusal};

use crate::fold::Fold;

/// A change to the search or the index, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Remedy {
    /// What to change.
    pub change: Change,
    /// What comes of it.
    pub effect: Effect,
}

/// A change to the search or the index.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Return this many results.
    TopK(u32),
    /// Let the second pass read this many candidates.
    Depth(usize),
    /// Give the second pass this weight in the final score.
    RerankWeight(f32),
    /// Leave the second pass out.
    NoSecondPass,
    /// Give the search more time than its budget.
    Budget,
    /// Give the vectors this weight in the blend.
    DenseWeight(f32),
    /// Search in this mode.
    Mode(Mode),
    /// Let the cross-encoder read this many tokens of query and passage.
    PairTokens(usize),
    /// Cut documents into passages of at most this many tokens.
    PassageTokens(usize),
    /// Let a passage repeat this many tokens of the one before it.
    OverlapTokens(usize),
    /// Ask for no higher score than this.
    MinScore(f32),
    /// Fold passages in this way.
    Fold(Fold),
    /// Let this many passages of a document be results.
    PerDocument(usize),
    /// Take out what refuses the place.
    WithoutRefusal(Refusal),
    /// Take in files of this many bytes.
    MaxFileBytes(u64),
    /// Take in hidden files.
    Hidden,
    /// Take in files that an ignore file names.
    IgnoreFiles,
    /// Follow symbolic links.
    Links,
    /// Bring the index up to date.
    Refresh,
    /// Put other words into the query or the document.
    OtherWords,
}

/// What comes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The place then has this rank in the answer; this was tried, or follows from the definition.
    Rank(u32),
    /// Its passage then has this rank after the first pass, and is read; what the cross-encoder
    /// would make of it was not tried.
    Candidate(u32),
    /// It shows only when the index is built again.
    AfterIndexing,
    /// It was not tried.
    Untried,
}
