//! What a result may depend on: the text and the model, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]

mod common;

use std::sync::OnceLock;

use proptest::prelude::*;
use reread_encoder::{Error, Model};

use common::{CROSS_ENCODER, EMBEDDER, bits, shipped, with_threads};

fn embedder() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::open(&shipped(EMBEDDER)).unwrap())
}

fn cross_encoder() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::open(&shipped(CROSS_ENCODER)).unwrap())
}

/// Up to 60 words, some of them strange.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => "[a-z]{1,9}",
        1 => "\\PC{1,5}",
        1 => Just("Überraschung 東京 \u{301}".to_owned()),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_logit_depends_on_its_pair_alone(
        query in text(), passages in prop::collection::vec(text(), 1..12), n_threads in 1_usize..5,
    ) {
        let model = cross_encoder();
        let mut texts: Vec<&str> = passages.iter().map(String::as_str).collect();
        let together = with_threads(n_threads, || model.score(&query, &texts, 128).unwrap());
        for (text, expected) in texts.iter().zip(&together) {
            let alone = with_threads(1, || model.score(&query, &[text], 128).unwrap());
            prop_assert_eq!(alone[0].to_bits(), expected.to_bits());
        }
        texts.reverse();
        let mut reversed = with_threads(1, || model.score(&query, &texts, 128).unwrap());
        reversed.reverse();
        prop_assert_eq!(bits(&reversed), bits(&together));
    }

    #[test]
    fn an_embedding_depends_on_its_text_alone(
        passages in prop::collection::vec(text(), 1..12), n_threads in 1_usize..5,
    ) {
        let model = embedder();
        let mut texts: Vec<&str> = passages.iter().map(String::as_str).collect();
        let together = with_threads(n_threads, || model.embed(&texts, 128).unwrap());
        for (text, expected) in texts.iter().zip(together.chunks(model.dim())) {
            let alone = with_threads(1, || model.embed(&[text], 128).unwrap());
            prop_assert_eq!(bits(&alone), bits(expected));
        }
        texts.reverse();
        let reversed = with_threads(2, || model.embed(&texts, 128).unwrap());
        for (row, expected) in reversed.chunks(model.dim()).rev().zip(together.chunks(model.dim())) {
            prop_assert_eq!(bits(row), bits(expected));
        }
    }

    #[test]
    fn offsets_are_ordered_and_never_split_a_character(text in "\\PC{0,200}", at in 0_usize..9) {
        // Some white space of every kind, and a few strange letters for certain.
        let text = format!("{text}\u{a0}Ünï\u{301}ﬁ 각 {}\n{text}", &"e\u{301}clair👩‍👩‍👧"[..at.min(1)]);
        let offsets = embedder().tokenizer().offsets(&text).unwrap();
        let mut before = 0..0;
        for range in offsets {
            prop_assert!(range.start < range.end && range.end <= text.len());
            prop_assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end));
            prop_assert!(before.start <= range.start && before.end <= range.end);
            before = range;
        }
    }
}

#[test]
fn a_short_text_is_the_same_on_any_number_of_threads() {
    for n_tokens in 2..=40 {
        let text = "water ".repeat(n_tokens - 2);
        let embed = || bits(&embedder().embed(&[&text], 64).unwrap());
        let score = || bits(&cross_encoder().score("", &[&text], 64).unwrap());
        let expected = with_threads(1, || (embed(), score()));
        for n_threads in 2..=5 {
            let result = with_threads(n_threads, || (embed(), score()));
            assert_eq!(result, expected, "{n_tokens} tokens on {n_threads} threads");
        }
    }
}

#[test]
fn offsets_refer_to_the_original_text() {
    let text = "Les Éclairs, deux; ÜBER 東京.";
    let offsets = embedder().tokenizer().offsets(text).unwrap();
    let tokens: Vec<&str> = offsets.into_iter().map(|range| &text[range]).collect();
    let expected = [
        "Les", "É", "clair", "s", ",", "deux", ";", "ÜBER", "東", "京", ".",
    ];
    assert_eq!(tokens.concat(), expected.concat());
    assert!(
        tokens.contains(&"ÜBER") && tokens.contains(&"東"),
        "{tokens:?}"
    );
}

#[test]
fn offsets_of_a_long_text_are_those_of_its_parts() {
    let line = "The quick brown fox jumps over 42 lazy Döge's backs.\n";
    let short = embedder().tokenizer().offsets(line).unwrap();
    let long = embedder().tokenizer().offsets(&line.repeat(5000)).unwrap();
    assert_eq!(long.len(), 5000 * short.len());
    for (at, range) in long.iter().enumerate() {
        let start = at / short.len() * line.len();
        let expected = &short[at % short.len()];
        assert_eq!(*range, expected.start + start..expected.end + start);
    }
}

#[test]
fn a_text_is_cut_at_its_end_and_keeps_the_last_special_token() {
    let tokenizer = embedder().tokenizer();
    let long = "water ".repeat(100_000);
    let tokens = tokenizer.encode(&long, 512).unwrap();
    assert_eq!(tokens.len(), 512);
    assert_eq!((tokens.ids[0], tokens.ids[511]), (101, 102));
    let model = embedder();
    assert_eq!(
        model.embed(&[&long], 9999).unwrap(),
        model.embed(&[&long], 512).unwrap()
    );
    assert_ne!(
        model.embed(&[&long], 64).unwrap(),
        model.embed(&[&long], 512).unwrap()
    );
}

#[test]
fn a_long_pair_is_cut_in_the_passage_and_never_fails() {
    let model = cross_encoder();
    let long = "solar panels turn light into power ".repeat(500);
    let end = format!("{long} and this is never read");
    let query = "what do solar panels do";
    let (a, b) = (
        model.score(query, &[&long], 256),
        model.score(query, &[&end], 256),
    );
    assert_eq!(bits(&a.unwrap()), bits(&b.unwrap()));
    // Of a query that fills the limit, enough is cut for the passage to be seen.
    let logits = model
        .score(&long, &["solar panels", "goat cheese"], 512)
        .unwrap();
    assert_ne!(logits[0].to_bits(), logits[1].to_bits());
    for max_tokens in 4..24 {
        assert_eq!(model.score(&long, &[&long], max_tokens).unwrap().len(), 1);
    }
}

#[test]
fn nothing_and_empty_texts_work() {
    let model = embedder();
    assert!(model.embed(&[], 512).unwrap().is_empty());
    assert_eq!(
        model.embed(&["", " \n", "\u{0}"], 512).unwrap().len(),
        3 * model.dim()
    );
    assert_eq!(model.embed_query("").unwrap().len(), model.dim());
    assert!(model.tokenizer().offsets("").unwrap().is_empty());
    let model = cross_encoder();
    assert!(model.score("water", &[], 512).unwrap().is_empty());
    assert_eq!(model.score("", &["", "water"], 512).unwrap().len(), 2);
}

#[test]
fn a_limit_without_room_is_refused() {
    let refused = embedder().embed(&["water"], 2);
    assert!(matches!(
        refused,
        Err(Error::TooFewTokens { found: 2, least: 3 })
    ));
    let refused = cross_encoder().score("water", &["water"], 0);
    assert!(matches!(
        refused,
        Err(Error::TooFewTokens { found: 0, least: 4 })
    ));
}

#[test]
fn a_bi_encoder_does_not_score() {
    assert!(!embedder().is_cross_encoder());
    let refused = embedder().score("water", &["water"], 128);
    assert!(matches!(refused, Err(Error::NotCrossEncoder { .. })));
}
