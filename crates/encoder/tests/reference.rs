//! The two shipped models against the exact outputs that lie beside them.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "the differences are worth seeing")]

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use reread_encoder::{InstructionSet, Model, ModelOptions, Precision};
use serde::Deserialize;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/models")
        .join(name)
}

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let text = std::fs::read(folder(name).join("reference.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[derive(Deserialize)]
struct Texts {
    texts: Vec<Embedded>,
}

#[derive(Deserialize)]
struct Embedded {
    text: String,
    n_tokens: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Pairs {
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    query: String,
    passage: String,
    n_tokens: usize,
    logit: f32,
}

/// The greatest and the mean difference, for every way to run the model on this machine.
fn differences_of_all_paths(
    name: &str,
    differences: impl Fn(&Model) -> Vec<f32>,
) -> Vec<(Precision, f32, f32)> {
    let mut all = Vec::new();
    for set in InstructionSet::ALL {
        if !InstructionSet::available().contains(&set) {
            println!("skipped {set}: this machine has none");
            continue;
        }
        for precision in [Precision::F32, Precision::Int8] {
            let options = ModelOptions::default()
                .with_instruction_set(set)
                .with_precision(precision);
            let model = Model::open_with(&folder(name), &options).unwrap();
            assert_eq!(
                (model.instruction_set(), model.precision()),
                (set, precision)
            );
            let differences = differences(&model);
            let mean = differences.iter().sum::<f32>() / differences.len() as f32;
            let greatest = differences.into_iter().fold(0.0, f32::max);
            println!("{set} {precision:?}: mean {mean:.1e}, greatest {greatest:.1e}");
            all.push((precision, mean, greatest));
        }
    }
    all
}

/// A difference here is one minus the cosine.
#[test]
fn embeddings_match_the_reference() {
    let reference: Texts = read("bge-small-en-v1.5");
    let texts: Vec<&str> = reference
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    let all = differences_of_all_paths("bge-small-en-v1.5", |model| {
        let rows = model.embed(&texts, model.max_tokens()).unwrap();
        let rows = rows.chunks_exact(model.dim());
        let compare = |(text, row): (&Embedded, &[f32])| {
            let n_tokens = model.tokenizer().encode(&text.text, 512).unwrap().len();
            assert_eq!(n_tokens, text.n_tokens);
            1.0 - row
                .iter()
                .zip(&text.embedding)
                .map(|(a, b)| a * b)
                .sum::<f32>()
        };
        reference.texts.iter().zip(rows).map(compare).collect()
    });
    for (precision, mean, greatest) in all {
        let (most_mean, most) = match precision {
            Precision::F32 => (1e-6, 1e-6),
            _ => (1e-3, 2e-3),
        };
        assert!(
            mean < most_mean && greatest < most,
            "{precision:?} {mean} {greatest}"
        );
    }
}

/// The reference cuts the longer of the two texts first and we cut the passage, which is the same
/// where the query is the shorter one or nothing is cut; the pairs left out are counted.
#[test]
fn logits_match_the_reference() {
    let reference: Pairs = read("ms-marco-MiniLM-L-12-v2");
    let all = differences_of_all_paths("ms-marco-MiniLM-L-12-v2", |model| {
        let n_tokens = |text: &str| model.tokenizer().encode(text, 512).unwrap().len();
        let same_cut = |pair: &&Pair| pair.n_tokens < 512 || n_tokens(&pair.query) <= 256;
        let pairs: Vec<&Pair> = reference.pairs.iter().filter(same_cut).collect();
        assert!(
            reference.pairs.len() - pairs.len() <= 2,
            "most pairs are compared"
        );
        let difference = |pair: &&Pair| {
            let logits = model.score(&pair.query, &[&pair.passage], 512).unwrap();
            (logits[0] - pair.logit).abs()
        };
        pairs.par_iter().map(difference).collect()
    });
    for (precision, mean, greatest) in all {
        let (most_mean, most) = match precision {
            Precision::F32 => (1e-5, 1e-4),
            _ => (0.05, 0.3),
        };
        assert!(
            mean < most_mean && greatest < most,
            "{precision:?} {mean} {greatest}"
        );
    }
}

#[test]
fn a_query_takes_the_models_prefix() {
    let model = Model::open(&folder("bge-small-en-v1.5")).unwrap();
    let prefix = "Represent this sentence for searching relevant passages: ";
    assert_eq!(model.query_prefix(), prefix);
    let whole = model
        .embed(&[&format!("{prefix}solar panels")], 512)
        .unwrap();
    assert_eq!(model.embed_query("solar panels").unwrap(), whole);
}
