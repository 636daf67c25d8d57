//! The dense arm: the embeddings of one segment, and the two ways to search them.
//!
//! A [`DensePart`] reads the vectors where they are (mapped or owned) and copies none of them. It
//! searches by an exact scan ([`quantise`] makes what that needs), and by an HNSW [`Graph`] where
//! one was built. Scores are cosine similarities, higher is better: rows and query are normalised.

use std::sync::Arc;

use crate::{Error, Result, simd};

mod allowed;
mod graph;
mod scan;

pub use allowed::Allowed;
pub use graph::{Graph, GraphCheck, HnswOptions};
pub use scan::{Quantised, quantise};

/// Values that something else owns: a memory-mapped file, a vector.
pub type Shared<T> = Arc<dyn AsRef<[T]> + Send + Sync>;

/// The rows' 8-bit copies, as [`quantise`] makes them, wherever they are kept.
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

/// The way a search took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenseMethod {
    /// Every row was looked at: the hits are exact.
    Scan,
    /// The HNSW graph was followed: a few of the best rows may be missing.
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
        self.check_fits(&graph)?;
        self.graph = Some(graph);
        Ok(self)
    }

    fn check_fits(&self, graph: &Graph) -> Result<()> {
        if graph.len() != self.len() || graph.dim() != self.dim {
            return Err(Error::InvalidOption {
                option: "graph",
                value: format!("{} rows of {} values", graph.len(), graph.dim()),
                bound: "built from the same vectors",
            });
        }
        Ok(())
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        (*self.quantised.steps).as_ref().len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    fn rows(&self) -> scan::Rows<'_> {
        scan::Rows {
            dim: self.dim,
            vectors: (*self.vectors).as_ref(),
            values: (*self.quantised.values).as_ref(),
            steps: (*self.quantised.steps).as_ref(),
            max_error: self.quantised.max_error,
        }
    }
}

/// Checks that `rows` holds whole rows of `dim` finite values with an L2 norm of 1, within 1e-3.
///
/// # Errors
/// [`Error::BadEmbedding`], which names `model` and the first row that is not so.
pub fn validate_rows(model: &str, rows: &[f32], dim: usize) -> Result<()> {
    let bad = |problem| {
        Err(Error::BadEmbedding {
            model: model.to_owned(),
            problem,
        })
    };
    check_dim(dim)?;
    if !rows.len().is_multiple_of(dim) {
        return bad(format!("{} values are not whole rows of {dim}", rows.len()));
    }
    for (pos, row) in rows.chunks_exact(dim).enumerate() {
        if let Some(at) = row.iter().position(|value| !value.is_finite()) {
            return bad(format!("row {pos} holds {} at {at}", row[at]));
        }
        let squares: f64 = row
            .iter()
            .map(|value| f64::from(*value) * f64::from(*value))
            .sum();
        let norm = squares.sqrt();
        if (norm - 1.0).abs() > NORM_TOLERANCE {
            return bad(format!("row {pos} has a norm of {norm:.4}, not 1"));
        }
    }
    Ok(())
}

/// The instructions that this processor's dot products use: `avx512-vnni`, `avx2` or `scalar`.
pub fn instruction_set() -> &'static str {
    simd::name()
}

/// How far from 1 a row's norm may be. Normalising in f16 stays within it.
const NORM_TOLERANCE: f64 = 1e-3;

/// The largest norm that passes, with room for its own rounding.
const MAX_NORM: f32 = 1.0011;

/// The widest vectors whose int8 products fit 32 bits, whatever the values.
const MAX_DIM: usize = 65_536;

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

fn check_dim(dim: usize) -> Result<()> {
    if dim == 0 || dim > MAX_DIM {
        return Err(Error::InvalidOption {
            option: "dim",
            value: dim.to_string(),
            bound: "between 1 and 65536",
        });
    }
    Ok(())
}

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

