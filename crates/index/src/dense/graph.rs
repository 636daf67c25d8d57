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
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hnsw_rs::prelude::{AnnT, Distance, Hnsw, HnswIo};
use rayon::prelude::*;

use super::{by_score, check_dim};
use crate::{Error, Result, simd};

/// How a graph is built. Stored with the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HnswOptions {
    /// Links per row and layer, twice as many in the lowest: between 2 and 128. 16 is what the
    /// figures below were measured with.
    pub m: usize,
    /// The beam width while building: between 1 and 10 000.
    pub ef_construction: usize,
    /// The number of passages from which a graph is built at all.
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

/// A file of a graph, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFile {
    /// Its name within the graph's folder.
    pub name: String,
    /// Its length.
    pub len_bytes: u64,
    /// The blake3 hash of its content.
    pub checksum: [u8; 32],
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

/// What is kept beside the graph.
#[derive(Debug, Default, PartialEq, Eq)]
struct Aside {
    /// `(row in the graph, row equal to it)`, ascending.
    equal: Vec<(u32, u32)>,
    /// Rows that the graph does not find, ascending.
    lost: Vec<u32>,
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
        let (distinct, equal) = distinct_rows(rows, dim);
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
        write(&aside, &self.encode_aside()).map_err(io_error("create", &aside))?;
        let mut names = vec![ASIDE];
        if let Some(hnsw) = &self.hnsw {
            // hnsw_rs panics where it cannot create a file and overwrites one that exists.
            for name in [LINKS, VECTORS] {
                let path = folder.join(name);
                File::create_new(&path).map_err(io_error("create", &path))?;
                names.push(name);
            }
            let written = hnsw.file_dump(folder, BASENAME);
            let written = written.map_err(|error| io::Error::other(error.to_string()));
            let basename = written.map_err(io_error("write", &folder.join(LINKS)))?;
            debug_assert_eq!(basename, BASENAME);
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
            verify(folder, file)?;
        }
        let aside_path = folder.join(ASIDE);
        let listed = |name: &str| files.iter().any(|file| file.name == name);
        if !listed(ASIDE) {
            return Err(damaged(&aside_path, 0, "it is not listed"));
        }
        let bytes = fs::read(&aside_path).map_err(io_error("read", &aside_path))?;
        let aside = decode_aside(&aside_path, &bytes, n, dim)?;
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
        let found = hnsw.search(query, k, ef_search.max(k));
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
        hits.sort_unstable_by(by_score);
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

    fn encode_aside(&self) -> Vec<u8> {
        let Aside { equal, lost } = &self.aside;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(HOST.to_le_bytes());
        bytes.extend((self.dim as u32).to_le_bytes());
        for count in [self.n, equal.len(), lost.len()] {
            bytes.extend((count as u32).to_le_bytes());
        }
        for (kept, left_out) in equal {
            bytes.extend(kept.to_le_bytes());
            bytes.extend(left_out.to_le_bytes());
        }
        lost.iter().for_each(|pos| bytes.extend(pos.to_le_bytes()));
        bytes
    }
}

const BASENAME: &str = "graph";
const LINKS: &str = "graph.hnsw.graph";
const VECTORS: &str = "graph.hnsw.data";
const ASIDE: &str = "graph.aside";

const MAGIC: [u8; 8] = *b"\x89RRgrf\r\n";
const VERSION: u32 = 1;

/// `hnsw_rs` writes numbers as they lie in memory: the byte order and the width of `usize`.
const HOST: u32 = if cfg!(target_endian = "little") {
    0
} else {
    1 << 16
} | usize::BITS;

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
    let is_lost = |pos: &u32| {
        let found = hnsw.search(row(rows, dim, *pos), EF_SELF, EF_SELF);
        !found
            .iter()
            .any(|neighbour| neighbour.d_id == *pos as usize)
    };
    let mut lost = Vec::new();
    for (batch, positions) in distinct.chunks(BATCH).enumerate() {
        if !go_on(batch * BATCH) {
            return Err(Error::Cancelled);
        }
        let found: Vec<u32> = positions.par_iter().copied().filter(is_lost).collect();
        lost.extend(found);
    }
    Ok(lost)
}

