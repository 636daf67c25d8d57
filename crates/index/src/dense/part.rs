//! The embeddings of one segment, and how a search chooses its way.

use std::sync::Arc;

use reread_retrieval::DenseMethod;

use super::allowed::Allowed;
use super::graph::{Graph, GraphCheck, HnswOptions};
use super::rows::{check_dim, validate_rows};
use super::scan::{self, Quantised, Rows};
use super::steps::Steps;
use crate::{Error, Result};

/// Values that something else owns: a memory-mapped file, a vector.
pub type Shared<T> = Arc<dyn AsRef<[T]> + Send + Sync>;

/// The rows' 8-bit copies, as [`quantise`](super::quantise) makes them, wherever they are kept.
#[derive(Clone)]
pub struct SharedQuantised {
    /// See [`Quantised::values`].
    pub values: Shared<i8>,
    /// See [`Quantised::steps`].
    pub steps: Shared<f32>,
    /// See [`Quantised::max_error`].
    pub max_error: f32,
}

impl From<Quantised> for SharedQuantised {
    fn from(quantised: Quantised) -> Self {
        SharedQuantised {
            values: Arc::new(quantised.values),
            steps: Arc::new(quantised.steps),
            max_error: quantised.max_error,
        }
    }
}

/// One segment's embeddings, searchable. Rows are numbered by position, from 0.
pub struct DensePart {
    model: String,
    dim: usize,
    vectors: Shared<f32>,
    quantised: SharedQuantised,
    graph: Option<Graph>,
}

/// How to search a [`DensePart`].
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct DenseSearch<'a> {
    /// The beam width in the graph; `None` takes what [`DenseSearch::ef_search_for`] says.
    pub ef_search: Option<usize>,
    /// How the search may find its rows.
    pub method: MethodChoice,
    /// Rows to consider, all if `None`. It acts before the cut to `k`.
    pub allowed: Option<Allowed<'a>>,
}

impl<'a> DenseSearch<'a> {
    /// Sets the beam width in the graph.
    #[must_use]
    pub fn with_ef_search(mut self, ef_search: Option<usize>) -> Self {
        self.ef_search = ef_search;
        self
    }

    /// Sets how the search may find its rows.
    #[must_use]
    pub fn with_method(mut self, method: MethodChoice) -> Self {
        self.method = method;
        self
    }

    /// Sets the filter.
    #[must_use]
    pub fn with_allowed(mut self, allowed: Option<Allowed<'a>>) -> Self {
        self.allowed = allowed;
        self
    }

    /// The beam width for `k` hits where none is given.
    pub fn ef_search_for(k: usize) -> usize {
        k.saturating_mul(EF_SEARCH_PER_HIT).max(LEAST_EF_SEARCH)
    }
}

/// Which ways a search may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MethodChoice {
    /// The graph where there is one and no narrow filter is given, the scan otherwise.
    #[default]
    Fastest,
    /// Always the scan, which misses nothing.
    Exact,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseHits {
    /// Positions and cosine similarities, best first, ties by position.
    pub hits: Vec<(u32, f32)>,
    /// The way the search took.
    pub method: DenseMethod,
}

impl DensePart {
    /// Puts together vectors (`[n, dim]`, row-major, normalised: see [`validate_rows`]) and their
    /// 8-bit copies. `model` names the embedding model in errors.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if `dim` is 0 or too wide, or if the lengths do not match.
    pub fn new(
        model: impl Into<String>,
        dim: usize,
        vectors: Shared<f32>,
        quantised: impl Into<SharedQuantised>,
    ) -> Result<Self> {
        let quantised = quantised.into();
        check_dim(dim)?;
        let n_values = (*vectors).as_ref().len();
        let n = (*quantised.steps).as_ref().len();
        let matching = n.checked_mul(dim) == Some(n_values)
            && (*quantised.values).as_ref().len() == n_values
            && u32::try_from(n).is_ok();
        if !matching {
            return Err(Error::InvalidOption {
                option: "vectors",
                value: format!("{n_values} values for {n} rows"),
                bound: "dim values in f32 and in 8 bits for each of at most 2^32 rows",
            });
        }
        Ok(DensePart {
            model: model.into(),
            dim,
            vectors,
            quantised,
            graph: None,
        })
    }

