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
    /// Its BM25 score, on the lexical list or beyond its end, where it is known.
    pub bm25: Option<f32>,
    /// What that is of the most that BM25 could give for the query, see [`fusion::share`].
    pub lexical_share: Option<f32>,
    /// Its cosine similarity, on the dense list or beyond its end, where it is known.
    pub cosine: Option<f32>,
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
        /// The most that the lexical list's scores could reach for this query, where that is known.
        lexical_ceiling: Option<f32>,
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
            Found::Lists { lexical, dense, .. } => (lexical.len(), dense.len()),
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
        let (lexical, dense, lexical_ceiling) = match self {
            Self::Fused(candidates) => return candidates,
            Self::Lists {
                lexical,
                dense,
                lexical_ceiling,
            } => (lexical, dense, lexical_ceiling),
        };
        let keyed = |list: &[Scored]| -> Vec<(PassageKey, f32)> {
            let entries = list.iter();
            entries.map(|it| (it.passage.key, it.score)).collect()
        };
        let lists = Lists {
            lexical: keyed(&lexical),
            dense: keyed(&dense),
            lexical_ceiling,
            ..Lists::default()
        };
        let fused = fuse(&lists, options);
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
                    bm25: fused.bm25,
                    lexical_share: fused.lexical_share,
                    cosine: fused.cosine,
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

/// What both arms found, before it is made one list. Each list is sorted, best first, with an entry once.
#[derive(Debug, Clone)]
pub struct Lists<Id> {
    /// By BM25; empty where it was not asked.
    pub lexical: Vec<(Id, f32)>,
    /// By cosine; empty where the vectors were not asked.
    pub dense: Vec<(Id, f32)>,
    /// BM25 of entries that only the dense list holds, as far as it is known.
    pub more_lexical: HashMap<Id, f32>,
    /// Cosines of entries that only the lexical list holds, as far as they are known.
    pub more_dense: HashMap<Id, f32>,
    /// The most that BM25 could give any passage for this query, where that is known.
    pub lexical_ceiling: Option<f32>,
}

impl<Id> Default for Lists<Id> {
    fn default() -> Self {
        Self {
            lexical: Vec::new(),
            dense: Vec::new(),
            more_lexical: HashMap::new(),
            more_dense: HashMap::new(),
            lexical_ceiling: None,
        }
    }
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
    /// Its BM25 score, where it is known.
    pub bm25: Option<f32>,
    /// What that is of the most there could be.
    pub lexical_share: Option<f32>,
    /// Its cosine, where it is known.
    pub cosine: Option<f32>,
}

/// Makes one list of two as mode and fusion say, and cuts it to the depth: score descending, then id
/// ascending.
///
/// The score of an entry follows from its own two scores alone, but for the fusion by ranks. A score that is
/// not known counts as the most that it can be: the least of the list that the entry is not on, or
/// nothing where that list holds everything there is.
pub fn fuse<Id: Copy + Ord + Hash>(lists: &Lists<Id>, options: &RetrieveOptions) -> Vec<Fused<Id>> {
    let mut fused = match (options.mode, options.fusion) {
        (Mode::Hybrid, Fusion::Rrf { rrf_k }) => {
            fusion::reciprocal_rank(&lists.dense, &lists.lexical, rrf_k)
        }
        (mode, fusion) => lists.blended(mode.dense_weight(fusion), options),
    };
    fused.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let (of_words, of_vectors) = (places(&lists.lexical), places(&lists.dense));
    let score = |placed: Option<&Placed>| placed.map(|placed| placed.score);
    let ceiling = lists.ceiling();
    let entries = fused.into_iter().take(options.depth).zip(1..);
    entries
        .map(|((id, fused), rank)| {
            let (lexical, dense) = (of_words.get(&id), of_vectors.get(&id));
            let bm25 = score(lexical).or_else(|| lists.more_lexical.get(&id).copied());
            Fused {
                id,
                score: fused,
                rank,
                lexical: lexical.copied(),
                dense: dense.copied(),
                bm25,
                lexical_share: bm25.map(|bm25| fusion::share(bm25, ceiling)),
                cosine: score(dense).or_else(|| lists.more_dense.get(&id).copied()),
            }
        })
        .collect()
}

impl<Id: Copy + Ord + Hash> Lists<Id> {
    /// Every entry with its blended score.
    fn blended(&self, dense_weight: f32, options: &RetrieveOptions) -> Vec<(Id, f32)> {
        let ceiling = self.ceiling();
        let least_lexical = least(&self.lexical, options.list_len()).unwrap_or(0.0);
        let least_dense = least(&self.dense, 0);
        let mut both: HashMap<Id, (Option<f32>, Option<f32>)> = HashMap::new();
        for &(id, score) in &self.lexical {
            both.entry(id).or_default().0 = Some(score);
        }
        for &(id, score) in &self.dense {
            both.entry(id).or_default().1 = Some(score);
        }
        let scored = both.into_iter().map(|(id, (lexical, dense))| {
            let lexical = lexical.or_else(|| self.more_lexical.get(&id).copied());
            let dense = dense.or_else(|| self.more_dense.get(&id).copied());
            let lexical = fusion::share(lexical.unwrap_or(least_lexical), ceiling);
            let dense = dense.or(least_dense);
            let dense = dense.map_or(0.0, |cosine| options.cosines.place(cosine));
            (id, fusion::blend(lexical, dense, dense_weight))
        });
        scored.collect()
    }

    /// What BM25 scores are divided by. Where the most that they can reach is not known, twice the best of
    /// them stands for it, as a good passage reaches about half of it.
    fn ceiling(&self) -> f32 {
        let best = self.lexical.first().map_or(0.0, |best| 2.0 * best.1);
        let ceiling = self.lexical_ceiling.unwrap_or(best);
        if ceiling > 0.0 { ceiling } else { 1.0 }
    }
}

/// The least score of a sorted list that holds `len` entries or more.
fn least<Id>(list: &[(Id, f32)], len: usize) -> Option<f32> {
    let worst = list.last().filter(|_| list.len() >= len);
    worst.map(|entry| entry.1)
}

/// The place of each entry of a sorted list.
pub fn places<Id: Copy + Eq + Hash>(list: &[(Id, f32)]) -> HashMap<Id, Placed> {
    list.iter()
        .zip(1..)
        .map(|(&(id, score), rank)| (id, Placed { score, rank }))
        .collect()
}
