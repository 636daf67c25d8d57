//! Small models, whole and damaged: every kind of weights is read, and damage is a typed error.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]

mod common;

use std::fs;
use std::path::Path;

use reread_encoder::{Error, Model, Result};
use safetensors::tensor::Dtype;
use tempfile::TempDir;

use common::{Shape, TOKENIZER, Tensors, floats, pool_by_mean, weights_file};

const HIDDEN: usize = 20;

fn shape(n_labels: usize) -> Shape {
    Shape {
        hidden: HIDDEN,
        n_heads: 2,
        intermediate: 36,
        n_layers: 2,
        n_positions: 16,
        n_labels,
    }
}

fn config() -> String {
    shape(1).config("gelu")
}

/// Tensors of a tiny model with a classifier.
fn tensors(dtype: Dtype, n_labels: usize) -> Tensors {
    let mut tensors = Tensors::new();
    for (seed, (name, shape)) in shape(n_labels).tensors().into_iter().enumerate() {
        let len: usize = shape.iter().product();
        // Eighths between -1 and 1 are exact in every type.
        let eighths = (0..len).map(|at| ((at * 7 + at * at / 3 + seed * 5) % 17) as i8 - 8);
        let tensor = if dtype == Dtype::I8 && shape.len() == 2 {
            let scale = (Dtype::F32, vec![1], 0.125_f32.to_le_bytes().to_vec());
            tensors.insert(format!("{name}_scale"), scale);
            (dtype, shape, eighths.map(i8::cast_unsigned).collect())
        } else {
            let dtype = if dtype == Dtype::I8 {
                Dtype::F32
            } else {
                dtype
            };
            let values: Vec<f32> = eighths.map(|x| f32::from(x) / 8.0).collect();
            (dtype, shape, floats(dtype, &values))
        };
        tensors.insert(name, tensor);
    }
    tensors
}

fn folder(tensors: &Tensors) -> TempDir {
    common::folder(&config(), tensors)
}

fn open(tensors: &Tensors) -> Result<Model> {
    Model::open(folder(tensors).path())
}

fn results(model: &Model) -> (Vec<f32>, Vec<f32>) {
    let rows = model.embed(&["a b c", "", "d d d d d a b"], 16).unwrap();
    (rows, model.score("a b", &["c d", "a"], 16).unwrap())
}

#[test]
fn all_kinds_of_weights_give_the_same_results() {
    let expected = results(&open(&tensors(Dtype::F32, 1)).unwrap());
    assert!(
        expected.0.iter().any(|value| value.abs() > 0.01),
        "{expected:?}"
    );
    for dtype in [Dtype::F16, Dtype::BF16, Dtype::I8] {
        assert_eq!(
            results(&open(&tensors(dtype, 1)).unwrap()),
            expected,
            "{dtype:?}"
        );
    }
    // An int8 tensor may have a scale for each row, and a zero point.
    let mut tensors = tensors(Dtype::I8, 1);
    let name = "bert.embeddings.word_embeddings.weight";
    let numbers = &mut tensors.get_mut(name).unwrap().2;
    for number in numbers {
        *number = number.wrapping_add(3);
    }
    tensors.insert(format!("{name}_zero_point"), (Dtype::I8, vec![1], vec![3]));
    let scales = 0.125_f32.to_le_bytes().repeat(8);
    tensors.insert(format!("{name}_scale"), (Dtype::F32, vec![8], scales));
    assert_eq!(results(&open(&tensors).unwrap()), expected);
}

#[test]
fn tensor_names_need_no_prefix() {
    let with_prefix = tensors(Dtype::F32, 1);
    let without: Tensors = with_prefix
        .iter()
        .map(|(name, tensor)| (name.trim_start_matches("bert.").to_owned(), tensor.clone()))
        .collect();
    assert_eq!(
        results(&open(&without).unwrap()),
        results(&open(&with_prefix).unwrap())
    );
}

#[test]
fn mean_pooling_is_the_mean_of_all_rows() {
    let dir = folder(&tensors(Dtype::F32, 1));
    let cls = Model::open(dir.path())
        .unwrap()
        .embed(&["a", "b c"], 16)
        .unwrap();
    pool_by_mean(dir.path());
    let model = Model::open(dir.path()).unwrap();
    let mean = model.embed(&["a", "b c"], 16).unwrap();
    assert_ne!(mean, cls);
    assert_eq!(model.embed(&["b c"], 16).unwrap(), mean[HIDDEN..]);
    assert!(
        (mean[..HIDDEN]
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            - 1.0)
            .abs()
            < 1e-5
    );
}

#[test]
fn the_identity_depends_on_every_file_that_decides_the_output() {
    let dir = folder(&tensors(Dtype::F32, 1));
    let digest = || Model::open(dir.path()).unwrap().identity().digest.clone();
    let mut digests = vec![digest()];
    assert_eq!(digest(), digests[0]);
    fs::write(
        dir.path().join("config.json"),
        config().replace("1e-12", "1e-11"),
    )
    .unwrap();
    digests.push(digest());
    fs::write(dir.path().join("tokenizer.json"), format!("{TOKENIZER} ")).unwrap();
    digests.push(digest());
    fs::write(
        dir.path().join("model.safetensors"),
        weights_file(&tensors(Dtype::F16, 1)),
    )
    .unwrap();
    digests.push(digest());
    digests.dedup();
    assert_eq!(digests.len(), 4);
}

