//! What a first pass answers: passages with their places in its lists.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::fusion;
use crate::note::Note;
use crate::options::{Fusion, Mode, RetrieveOptions};
use crate::passage::{Passage, PassageKey};

/// A passage's place in one list: its score there, and its rank from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// The list's own score; never comparable with another list's.
    pub score: f32,
    /// Position in the list, from 1.
    pub rank: u32,
}

/// A passage with its score in one list.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The passage.
    pub passage: Passage,
    /// Its score; higher is better.
    pub score: f32,
}

/// A passage that leaves the first pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The passage.
    pub passage: Passage,
    /// Its fused score; higher is better.
    pub score: f32,
    /// Its rank among the candidates, from 1.
    pub rank: u32,
    /// Its place in the lexical list, by BM25, if it is on it.
    pub lexical: Option<Placed>,
    /// Its place in the dense list, by cosine similarity, if it is on it.
    pub dense: Option<Placed>,
}

/// What a first pass found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The best candidates, fused, best first, as many as the depth asks for at most.
    Fused(Vec<Candidate>),
    /// The two lists as they are, best first, each passage at most once in each, as long as
    /// [`RetrieveOptions::list_len`] says at most.
    Lists {
        /// By BM25; empty where it was not asked.
        lexical: Vec<Scored>,
        /// By vectors; empty where they were not asked.
        dense: Vec<Scored>,
    },
}

/// How the vectors of a search were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenseMethod {
    /// All of them were.
    Scan,
    /// The graph was followed, in one segment at least.
    Graph,
}

impl DenseMethod {
    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Graph => "graph",
        }
    }
}

/// The outcome of a first pass.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Retrieved {
    /// What was found.
    pub found: Found,
    /// How the vectors were searched, if they were and that is known.
    pub dense_method: Option<DenseMethod>,
    /// Length of the lexical list.
    pub n_lexical: usize,
    /// Length of the dense list.
    pub n_dense: usize,
    /// What the user should know about how the query was read.
    pub notes: Vec<Note>,
    /// Time spent on BM25.
    pub lexical_time: Duration,
    /// Time spent on the vectors, the query's embedding not included.
    pub dense_time: Duration,
}

impl Retrieved {
    /// An outcome that says nothing but what was found. How long the lists are is known where they are
    /// there; whoever fuses them says it itself.
    pub fn new(found: Found) -> Self {
        let (n_lexical, n_dense) = match &found {
            Found::Fused(_) => (0, 0),
            Found::Lists { lexical, dense } => (lexical.len(), dense.len()),
        };
        Self {
            found,
            dense_method: None,
            n_lexical,
            n_dense,
            notes: Vec::new(),
            lexical_time: Duration::ZERO,
            dense_time: Duration::ZERO,
        }
    }
}

impl Found {
    /// The candidates: those that came fused, or the two lists fused as the options say and cut to their
    /// depth.
    pub fn into_candidates(self, options: &RetrieveOptions) -> Vec<Candidate> {
        let (lexical, dense) = match self {
            Self::Fused(candidates) => return candidates,
            Self::Lists { lexical, dense } => (lexical, dense),
        };
        let keyed = |list: &[Scored]| -> Vec<(PassageKey, f32)> {
            let entries = list.iter();
            entries.map(|it| (it.passage.key, it.score)).collect()
        };
        let fused = fuse(&keyed(&lexical), &keyed(&dense), options);
        let mut passages: HashMap<PassageKey, Passage> = lexical
            .into_iter()
            .chain(dense)
            .map(|scored| (scored.passage.key, scored.passage))
            .collect();
        fused
            .into_iter()
            .filter_map(|fused| {
                Some(Candidate {
                    // A first pass that lists a passage twice, which it must not, is taken at its first word.
                    passage: passages.remove(&fused.id)?,
                    score: fused.score,
                    rank: fused.rank,
                    lexical: fused.lexical,
                    dense: fused.dense,
                })
            })
            .collect()
    }
}

/// Where passages stand in each arm, ranked through the whole index.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Arms {
    /// By BM25; without the passages that hold no word of the query. Empty if it was not asked.
    pub lexical: HashMap<PassageKey, Placed>,
    /// By cosine similarity, exactly. Empty if the vectors were not asked.
    pub dense: HashMap<PassageKey, Placed>,
}

/// An entry of two lists that were made one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused<Id> {
    /// What the lists rank.
    pub id: Id,
    /// Its fused score.
    pub score: f32,
    /// Its rank in the fused list, from 1.
    pub rank: u32,
    /// Its place in the lexical list.
    pub lexical: Option<Placed>,
    /// Its place in the dense list.
    pub dense: Option<Placed>,
}

/// Makes one list of two as mode and fusion say, and cuts it to the depth. Each list is sorted, best first.
pub fn fuse<Id: Copy + Ord + Hash>(
    lexical: &[(Id, f32)],
    dense: &[(Id, f32)],
    options: &RetrieveOptions,
) -> Vec<Fused<Id>> {
    let fused = match (options.mode, options.fusion) {
        (Mode::Lexical, _) => lexical.to_vec(),
        (Mode::Dense, _) => dense.to_vec(),
        (Mode::Hybrid, Fusion::Blend { dense_weight }) => {
            fusion::blend(dense, lexical, dense_weight)
        }
        (Mode::Hybrid, Fusion::Rrf { rrf_k }) => fusion::reciprocal_rank(dense, lexical, rrf_k),
    };
    let (of_words, of_vectors) = (places(lexical), places(dense));
    let entries = fused.into_iter().take(options.depth).zip(1..);
    entries
        .map(|((id, score), rank)| Fused {
            id,
            score,
            rank,
            lexical: of_words.get(&id).copied(),
            dense: of_vectors.get(&id).copied(),
        })
        .collect()
}

/// The place of each entry of a sorted list.
pub fn places<Id: Copy + Eq + Hash>(list: &[(Id, f32)]) -> HashMap<Id, Placed> {
    list.iter()
        .zip(1..)
        .map(|(&(id, score), rank)| (id, Placed { score, rank }))
        .collect()
}