/// Orders hits by score, descending, then by position, ascending.
fn by_score(left: (u32, f32), right: (u32, f32)) -> std::cmp::Ordering {
    right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Normalised rows around a few centres, the same for the same seed.
    pub(crate) fn clustered(n: usize, dim: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        };
        // The centres do not depend on the seed, so that queries fall among the rows.
        let centre = |cluster: usize, i: usize| ((cluster * 131 + i * i * 31) as f32).sin();
        let mut rows = Vec::with_capacity(n * dim);
        for _ in 0..n {
            let cluster = (next().abs() * 20.0) as usize;
            let mut row: Vec<f32> = (0..dim)
                .map(|i| centre(cluster, i) + 0.6 * next())
                .collect();
            normalise(&mut row);
            rows.extend(row);
        }
        rows
    }

    pub(crate) fn normalise(row: &mut [f32]) {
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in row {
            *value /= norm;
        }
    }

    /// The plain twin: every product in f32, sorted.
    pub(crate) fn exact(
        vectors: &[f32],
        query: &[f32],
        k: usize,
        allowed: impl Fn(u32) -> bool,
    ) -> Vec<(u32, f32)> {
        let rows = vectors.chunks_exact(query.len());
        let mut hits: Vec<(u32, f32)> = (0..)
            .zip(rows)
            .filter(|(pos, _)| allowed(*pos))
            .map(|(pos, row)| (pos, simd::dot_f32(query, row)))
            .collect();
        hits.sort_by(|a, b| by_score(*a, *b));
        hits.truncate(k);
        hits
    }

    pub(crate) fn part(vectors: &[f32], dim: usize) -> DensePart {
        let quantised = quantise(vectors, dim);
        DensePart::new("a model", dim, Arc::new(vectors.to_vec()), quantised).unwrap()
    }

    pub(crate) fn graph(vectors: &[f32], dim: usize) -> Graph {
        Graph::build(&part(vectors, dim), &HnswOptions::default(), &|_| true).unwrap()
    }

    /// One bit for each row that passes.
    pub(crate) fn bits(n: u32, passes: impl Fn(u32) -> bool) -> Vec<u64> {
        let mut bits = vec![0; n.div_ceil(64) as usize];
        for pos in (0..n).filter(|pos| passes(*pos)) {
            bits[pos as usize / 64] |= 1 << (pos % 64);
        }
        bits
    }

    #[test]
    fn the_graph_is_taken_unless_a_narrow_filter_or_exactness_asks_for_the_scan() {
        let vectors = clustered(500, 16, 1);
        let query = clustered(1, 16, 2);
        let search = DenseSearch::default();
        let scanned = part(&vectors, 16).search(&query, 5, &search).unwrap();
        assert_eq!(scanned.method, DenseMethod::Scan);

        let part = part(&vectors, 16).with_graph(graph(&vectors, 16)).unwrap();
        assert_eq!(
            part.search(&query, 5, &search).unwrap().method,
            DenseMethod::Graph
        );
        let exact = search.with_method(MethodChoice::Exact);
        assert_eq!(part.search(&query, 5, &exact).unwrap(), scanned);
        let not_the_first = bits(500, |pos| pos != scanned.hits[0].0);
        let filtered = search.with_allowed(Some(Allowed::new(&not_the_first, 0)));
        let narrow = part.search(&query, 4, &filtered).unwrap();
        assert_eq!(narrow.method, DenseMethod::Scan);
        assert_eq!(narrow.hits, scanned.hits[1..]);
        // With so narrow a beam the walk is shorter than the scan of what passes.
        let wide = part
            .search(&query, 4, &filtered.with_ef_search(Some(8)))
            .unwrap();
        assert_eq!(wide.method, DenseMethod::Graph);
        assert!(wide.hits.iter().all(|hit| hit.0 != scanned.hits[0].0));
    }

    #[test]
    fn graph_and_scan_give_a_row_the_same_score() {
        let vectors = clustered(2000, 40, 3);
        let part = part(&vectors, 40).with_graph(graph(&vectors, 40)).unwrap();
        let mut n_found = 0;
        for seed in 10..30 {
            let query = clustered(1, 40, seed);
            let search = DenseSearch::default();
            let by_graph = part.search(&query, 20, &search).unwrap();
            let by_scan = part
                .search(&query, 20, &search.with_method(MethodChoice::Exact))
                .unwrap();
            assert!(by_graph.hits.is_sorted_by(|a, b| by_score(*a, *b).is_lt()));
            n_found += by_graph
                .hits
                .iter()
                .filter(|hit| by_scan.hits.contains(hit))
                .count();
        }
        assert!(n_found >= 380, "{n_found} of 400");
    }

    #[test]
    fn an_unusable_query_is_refused() {
        let part = part(&clustered(10, 4, 5), 4);
        let refused = |query: &[f32]| {
            let error = part.search(query, 3, &DenseSearch::default()).unwrap_err();
            assert!(matches!(error, Error::BadEmbedding { .. }), "{error:?}");
            error.to_string()
        };
        assert!(refused(&[1.0, 0.0, 0.0]).contains("the query has 3 values"));
        assert!(refused(&[f32::NAN, 0.0, 0.0, 0.0]).contains("row 0 holds NaN at 0"));
        assert!(refused(&[1.0, 1.0, 0.0, 0.0]).contains("a norm of 1.4142"));
    }

    #[test]
    fn a_bad_row_is_named() {
        let mut rows = clustered(10, 8, 6);
        assert!(validate_rows("m", &rows, 8).is_ok());
        assert!(validate_rows("m", &[], 8).is_ok());
        assert!(validate_rows("m", &rows[1..], 8).is_err());
        rows[7 * 8 + 3] = f32::INFINITY;
        let message = validate_rows("m", &rows, 8).unwrap_err().to_string();
        assert!(message.contains("row 7 holds inf at 3"), "{message}");
        assert!(matches!(
            validate_rows("m", &[], 0),
            Err(Error::InvalidOption { .. })
        ));
    }

    #[test]
    fn parts_that_do_not_match_are_refused() {
        let vectors: Shared<f32> = Arc::new(clustered(10, 8, 7));
        let fewer = quantise(&(*vectors).as_ref()[8..], 8);
        let refused = DensePart::new("m", 8, vectors, fewer);
        assert!(matches!(
            refused,
            Err(Error::InvalidOption {
                option: "vectors",
                ..
            })
        ));
        let part = part(&clustered(10, 8, 7), 8);
        let refused = part.with_graph(graph(&clustered(11, 8, 7), 8));
        assert!(matches!(
            refused,
            Err(Error::InvalidOption {
                option: "graph",
                ..
            })
        ));
    }

    #[test]
    fn a_beam_out_of_bounds_is_refused() {
        let part = part(&clustered(10, 8, 7), 8);
        let query = clustered(1, 8, 8);
        for ef_search in [0, usize::MAX] {
            let search = DenseSearch::default().with_ef_search(Some(ef_search));
            let refused = part.search(&query, 3, &search);
            assert!(matches!(
                refused,
                Err(Error::InvalidOption {
                    option: "ef_search",
                    ..
                })
            ));
        }
    }

    #[test]
    fn more_hits_than_rows_gives_all_rows() {
        let vectors = clustered(300, 8, 10);
        let query = clustered(1, 8, 11);
        let part = part(&vectors, 8).with_graph(graph(&vectors, 8)).unwrap();
        for method in [MethodChoice::Exact, MethodChoice::Fastest] {
            let search = DenseSearch::default().with_method(method);
            let hits = part.search(&query, usize::MAX, &search).unwrap().hits;
            assert_eq!(hits, exact(&vectors, &query, 300, |_| true));
        }
    }

    #[test]
    fn an_empty_part_finds_nothing() {
        let part = part(&[], 8).with_graph(graph(&[], 8)).unwrap();
        let hits = part
            .search(&clustered(1, 8, 9), 3, &DenseSearch::default())
            .unwrap();
        assert_eq!(hits.hits, []);
        assert!(part.is_empty());
    }
}
