//! The first pass: asks BM25 and the vectors, fuses their answers, returns candidates.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::dense::{DenseMethod, DenseSearch, MethodChoice};
use crate::filter::{Filter, PassageSet};
use crate::fusion;
use crate::lexical::Query;
use crate::passage::PassageId;
use crate::snapshot::Snapshot;
use crate::{Error, Result, UnknownName};

/// How many passages each arm hands to the fusion, at least. The blend was measured at this depth
/// of list, and the minimum of a list, which the blend scales by, depends on it.
const LIST_LEN: usize = 100;

/// The deepest first pass that is allowed.
pub const MAX_DEPTH: usize = 10_000;

/// Which arms of the first pass are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// BM25 alone.
    Lexical,
    /// Vectors alone.
    Vector,
    /// Both, fused.
    #[default]
    Hybrid,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lexical, Self::Vector, Self::Hybrid];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Vector => "vector",
            Self::Hybrid => "hybrid",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("mode", &Self::ALL, Self::name, name)
    }
}

/// How the two lists become one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Fusion {
    /// Weighted sum of per-query min-max scores.
    Blend {
        /// The weight of the vectors, 0 to 1.
        dense_weight: f32,
    },
    /// Reciprocal rank fusion.
    Rrf {
        /// Added to every rank; larger values flatten the top.
        rrf_k: f32,
    },
}

impl Fusion {
    /// The weight of the vectors in the blend, unless another is given.
    pub const DEFAULT_DENSE_WEIGHT: f32 = 0.5;

    /// What reciprocal rank fusion adds to each rank, unless something else is given.
    pub const DEFAULT_RRF_K: f32 = 60.0;

    /// All of them, each with its default number.
    pub const ALL: [Self; 2] = [
        Self::Blend {
            dense_weight: Self::DEFAULT_DENSE_WEIGHT,
        },
        Self::Rrf {
            rrf_k: Self::DEFAULT_RRF_K,
        },
    ];

    /// The name, without the number.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blend { .. } => "blend",
            Self::Rrf { .. } => "rrf",
        }
    }
}

impl Default for Fusion {
    /// The blend with weight 0.5: it beat RRF with `rrf_k` 60 on every collection measured
    /// (`docs/performance.md`).
    fn default() -> Self {
        Self::Blend {
            dense_weight: Self::DEFAULT_DENSE_WEIGHT,
        }
    }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Fusion {
    type Err = UnknownName;

    /// Reads a name; the number is the default one.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("fusion", &Self::ALL, Self::name, name)
    }
}

/// Options of one first pass.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetrieveOptions {
    /// How many candidates are returned.
    pub depth: usize,
    /// Which arms are asked.
    pub mode: Mode,
    /// How the arms are fused.
    pub fusion: Fusion,
    /// Which documents may be returned; applied before anything is cut off.
    pub filter: Filter,
    /// Whether the vectors are scanned exactly even where there is a graph.
    pub exact: bool,
    /// The graph's query beam width; `None` chooses by depth.
    pub ef_search: Option<usize>,
}

impl Default for RetrieveOptions {
    fn default() -> Self {
        Self {
            depth: 20,
            mode: Mode::default(),
            fusion: Fusion::default(),
            filter: Filter::default(),
            exact: false,
            ef_search: None,
        }
    }
}

/// A passage's place in one list: its score there, and its rank from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// The list's own score; never comparable with another list's.
    pub score: f32,
    /// Position in the list, from 1.
    pub rank: u32,
}

/// A passage that leaves the first pass.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The passage.
    pub passage: PassageId,
    /// Its fused score; higher is better.
    pub score: f32,
    /// Its rank among the candidates, from 1.
    pub rank: u32,
    /// Its place in the BM25 list, if it is on it.
    pub bm25: Option<Placed>,
    /// Its place in the vector list (cosine similarity), if it is on it.
    pub vector: Option<Placed>,
}

