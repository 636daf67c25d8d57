//! What a search by the graph costs and finds, beside the exact scan.
//!
//! ```text
//! cargo bench -p reread-index --bench dense -- [OPTIONS] [NUMBER OF PASSAGES]...
//!   --vectors FILE   the `vectors` of a segment (docs/format.md), whose rows are taken; drawn if not given
//!   --queries FILE   another such file, whose rows become queries; all rows of the first are then searched
//!   --keep FOLDER    keeps rows, queries and graph there for `rivals.py`, and finds them again
//!   --scan           leaves out the graph
//!   --hnsw-rs        measures hnsw_rs's own search as well, which builds on its own
//!   --filters        measures filters of several widths
//! ```
//!
//! Of real vectors every so-many-th is taken out as a query, 500 in all. A graph is not built again where
//! FOLDER has one of as many rows, `graph-<rows>`, which may be a segment's. Drawn vectors: 384 values,
//! a mixture of 100 topics on the sphere. A topic is a centre and 96 directions of its own whose
//! weights fall off with a power law, and noise in all directions; the spread was chosen so that
//! the local intrinsic dimension around a query (maximum likelihood, 100 neighbours) comes out at
//! 25 to 30. Everything is drawn from one seed.
//!
//! Times are CPU time of one thread, so that other work on the machine matters little. Recall is
//! the share of the 100 closest rows, by f32 products of all rows, that a search returns.

// A bench is a program: its results go to standard output.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cpu_time::{ProcessTime, ThreadTime};
use reread_index::dense::{
    Allowed, DenseHits, DenseMethod, DensePart, DenseSearch, Graph, HnswOptions, MethodChoice,
    Steps, instruction_set, quantise,
};

#[path = "dense/hnsw_rs.rs"]
mod hnsw_rs;
#[path = "dense/mixture.rs"]
mod mixture;

const DIM: usize = 384;
const K: usize = 100;
const N_QUERIES: usize = 500;
const SIZES: [usize; 4] = [10_000, 50_000, 100_000, 200_000];
const BEAMS: [usize; 12] = [100, 110, 120, 140, 160, 180, 200, 250, 300, 400, 600, 1000];

/// What to measure.
#[derive(Default)]
struct Asked {
    sizes: Vec<usize>,
    vectors: Option<PathBuf>,
    queries: Option<PathBuf>,
    keep: Option<PathBuf>,
    scan_only: bool,
    hnsw_rs: bool,
    filters: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut asked = Asked::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--vectors" => asked.vectors = args.next().map(PathBuf::from),
            "--queries" => asked.queries = args.next().map(PathBuf::from),
            "--keep" => asked.keep = args.next().map(PathBuf::from),
            "--scan" => asked.scan_only = true,
            "--hnsw-rs" => asked.hnsw_rs = true,
            "--filters" => asked.filters = true,
            // `cargo bench` adds it.
            "--bench" => {}
            number => asked.sizes.push(number.parse()?),
        }
    }
    let all = asked.vectors.as_deref().map(read_vectors).transpose()?;
    let others = asked.queries.as_deref().map(read_vectors).transpose()?;
    if asked.sizes.is_empty() {
        let n_held_out = if others.is_some() { 0 } else { N_QUERIES };
        let len = all.as_ref().map(|all| all.len() / DIM - n_held_out);
        asked.sizes = len.map_or(SIZES.to_vec(), |len| vec![len]);
    }
    println!(
        "{DIM} values, k = {K}, {N_QUERIES} queries, {}",
        instruction_set()
    );
    println!(
        "{:>8} {:>24} {:>10} {:>12}",
        "passages", "search", "recall@100", "CPU ms/query"
    );
    for n in asked.sizes.clone() {
        let data = match (&all, &others) {
            (Some(all), Some(others)) => Data::beside(all, others, n),
            (Some(all), None) => Data::held_out(all, n),
            _ => Data::drawn(n),
        };
        measure(&asked, &data)?;
    }
    Ok(())
}

/// The rows of a `vectors` file, which follow its header.
fn read_vectors(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let values = bytes[64..].as_chunks::<4>().0;
    Ok(values
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect())
}

struct Data {
    rows: Vec<f32>,
    queries: Vec<f32>,
}

impl Data {
    fn drawn(n: usize) -> Self {
        let mut rows = mixture::mixture(n + N_QUERIES);
        let rest = rows.split_off(N_QUERIES * DIM);
        Data {
            rows: rest,
            queries: rows,
        }
    }

