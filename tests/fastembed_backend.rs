//! Both model roles through fastembed, with a real ONNX Runtime.
//!
//! The runtime is installed by pip into the target folder; where that is not possible, each test
//! says on stderr that it was skipped. The models are written on the spot, except for the int8
//! twins of the shipped models, which are used where they are: in `../shared/onnx`, or where the
//! variable `REREAD_ONNX_MODELS` says.
#![cfg(feature = "fastembed")]
#![allow(clippy::unwrap_used)]

#[path = "fastembed_backend/runtime.rs"]
mod runtime;
#[path = "fastembed_backend/tiny_onnx.rs"]
mod tiny_onnx;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use reread_models::{CrossEncoder, FastembedCrossEncoder, FastembedCrossEncoderOptions};
use reread_models::{Embedder, FastembedEmbedder, FastembedEmbedderOptions};
use reread_models::{OnnxError, OnnxRuntime, Pooling};
use serde_json::Value;
use tempfile::TempDir;

use runtime::{runtime, skip};
use tiny_onnx::{Head, WORDS, write_folder};

fn embedder_table() -> Vec<Vec<f32>> {
    (0..WORDS.len())
        .map(|token| vec![1.0, token as f32, (token * token) as f32])
        .collect()
}

fn tiny_embedder_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_folder(
        folder.path(),
        &embedder_table(),
        "last_hidden_state",
        Head::Rows,
    );
    folder
}

/// Its logit is the mean number of the pair's tokens, special tokens included.
fn tiny_cross_encoder_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table: Vec<Vec<f32>> = (0..WORDS.len()).map(|token| vec![token as f32]).collect();
    write_folder(folder.path(), &table, "logits", Head::MeanRow);
    folder
}

fn open_embedder(path: &Path, runtime: &OnnxRuntime) -> Result<FastembedEmbedder, OnnxError> {
    FastembedEmbedder::open(path, runtime, &FastembedEmbedderOptions::default())
}

fn open_cross_encoder(
    path: &Path,
    runtime: &OnnxRuntime,
) -> Result<FastembedCrossEncoder, OnnxError> {
    FastembedCrossEncoder::open(path, runtime, &FastembedCrossEncoderOptions::default())
}

fn token(word: &str) -> usize {
    WORDS.iter().position(|&other| other == word).unwrap()
}

/// The mean of the table's rows for `words`, with an L2 norm of 1.
fn expected_embedding(words: &[&str]) -> Vec<f32> {
    let table = embedder_table();
    let sum = |column: usize| {
        words
            .iter()
            .map(|word| table[token(word)][column])
            .sum::<f32>()
    };
    let sums = [sum(0), sum(1), sum(2)];
    let norm = sums.iter().map(|value| value * value).sum::<f32>().sqrt();
    sums.iter().map(|value| value / norm).collect()
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let close = found
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close, "{found:?} is not {expected:?}");
}

#[test]
fn a_tiny_embedder_gives_the_vectors_worked_out_by_hand() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_embedder_folder();
    let cls = open_embedder(folder.path(), runtime).unwrap();
    assert_eq!(cls.dim(), 3);
    assert_close(
        &cls.embed_query("red apple").unwrap(),
        &expected_embedding(&["[CLS]"]),
    );

    let options = FastembedEmbedderOptions::default()
        .with_pooling(Pooling::Mean)
        .with_query_prefix("sky ")
        .with_passage_prefix("blue ");
    let mean = FastembedEmbedder::open(folder.path(), runtime, &options).unwrap();
    assert_close(
        &mean.embed_query("red apple").unwrap(),
        &expected_embedding(&["[CLS]", "sky", "red", "apple", "[SEP]"]),
    );
    let rows = mean
        .embed_passages(&["red", "", "green sky unheard"])
        .unwrap();
    assert_close(
        &rows[..3],
        &expected_embedding(&["[CLS]", "blue", "red", "[SEP]"]),
    );
    assert_close(
        &rows[3..6],
        &expected_embedding(&["[CLS]", "blue", "[SEP]"]),
    );
    let last = ["[CLS]", "blue", "green", "sky", "[UNK]", "[SEP]"];
    assert_close(&rows[6..], &expected_embedding(&last));
    assert_eq!(mean.embed_passages(&[]).unwrap(), Vec::<f32>::new());
    assert_eq!(mean.token_offsets("red  sky").unwrap(), [0..3, 5..8]);
    assert_ne!(cls.model().digest, mean.model().digest);
}

