//! How good is each pass? Ranking quality and cost on test collections in BEIR layout.
//!
//! ```text
//! cargo bench --profile dev --bench quality -- [--queries N] [--depth N]... COLLECTION...
//! ```
//!
//! A collection is a folder with `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`. Each document
//! (title and text) is one passage. The table gives `nDCG@10`, recall@100 and MRR@10 in the sense of
//! `trec_eval`, and the time a query takes. The second pass reads each query's candidates once, at the
//! deepest depth; the other depths and weights are worked out from those scores.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reread_engine::eval::{ndcg_at, recall_at, reciprocal_rank_at};
use reread_engine::{
    ChunkOptions, Engine, Fusion, Hit, IndexOptions, Mode, RetrieveOptions, SearchOptions,
    SecondPass, blend_passes, final_order,
};
use serde::Deserialize;

/// Weights of the cross-encoder that are compared.
const WEIGHTS: [f32; 5] = [0.3, 0.5, 0.7, 0.85, 1.0];

type Qrels = HashMap<String, HashMap<String, f64>>;

#[derive(Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

struct Arguments {
    collections: Vec<PathBuf>,
    depths: Vec<usize>,
    n_queries: usize,
}

struct Collection {
    name: String,
    queries: Vec<QueryLine>,
    qrels: Qrels,
    engine: Engine,
    _index: tempfile::TempDir,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = parse_arguments()?;
    if arguments.collections.is_empty() {
        println!("quality: give folders in BEIR layout; nothing was measured");
        return Ok(());
    }
    for folder in &arguments.collections {
        let collection = open(folder, arguments.n_queries)?;
        println!(
            "\n{} ({} queries)\n",
            collection.name,
            collection.queries.len()
        );
        println!("| run | nDCG@10 | R@100 | MRR@10 | ms/query |");
        println!("|---|---|---|---|---|");
        for (name, options) in first_passes() {
            measure(&collection, name, &options)?;
        }
        measure_second_pass(&collection, &arguments.depths)?;
    }
    Ok(())
}

/// Cargo itself passes `--bench`; whatever is not a known option is a collection.
fn parse_arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments {
        collections: Vec::new(),
        depths: Vec::new(),
        n_queries: usize::MAX,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--queries" => parsed.n_queries = arguments.next().unwrap_or_default().parse()?,
            "--depth" => parsed
                .depths
                .push(arguments.next().unwrap_or_default().parse()?),
            _ => parsed.collections.push(argument.into()),
        }
    }
    if parsed.depths.is_empty() {
        parsed.depths = vec![10, 20];
    }
    Ok(parsed)
}

fn open(folder: &Path, n_queries: usize) -> Result<Collection, Box<dyn Error>> {
    let index = tempfile::tempdir()?;
    let corpus = index.path().join("corpus");
    fs::create_dir(&corpus)?;
    fs::copy(folder.join("corpus.jsonl"), corpus.join("corpus.jsonl"))?;
    let whole = ChunkOptions::default()
        .with_max_tokens(4_096)
        .with_overlap_tokens(0);
    let engine = Engine::builder()
        .root(&corpus)
        .index(index.path().join("index"))
        .index_options(IndexOptions::default().with_chunk(whole))
        .build()?;
    let started = Instant::now();
    let summary = engine.index_folder(&())?;
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    eprintln!(
        "{name}: {} passages indexed in {:.1?}",
        summary.n_passages,
        started.elapsed()
    );
    for problem in summary.problems.iter().take(5) {
        eprintln!("{name}: {problem}");
    }
    let qrels = read_qrels(&folder.join("qrels/test.tsv"))?;
    let mut queries = Vec::new();
    for line in fs::read_to_string(folder.join("queries.jsonl"))?.lines() {
        let query: QueryLine = serde_json::from_str(line)?;
        if qrels.contains_key(&query.id) && queries.len() < n_queries {
            queries.push(query);
        }
    }
    Ok(Collection {
        name,
        queries,
        qrels,
        engine,
        _index: index,
    })
}

fn read_qrels(path: &Path) -> Result<Qrels, Box<dyn Error>> {
    let mut qrels = Qrels::new();
    for line in fs::read_to_string(path)?.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [query, document, grade] = fields[..] else {
            return Err(format!("{}: not three columns: {line:?}", path.display()).into());
        };
        qrels
            .entry(query.to_owned())
            .or_default()
            .insert(document.to_owned(), grade.parse()?);
    }
    Ok(qrels)
}