/// The outcome of a first pass.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Retrieved {
    /// The best candidates: score descending, then passage ascending.
    pub candidates: Vec<Candidate>,
    /// How the vectors were searched, if they were.
    pub dense_method: Option<DenseMethod>,
    /// Length of the BM25 list that was fused.
    pub n_lexical: usize,
    /// Length of the vector list that was fused.
    pub n_dense: usize,
    /// What the user should know about how the query was read.
    pub warnings: Vec<String>,
    /// Time spent on BM25.
    pub lexical_time: Duration,
    /// Time spent on the vectors, the query's embedding not included.
    pub dense_time: Duration,
}

/// Where passages stand in each arm, ranked through the whole index.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Arms {
    /// By BM25; without the passages that hold no word of the query. Empty if it was not asked.
    pub bm25: HashMap<PassageId, Placed>,
    /// By cosine similarity, exactly. Empty if the vectors were not asked.
    pub vector: HashMap<PassageId, Placed>,
}

type Ranked = Vec<(PassageId, f32)>;

impl Snapshot {
    /// Returns the `depth` best candidates for a query. `query_vector` is its embedding, needed
    /// unless the mode is `Lexical`.
    ///
    /// The same snapshot, query and options give the same answer on every run.
    ///
    /// # Errors
    /// `InvalidOption` for options out of bounds, `BadEmbedding` for an unusable vector,
    /// `Damaged` and `Lexical` when the index cannot be read.
    pub fn retrieve(
        &self,
        query: &Query,
        query_vector: Option<&[f32]>,
        options: &RetrieveOptions,
    ) -> Result<Retrieved> {
        check(options)?;
        let list_len = options.depth.max(LIST_LEN);
        let mut retrieved = Retrieved::default();
        retrieved.warnings.extend(query.notes().iter().cloned());
        let allowed = self.allowed_for(query, &options.filter, &mut retrieved.warnings)?;

        let started = Instant::now();
        let lexical = match options.mode {
            Mode::Vector => Vec::new(),
            Mode::Lexical | Mode::Hybrid => self.lexical_list(query, list_len, allowed.as_ref())?,
        };
        retrieved.lexical_time = started.elapsed();

        let started = Instant::now();
        let dense = match (options.mode, query_vector) {
            (Mode::Lexical, _) => Vec::new(),
            (_, Some(vector)) => {
                let (list, method) =
                    self.dense_list(vector, list_len, options, allowed.as_ref())?;
                retrieved.dense_method = Some(method);
                list
            }
            (_, None) => {
                return Err(Error::BadEmbedding {
                    model: self.model().to_string(),
                    problem: "the query was not embedded".to_owned(),
                });
            }
        };
        retrieved.dense_time = started.elapsed();

        retrieved.n_lexical = lexical.len();
        retrieved.n_dense = dense.len();
        retrieved.candidates = fuse(&lexical, &dense, options);
        Ok(retrieved)
    }

    /// Ranks every passage that may be returned, in each arm that the mode asks: the same order as
    /// [`retrieve`](Self::retrieve)'s lists, to its end. The depth plays no part.
    ///
    /// Looks at every vector and keeps them all, which is for the question where one passage is.
    ///
    /// # Errors
    /// As for [`retrieve`](Self::retrieve).
    pub fn rank_all(
        &self,
        query: &Query,
        query_vector: Option<&[f32]>,
        options: &RetrieveOptions,
    ) -> Result<Arms> {
        let allowed = self.allowed_for(query, &options.filter, &mut Vec::new())?;
        let len = self.n_positions() as usize;
        let mut arms = Arms::default();
        if options.mode != Mode::Vector {
            arms.bm25 = places(&self.lexical_list(query, len, allowed.as_ref())?);
        }
        if let (Mode::Vector | Mode::Hybrid, Some(vector)) = (options.mode, query_vector) {
            let mut exact = options.clone();
            exact.exact = true;
            let (list, _) = self.dense_list(vector, len, &exact, allowed.as_ref())?;
            arms.vector = places(&list);
        }
        Ok(arms)
    }

    /// What filter, deletions and the query's own phrases and exclusions let pass.
    fn allowed_for(
        &self,
        query: &Query,
        filter: &Filter,
        warnings: &mut Vec<String>,
    ) -> Result<Option<PassageSet>> {
        let allowed = self.allowed(filter);
        let Some(constraint) = self.lexical().constraint(query)? else {
            return Ok(allowed);
        };
        warnings.extend(constraint.notes().iter().cloned());
        let mut passing = PassageSet::empty(self.n_positions());
        let keys = self.live_keys().filter(|(key, _)| constraint.allows(*key));
        for (_, passage) in keys {
            passing.insert(passage.0);
        }
        if let Some(allowed) = allowed {
            passing.intersect(&allowed);
        }
        Ok(Some(passing))
    }

