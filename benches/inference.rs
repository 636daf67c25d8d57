//! How fast is the encoder beside ONNX Runtime and fastembed, and how close to exact arithmetic?
//!
//! ```text
//! cargo bench --profile dev --bench inference -- --onnx DIR [--collection DIR]...
//!     [--onnxruntime PATH] [--rounds N] [--queries N] [--whole]
//!     [--only pairs|queries|passages]...
//! ```
//!
//! `--onnx` is a folder with the two shipped models as ONNX files: `bge-small-en-v1.5/model.onnx`
//! and `ms-marco-MiniLM-L-12-v2/model.onnx`, with tokenizer files beside them. A collection is a
//! folder in BEIR layout; the sample of this repository is always measured too. ONNX Runtime is the
//! library that `--onnxruntime` names, or what pip installs into the target folder.
//!
//! What is slow does less: f32 and fastembed run in the first round only, and slower instruction sets
//! do a fifth of it, or all with `--whole`.
//!
//! Contestants do the same tasks in turns, within one process: what disturbs one disturbs all, and
//! ratios are taken task by task. Medians are given with quartiles. Times of all contestants include
//! tokenising; where it says so, the processor time of tokenising on one thread, measured in the
//! same round, is taken off. fastembed tokenises for itself. Pairs are cut at 256 tokens by all.
#![allow(clippy::print_stdout, reason = "a bench prints its tables")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "inference/corpus.rs"]
mod corpus;
#[path = "inference/embeddings.rs"]
mod embeddings;
#[path = "inference/figures.rs"]
mod figures;
#[path = "../tests/fastembed_backend/runtime.rs"]
#[allow(clippy::unwrap_used, reason = "it is part of a test")]
mod installed;
#[path = "inference/machine.rs"]
mod machine;
#[path = "inference/onnx.rs"]
mod onnx;
#[path = "inference/ours.rs"]
mod ours;
#[path = "inference/pairs.rs"]
mod pairs;
#[path = "inference/race.rs"]
mod race;
#[path = "inference/report.rs"]
mod report;
#[path = "inference/tokens.rs"]
mod tokens;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use reread_encoder::Model;
use reread_models::OnnxRuntime;

use crate::corpus::Corpus;
use crate::race::Share;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What is measured, one after the other.
type Part = fn(&Settings, &[Corpus]) -> Result<()>;
const PARTS: [(&str, Part); 3] = [
    ("pairs", pairs::run),
    ("queries", embeddings::queries),
    ("passages", embeddings::passages),
];

struct Arguments {
    onnx: Option<PathBuf>,
    collections: Vec<PathBuf>,
    onnxruntime: Option<PathBuf>,
    rounds: usize,
    n_questions: usize,
    other_sets: Share,
    only: Vec<String>,
}

/// What every part needs to know.
struct Settings {
    /// The folder with the models' ONNX files.
    onnx: PathBuf,
    runtime: OnnxRuntime,
    rounds: usize,
    /// Questions of a collection.
    n_questions: usize,
    n_cores: usize,
    /// What our encoder does of the longer tasks on slower instruction sets.
    other_sets: Share,
}

fn main() -> Result<()> {
    let arguments = parse_arguments()?;
    let Some(onnx) = arguments.onnx else {
        println!("inference: give a folder of ONNX models with --onnx; nothing was measured");
        return Ok(());
    };
    let runtime = match arguments.onnxruntime {
        Some(path) => OnnxRuntime::load(Some(&path))?,
        None => installed::runtime()
            .ok_or("there is no ONNX Runtime")?
            .clone(),
    };
    let settings = Settings {
        onnx,
        runtime,
        rounds: arguments.rounds,
        n_questions: arguments.n_questions,
        n_cores: std::thread::available_parallelism().map_or(1, NonZero::get),
        other_sets: arguments.other_sets,
    };
    let started = Instant::now();
    machine::print(&settings);

    let model = Arc::new(Model::open(&ours::folder(embeddings::MODEL))?);
    let mut corpora = Vec::new();
    for folder in &arguments.collections {
        corpora.push(Corpus::collection(folder, &model, settings.n_questions)?);
    }
    corpora.push(Corpus::sample(&model, settings.n_questions)?);
    for (name, part) in PARTS {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            part(&settings, &corpora)?;
        }
    }
    println!(
        "\nTook {:.0?}; load after: {}",
        started.elapsed(),
        machine::load()
    );
    Ok(())
}

/// Cargo itself passes `--bench`.
fn parse_arguments() -> Result<Arguments> {
    let mut parsed = Arguments {
        onnx: None,
        collections: Vec::new(),
        onnxruntime: None,
        rounds: 2,
        n_questions: 25,
        other_sets: Share::Fifth,
        only: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => continue,
            "--whole" => {
                parsed.other_sets = Share::FirstRound;
                continue;
            }
            _ => {}
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument}: no value"))?;
        match argument.as_str() {
            "--onnx" => parsed.onnx = Some(value.into()),
            "--collection" => parsed.collections.push(value.into()),
            "--onnxruntime" => parsed.onnxruntime = Some(value.into()),
            "--rounds" => parsed.rounds = value.parse::<NonZero<usize>>()?.get(),
            "--queries" => parsed.n_questions = value.parse::<NonZero<usize>>()?.get(),
            "--only" if PARTS.iter().any(|(name, _)| *name == value) => parsed.only.push(value),
            _ => return Err(format!("{argument} {value}: not known").into()),
        }
    }
    Ok(parsed)
}