#[test]
fn a_folders_pooling_and_prompts_are_used() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_embedder_folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    write(
        "1_Pooling/config.json",
        r#"{"pooling_mode_mean_tokens": true}"#,
    );
    write(
        "config_sentence_transformers.json",
        r#"{"prompts": {"query": "sky "}}"#,
    );
    write(
        "config.json",
        r#"{"_name_or_path": "tiny/colours", "revision": "r7"}"#,
    );
    let embedder = open_embedder(folder.path(), runtime).unwrap();
    assert_close(
        &embedder.embed_query("red").unwrap(),
        &expected_embedding(&["[CLS]", "sky", "red", "[SEP]"]),
    );
    assert!(
        embedder
            .model()
            .to_string()
            .starts_with("tiny/colours revision r7 (")
    );
}

#[test]
fn a_text_beyond_the_models_length_is_cut() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_embedder_folder();
    let options = FastembedEmbedderOptions::default()
        .with_pooling(Pooling::Mean)
        .with_max_tokens(8);
    let embedder = FastembedEmbedder::open(folder.path(), runtime, &options).unwrap();
    let long = "red ".repeat(50);
    let mut words = vec!["red"; 6];
    words.extend(["[CLS]", "[SEP]"]);
    assert_close(
        &embedder.embed_query(&long).unwrap(),
        &expected_embedding(&words),
    );
    assert_eq!(embedder.token_offsets(&long).unwrap().len(), 50);
    let too_short = FastembedEmbedderOptions::default().with_max_tokens(3);
    let error = FastembedEmbedder::open(folder.path(), runtime, &too_short)
        .err()
        .unwrap();
    assert!(error.to_string().contains("max_tokens is 3"), "{error}");
}

#[test]
fn a_tiny_cross_encoder_gives_the_logits_worked_out_by_hand() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_cross_encoder_folder();
    let cross_encoder = open_cross_encoder(folder.path(), runtime).unwrap();
    let found = cross_encoder
        .score("red apple", &["sky", "green green", ""])
        .unwrap();
    let mean = |words: &[&str]| {
        let pair = ["[CLS]", "red", "apple", "[SEP]", "[SEP]"]
            .iter()
            .chain(words);
        let (n, sum) = pair.fold((0, 0), |(n, sum), word| (n + 1, sum + token(word)));
        sum as f32 / n as f32
    };
    // Unsorted, though fastembed sorts.
    assert_close(
        &found,
        &[mean(&["sky"]), mean(&["green", "green"]), mean(&[])],
    );
    assert_eq!(cross_encoder.score("red", &[]).unwrap(), Vec::<f32>::new());
}

#[test]
fn a_long_query_leaves_room_for_the_passage() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_cross_encoder_folder();
    let options = FastembedCrossEncoderOptions::default().with_max_tokens(64);
    let cross_encoder = FastembedCrossEncoder::open(folder.path(), runtime, &options).unwrap();
    let logit = |n_sky: usize, n_red: usize| {
        let sum = token("[CLS]") + 2 * token("[SEP]") + n_sky * token("sky") + n_red * token("red");
        sum as f32 / (3 + n_sky + n_red) as f32
    };
    let score = |n_query: usize, n_passage: usize| {
        let (query, passage) = ("sky ".repeat(n_query), "red ".repeat(n_passage));
        cross_encoder.score(&query, &[&passage]).unwrap()
    };
    assert_close(&score(10, 51), &[logit(10, 51)]);
    assert_close(&score(10, 400), &[logit(10, 51)]);
    // Of a query longer than half of the pair's 61 tokens the first 15 and the last 15 are read.
    for n_query in [100, 500, 5000] {
        assert_close(&score(n_query, 400), &[logit(30, 31)]);
    }
}

#[test]
fn a_result_does_not_depend_on_the_others_of_the_call() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_embedder_folder();
    let options = FastembedEmbedderOptions::default().with_pooling(Pooling::Mean);
    let embedder = FastembedEmbedder::open(folder.path(), runtime, &options).unwrap();
    let texts: Vec<String> = (0..40)
        .map(|n| format!("red {}", "green sky ".repeat(n)))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = embedder.embed_passages(&texts).unwrap();
    for (text, row) in texts.iter().zip(together.chunks(3)) {
        assert_eq!(embedder.embed_passages(&[text]).unwrap(), row);
    }
}