    fn lexical_list(
        &self,
        query: &Query,
        len: usize,
        allowed: Option<&PassageSet>,
    ) -> Result<Ranked> {
        let passes = |key: u64| match (allowed, self.passage_of_key(key)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(allowed), Some(passage)) => allowed.contains(passage.0),
        };
        let filter: Option<&(dyn Fn(u64) -> bool + Sync)> = if allowed.is_some() {
            Some(&passes)
        } else {
            None
        };
        let found = self.lexical().search(query, len, filter)?;
        let mut list: Ranked = found
            .into_iter()
            .filter_map(|(key, score)| Some((self.passage_of_key(key)?, score)))
            .collect();
        sort_ranked(&mut list);
        Ok(list)
    }

    fn dense_list(
        &self,
        vector: &[f32],
        len: usize,
        options: &RetrieveOptions,
        allowed: Option<&PassageSet>,
    ) -> Result<(Ranked, DenseMethod)> {
        let mut list = Ranked::new();
        let mut way = DenseMethod::Scan;
        for open in self.segments() {
            let method = if options.exact {
                MethodChoice::Exact
            } else {
                MethodChoice::Fastest
            };
            let search = DenseSearch::default()
                .with_ef_search(options.ef_search)
                .with_method(method)
                .with_allowed(allowed.map(|allowed| allowed.from(open.base)));
            let hits = open.segment.search_dense(vector, len, &search)?;
            if hits.method == DenseMethod::Graph {
                way = DenseMethod::Graph;
            }
            list.extend(
                hits.hits
                    .into_iter()
                    .map(|(pos, score)| (PassageId(open.base + pos), score)),
            );
        }
        sort_ranked(&mut list);
        list.truncate(len);
        Ok((list, way))
    }
}

fn check(options: &RetrieveOptions) -> Result<()> {
    let invalid = |option, value: String, bound| {
        Err(Error::InvalidOption {
            option,
            value,
            bound,
        })
    };
    if !(1..=MAX_DEPTH).contains(&options.depth) {
        return invalid("depth", options.depth.to_string(), "between 1 and 10,000");
    }
    match options.fusion {
        Fusion::Blend { dense_weight } if !(0.0..=1.0).contains(&dense_weight) => {
            invalid("dense weight", dense_weight.to_string(), "between 0 and 1")
        }
        Fusion::Rrf { rrf_k } if !(rrf_k >= 0.0 && rrf_k.is_finite()) => {
            invalid("rrf-k", rrf_k.to_string(), "0 or more")
        }
        _ => Ok(()),
    }
}

/// Score descending, then passage ascending: the order is total.
fn sort_ranked(list: &mut Ranked) {
    list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

fn fuse(lexical: &Ranked, dense: &Ranked, options: &RetrieveOptions) -> Vec<Candidate> {
    let fused = match (options.mode, options.fusion) {
        (Mode::Lexical, _) => lexical.clone(),
        (Mode::Vector, _) => dense.clone(),
        (Mode::Hybrid, Fusion::Blend { dense_weight }) => {
            fusion::blend(dense, lexical, dense_weight)
        }
        (Mode::Hybrid, Fusion::Rrf { rrf_k }) => fusion::reciprocal_rank(dense, lexical, rrf_k),
    };
    let bm25 = places(lexical);
    let vector = places(dense);
    fused
        .into_iter()
        .take(options.depth)
        .zip(1..)
        .map(|((passage, score), rank)| Candidate {
            passage,
            score,
            rank,
            bm25: bm25.get(&passage).copied(),
            vector: vector.get(&passage).copied(),
        })
        .collect()
}

fn places(list: &Ranked) -> HashMap<PassageId, Placed> {
    list.iter()
        .zip(1..)
        .map(|(&(id, score), rank)| (id, Placed { score, rank }))
        .collect()
}
