//! The two shipped models against the exact outputs that lie beside them.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "the differences are worth seeing")]

mod common;

use rayon::prelude::*;
use reread_encoder::{InstructionSet, Model, Precision};
use serde::Deserialize;

use common::{CROSS_ENCODER, EMBEDDER, open_with, shipped};

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let text = std::fs::read(shipped(name).join("reference.json")).unwrap();
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

/// What decides how exact a path is.
#[derive(Debug, Clone, Copy)]
enum Arithmetic {
    Float,
    /// Int8 weights with activations in words.
    Words,
    /// Int8 weights with activations in bytes.
    Bytes,
}

impl Arithmetic {
    fn of(set: InstructionSet, precision: Precision) -> Self {
        use InstructionSet::{Avx512, Portable};
        match (precision, set) {
            (Precision::F32, _) => Self::Float,
            (_, Avx512 | Portable) => Self::Words,
            _ => Self::Bytes,
        }
    }
}

/// Every how many texts are run: all of them take too long on the slower paths.
fn every(model: &Model) -> usize {
    let fastest = model.instruction_set() == InstructionSet::available()[0];
    match model.precision() {
        Precision::Int8 if model.instruction_set() != InstructionSet::Portable => 1,
        Precision::F32 if fastest => 2,
        _ => 5,
    }
}

/// The greatest and the mean difference, for every way to run the model on this machine.
fn differences_of_all_paths(
    name: &str,
    differences: impl Fn(&Model) -> Vec<f32>,
) -> Vec<(Arithmetic, f32, f32)> {
    let mut all = Vec::new();
    for set in InstructionSet::ALL {
        if !InstructionSet::available().contains(&set) {
            println!("skipped {set}: this machine has none");
            continue;
        }
        for precision in [Precision::F32, Precision::Int8] {
            let model = open_with(&shipped(name), set, precision);
            assert_eq!(
                (model.instruction_set(), model.precision()),
                (set, precision)
            );
            let differences = differences(&model);
            let mean = differences.iter().sum::<f32>() / differences.len() as f32;
            let greatest = differences.into_iter().fold(0.0, f32::max);
            println!("{set} {precision:?}: mean {mean:.1e}, greatest {greatest:.1e}");
            all.push((Arithmetic::of(set, precision), mean, greatest));
        }
    }
    all
}

/// A difference here is one minus the cosine.
#[test]
fn embeddings_match_the_reference() {
    let reference: Texts = read(EMBEDDER);
    let all = differences_of_all_paths(EMBEDDER, |model| {
        let asked = || reference.texts.iter().step_by(every(model));
        let texts: Vec<&str> = asked().map(|text| text.text.as_str()).collect();
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
        asked().zip(rows).map(compare).collect()
    });
    for (arithmetic, mean, greatest) in all {
        let (most_mean, most) = match arithmetic {
            Arithmetic::Float => (1e-6, 1e-6),
            Arithmetic::Words => (2e-6, 5e-6),
            Arithmetic::Bytes => (1e-3, 2e-3),
        };
        assert!(
            mean < most_mean && greatest < most,
            "{arithmetic:?} {mean} {greatest}"
        );
    }
}

/// The reference cuts the longer of the two texts first and we cut the passage, which is the same
/// where the query is the shorter one or nothing is cut; the pairs left out are counted.
#[test]
fn logits_match_the_reference() {
    let reference: Pairs = read(CROSS_ENCODER);
    let all = differences_of_all_paths(CROSS_ENCODER, |model| {
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
        let pairs: Vec<_> = pairs.into_iter().step_by(every(model)).collect();
        pairs.par_iter().map(difference).collect()
    });
    for (arithmetic, mean, greatest) in all {
        let (most_mean, most) = match arithmetic {
            Arithmetic::Float => (1e-5, 1e-4),
            Arithmetic::Words => (0.005, 0.03),
            Arithmetic::Bytes => (0.05, 0.3),
        };
        assert!(
            mean < most_mean && greatest < most,
            "{arithmetic:?} {mean} {greatest}"
        );
    }
}

#[test]
fn a_query_takes_the_models_prefix() {
    let model = Model::open(&shipped(EMBEDDER)).unwrap();
    let prefix = "Represent this sentence for searching relevant passages: ";
    assert_eq!(model.query_prefix(), prefix);
    let whole = model
        .embed(&[&format!("{prefix}solar panels")], 512)
        .unwrap();
    assert_eq!(model.embed_query("solar panels").unwrap(), whole);
}

/// What the crate's documentation shows, which compiles it only: it has no models beside it.
#[test]
fn the_example_of_the_documentation_holds() {
    let texts = [
        "Berlin has 3.7 million inhabitants.",
        "The oven is still warm.",
    ];
    let model = Model::open(&shipped(EMBEDDER)).unwrap();
    let query = model
        .embed_query("How many people live in Berlin?")
        .unwrap();
    let rows = model.embed(&texts, model.max_tokens()).unwrap();
    let similarity = |row: &[f32]| query.iter().zip(row).map(|(a, b)| a * b).sum::<f32>();
    let (first, second) = rows.split_at(model.dim());
    assert!(similarity(first) > similarity(second));

    let model = Model::open(&shipped(CROSS_ENCODER)).unwrap();
    let logits = model
        .score("How many people live in Berlin?", &texts, 256)
        .unwrap();
    assert!(logits[0] > 0.0 && logits[1] < 0.0);
}
