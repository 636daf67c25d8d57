//! How good is each pass? Ranking quality and cost on test collections in BEIR layout.
//!
//! ```text
//! cargo bench --profile dev --bench quality -- [--queries N] [--depth N]... COLLECTION...
//! ```
//!
//! A collection is a folder with `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`. Each document
//! (title and text) is one passage. The table gives `nDCG@10`, recall@100 and MRR@10 in the sense of
//! `trec_eval`, and the time a query takes.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reread_engine::eval::{ndcg_at, recall_at, reciprocal_rank_at};
use reread_engine::{
    By, ChunkOptions, Engine, Fusion, IndexOptions, Mode, RetrieveOptions, SearchOptions,
    SecondPass,
};
use serde::Deserialize;

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
        for (name, options) in runs(&arguments.depths) {
            measure(&collection, &name, &options)?;
        }
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

fn runs(depths: &[usize]) -> Vec<(String, SearchOptions)> {
    let first = |mode, fusion| {
        let mut retrieve = RetrieveOptions::default();
        retrieve.mode = mode;
        retrieve.fusion = fusion;
        retrieve.depth = 100;
        SearchOptions::default()
            .with_top_k(100)
            .with_by(By::Document)
            .with_first_pass(retrieve)
            .with_second_pass(SecondPass::Off)
    };
    let blend = Fusion::default();
    let mut runs = vec![
        ("BM25".to_owned(), first(Mode::Lexical, blend)),
        ("vector".to_owned(), first(Mode::Vector, blend)),
        (
            "hybrid, RRF 60".to_owned(),
            first(Mode::Hybrid, Fusion::Rrf { rrf_k: 60.0 }),
        ),
        ("hybrid, blend 0.5".to_owned(), first(Mode::Hybrid, blend)),
    ];
    for &depth in depths {
        for weight in [0.5, 1.0] {
            let name = format!("second pass, depth {depth}, weight {weight}");
            let options = SearchOptions::default()
                .with_top_k(100)
                .with_by(By::Document)
                .with_depth(depth)
                .with_second_pass(SecondPass::Rerank { weight });
            runs.push((name, options));
        }
    }
    runs
}

fn measure(
    collection: &Collection,
    name: &str,
    options: &SearchOptions,
) -> Result<(), Box<dyn Error>> {
    let (mut ndcg, mut recall, mut mrr) = (0.0, 0.0, 0.0);
    let mut time = Duration::ZERO;
    for query in &collection.queries {
        let judged = &collection.qrels[&query.id];
        let grades: Vec<f64> = judged.values().copied().collect();
        let result = collection.engine.search(&query.text, options)?;
        time += result.timings.total;
        let gains: Vec<f64> = result
            .hits
            .iter()
            .map(|hit| judged.get(&hit.passage.doc_id).copied().unwrap_or(0.0))
            .collect();
        ndcg += ndcg_at(10, &gains, &grades);
        recall += recall_at(100, &gains, &grades);
        mrr += reciprocal_rank_at(10, &gains);
    }
    let n = collection.queries.len() as f64;
    println!(
        "| {name} | {:.4} | {:.4} | {:.4} | {:.1} |",
        ndcg / n,
        recall / n,
        mrr / n,
        time.as_secs_f64() * 1e3 / n
    );
    Ok(())
}