    /// Adds the graph of these vectors.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the graph was built from another number of rows or width.
    pub fn with_graph(mut self, graph: Graph) -> Result<Self> {
        graph.check_fits(self.rows())?;
        self.graph = Some(graph);
        Ok(self)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        (*self.quantised.steps).as_ref().len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Builds the graph of these rows, which [`validate_rows`] has passed, on rayon's current threads.
    ///
    /// `steps` is told the number of rows done, out of twice as many as there are: each is inserted
    /// and then searched for. The same rows and options give the same graph, whatever the number of
    /// threads.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], or [`Error::Cancelled`].
    pub fn build_graph(&self, options: &HnswOptions, steps: &Steps<'_>) -> Result<Graph> {
        Graph::build(self.rows(), options, steps)
    }

    /// Looks at every link of a graph of these rows, and searches for every row by it. `steps` is
    /// told the number of rows done.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the graph is one of other rows; [`Error::Cancelled`].
    pub fn check_graph(&self, graph: &Graph, steps: &Steps<'_>) -> Result<GraphCheck> {
        graph.check(self.rows(), steps)
    }

    /// The graph, where there is one.
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// Returns the `k` rows closest to `query`, best first, ties by position.
    ///
    /// The scan returns what f32 products of all rows would give, whatever the number of threads.
    /// It takes time in proportion to the rows, the graph hardly more for twice as many. A filter
    /// acts during either: the walk through the graph passes rows that may not be returned, and
    /// where few may, the scan looks at those alone. A row that holds what is not finite is damaged:
    /// if it is looked at in f32, it comes first and scores infinity.
    ///
    /// # Errors
    /// [`Error::BadEmbedding`] if `query` has another width than the rows, holds a value that is
    /// not finite or is not normalised; [`Error::InvalidOption`] for a beam width out of bounds.
    pub fn search(&self, query: &[f32], k: usize, search: &DenseSearch<'_>) -> Result<DenseHits> {
        if query.len() != self.dim {
            let problem = format!(
                "the query has {} values and the passages have {}",
                query.len(),
                self.dim
            );
            return Err(Error::BadEmbedding {
                model: self.model.clone(),
                problem,
            });
        }
        validate_rows(&self.model, query, self.dim)?;
        let k = k.min(self.len());
        let ef_search = check_ef_search(search.ef_search, k)?;
        if let Some(graph) = self
            .graph
            .as_ref()
            .filter(|_| self.graph_pays(search, ef_search))
        {
            let hits = graph.search(self.rows(), query, k, ef_search, search.allowed);
            return Ok(DenseHits {
                hits,
                method: DenseMethod::Graph,
            });
        }
        let hits = scan::scan(self.rows(), query, k, search.allowed);
        Ok(DenseHits {
            hits,
            method: DenseMethod::Scan,
        })
    }

    /// Whether the graph is taken, where there is one: not where a filter lets so few rows pass that
    /// to look at each of them is faster.
    ///
    /// A walk goes on until it has met `ef_search` rows that pass, so its length grows as the share
    /// of such rows shrinks, while the scan gets shorter.
    fn graph_pays(&self, search: &DenseSearch<'_>, ef_search: usize) -> bool {
        let n = self.len() as u64;
        let Some(allowed) = search.allowed else {
            return search.method == MethodChoice::Fastest;
        };
        let n_allowed = allowed.count(self.len()) as u64;
        let scanned = n_allowed.saturating_mul(n_allowed);
        let walked = (ef_search as u64)
            .saturating_mul(n)
            .saturating_mul(ROWS_PER_STEP);
        search.method == MethodChoice::Fastest && scanned > walked
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows {
            dim: self.dim,
            vectors: (*self.vectors).as_ref(),
            values: (*self.quantised.values).as_ref(),
            steps: (*self.quantised.steps).as_ref(),
            max_error: self.quantised.max_error,
        }
    }
}

/// For queries like the passages a beam of 200 finds 99.7 % of the best 100, one of 400 finds 99.9 %.
/// For queries unlike them (passages of other manuals, which none of the rows is close to) the
/// same beams find 97.3 % and 99.4 % (`docs/performance.md`), and short questions are unlike
/// passages. The wider one costs a seventh of a millisecond.
const EF_SEARCH_PER_HIT: usize = 4;

/// The narrowest beam taken where none is given, for the same reason.
const LEAST_EF_SEARCH: usize = 400;

/// How many rows the scan looks at in the time in which a walk gets one row further: about 20 with
/// AVX-512 VNNI and 10 with AVX2, with filters that let every other row through.
const ROWS_PER_STEP: u64 = 20;

const MAX_EF_SEARCH: usize = 1_000_000;

fn check_ef_search(ef_search: Option<usize>, k: usize) -> Result<usize> {
    match ef_search {
        None => Ok(DenseSearch::ef_search_for(k)),
        Some(ef_search) if (1..=MAX_EF_SEARCH).contains(&ef_search) => Ok(ef_search),
        Some(ef_search) => Err(Error::InvalidOption {
            option: "ef_search",
            value: ef_search.to_string(),
            bound: "between 1 and 1000000",
        }),
    }
}
