//! The HNSW graph. The only file that names `hnsw_rs`, and where its hazards are guarded.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", arXiv:1603.09320, as `hnsw_rs` implements it.
//! What is added here:
//!
//! - Rows that are equal bit for bit are inserted once and expanded after a search: copies link to
//!   each other and cut themselves off from the rest.
//! - After a build each row is searched for. The few that the graph does not find (`hnsw_rs`
//!   issues 32 and 37) are kept in a list that every search looks through, so each row can be
//!   found.
//! - `hnsw_rs` ends the process for more than 256 links and for a data file that ends early,
//!   panics on a NaN distance, and fails assertions on damaged files. So options are checked
//!   first, the distance is our own and never NaN for rows that `validate_rows` has passed, and a
//!   file is loaded only after its length and checksum have been found as they were written.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use hnsw_rs::prelude::{AnnT, Distance, Hnsw, HnswIo};
use rayon::prelude::*;

use super::{by_score, check_dim};
use crate::{Error, Result, simd};

mod files;

pub use files::GraphFile;
use files::{Aside, damaged, io_error, sync_and_sum, verify};

/// How a graph is built. Given for each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HnswOptions {
    /// Links per row and layer, twice as many in the lowest: between 2 and 128. 16 and an
    /// `ef_construction` of 200 are the usual values, with which all figures here were measured.
    pub m: usize,
    /// The beam width while building: between 1 and 10 000.
    pub ef_construction: usize,
    /// The number of passages from which a graph is built at all.
    ///
    /// `benches/dense.rs`, 384 values, `k` 100, CPU time of one thread on an AVX-512 server: the
    /// exact scan takes 0.3, 1.4, 2.8 and 5.3 ms at 10, 50, 100 and 200 thousand rows. The graph
    /// takes 2.6 ms at 10 thousand (recall 0.991) and 3.7 ms at 50 thousand (0.999), and 155 s to
    /// build there. The lines meet between 150 and 200 thousand (extrapolated), and the scan uses
    /// all threads, misses nothing and has nothing to load: hence 200 000.
    pub from_passages: usize,
}

impl Default for HnswOptions {
    fn default() -> Self {
        HnswOptions {
            m: 16,
            ef_construction: 200,
            from_passages: 200_000,
        }
    }
}

impl HnswOptions {
    /// Sets the links per row and layer.
    #[must_use]
    pub fn with_m(mut self, m: usize) -> Self {
        self.m = m;
        self
    }

    /// Sets the beam width while building.
    #[must_use]
    pub fn with_ef_construction(mut self, ef_construction: usize) -> Self {
        self.ef_construction = ef_construction;
        self
    }

    /// Sets the number of passages from which a graph is built.
    #[must_use]
    pub fn with_from_passages(mut self, from_passages: usize) -> Self {
        self.from_passages = from_passages;
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for the first option out of bounds.
    pub fn check(&self) -> Result<()> {
        if !(2..=128).contains(&self.m) {
            let value = self.m.to_string();
            return Err(Error::InvalidOption {
                option: "m",
                value,
                bound: "between 2 and 128",
            });
        }
        if !(1..=10_000).contains(&self.ef_construction) {
            return Err(Error::InvalidOption {
                option: "ef_construction",
                value: self.ef_construction.to_string(),
                bound: "between 1 and 10000",
            });
        }
        Ok(())
    }
}

/// An HNSW graph over the rows of one segment.
///
/// It holds a copy of the vectors on the heap (about 4 KB a row of 384 values, links included).
pub struct Graph {
    dim: usize,
    n: usize,
    /// `None` over no rows, which `hnsw_rs` can neither write nor read.
    hnsw: Option<Hnsw<'static, f32, CosineDistance>>,
    aside: Aside,
}

impl Graph {
    /// Builds the graph of `rows` (`[n, dim]`, row-major, passed by
    /// [`validate_rows`](super::validate_rows)) on rayon's current threads.
    ///
    /// `go_on` is asked now and then with the number of rows done, out of twice `n`: each is
    /// inserted and then searched for. Rows are handed to the threads in order; the links still
    /// depend on how the threads interleave, unless there is but one.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], or [`Error::Cancelled`] when `go_on` answers `false`.
    pub fn build(
        rows: &[f32],
        dim: usize,
        options: &HnswOptions,
        go_on: &dyn Fn(usize) -> bool,
    ) -> Result<Graph> {
        options.check()?;
        check_dim(dim)?;
        let n = rows.len() / dim;
        let (mut distinct, equal) = distinct_rows(rows, dim);
        // Neighbours in a document are alike, and rows that go in at the same time do not see each
        // other: multiples of the golden ratio scatter them.
        distinct.sort_by_key(|pos| pos.wrapping_mul(0x9E37_79B1));
        if distinct.is_empty() {
            return Ok(Graph {
                dim,
                n,
                hnsw: None,
                aside: Aside::default(),
            });
        }
        let hnsw = Hnsw::new(
            options.m,
            distinct.len(),
            N_LAYERS,
            options.ef_construction,
            CosineDistance,
        );
        // The first rows go in one by one: threads that start on an empty graph at the same time
        // would each insert a row without links.
        let (first, rest) = distinct.split_at(distinct.len().min(BATCH / 8));
        for pos in first {
            hnsw.insert_slice((row(rows, dim, *pos), *pos as usize));
        }
        for (batch, positions) in rest.chunks(BATCH).enumerate() {
            if !go_on(first.len() + batch * BATCH) {
                return Err(Error::Cancelled);
            }
            let batch = positions
                .iter()
                .map(|pos| (row(rows, dim, *pos), *pos as usize));
            hnsw.parallel_insert_slice(&batch.collect());
        }
        let lost = lost_rows(&hnsw, rows, dim, &distinct, &|n_done| go_on(n + n_done))?;
        Ok(Graph {
            dim,
            n,
            hnsw: Some(hnsw),
            aside: Aside { equal, lost },
        })
    }