    /// The first rows, and queries that are not among them.
    fn beside(all: &[f32], others: &[f32], n: usize) -> Self {
        let every = (others.len() / DIM / N_QUERIES).max(1);
        let queries = others.chunks_exact(DIM).step_by(every).take(N_QUERIES);
        Data {
            rows: all.iter().take(n * DIM).copied().collect(),
            queries: queries.flatten().copied().collect(),
        }
    }

    /// The first rows, without those that become queries.
    fn held_out(all: &[f32], n: usize) -> Self {
        let n = n.min(all.len() / DIM - N_QUERIES);
        let every = (n + N_QUERIES) / N_QUERIES;
        let (mut rows, mut queries) = (Vec::with_capacity(n * DIM), Vec::new());
        for (pos, row) in all.chunks_exact(DIM).take(n + N_QUERIES).enumerate() {
            if pos % every == every / 2 && queries.len() < N_QUERIES * DIM {
                queries.extend(row);
            } else {
                rows.extend(row);
            }
        }
        rows.truncate(n * DIM);
        Data { rows, queries }
    }
}

fn measure(asked: &Asked, data: &Data) -> Result<(), Box<dyn Error>> {
    let n = data.rows.len() / DIM;
    let queries: Vec<&[f32]> = data.queries.chunks_exact(DIM).collect();
    let expected: Vec<Vec<(u32, f32)>> = queries
        .iter()
        .map(|query| closest(&data.rows, query))
        .collect();
    println!(
        "{n:>8} local intrinsic dimension {:.1}",
        intrinsic_dimension(&expected)
    );
    if let Some(folder) = &asked.keep {
        fs::create_dir_all(folder)?;
        let bytes = |values: &[f32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        fs::write(folder.join("rows.f32"), bytes(&data.rows))?;
        fs::write(folder.join("queries.f32"), bytes(&data.queries))?;
    }

    let before = Instant::now();
    let quantised = quantise(&data.rows, DIM);
    println!(
        "{n:>8} 8-bit copy made in {:.2} s",
        before.elapsed().as_secs_f32()
    );
    let part = DensePart::new("bench", DIM, Arc::new(data.rows.clone()), quantised)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let exact = DenseSearch::default().with_method(MethodChoice::Exact);
    let truth = Truth {
        n,
        queries,
        expected,
    };
    one_thread.install(|| truth.report("scan", &|query| search(&part, query, &exact)));
    if asked.hnsw_rs {
        hnsw_rs::measure(&data.rows, &truth);
    }
    if asked.scan_only {
        return Ok(());
    }

    let graph = graph(asked, &part)?;
    let part = part.with_graph(graph)?;
    let before = Instant::now();
    search(&part, truth.queries[0], &DenseSearch::default());
    println!(
        "{n:>8} first answer in {:.3} ms",
        before.elapsed().as_secs_f32() * 1e3
    );
    one_thread.install(|| {
        for beam in BEAMS {
            let by_graph = DenseSearch::default().with_ef_search(Some(beam));
            let name = format!("graph, ef_search {beam}");
            if truth.report(&name, &|query| search(&part, query, &by_graph)) >= 0.999 {
                break;
            }
        }
        if asked.filters {
            filters(&part, &truth);
        }
    });
    Ok(())
}

fn search(part: &DensePart, query: &[f32], search: &DenseSearch<'_>) -> Vec<u32> {
    let DenseHits { hits, method, .. } = part
        .search(query, K, search)
        .expect("the queries are normalised");
    let asked = search.method == MethodChoice::Exact;
    assert!(!asked || method == DenseMethod::Scan);
    hits.iter().map(|hit| hit.0).collect()
}

/// Builds a graph, writes it, maps it and says what each step took; or maps the one kept before.
fn graph(asked: &Asked, part: &DensePart) -> Result<Graph, Box<dyn Error>> {
    let n = part.len();
    let folder = tempfile::tempdir()?;
    let path = asked.keep.as_deref().unwrap_or(folder.path());
    let path = path.join(format!("graph-{n}"));
    if !path.exists() {
        let before = (ProcessTime::now(), Instant::now());
        let graph = part.build_graph(&HnswOptions::default(), &Steps::unwatched())?;
        println!(
            "{n:>8} graph of {} MB built in {:.1} CPU s ({:.1} s), {} rows lost, {} equal",
            graph.size_bytes() / 1_000_000,
            before.0.elapsed().as_secs_f32(),
            before.1.elapsed().as_secs_f32(),
            graph.n_lost(),
            graph.n_equal()
        );
        graph.write(&path)?;
    }
    let before = Instant::now();
    let graph = Graph::open(&path, n, DIM)?;
    println!(
        "{n:>8} graph opened in {:.3} ms",
        before.elapsed().as_secs_f32() * 1e3
    );
    Ok(graph)
}

/// Filters of several widths, every so-many-th row, by whichever way is taken and by the scan.
fn filters(part: &DensePart, truth: &Truth<'_>) {
    for every in [2, 5, 10, 20, 50, 100, 1000] {
        let mut bits = vec![0_u64; part.len().div_ceil(64)];
        for pos in (0..part.len()).step_by(every) {
            bits[pos / 64] |= 1 << (pos % 64);
        }
        let fastest = DenseSearch::default().with_allowed(Some(Allowed::new(&bits, 0)));
        let exact = fastest.with_method(MethodChoice::Exact);
        let expected = truth.queries.iter().map(|query| {
            let hits = part
                .search(query, K, &exact)
                .expect("the queries are normalised");
            hits.hits
        });
        let filtered = Truth {
            n: part.len(),
            queries: truth.queries.clone(),
            expected: expected.collect(),
        };
        let way = part
            .search(truth.queries[0], K, &fastest)
            .expect("the queries are normalised");
        let name = format!("1 in {every}, {:?}", way.method);
        filtered.report(&name, &|query| search(part, query, &fastest));
        filtered.report(&format!("1 in {every}, exact"), &|query| {
            search(part, query, &exact)
        });
    }
}

/// Queries, and what a search for them should find.
struct Truth<'a> {
    n: usize,
    queries: Vec<&'a [f32]>,
    expected: Vec<Vec<(u32, f32)>>,
}