#[test]
fn every_tensor_is_missed_and_its_shape_checked() {
    let whole = tensors(Dtype::F32, 1);
    for name in whole.keys().filter(|name| *name != "classifier.weight") {
        let mut less = whole.clone();
        less.remove(name);
        match open(&less) {
            Err(Error::MissingTensor { tensor, .. }) => assert!(name.ends_with(&tensor)),
            other => panic!("{name}: {other:?}"),
        }
        let mut other_shape = whole.clone();
        let tensor = other_shape.get_mut(name).unwrap();
        tensor.1.push(1);
        tensor.1[0] += 1;
        tensor.2 = vec![0; 4 * tensor.1.iter().product::<usize>()];
        let opened = open(&other_shape);
        assert!(
            matches!(opened, Err(Error::TensorShape { .. })),
            "{name}: {opened:?}"
        );
        let mut other_type = whole.clone();
        let tensor = other_type.get_mut(name).unwrap();
        tensor.0 = Dtype::I32;
        let opened = open(&other_type);
        assert!(
            matches!(opened, Err(Error::TensorType { .. })),
            "{name}: {opened:?}"
        );
    }
}

#[test]
fn more_labels_than_one_are_refused_when_scoring() {
    let model = open(&tensors(Dtype::F32, 3)).unwrap();
    assert!(!model.is_cross_encoder());
    assert_eq!(model.embed(&["a"], 16).unwrap().len(), HIDDEN);
    let refused = model.score("a", &["b"], 16);
    assert!(matches!(
        refused,
        Err(Error::Unsupported {
            key: "num_labels",
            ..
        })
    ));
}

/// Puts a value first in each tensor in turn; all of them have a say in the logit of a text.
#[test]
fn a_weight_that_is_not_a_number_is_told_of_wherever_it_stands() {
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8] {
        let whole = tensors(dtype, 1);
        let floating = whole.iter().filter(|(_, tensor)| tensor.0 != Dtype::I8);
        for (name, (dtype, ..)) in floating {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut tensors = whole.clone();
                let value = floats(*dtype, &[value]);
                tensors.get_mut(name).unwrap().2[..value.len()].copy_from_slice(&value);
                match open(&tensors) {
                    // Word embeddings are read when they are needed; the first is of other words.
                    Ok(model) if name.contains("word_embeddings") => {
                        for result in [
                            model.embed(&["other"], 16),
                            model.score("a", &["other"], 16),
                        ] {
                            assert!(matches!(result, Err(Error::NotFinite { .. })), "{result:?}");
                        }
                    }
                    Err(Error::TensorNotFinite { tensor, .. }) => {
                        let name = name.trim_end_matches("_scale");
                        assert!(name.ends_with(&tensor), "{tensor} for {name}");
                    }
                    other => panic!("{name} in {dtype:?}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_token_beyond_the_vocabulary_is_refused() {
    let model = open(&tensors(Dtype::F32, 1)).unwrap();
    let refused = model.embed(&["a z"], 16);
    assert!(matches!(
        refused,
        Err(Error::UnknownToken {
            token: 9,
            n_tokens: 8
        })
    ));
}

#[test]
fn a_file_cut_anywhere_is_a_typed_error() {
    let dir = folder(&tensors(Dtype::I8, 1));
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        // The header of the weights is cut at each byte, the tensors here and there.
        let header_len = whole.len().min(12_000);
        for len in (0..header_len)
            .step_by(7)
            .chain((header_len..whole.len()).step_by(211))
        {
            fs::write(&path, &whole[..len]).unwrap();
            check_damage(dir.path(), name, len);
        }
        fs::write(&path, &whole).unwrap();
        let flips = if name == "model.safetensors" {
            300
        } else {
            whole.len()
        };
        for at in (0..flips).step_by(3) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x15;
            fs::write(&path, &flipped).unwrap();
            // Some flips leave a file that can be read; then it must run or refuse, not panic.
            if let Ok(model) = Model::open(dir.path()) {
                drop(model.embed(&["a b"], 16));
            }
        }
        fs::remove_file(&path).unwrap();
        let missing = Model::open(dir.path());
        assert!(
            matches!(&missing, Err(Error::Io { path: at, .. }) if *at == path),
            "{missing:?}"
        );
        fs::write(&path, &whole).unwrap();
    }
}

fn check_damage(dir: &Path, name: &str, len: usize) {
    let error = Model::open(dir).unwrap_err();
    assert!(
        error.to_string().contains(name),
        "{name} cut at {len}: {error}"
    );
    let expected = match name {
        "model.safetensors" => matches!(error, Error::DamagedWeights { .. } | Error::Io { .. }),
        "config.json" => matches!(error, Error::Json { .. }),
        _ => matches!(error, Error::DamagedTokenizer { .. }),
    };
    assert!(expected, "{name} cut at {len}: {error:?}");
}
