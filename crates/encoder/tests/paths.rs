//! Every instruction set of the machine in both arithmetics: a result depends on its text and the
//! path, and on nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "what ran is worth seeing")]

mod common;

use std::io::{self, Write};

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use reread_encoder::{CancelToken, Error, InstructionSet, Model, Precision};

use common::{CROSS_ENCODER, EMBEDDER, bits, open_with, shipped, with_threads};

const LAYERS: usize = 12;

/// How much a path is asked to do: the slow ones get a few words.
struct Size {
    n_words: usize,
    n_cases: u32,
}

/// Runs `check` on the model for every path that this machine has.
fn on_every_path(name: &str, check: impl Fn(&Model, &Size)) {
    for set in InstructionSet::ALL {
        if !InstructionSet::available().contains(&set) {
            println!("skipped {set}: this machine has none");
            continue;
        }
        for precision in Precision::ALL {
            let slow = set == InstructionSet::Portable || precision == Precision::F32;
            let size = if slow {
                Size {
                    n_words: 4,
                    n_cases: 2,
                }
            } else {
                Size {
                    n_words: 60,
                    n_cases: 4,
                }
            };
            println!("{name} on {set} in {}", precision.name());
            let model = open_with(&shipped(name), set, precision);
            assert_eq!(model.instruction_set(), set);
            assert_eq!(model.precision(), precision);
            check(&model, &size);
        }
    }
}

/// Texts and the order in which they are given a second time.
fn texts(n_words: usize) -> impl Strategy<Value = (Vec<String>, Vec<usize>)> {
    let word = prop_oneof![6 => "[a-z]{1,7}", 1 => "\\PC{1,3}"];
    let text = prop::collection::vec(word, 0..n_words).prop_map(|words| words.join(" "));
    prop::collection::vec(text, 1..7).prop_flat_map(|texts| {
        let order: Vec<usize> = (0..texts.len()).collect();
        (Just(texts), Just(order).prop_shuffle())
    })
}

fn with_cases(size: &Size, run: impl Fn(&[&str], &[usize], usize) -> TestCaseResult) {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(size.n_cases)
    };
    proptest!(config, |((texts, order) in texts(size.n_words), n_threads in 2_usize..5)| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        run(&texts, &order, n_threads)?;
    });
}

/// Goes to the log of the tests, past what keeps the output of passing tests back.
#[test]
fn the_log_names_the_paths_that_ran() {
    let available = InstructionSet::available();
    let line = |set: InstructionSet| {
        if available.contains(&set) {
            format!("encoder: tested on {set}\n")
        } else {
            format!("encoder: skipped {set}, this machine has none\n")
        }
    };
    let lines = InstructionSet::ALL.map(line).concat();
    io::stderr().write_all(lines.as_bytes()).unwrap();
    assert!(lines.contains("tested on portable"), "{lines}");
}

#[test]
fn an_embedding_is_the_same_in_any_company_on_every_path() {
    on_every_path(EMBEDDER, |model, size| {
        with_cases(size, |texts, order, n_threads| {
            let dim = model.dim();
            let together = with_threads(n_threads, || model.embed(texts, 128).unwrap());
            let mixed: Vec<&str> = order.iter().map(|&at| texts[at]).collect();
            let mixed = with_threads(1, || model.embed(&mixed, 128).unwrap());
            for (&at, row) in order.iter().zip(mixed.chunks(dim)) {
                prop_assert_eq!(bits(row), bits(&together[at * dim..][..dim]));
                let alone = model.embed(&[texts[at]], 128).unwrap();
                prop_assert_eq!(bits(&alone), bits(row));
            }
            Ok(())
        });
    });
}

#[test]
fn a_logit_is_the_same_in_any_company_on_every_path() {
    on_every_path(CROSS_ENCODER, |model, size| {
        with_cases(size, |texts, order, n_threads| {
            let query = texts[0];
            let together = with_threads(n_threads, || model.score(query, texts, 128).unwrap());
            let mixed: Vec<&str> = order.iter().map(|&at| texts[at]).collect();
            let mixed = with_threads(1, || model.score(query, &mixed, 128).unwrap());
            for (&at, logit) in order.iter().zip(mixed) {
                prop_assert_eq!(logit.to_bits(), together[at].to_bits());
                let alone = model.score(query, &[texts[at]], 128).unwrap();
                prop_assert_eq!(logit.to_bits(), alone[0].to_bits());
            }
            Ok(())
        });
    });
}

/// Scores until the model has asked `n_asks` times whether to stop; the logits as bits.
fn score_within(
    model: &Model,
    texts: &[&str],
    n_asks: usize,
    n_threads: usize,
) -> Vec<Option<u32>> {
    let cancel = CancelToken::after_asks(n_asks);
    let logits = with_threads(n_threads, || {
        model.score_within(texts[0], texts, 128, &cancel).unwrap()
    });
    logits
        .into_iter()
        .map(|logit| logit.map(f32::to_bits))
        .collect()
}

#[test]
fn what_is_scored_before_a_stop_is_what_would_have_been_scored_on_every_path() {
    on_every_path(CROSS_ENCODER, |model, size| {
        with_cases(size, |texts, order, n_threads| {
            let expected = bits(&model.score(texts[0], texts, 128).unwrap());
            let all: Vec<_> = expected.iter().copied().map(Some).collect();
            prop_assert_eq!(&score_within(model, texts, usize::MAX, n_threads), &all);
            prop_assert_eq!(&score_within(model, texts, usize::MAX, 1), &all);
            for n_threads in [1, n_threads] {
                let none = score_within(model, texts, 0, n_threads);
                prop_assert_eq!(none, vec![None; texts.len()]);
            }
            // One thread goes in order, and asks before each layer: one ask too few for one more.
            let n_asks = LAYERS * (order[0] + 1) - 1;
            let some = score_within(model, texts, n_asks, 1);
            let n_done = (n_asks / LAYERS).min(texts.len());
            prop_assert_eq!(&some[..n_done], &all[..n_done]);
            prop_assert!(some[n_done..].iter().all(Option::is_none));
            let some = score_within(model, texts, n_asks, n_threads);
            for (some, all) in some.iter().zip(&all) {
                prop_assert!(some.is_none() || some == all);
            }
            Ok(())
        });
    });
}

#[test]
fn embedding_stops_wherever_it_asks_and_gives_all_or_nothing_on_every_path() {
    on_every_path(EMBEDDER, |model, size| {
        let texts = ["one text", "two", &"and a longer one ".repeat(size.n_words)];
        let expected = bits(&model.embed(&texts, 128).unwrap());
        for n_threads in [1, 3] {
            let within = |cancel: &CancelToken| {
                let embed = || model.embed_within(&texts, 128, cancel);
                with_threads(n_threads, embed).map(|rows| bits(&rows))
            };
            // Each text is asked for once before it is cut into tokens.
            let n_asks = [0, 1, texts.len(), texts.len() + LAYERS / 2];
            for cancel in n_asks.map(CancelToken::after_asks) {
                let stopped = within(&cancel).unwrap_err();
                assert!(matches!(stopped, Error::Cancelled(_)), "{stopped}");
            }
            assert_eq!(within(&CancelToken::new()).unwrap(), expected);
        }
    });
}
