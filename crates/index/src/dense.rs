//! The dense arm: the embeddings of one segment, and the two ways to search them.
//!
//! A [`DensePart`] reads the vectors where they are (mapped or owned) and copies none of them. It
//! searches by an exact scan ([`quantise`] makes what that needs), and by an HNSW [`Graph`] where
//! one was built. Scores are cosine similarities, higher is better: rows and query are normalised.

pub use reread_retrieval::DenseMethod;

mod allowed;
mod graph;
mod part;
mod rows;
mod scan;
mod steps;

pub use allowed::Allowed;
pub use graph::{Graph, GraphCheck, HnswOptions};
pub use part::{DenseHits, DensePart, DenseSearch, MethodChoice, Shared, SharedQuantised};
pub use rows::validate_rows;
pub use scan::{Quantised, quantise};
pub use steps::Steps;

/// The instructions that this processor's dot products use: `avx512-vnni`, `avx2` or `scalar`.
pub fn instruction_set() -> &'static str {
    crate::simd::name()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::rows::by_score;
    use super::*;
    use crate::{Error, simd};

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
        part(vectors, dim)
            .build_graph(&HnswOptions::default(), &Steps::unwatched())
            .unwrap()
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
