//! Models of other sizes and kinds than the shipped ones: int8 against f32, and what int8 cannot
//! run.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "the differences are worth seeing")]

mod common;

use std::path::Path;
use std::time::Duration;

use common::random_model::{Kind, RECIPE, Random, Recipe};
use common::{bits, floats, open_with, with_threads};
use reread_encoder::{CancelToken, Error, InstructionSet, Model, Precision};
use safetensors::tensor::Dtype;

/// Texts of 0 to 62 words; the last are cut.
fn texts() -> Vec<String> {
    let mut random = Random(77);
    let mut text = |len: usize| -> String {
        let words =
            (0..len).map(|_| ["a", "b", "c", "d", "other"][(random.next().abs() * 4.99) as usize]);
        words.collect::<Vec<_>>().join(" ")
    };
    [0, 1, 2, 3, 5, 14, 15, 29, 30, 31, 46, 61, 62, 100]
        .into_iter()
        .map(&mut text)
        .collect()
}

/// Embeddings of all texts, and their logits.
fn results(model: &Model) -> (Vec<f32>, Vec<f32>) {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    (
        model.embed(&texts, 64).unwrap(),
        model.score("a c", &texts, 64).unwrap(),
    )
}

/// The widest difference of int8 from f32 on every path: one minus the cosine, and in logits.
fn differences(dir: &Path) -> (f32, f32) {
    let (mut most_of_rows, mut most_of_logits) = (0.0_f32, 0.0_f32);
    for set in InstructionSet::available() {
        let [exact, ours] = [Precision::F32, Precision::Int8].map(|precision| {
            let model = open_with(dir, set, precision);
            assert_eq!(model.precision(), precision);
            (results(&model), model.dim())
        });
        let dim = exact.1;
        for (a, b) in exact.0.0.chunks(dim).zip(ours.0.0.chunks(dim)) {
            let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            most_of_rows = most_of_rows.max(1.0 - cosine);
        }
        for (a, b) in exact.0.1.iter().zip(&ours.0.1) {
            most_of_logits = most_of_logits.max((a - b).abs());
        }
        assert_ne!(exact.0.1, ours.0.1, "both arithmetics ran");
    }
    (most_of_rows, most_of_logits)
}

#[test]
fn int8_is_close_to_f32_for_models_of_many_kinds() {
    use Kind::{Float, Int8, Int8Rows, Int8Shifted};
    let recipes = [
        RECIPE,
        Recipe {
            kind: Float(Dtype::F16),
            n_heads: 1,
            ..RECIPE
        },
        Recipe {
            kind: Float(Dtype::BF16),
            intermediate: 224,
            n_layers: 1,
            ..RECIPE
        },
        Recipe {
            kind: Int8,
            mean: true,
            n_layers: 3,
            ..RECIPE
        },
        Recipe {
            kind: Int8Rows,
            hidden: 96,
            n_heads: 3,
            intermediate: 64,
            ..RECIPE
        },
        Recipe {
            kind: Int8Shifted,
            hidden: 128,
            n_heads: 2,
            intermediate: 32,
            ..RECIPE
        },
        Recipe {
            hidden: 128,
            n_heads: 4,
            intermediate: 320,
            mean: true,
            ..RECIPE
        },
        Recipe {
            activation: "gelu_new",
            kind: Int8Rows,
            ..RECIPE
        },
        Recipe {
            activation: "relu",
            kind: Int8Rows,
            hidden: 32,
            n_heads: 1,
            ..RECIPE
        },
        Recipe {
            activation: "gelu_pytorch_tanh",
            mean: true,
            n_layers: 1,
            ..RECIPE
        },
    ];
    for recipe in recipes {
        let dir = recipe.folder(&recipe.tensors());
        let (of_rows, of_logits) = differences(dir.path());
        println!("{recipe:?}: rows {of_rows:.1e}, logits {of_logits:.1e}");
        assert!(of_rows < MOST_OF_ROWS, "{recipe:?}: {of_rows}");
        assert!(of_logits < MOST_OF_LOGITS, "{recipe:?}: {of_logits}");
    }
}

/// One minus the cosine, and in logits; random weights are harder on int8 than trained ones.
const MOST_OF_ROWS: f32 = 2.5e-3;
const MOST_OF_LOGITS: f32 = 0.1;

#[test]
fn widths_that_int8_cannot_run_are_run_in_f32() {
    let of = |hidden, n_heads, intermediate| Recipe {
        hidden,
        n_heads,
        intermediate,
        ..RECIPE
    };
    for recipe in [
        of(48, 1, 64),
        of(48, 2, 64),
        of(96, 4, 96),
        of(64, 4, 64),
        of(96, 1, 96),
        of(64, 2, 80),
        of(64, 2, 100),
    ] {
        let dir = recipe.folder(&recipe.tensors());
        let model = Model::open(dir.path()).unwrap();
        assert_eq!(model.precision(), Precision::F32, "{recipe:?}");
        let set = model.instruction_set();
        let asked = open_with(dir.path(), set, Precision::F32);
        assert_eq!(results(&model), results(&asked), "{recipe:?}");
    }
    let dir = RECIPE.folder(&RECIPE.tensors());
    let model = Model::open(dir.path()).unwrap();
    assert_eq!(model.precision(), Precision::Int8);
}