#[test]
fn a_model_of_the_catalogue_is_taken_from_the_cache() {
    let Some(runtime) = runtime() else { return };
    let cache = tempfile::tempdir().unwrap();
    let options = FastembedEmbedderOptions::default();
    let open =
        |name: &str| FastembedEmbedder::from_catalogue(name, runtime, cache.path(), &options);
    let error = open("bge-smal-en").err().unwrap().to_string();
    assert!(error.contains("did you mean BGESmallENV15"), "{error}");
    if cfg!(not(feature = "hub")) {
        let error = open("BAAI/bge-small-en-v1.5").err().unwrap().to_string();
        assert!(error.contains("the feature `hub`"), "{error}");
    }

    let repository = cache.path().join("models--Xenova--bge-small-en-v1.5");
    let snapshot = repository.join("snapshots/f00d");
    fs::create_dir_all(snapshot.join("onnx")).unwrap();
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), "f00d").unwrap();
    write_folder(
        &snapshot,
        &embedder_table(),
        "last_hidden_state",
        Head::Rows,
    );
    fs::rename(
        snapshot.join("model.onnx"),
        snapshot.join("onnx/model.onnx"),
    )
    .unwrap();
    let embedder = open("BAAI/bge-small-en-v1.5").unwrap();
    assert_eq!(embedder.model().name, "Xenova/bge-small-en-v1.5");
    assert_eq!(embedder.model().revision, "f00d");

    let options = FastembedCrossEncoderOptions::default();
    let open =
        |name: &str| FastembedCrossEncoder::from_catalogue(name, runtime, cache.path(), &options);
    let error = open("bge-reranker-bas").err().unwrap().to_string();
    assert!(error.contains("did you mean BGERerankerBase"), "{error}");
}