fn sync_and_sum(folder: &Path, name: &str) -> Result<GraphFile> {
    let path = folder.join(name);
    let summed = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .and_then(|file| {
            file.sync_all()?;
            checksum(&file)
        });
    let (len_bytes, checksum) = summed.map_err(io_error("write", &path))?;
    Ok(GraphFile {
        name: name.to_owned(),
        len_bytes,
        checksum,
    })
}

fn checksum(mut file: &File) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hasher.count(), hasher.finalize().into())),
            n => hasher.update(&buffer[..n]),
        };
    }
}

fn verify(folder: &Path, expected: &GraphFile) -> Result<()> {
    let path = folder.join(&expected.name);
    let file = File::open(&path).map_err(io_error("read", &path))?;
    let len_bytes = file.metadata().map_err(io_error("read", &path))?.len();
    if len_bytes != expected.len_bytes {
        let problem = format!("it has {len_bytes} bytes, not {}", expected.len_bytes);
        return Err(damaged(&path, len_bytes.min(expected.len_bytes), &problem));
    }
    let (_, checksum) = checksum(&file).map_err(io_error("read", &path))?;
    if checksum != expected.checksum {
        return Err(damaged(&path, 0, "the checksum does not match"));
    }
    Ok(())
}

/// Reads what [`Graph::encode_aside`] writes: magic, then u32 values, all little-endian.
fn decode_aside(path: &Path, bytes: &[u8], n: usize, dim: usize) -> Result<Aside> {
    let payload = bytes
        .strip_prefix(&MAGIC)
        .ok_or_else(|| damaged(path, 0, "it does not start like a file of a graph"))?;
    let (words, rest) = payload.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let [
        version,
        host,
        found_dim,
        found_n,
        n_equal,
        n_lost,
        positions @ ..,
    ] = &words[..]
    else {
        return Err(damaged(
            path,
            bytes.len() as u64,
            "it ends within its header",
        ));
    };
    if *version != VERSION {
        let (found, supported) = (*version, VERSION);
        return Err(Error::UnsupportedVersion {
            path: path.to_owned(),
            found,
            supported,
        });
    }
    if *host != HOST {
        return Err(damaged(
            path,
            12,
            "it was written on another kind of machine",
        ));
    }
    if (*found_dim as usize, *found_n as usize) != (dim, n) {
        return Err(damaged(path, 16, "it was built from other rows"));
    }
    let n_positions = u64::from(*n_equal) * 2 + u64::from(*n_lost);
    if positions.len() as u64 != n_positions || !rest.is_empty() {
        return Err(damaged(path, 24, "its counts do not match its length"));
    }
    let known = positions.iter().all(|pos| (*pos as usize) < n);
    if !known || (*n_equal as usize) > n.saturating_sub(1) {
        return Err(damaged(path, 32, "it names rows that do not exist"));
    }
    let (pairs, lost) = positions.split_at(*n_equal as usize * 2);
    let equal: Vec<(u32, u32)> = pairs
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[a, b]| (*a, *b))
        .collect();
    if !equal.is_sorted() || !lost.is_sorted() {
        return Err(damaged(path, 32, "its rows are out of order"));
    }
    Ok(Aside {
        equal,
        lost: lost.to_vec(),
    })
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