#[test]
fn small_models_too_give_the_same_in_any_company() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for mean in [false, true] {
        let recipe = Recipe {
            mean,
            hidden: 96,
            n_heads: 3,
            ..RECIPE
        };
        let dir = recipe.folder(&recipe.tensors());
        for set in InstructionSet::available() {
            for precision in Precision::ALL {
                let model = open_with(dir.path(), set, precision);
                let (rows, logits) = with_threads(3, || results(&model));
                for (at, text) in texts.iter().enumerate() {
                    let row = &rows[at * model.dim()..][..model.dim()];
                    assert_eq!(bits(&model.embed(&[text], 64).unwrap()), bits(row), "{set}");
                    let logit = model.score("a c", &[text], 64).unwrap();
                    assert_eq!(logit[0].to_bits(), logits[at].to_bits(), "{set}");
                }
            }
        }
    }
}

/// Columns are dealt out for a short text, rows for a longer one; the parts are uneven here.
#[test]
fn a_text_is_the_same_on_any_number_of_threads() {
    let of = |hidden, n_heads, intermediate, mean, n_layers| Recipe {
        hidden,
        n_heads,
        intermediate,
        n_layers,
        mean,
        ..RECIPE
    };
    let recipes = [
        of(192, 3, 96, false, 2),
        of(224, 7, 32, true, 1),
        of(320, 10, 224, false, 1),
        of(320, 5, 160, true, 2),
        of(480, 15, 352, false, 2),
    ];
    for recipe in recipes {
        let dir = recipe.folder(&recipe.tensors());
        for set in InstructionSet::available() {
            let model = open_with(dir.path(), set, Precision::Int8);
            assert_eq!(model.precision(), Precision::Int8);
            for n_words in 0..39 {
                let text = ["a", "d", "c", "other"].repeat(10)[..n_words].join(" ");
                let embed = || bits(&model.embed(&[&text], 64).unwrap());
                let expected = with_threads(1, embed);
                for n_threads in 2..=5 {
                    let result = with_threads(n_threads, embed);
                    assert_eq!(result, expected, "{recipe:?} {n_words} {n_threads} {set}");
                }
            }
        }
    }
}

#[test]
fn a_model_of_one_layer_can_be_stopped_too() {
    let recipe = Recipe {
        n_layers: 1,
        ..RECIPE
    };
    let dir = recipe.folder(&recipe.tensors());
    for precision in Precision::ALL {
        let model = open_with(dir.path(), InstructionSet::Portable, precision);
        let texts = ["a", "b c", "d", "a d"];
        let expected = model.score("a", &texts, 64).unwrap();
        let score = |cancel| with_threads(1, || model.score_within("a", &texts, 64, cancel));
        let cancelled = CancelToken::new();
        cancelled.cancel();
        assert_eq!(score(&cancelled).unwrap(), [None; 4]);
        let late = CancelToken::default().with_budget(Duration::ZERO);
        assert_eq!(score(&late).unwrap(), [None; 4]);
        let some = score(&CancelToken::after_asks(2)).unwrap();
        assert_eq!(some, [Some(expected[0]), Some(expected[1]), None, None]);
    }
}

/// So great that sums of them are infinite, so small that their inverse is, or nothing at all.
#[test]
fn extreme_weights_give_a_result_or_a_typed_error_wherever_they_stand() {
    let mut n_refused = 0;
    for (activation, value) in [
        ("gelu", 3e38),
        ("gelu_new", -3e38),
        ("relu", 1e-40),
        ("gelu", 0.0),
    ] {
        let recipe = Recipe {
            activation,
            ..RECIPE
        };
        let whole = recipe.tensors();
        for name in whole.keys() {
            let mut tensors = whole.clone();
            let bytes = &mut tensors.get_mut(name).unwrap().2;
            *bytes = floats(Dtype::F32, &vec![value; bytes.len() / 4]);
            let dir = recipe.folder(&tensors);
            for set in InstructionSet::available() {
                for precision in Precision::ALL {
                    let model = open_with(dir.path(), set, precision);
                    match model.score("a", &["other b", "c d"], 64) {
                        Ok(logits) => assert!(logits.iter().all(|logit| logit.is_finite())),
                        Err(Error::NotFinite { .. }) => n_refused += 1,
                        Err(other) => panic!("{value} in {name}: {other}"),
                    }
                }
            }
        }
    }
    assert!(n_refused > 0, "sums of the greatest floats are infinite");
}
