//! From how many passages on is the HNSW graph faster than the exact scan, at equal quality?
//!
//! ```text
//! cargo bench -p reread-index --bench dense -- [scan] [NUMBER OF PASSAGES]...
//! ```
//!
//! `scan` leaves out the graph, which takes minutes to build.
//!
//! Vectors: 384 values, a mixture of 100 topics on the sphere. A topic is a centre and 96
//! directions of its own whose weights fall off with a power law, and noise in all directions;
//! the spread was chosen so that the local intrinsic dimension around a query (maximum likelihood,
//! 100 neighbours) comes out at 25 to 30 as it does for embeddings of real text. Uniform random
//! vectors would be unfair to a graph, vectors of a few dimensions to the scan. Queries are drawn
//! like the vectors. Everything is drawn from one seed.
//!
//! Times are CPU time of one thread, so that other work on the machine matters little. Recall is
//! the share of the 100 closest rows, by f32 products of all rows, that a search returns.

// A bench is a program: its results go to standard output.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use reread_index::dense::{
    DenseMethod, DensePart, DenseSearch, Graph, HnswOptions, MethodChoice, instruction_set,
    quantise,
};

const DIM: usize = 384;
const K: usize = 100;
const N_QUERIES: usize = 100;
const N_TOPICS: usize = 100;
const N_DIRECTIONS: usize = 96;
const SEED: u64 = 20_260;
const SIZES: [usize; 4] = [10_000, 50_000, 100_000, 200_000];
const BEAMS: [usize; 9] = [100, 128, 200, 256, 400, 512, 800, 1200, 2000];

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if given.is_empty() {
        SIZES.to_vec()
    } else {
        given
    };
    println!(
        "{DIM} values, k = {K}, {N_QUERIES} queries, seed {SEED}, {}",
        instruction_set()
    );
    println!(
        "{:>8} {:>24} {:>10} {:>12}",
        "passages", "search", "recall@100", "CPU ms/query"
    );
    let with_graph = !std::env::args().any(|arg| arg == "scan");
    for n in sizes {
        measure(n, with_graph)?;
    }
    Ok(())
}

fn measure(n: usize, with_graph: bool) -> Result<(), Box<dyn Error>> {
    let rows = mixture(n + N_QUERIES);
    let (queries, rows) = rows.split_at(N_QUERIES * DIM);
    let queries: Vec<&[f32]> = queries.chunks_exact(DIM).collect();
    let expected: Vec<Vec<(u32, f32)>> = queries.iter().map(|query| closest(rows, query)).collect();
    println!(
        "{n:>8} local intrinsic dimension {:.1}",
        intrinsic_dimension(&expected)
    );

    let before = Instant::now();
    let quantised = quantise(rows, DIM);
    println!(
        "{n:>8} 8-bit copy made in {:.2} s",
        before.elapsed().as_secs_f32()
    );
    let part = DensePart::new("bench", DIM, Arc::new(rows.to_vec()), quantised)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let exact = DenseSearch::default().with_method(MethodChoice::Exact);
    one_thread.install(|| report(n, "scan", &part, &queries, &expected, &exact));
    if !with_graph {
        return Ok(());
    }

    let part = part.with_graph(graph(n, rows)?)?;
    one_thread.install(|| {
        for beam in BEAMS {
            let search = DenseSearch::default().with_ef_search(Some(beam));
            let name = format!("graph, ef_search {beam}");
            if report(n, &name, &part, &queries, &expected, &search) >= 0.997 {
                break;
            }
        }
    });
    Ok(())
}

/// Builds a graph, writes it, loads it and says what each step took.
fn graph(n: usize, rows: &[f32]) -> Result<Graph, Box<dyn Error>> {
    let before = (process_cpu_seconds(), Instant::now());
    let graph = Graph::build(rows, DIM, &HnswOptions::default(), &|_| true)?;
    let taken = |before: (f64, Instant)| {
        let (cpu, wall) = (
            process_cpu_seconds() - before.0,
            before.1.elapsed().as_secs_f32(),
        );
        format!("{cpu:.1} CPU s ({wall:.1} s)")
    };
    let (n_lost, n_equal) = (graph.n_lost(), graph.n_equal());
    println!(
        "{n:>8} graph built in {}, {n_lost} rows lost, {n_equal} equal",
        taken(before)
    );
    let folder = tempfile::tempdir()?;
    let files = graph.dump(folder.path())?;
    let megabytes = files.iter().map(|file| file.len_bytes).sum::<u64>() / 1_000_000;
    drop(graph);
    let before = (process_cpu_seconds(), Instant::now());
    let graph = Graph::load(folder.path(), &files, n, DIM)?;
    println!("{n:>8} graph of {megabytes} MB loaded in {}", taken(before));
    Ok(graph)
}

/// Times the queries, the second time round, prints a line and returns the recall.
fn report(
    n: usize,
    name: &str,
    part: &DensePart,
    queries: &[&[f32]],
    expected: &[Vec<(u32, f32)>],
    search: &DenseSearch<'_>,
) -> f64 {
    let mut n_found = 0;
    for (query, expected) in queries.iter().zip(expected) {
        let found = part
            .search(query, K, search)
            .expect("the queries are normalised");
        let is_scan = found.method == DenseMethod::Scan;
        assert_eq!(is_scan, search.method == MethodChoice::Exact);
        let found: Vec<u32> = found.hits.iter().map(|hit| hit.0).collect();
        n_found += expected.iter().filter(|hit| found.contains(&hit.0)).count();
    }
    let before = thread_cpu_seconds();
    for query in queries {
        black_box(part.search(black_box(query), K, search)).expect("the queries are normalised");
    }
    let ms = (thread_cpu_seconds() - before) * 1e3 / queries.len() as f64;
    let recall = n_found as f64 / (queries.len() * K) as f64;
    println!("{n:>8} {name:>24} {recall:>10.4} {ms:>12.3}");
    recall
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

/// Draws `n` normalised rows.
fn mixture(n: usize) -> Vec<f32> {
    let mut draw = Draw(SEED);
    let centres: Vec<f32> = (0..N_TOPICS * DIM).map(|_| draw.normal()).collect();
    let directions: Vec<f32> = (0..N_TOPICS * N_DIRECTIONS * DIM)
        .map(|_| draw.normal())
        .collect();
    let weights: Vec<f32> = (0..N_DIRECTIONS)
        .map(|i| 0.4 / ((i + 1) as f32).powf(0.3))
        .collect();
    let mut rows = Vec::with_capacity(n * DIM);
    for _ in 0..n {
        let topic = (draw.uniform() * draw.uniform() * N_TOPICS as f64) as usize;
        let mut row = centres[topic * DIM..][..DIM].to_vec();
        let directions = directions[topic * N_DIRECTIONS * DIM..].chunks_exact(DIM);
        for (weight, direction) in weights.iter().zip(directions) {
            let weight = weight * draw.normal();
            row.iter_mut()
                .zip(direction)
                .for_each(|(value, d)| *value += weight * d);
        }
        for value in &mut row {
            *value += 0.1 * draw.normal();
        }
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        rows.extend(row.iter().map(|value| value / norm));
    }
    rows
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Draw(u64);

impl Draw {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller 1958.
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }
}

/// CPU time of this thread. 0 where the system does not tell (other than Linux).
fn thread_cpu_seconds() -> f64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = line
        .split(' ')
        .next()
        .and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

/// CPU time of all threads, in Linux's ticks of 10 ms. 0 where the system does not tell.
fn process_cpu_seconds() -> f64 {
    let line = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = line.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