#[test]
fn a_model_that_does_not_fit_its_role_is_refused() {
    let Some(runtime) = runtime() else { return };
    let embedder = tiny_embedder_folder();
    let error = open_cross_encoder(embedder.path(), runtime).err().unwrap();
    assert!(
        matches!(error, OnnxError::UnexpectedOutput { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("last_hidden_state [?, ?, 3]"),
        "{error}"
    );

    let cross_encoder = tiny_cross_encoder_folder();
    let error = open_embedder(cross_encoder.path(), runtime).err().unwrap();
    assert!(
        matches!(error, OnnxError::UnexpectedOutput { .. }),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path(), &embedder_table(), "logits", Head::MeanRow);
    let error = open_cross_encoder(folder.path(), runtime).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("returns logits [?, 3], but this needs"),
        "{error}"
    );

    for (output, head) in [
        ("last_hidden_state", Head::TokenNumbers),
        ("logits", Head::TokenNumbers),
    ] {
        write_folder(folder.path(), &embedder_table(), output, head);
        let errors = [
            open_embedder(folder.path(), runtime).err().unwrap(),
            open_cross_encoder(folder.path(), runtime).err().unwrap(),
        ];
        for error in errors {
            assert!(
                matches!(error, OnnxError::UnexpectedOutput { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn a_damaged_model_is_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = tiny_embedder_folder();
    let onnx = folder.path().join("model.onnx");
    let whole = fs::read(&onnx).unwrap();
    let cut: Vec<usize> = (0..whole.len()).step_by(7).collect();
    let damaged = cut.iter().map(|&len| whole[..len].to_vec());
    for bytes in damaged.chain([b"this is no model".to_vec(), vec![0xff; 4096]]) {
        fs::write(&onnx, &bytes).unwrap();
        let error = open_embedder(folder.path(), runtime).err().unwrap();
        let as_expected = matches!(
            error,
            OnnxError::BadModel { .. } | OnnxError::UnexpectedOutput { .. }
        );
        assert!(as_expected, "{} bytes: {error}", bytes.len());
        assert!(open_cross_encoder(folder.path(), runtime).is_err());
    }
    fs::write(&onnx, &whole).unwrap();
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    let error = open_embedder(folder.path(), runtime).err().unwrap();
    assert!(matches!(error, OnnxError::BadFile { .. }), "{error}");
}

#[test]
fn a_model_that_reaches_beyond_its_table_is_an_error_and_no_panic() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Words from `green` on have no row.
    write_folder(
        folder.path(),
        &embedder_table()[..5],
        "last_hidden_state",
        Head::Rows,
    );
    let embedder = open_embedder(folder.path(), runtime).unwrap();
    assert!(embedder.embed_query("red").is_ok());
    let error = embedder.embed_query("green").unwrap_err();
    assert!(error.to_string().contains("failed"), "{error}");
    assert!(embedder.embed_passages(&["red", "sky"]).is_err());
    assert!(embedder.embed_query("red").is_ok());
}

#[test]
fn there_is_one_runtime_in_a_process() {
    let Some(runtime) = runtime() else { return };
    assert_eq!(
        OnnxRuntime::load(None).unwrap().library(),
        runtime.library()
    );
    let again = OnnxRuntime::load(Some(runtime.library())).unwrap();
    assert_eq!(again.library(), runtime.library());

    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join(runtime.library().file_name().unwrap());
    fs::write(&other, "").unwrap();
    let error = OnnxRuntime::load(Some(&other)).unwrap_err();
    assert!(matches!(error, OnnxError::AlreadyLoaded { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(runtime.library().to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_missing_library_says_how_to_get_it() {
    let error = OnnxRuntime::load(Some(Path::new("no/such/libonnxruntime.so"))).unwrap_err();
    assert!(matches!(error, OnnxError::LibraryNotFound { .. }));
    let message = error.to_string();
    for part in [
        "no/such/libonnxruntime.so",
        "pip install onnxruntime",
        "capi/libonnxruntime.so",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

/// The folder of `model`'s ONNX twin and its reference outputs.
fn twin(model: &str) -> Option<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("REREAD_ONNX_MODELS")
        .map_or_else(|| root.join("../shared/onnx"), PathBuf::from)
        .join(model);
    if !folder.is_dir() {
        skip(&format!("there is no {}", folder.display()));
        return None;
    }
    // One of them is not shipped any more.
    let shipped = root.join("data/models").join(model);
    let reference = if shipped.is_dir() {
        shipped
    } else {
        root.join("../shared/models").join(model)
    };
    let reference = reference.join("reference.json");
    if !reference.is_file() {
        skip(&format!("there is no {}", reference.display()));
        return None;
    }
    Some((
        folder,
        serde_json::from_slice(&fs::read(reference).unwrap()).unwrap(),
    ))
}

#[test]
fn the_int8_twin_of_the_embedder_is_close_to_the_reference() {
    let Some(runtime) = runtime() else { return };
    let Some((folder, reference)) = twin("bge-small-en-v1.5") else {
        return;
    };
    let embedder = open_embedder(&folder, runtime).unwrap();
    let texts = reference["texts"].as_array().unwrap();
    let passages: Vec<&str> = texts
        .iter()
        .map(|text| text["text"].as_str().unwrap())
        .collect();
    let rows = embedder.embed_passages(&passages).unwrap();
    for (pos, row) in rows.chunks(embedder.dim()).enumerate() {
        let expected = texts[pos]["embedding"].as_array().unwrap().iter();
        let expected = expected.map(|value| value.as_f64().unwrap() as f32);
        let cosine: f32 = row.iter().zip(expected).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.98, "text {pos}: cosine {cosine}");
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((norm - 1.0).abs() < 1e-5, "text {pos}: norm {norm}");
        // Quantised to the text's own range, so bits would differ if it had company.
        assert_eq!(
            embedder.embed_passages(&passages[pos..=pos]).unwrap(),
            row,
            "text {pos}"
        );
    }
    let n_tokens = texts[0]["n_tokens"].as_u64().unwrap() as usize;
    assert_eq!(
        embedder.token_offsets(passages[0]).unwrap().len() + 2,
        n_tokens
    );
}

#[test]
fn the_int8_twin_of_the_cross_encoder_is_close_to_the_reference() {
    let Some(runtime) = runtime() else { return };
    let Some((folder, reference)) = twin("ms-marco-MiniLM-L-12-v2") else {
        return;
    };
    let options = FastembedCrossEncoderOptions::default().with_max_tokens(512);
    let cross_encoder = FastembedCrossEncoder::open(&folder, runtime, &options).unwrap();
    let mut by_query: BTreeMap<&str, Vec<(&str, f32)>> = BTreeMap::new();
    for pair in reference["pairs"].as_array().unwrap() {
        let passages = by_query.entry(pair["query"].as_str().unwrap()).or_default();
        let logit = pair["logit"].as_f64().unwrap() as f32;
        passages.push((pair["passage"].as_str().unwrap(), logit));
    }
    let best = |logits: &[f32]| {
        (0..logits.len())
            .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
            .unwrap()
    };
    for (query, pairs) in by_query {
        let (passages, expected): (Vec<&str>, Vec<f32>) = pairs.into_iter().unzip();
        let found = cross_encoder.score(query, &passages).unwrap();
        for (a, b) in found.iter().zip(&expected) {
            assert!(
                (a - b).abs() < 1.0,
                "{query}: {found:?} is not {expected:?}"
            );
        }
        assert_eq!(best(&found), best(&expected), "{query}");
        assert_eq!(
            cross_encoder.score(query, &passages[..1]).unwrap(),
            found[..1],
            "{query}"
        );
    }
}