    /// Writes the graph to new files in `folder`, which exists, and syncs them.
    ///
    /// The format is `hnsw_rs`'s own (host byte order, with a copy of the vectors), beside one
    /// small file of ours. The returned list is what [`Graph::load`] needs; the caller stores it.
    ///
    /// # Errors
    /// [`Error::Io`], also where one of the files exists.
    pub fn dump(&self, folder: &Path) -> Result<Vec<GraphFile>> {
        let aside = folder.join(ASIDE);
        let write = |path: &Path, bytes: &[u8]| {
            let mut file = File::create_new(path)?;
            io::Write::write_all(&mut file, bytes)
        };
        write(&aside, &self.aside.encode(self.n, self.dim)).map_err(io_error("create", &aside))?;
        let mut names = vec![ASIDE];
        if let Some(hnsw) = &self.hnsw {
            // hnsw_rs panics where it cannot create a file, overwrites one that exists, and picks
            // another name beside one if the graph was loaded. So it finds none, and could create.
            for name in [LINKS, VECTORS] {
                let path = folder.join(name);
                File::create_new(&path).map_err(io_error("create", &path))?;
                fs::remove_file(&path).map_err(io_error("create", &path))?;
                names.push(name);
            }
            let written = hnsw.file_dump(folder, BASENAME);
            let written = written.map_err(|error| io::Error::other(error.to_string()));
            written.map_err(io_error("write", &folder.join(LINKS)))?;
        }
        names
            .into_iter()
            .map(|name| sync_and_sum(folder, name))
            .collect()
    }

    /// Loads the graph of `n` rows of `dim` values from `folder`, once its files have proved to be
    /// those that [`Graph::dump`] wrote. Reads each file twice.
    ///
    /// `hnsw_rs` ties a graph to the loader that read it, so the loader (some hundred bytes) is
    /// never freed: a process loses that much each time it opens a graph.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] for a file that is not as it was written, or that belongs
    /// to other rows; [`Error::UnsupportedVersion`].
    pub fn load(folder: &Path, files: &[GraphFile], n: usize, dim: usize) -> Result<Graph> {
        for file in files {
            if ![ASIDE, LINKS, VECTORS].contains(&file.name.as_str()) {
                let path = folder.join(&file.name);
                return Err(damaged(&path, 0, "it is no file of a graph"));
            }
            verify(folder, file)?;
        }
        let aside_path = folder.join(ASIDE);
        let listed = |name: &str| files.iter().any(|file| file.name == name);
        if !listed(ASIDE) {
            return Err(damaged(&aside_path, 0, "it is not listed"));
        }
        let bytes = fs::read(&aside_path).map_err(io_error("read", &aside_path))?;
        let aside = Aside::decode(&aside_path, &bytes, n, dim)?;
        if n == 0 {
            return Ok(Graph {
                dim,
                n,
                hnsw: None,
                aside,
            });
        }
        let links = folder.join(LINKS);
        if !listed(LINKS) || !listed(VECTORS) {
            return Err(damaged(&links, 0, "it or its vectors are not listed"));
        }
        let loader = Box::leak(Box::new(HnswIo::new(folder, BASENAME)));
        let hnsw: Hnsw<'static, f32, CosineDistance> = loader
            .load_hnsw()
            .map_err(|error| damaged(&links, 0, &format!("hnsw_rs does not read it: {error}")))?;
        let n_distinct = n - aside.equal.len();
        let indexed = hnsw.get_point_indexation();
        if indexed.get_nb_point() != n_distinct || indexed.get_data_dimension() != dim {
            return Err(damaged(&links, 0, "it was built from other rows"));
        }
        Ok(Graph {
            dim,
            n,
            hnsw: Some(hnsw),
            aside,
        })
    }

    /// The number of rows it was built from.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether it was built from no rows.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The width of the rows.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The number of rows that did not find themselves after the build, and that every search
    /// looks at one by one.
    pub fn n_lost(&self) -> usize {
        self.aside.lost.len()
    }

