//! The two shipped models against the exact outputs that lie beside them.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "the differences are worth seeing")]

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use reread_encoder::Model;
use serde::Deserialize;

/// The tolerance that the arithmetic in f32 must keep.
const TOLERANCE: f32 = 1e-3;

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

#[test]
fn embeddings_match_the_reference() {
    let model = Model::open(&folder("bge-small-en-v1.5")).unwrap();
    let reference: Texts = read("bge-small-en-v1.5");
    let texts: Vec<&str> = reference
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    let rows = model.embed(&texts, model.max_tokens()).unwrap();
    let mut worst = 0.0_f32;
    for (text, row) in reference.texts.iter().zip(rows.chunks_exact(model.dim())) {
        let n_tokens = model.tokenizer().encode(&text.text, 512).unwrap().len();
        assert_eq!(n_tokens, text.n_tokens);
        for (ours, exact) in row.iter().zip(&text.embedding) {
            worst = worst.max((ours - exact).abs());
        }
    }
    println!("greatest difference {worst:e}");
    assert!(worst < TOLERANCE, "{worst}");
}

/// The reference cuts the longer of the two texts first and we cut the passage, which is the same
/// where the query is the shorter one or nothing is cut; the pairs left out are counted.
#[test]
fn logits_match_the_reference() {
    let model = Model::open(&folder("ms-marco-MiniLM-L-12-v2")).unwrap();
    let reference: Pairs = read("ms-marco-MiniLM-L-12-v2");
    let differences: Vec<f32> = reference
        .pairs
        .par_iter()
        .filter(|pair| {
            let n_query = model.tokenizer().encode(&pair.query, 512).unwrap().len();
            pair.n_tokens < 512 || n_query <= 256
        })
        .map(|pair| {
            let logits = model.score(&pair.query, &[&pair.passage], 512).unwrap();
            (logits[0] - pair.logit).abs()
        })
        .collect();
    let n_left_out = reference.pairs.len() - differences.len();
    let worst = differences.into_iter().fold(0.0, f32::max);
    println!("{n_left_out} pairs left out, greatest difference {worst:e}");
    assert!(n_left_out <= 2, "{n_left_out} of {}", reference.pairs.len());
    assert!(worst < TOLERANCE, "{worst}");
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
