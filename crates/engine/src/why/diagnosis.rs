//! What became of a place in one search, in every detail.

use std::ops::RangeInclusive;

use reread_rerank::Stopped;
use reread_retrieval::{LeftOut, Passage, Placed, Refusal};

use super::change::Remedy;
use crate::fate::Fate;
use crate::reading::Reading;
use crate::result::Hit;
use crate::warning::Warning;

/// A document or lines of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A path in the indexed folder, or what results call the document.
    pub document: String,
    /// Its lines, from 1; `None` is the whole document, of which the best passage counts.
    pub lines: Option<RangeInclusive<u32>>,
}

/// What became of a place in one search.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Why {
    /// The query as it was given.
    pub query: String,
    /// The place as it was given.
    pub place: Place,
    /// What kept it from being shown, or that it was.
    pub cause: Cause,
    /// The passage that was followed: of those that hold the place the one that came furthest.
    pub passage: Option<Passage>,
    /// The passage of the same text that stood for it from fusion on, where it is another. It is what was
    /// read, and `stages` then say of it what they say of reading and of the answer.
    pub stand_in: Option<Passage>,
    /// Where this passage stood after each stage.
    pub stages: Stages,
    /// The results that stand above it, best first; all that are shown if it is not in the answer.
    pub above: Vec<Hit>,
    /// What would help, the most promising first.
    pub remedies: Vec<Remedy>,
    /// What the user should know: how query and place were read, or that the second pass failed.
    pub warnings: Vec<Warning>,
}

/// What kept a place from being shown.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing did: it is among the results.
    Shown,
    /// The cross-encoder read it, and the answer puts it below the results that are shown.
    PutDown,
    /// It is high enough to be shown, but its final score, the first number, is below the least one
    /// asked for, the second.
    BelowMinScore(f32, f32),
    /// Its text is shown: it is folded into the result of this rank, which stands for it.
    Folded {
        /// The rank of the result, from 1.
        rank: u32,
    },
    /// As many passages of its document as may be results stand above it.
    DocumentFull {
        /// How many may be.
        per_document: usize,
        /// How many passages of its document stand above it.
        n_above: usize,
    },
    /// The cross-encoder read its passage, but not as far as the place.
    CutOff,
    /// It was a candidate, and neither read nor high enough to be shown without.
    TooDeep,
    /// An arm had it on its list, and fusion put it behind all candidates.
    LostInFusion,
    /// No arm had it on its list.
    NotRetrieved,
    /// This keeps it out of every answer to this query.
    FilteredOut(Refusal),
    /// No passage holds all of it; these lines hold parts.
    CutApart(Vec<RangeInclusive<u32>>),
    /// The index does not hold it, for this reason.
    NotIndexed(LeftOut),
}

/// Where a passage stood after each stage; `None` where a stage did not have it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Stages {
    /// By BM25 in the whole index; the score is BM25's.
    pub lexical: Option<Placed>,
    /// By vectors in the whole index; the score is the cosine similarity.
    pub dense: Option<Placed>,
    /// After fusion, as deep as a first pass can look.
    pub first_pass: Option<Placed>,
    /// Among what the cross-encoder read; the score is its logit.
    pub cross_encoder: Option<Placed>,
    /// How likely it is relevant, where the search has a calibration.
    pub probability: Option<f32>,
    /// In the answer, beyond what is shown too.
    pub answer: Option<Placed>,
    /// How many passages BM25 ranks: those that hold a word of the query.
    pub n_lexical: usize,
    /// How many passages the vectors rank.
    pub n_dense: usize,
    /// How many candidates are told apart: at least as many as each arm hands to the fusion.
    pub pool: usize,
    /// How many candidates the second pass was to read.
    pub depth: usize,
    /// The least depth found to reach it, where the first pass reaches it at all.
    pub depth_needed: Option<usize>,
    /// How much of the passage the cross-encoder reads; `None` without a second pass.
    pub reading: Option<Reading>,
    /// Why the second pass read less than it was to, if it did.
    pub stopped: Option<Stopped>,
}

impl Why {
    pub(super) fn new(query: &str, place: &Place) -> Self {
        Self {
            query: query.to_owned(),
            place: place.clone(),
            cause: Cause::Shown,
            passage: None,
            stand_in: None,
            stages: Stages::default(),
            above: Vec::new(),
            remedies: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Cause {
    /// The cause in one word, for programs: that of its fate, but for a passage that is folded, which
    /// evaluations do not know.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Folded { .. } => "folded",
            cause => cause.fate().name(),
        }
    }

    /// The cause by the name that evaluations use.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Shown | Self::Folded { .. } => Fate::Found,
            Self::PutDown => Fate::PutDown,
            Self::CutOff => Fate::CutOff,
            Self::TooDeep => Fate::TooDeep,
            Self::LostInFusion => Fate::LostInFusion,
            Self::NotRetrieved => Fate::NotRetrieved,
            Self::FilteredOut(_) | Self::DocumentFull { .. } | Self::BelowMinScore(..) => {
                Fate::FilteredOut
            }
            Self::CutApart(_) => Fate::CutApart,
            Self::NotIndexed(_) => Fate::NotIndexed,
        }
    }
}