    /// The number of rows left out because an equal one is in the graph.
    pub fn n_equal(&self) -> usize {
        self.aside.equal.len()
    }

    /// Returns about the `k` best rows, best first, ties by position, with products computed from
    /// `rows`. `query` is finite, and as wide as the rows.
    pub(super) fn search(
        &self,
        rows: &[f32],
        query: &[f32],
        k: usize,
        ef_search: usize,
    ) -> Vec<(u32, f32)> {
        let Some(hnsw) = self.hnsw.as_ref().filter(|_| k > 0) else {
            return Vec::new();
        };
        let k = k.min(self.n);
        let found = hnsw.search(query, k, ef_search.min(self.n).max(k));
        let found = found.into_iter().map(|neighbour| neighbour.d_id as u32);
        let mut positions: Vec<u32> = found.filter(|pos| (*pos as usize) < self.n).collect();
        positions.extend_from_slice(&self.aside.lost);
        let n_distinct = positions.len();
        for i in 0..n_distinct {
            positions.extend(self.equal_to(positions[i]));
        }
        positions.sort_unstable();
        positions.dedup();
        let score = |pos: u32| (pos, simd::dot_f32(query, row(rows, self.dim, pos)));
        let mut hits: Vec<(u32, f32)> = positions.into_iter().map(score).collect();
        hits.sort_unstable_by(|a, b| by_score(*a, *b));
        hits.truncate(k);
        hits
    }

    fn equal_to(&self, pos: u32) -> impl Iterator<Item = u32> {
        let start = self.aside.equal.partition_point(|pair| pair.0 < pos);
        self.aside.equal[start..]
            .iter()
            .take_while(move |pair| pair.0 == pos)
            .map(|pair| pair.1)
    }
}

const BASENAME: &str = "graph";
const LINKS: &str = "graph.hnsw.graph";
const VECTORS: &str = "graph.hnsw.data";
const ASIDE: &str = "graph.aside";

/// The only number of layers that `hnsw_rs` can write to a file.
const N_LAYERS: usize = 16;

/// Rows inserted between two looks at `go_on`.
const BATCH: usize = 4096;

/// The beam width with which a row looks for itself.
const EF_SELF: usize = 128;

/// `1 - dot`, never below 0. The rows are normalised, so this is the cosine distance.
///
/// Its name is part of the file: renaming it makes written graphs unreadable.
#[derive(Debug, Default, Clone, Copy)]
struct CosineDistance;

impl Distance<f32> for CosineDistance {
    fn eval(&self, left: &[f32], right: &[f32]) -> f32 {
        // `max` also turns a NaN into 0, so that no comparison can panic.
        (1.0 - simd::dot_f32(left, right)).max(0.0)
    }
}

fn row(rows: &[f32], dim: usize, pos: u32) -> &[f32] {
    &rows[pos as usize * dim..][..dim]
}

/// Splits the rows into the first of each and the pairs of a first and one equal to it.
fn distinct_rows(rows: &[f32], dim: usize) -> (Vec<u32>, Vec<(u32, u32)>) {
    let sums: Vec<blake3::Hash> = rows
        .par_chunks_exact(dim)
        .map(|row| {
            let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
            blake3::hash(&bytes)
        })
        .collect();
    let mut firsts = HashMap::with_capacity(sums.len());
    let (mut distinct, mut equal) = (Vec::new(), Vec::new());
    for (pos, sum) in (0..).zip(sums) {
        let first = *firsts.entry(sum).or_insert(pos);
        if first == pos {
            distinct.push(pos);
        } else {
            equal.push((first, pos));
        }
    }
    equal.sort_unstable();
    (distinct, equal)
}

/// Searches for each row and returns those that are not among what is found.
fn lost_rows(
    hnsw: &Hnsw<'static, f32, CosineDistance>,
    rows: &[f32],
    dim: usize,
    distinct: &[u32],
    go_on: &dyn Fn(usize) -> bool,
) -> Result<Vec<u32>> {
    let finds_itself = |pos: u32, beam| {
        let found = hnsw.search(row(rows, dim, pos), beam, beam);
        found.iter().any(|neighbour| neighbour.d_id == pos as usize)
    };
    // Nearly every row is found by a narrow beam, at a quarter of the cost.
    let is_lost = |pos: &u32| !finds_itself(*pos, EF_SELF / 4) && !finds_itself(*pos, EF_SELF);
    let mut lost = Vec::new();
    for (batch, positions) in distinct.chunks(BATCH).enumerate() {
        if !go_on(batch * BATCH) {
            return Err(Error::Cancelled);
        }
        let found: Vec<u32> = positions.par_iter().copied().filter(is_lost).collect();
        lost.extend(found);
    }
    lost.sort_unstable();
    Ok(lost)
}

#[cfg(test)]
mod tests;