fn damaged(path: &Path, offset: u64, problem: &str) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        offset,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::dense::tests::{clustered, exact};

    fn build(rows: &[f32], dim: usize) -> Graph {
        Graph::build(rows, dim, &HnswOptions::default(), &|_| true).unwrap()
    }

    #[test]
    fn a_loaded_graph_finds_what_the_built_one_finds() {
        let mut rows = clustered(1500, 24, 1);
        rows.extend_from_within(..24 * 30);
        let mut built = build(&rows, 24);
        built.aside.lost = vec![3, 700];
        let folder = TempDir::new().unwrap();
        let files = built.dump(folder.path()).unwrap();
        let loaded = Graph::load(folder.path(), &files, 1530, 24).unwrap();
        assert_eq!(loaded.aside, built.aside);
        for seed in 2..20 {
            let query = clustered(1, 24, seed);
            let hits = built.search(&rows, &query, 20, 64);
            assert_eq!(hits.len(), 20);
            assert_eq!(loaded.search(&rows, &query, 20, 64), hits);
        }
    }

    #[test]
    fn every_row_finds_itself() {
        let rows = clustered(3000, 16, 3);
        let graph = build(&rows, 16);
        for pos in 0..3000 {
            let hits = graph.search(&rows, row(&rows, 16, pos), 50, 128);
            assert!(hits.iter().any(|hit| hit.0 == pos), "{pos}");
        }
    }

    #[test]
    fn a_row_that_the_graph_lost_is_found_all_the_same() {
        let rows = clustered(400, 16, 4);
        let graph = build(&rows, 16);
        // A graph of all rows but one stands for one that has lost it.
        let without_last = build(&rows[..399 * 16], 16);
        let lost = Aside {
            lost: vec![399],
            ..Aside::default()
        };
        let graph = Graph {
            hnsw: without_last.hnsw,
            aside: lost,
            ..graph
        };
        assert_eq!(graph.search(&rows, row(&rows, 16, 399), 1, 16)[0].0, 399);
        assert_eq!(graph.n_lost(), 1);
    }

    #[test]
    fn equal_rows_are_all_found_in_the_order_of_their_positions() {
        let mut rows = clustered(600, 16, 5);
        let copied = row(&rows, 16, 7).to_vec();
        rows.extend(copied.repeat(300));
        let graph = build(&rows, 16);
        assert_eq!(graph.n_equal(), 300);
        let hits = graph.search(&rows, &copied, 301, 400);
        let positions: Vec<u32> = hits.iter().map(|hit| hit.0).collect();
        assert_eq!(
            positions,
            [7].into_iter().chain(600..900).collect::<Vec<_>>()
        );
        assert_eq!(
            graph.search(&rows, &copied, 350, 400),
            exact(&rows, &copied, 350, |_| true)
        );
    }

    #[test]
    fn few_rows_and_none_are_built_written_and_read() {
        for n in [0, 1, 2, 5] {
            let rows = clustered(n, 8, 6);
            let folder = TempDir::new().unwrap();
            let files = build(&rows, 8).dump(folder.path()).unwrap();
            let loaded = Graph::load(folder.path(), &files, n, 8).unwrap();
            let query = clustered(1, 8, 7);
            assert_eq!(
                loaded.search(&rows, &query, 10, 32),
                exact(&rows, &query, 10, |_| true)
            );
            assert_eq!(loaded.search(&rows, &query, 0, 32), []);
        }
    }

    #[test]
    fn options_out_of_bounds_are_refused() {
        let options = HnswOptions::default();
        for bad in [
            options.with_m(1),
            options.with_m(257),
            options.with_ef_construction(0),
            options.with_ef_construction(usize::MAX),
        ] {
            let refused = Graph::build(&[1.0, 0.0], 2, &bad, &|_| true);
            assert!(
                matches!(refused, Err(Error::InvalidOption { .. })),
                "{bad:?}"
            );
        }
        let refused = Graph::build(&[1.0, 0.0], 0, &options, &|_| true);
        assert!(matches!(
            refused,
            Err(Error::InvalidOption { option: "dim", .. })
        ));
    }

    #[test]
    fn the_widest_and_narrowest_options_are_written_and_read() {
        let rows = clustered(300, 8, 8);
        for m in [2, 128] {
            let options = HnswOptions::default().with_m(m).with_ef_construction(20);
            let graph = Graph::build(&rows, 8, &options, &|_| true).unwrap();
            let folder = TempDir::new().unwrap();
            let files = graph.dump(folder.path()).unwrap();
            let loaded = Graph::load(folder.path(), &files, 300, 8).unwrap();
            let query = row(&rows, 8, 5);
            assert_eq!(
                loaded.search(&rows, query, 9, 64),
                graph.search(&rows, query, 9, 64)
            );
        }
    }

    #[test]
    fn a_build_stops_on_request() {
        let rows = clustered(6000, 8, 9);
        let options = HnswOptions::default().with_ef_construction(10);
        for stop_at in [0, 4000, 5000, 10_000] {
            let stopped = Graph::build(&rows, 8, &options, &|n_done| n_done < stop_at);
            assert!(matches!(stopped, Err(Error::Cancelled)), "{stop_at}");
        }
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let graph = build(&clustered(10, 8, 10), 8);
        for name in [ASIDE, LINKS, VECTORS] {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join(name), "kept").unwrap();
            let refused = graph.dump(folder.path());
            assert!(
                matches!(
                    refused,
                    Err(Error::Io {
                        action: "create",
                        ..
                    })
                ),
                "{name}"
            );
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"kept");
        }
        let refused = graph.dump(Path::new("/nowhere/at/all"));
        assert!(matches!(refused, Err(Error::Io { .. })));
    }

    #[test]
    fn a_damaged_file_is_reported_before_anything_reads_it() {
        let folder = TempDir::new().unwrap();
        let files = build(&clustered(20, 8, 11), 8).dump(folder.path()).unwrap();
        for file in &files {
            let path = folder.path().join(&file.name);
            let bytes = fs::read(&path).unwrap();
            let mut spoilt: Vec<Vec<u8>> = (0..bytes.len())
                .step_by(7)
                .map(|len| bytes[..len].to_vec())
                .collect();
            spoilt.extend((0..bytes.len()).step_by(5).map(|at| {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x10;
                flipped
            }));
            spoilt.push([&bytes[..], b"x"].concat());
            for content in spoilt {
                fs::write(&path, content).unwrap();
                let refused = Graph::load(folder.path(), &files, 20, 8);
                assert!(
                    matches!(refused, Err(Error::Damaged { .. })),
                    "{}",
                    file.name
                );
            }
            fs::remove_file(&path).unwrap();
            let refused = Graph::load(folder.path(), &files, 20, 8);
            assert!(
                matches!(refused, Err(Error::Io { action: "read", .. })),
                "{}",
                file.name
            );
            fs::write(&path, bytes).unwrap();
        }
        assert!(Graph::load(folder.path(), &files, 20, 8).is_ok());
    }

    #[test]
    fn a_graph_of_other_rows_is_refused() {
        let folder = TempDir::new().unwrap();
        let files = build(&clustered(20, 8, 12), 8).dump(folder.path()).unwrap();
        for (n, dim) in [(0, 8), (19, 8), (21, 8), (20, 4), (20, 0)] {
            let refused = Graph::load(folder.path(), &files, n, dim);
            assert!(
                matches!(refused, Err(Error::Damaged { .. })),
                "{n} rows of {dim}"
            );
        }
        for missing in 0..files.len() {
            let mut fewer = files.clone();
            fewer.remove(missing);
            let refused = Graph::load(folder.path(), &fewer, 20, 8);
            assert!(
                matches!(refused, Err(Error::Damaged { .. })),
                "without {missing}"
            );
        }
    }

    #[test]
    fn spoilt_notes_beside_a_graph_are_reported() {
        let mut rows = clustered(20, 8, 13);
        rows.extend_from_within(..16);
        let mut graph = build(&rows, 8);
        graph.aside.lost = vec![4];
        let bytes = graph.encode_aside();
        let path = Path::new(ASIDE);
        assert_eq!(decode_aside(path, &bytes, 22, 8).unwrap(), graph.aside);
        for len in 0..bytes.len() {
            let refused = decode_aside(path, &bytes[..len], 22, 8);
            assert!(
                matches!(refused, Err(Error::Damaged { .. })),
                "cut to {len}"
            );
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x80;
            let refused = decode_aside(path, &flipped, 22, 8);
            let version = (8..12).contains(&at);
            assert!(
                matches!(&refused, Err(Error::UnsupportedVersion { .. }) if version)
                    || matches!(&refused, Err(Error::Damaged { .. }) if !version),
                "flipped at {at}: {refused:?}"
            );
        }
    }
}