impl Truth<'_> {
    /// Times the queries five times round, prints the median and returns the recall.
    fn report(&self, name: &str, search: &dyn Fn(&[f32]) -> Vec<u32>) -> f64 {
        let (mut n_found, mut n_expected) = (0, 0);
        for (query, expected) in self.queries.iter().zip(&self.expected) {
            let found = search(query);
            n_expected += expected.len();
            n_found += expected.iter().filter(|hit| found.contains(&hit.0)).count();
        }
        let round = |_| {
            let before = ThreadTime::now();
            for query in &self.queries {
                black_box(search(black_box(query)));
            }
            before.elapsed().as_secs_f64() * 1e3 / self.queries.len() as f64
        };
        let mut rounds: Vec<f64> = (0..5).map(round).collect();
        rounds.sort_by(f64::total_cmp);
        let ms = rounds[2];
        let recall = n_found as f64 / n_expected as f64;
        println!("{:>8} {name:>24} {recall:>10.4} {ms:>12.3}", self.n);
        recall
    }
}

/// The plain twin: every product, summed in order, sorted.
fn closest(rows: &[f32], query: &[f32]) -> Vec<(u32, f32)> {
    let dot = |row: &[f32]| {
        let mut lanes = [0.0_f32; 16];
        for (row, query) in row
            .as_chunks::<16>()
            .0
            .iter()
            .zip(query.as_chunks::<16>().0)
        {
            for lane in 0..16 {
                lanes[lane] += row[lane] * query[lane];
            }
        }
        lanes.iter().sum()
    };
    let mut hits: Vec<(u32, f32)> = (0..).zip(rows.chunks_exact(DIM).map(dot)).collect();
    hits.select_nth_unstable_by(K, |a, b| b.1.total_cmp(&a.1));
    hits.truncate(K);
    hits.sort_by(|a, b| b.1.total_cmp(&a.1));
    hits
}

/// Levina and Bickel 2004, equation 8, over the distances of each query's neighbours, averaged.
fn intrinsic_dimension(neighbours: &[Vec<(u32, f32)>]) -> f64 {
    let distance = |hit: &(u32, f32)| (2.0 - 2.0 * f64::from(hit.1)).max(1e-12).sqrt();
    let of_query = |hits: &Vec<(u32, f32)>| {
        let furthest = distance(&hits[K - 1]);
        let logs: f64 = hits[..K - 1]
            .iter()
            .map(|hit| (furthest / distance(hit)).ln())
            .sum();
        (K - 1) as f64 / logs
    };
    neighbours.iter().map(of_query).sum::<f64>() / neighbours.len() as f64
}