/// Options of a first pass that returns the 100 best documents.
fn first_pass(mode: Mode, fusion: Fusion) -> SearchOptions {
    let mut retrieve = RetrieveOptions::default();
    retrieve.mode = mode;
    retrieve.fusion = fusion;
    retrieve.depth = 100;
    SearchOptions::default()
        .with_top_k(100)
        .with_first_pass(retrieve)
        .with_second_pass(SecondPass::Off)
}

fn first_passes() -> [(&'static str, SearchOptions); 4] {
    let blend = Fusion::default();
    let rrf = Fusion::Rrf { rrf_k: 60.0 };
    [
        ("BM25", first_pass(Mode::Lexical, blend)),
        ("vector", first_pass(Mode::Vector, blend)),
        ("hybrid, RRF 60", first_pass(Mode::Hybrid, rrf)),
        ("hybrid, blend 0.5", first_pass(Mode::Hybrid, blend)),
    ]
}

/// Sums of the measures over queries.
#[derive(Default)]
struct Sums {
    ndcg: f64,
    recall: f64,
    mrr: f64,
    time: Duration,
}

impl Sums {
    fn add(&mut self, gains: &[f64], judged: &HashMap<String, f64>, time: Duration) {
        let grades: Vec<f64> = judged.values().copied().collect();
        self.ndcg += ndcg_at(10, gains, &grades);
        self.recall += recall_at(100, gains, &grades);
        self.mrr += reciprocal_rank_at(10, gains);
        self.time += time;
    }

    fn print(&self, name: &str, n_queries: usize, timed: bool) {
        let n = n_queries as f64;
        let time = if timed {
            format!("{:.1}", self.time.as_secs_f64() * 1e3 / n)
        } else {
            String::new()
        };
        println!(
            "| {name} | {:.4} | {:.4} | {:.4} | {time} |",
            self.ndcg / n,
            self.recall / n,
            self.mrr / n
        );
    }
}

fn gain(hit: &Hit, judged: &HashMap<String, f64>) -> f64 {
    judged.get(&hit.passage.doc_id).copied().unwrap_or(0.0)
}

fn measure(
    collection: &Collection,
    name: &str,
    options: &SearchOptions,
) -> Result<(), Box<dyn Error>> {
    let mut sums = Sums::default();
    for query in &collection.queries {
        let judged = &collection.qrels[&query.id];
        let result = collection.engine.search(&query.text, options)?;
        let gains: Vec<f64> = result.hits.iter().map(|hit| gain(hit, judged)).collect();
        sums.add(&gains, judged, result.timings.total);
    }
    sums.print(name, collection.queries.len(), true);
    Ok(())
}

/// What the second pass makes of each depth and weight.
fn measure_second_pass(collection: &Collection, depths: &[usize]) -> Result<(), Box<dyn Error>> {
    let deepest = depths.iter().copied().max().unwrap_or(20);
    let options = SearchOptions::default()
        .with_top_k(100)
        .with_depth(deepest)
        .with_second_pass(SecondPass::Rerank { weight: 1.0 });
    let mut table: Vec<(usize, f32, Sums)> = Vec::new();
    for &depth in depths {
        table.extend(WEIGHTS.map(|weight| (depth, weight, Sums::default())));
    }
    for query in &collection.queries {
        let judged = &collection.qrels[&query.id];
        let result = collection.engine.search(&query.text, &options)?;
        let time = result.timings.total;
        let mut hits = result.hits;
        hits.sort_by_key(|hit| hit.ranks.first_pass);
        let first: Vec<f32> = hits.iter().map(|hit| hit.scores.first_pass).collect();
        let logits: Vec<f32> = hits
            .iter()
            .filter_map(|hit| hit.scores.cross_encoder)
            .collect();
        for (depth, weight, sums) in &mut table {
            let read = &logits[..(*depth).min(logits.len())];
            let scores = blend_passes(&first, read, *weight);
            let order = final_order(&scores, read.len());
            let gains: Vec<f64> = order.iter().map(|&pos| gain(&hits[pos], judged)).collect();
            sums.add(&gains, judged, time);
        }
    }
    for (depth, weight, sums) in &table {
        let name = format!("second pass, depth {depth}, weight {weight}");
        sums.print(&name, collection.queries.len(), *depth == deepest);
    }
    Ok(())
}
