//! The shipped models in int8 against f32, for texts of every length that is special.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![allow(clippy::print_stdout, reason = "the differences are worth seeing")]

mod common;

use common::{CROSS_ENCODER, EMBEDDER, open_with, shipped};
use reread_encoder::{InstructionSet, Precision};

const WORDS: &str = "the roof of our house has solar panels which turn light into power for the \
    kitchen and the car while the sun is up and when it rains we buy some from the city";

/// A text of this many tokens, special tokens not counted.
fn text(n_words: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().cycle().take(n_words).collect();
    words.join(" ")
}

const LENGTHS: [usize; 13] = [0, 1, 2, 5, 7, 13, 29, 31, 46, 95, 127, 253, 510];

#[test]
fn embeddings_of_any_length_are_close_to_f32() {
    let set = InstructionSet::available()[0];
    let [exact, ours] = [Precision::F32, Precision::Int8].map(|precision| {
        let model = open_with(&shipped(EMBEDDER), set, precision);
        let texts = LENGTHS.map(text);
        let texts = texts.each_ref().map(String::as_str);
        for (text, n_words) in texts.iter().zip(LENGTHS) {
            let tokens = model.tokenizer().encode(text, 512).unwrap();
            assert_eq!(tokens.len(), n_words + 2, "each word is one token");
        }
        model.embed(&texts, 512).unwrap()
    });
    let dim = exact.len() / LENGTHS.len();
    for (n_words, (a, b)) in LENGTHS.iter().zip(exact.chunks(dim).zip(ours.chunks(dim))) {
        let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        println!("{n_words} words: {:.1e}", 1.0 - cosine);
        assert!(cosine > 0.997, "{n_words} words: {cosine}");
    }
}

/// Queries, and how far a logit may be from that of f32. The model was not trained on a query of
/// no words: what it makes of one hangs on little, so that rounding moves it more.
const QUERIES: [(&str, f32); 3] = [
    ("", 0.6),
    ("what do solar panels do", 0.3),
    ("goat cheese", 0.3),
];

#[test]
fn logits_of_any_length_are_close_to_f32() {
    let set = InstructionSet::available()[0];
    let [exact, ours] = [Precision::F32, Precision::Int8].map(|precision| {
        let model = open_with(&shipped(CROSS_ENCODER), set, precision);
        let texts = LENGTHS.map(text);
        let texts = texts.each_ref().map(String::as_str);
        let mut logits = Vec::new();
        for (query, _) in QUERIES {
            logits.extend(model.score(query, &texts, 512).unwrap());
        }
        logits
    });
    for (at, (exact, ours)) in exact.iter().zip(ours).enumerate() {
        let n_words = LENGTHS[at % LENGTHS.len()];
        let (query, bound) = QUERIES[at / LENGTHS.len()];
        let logits = format!("{query:?}, {n_words} words: {exact}, {ours}");
        println!("{logits}");
        assert!((exact - ours).abs() < bound, "{logits}");
    }
}

#[test]
fn a_measured_pair_says_how_far_the_passage_is_read() {
    let set = InstructionSet::available()[0];
    let model = open_with(&shipped(CROSS_ENCODER), set, Precision::Int8);
    let (query, passage) = ("what do solar panels do", text(80));
    let length = model.measure_pair(query, &passage, 64).unwrap();
    // Three special tokens and the five words of the query.
    assert_eq!((length.n_tokens, length.max_tokens), (88, 64));
    assert_eq!(&passage[..length.bytes_read], text(64 - 8));

    let score = |passage: &str| model.score(query, &[passage], 64).unwrap()[0].to_bits();
    let (read, unread) = passage.split_at(length.bytes_read);
    assert_eq!(score(&passage), score(read));
    assert_eq!(score(&passage), score(&format!("{read} nothing of this")));
    assert_ne!(
        score(&passage),
        score(&format!("nothing{}{unread}", &read[3..]))
    );

    let all = model.measure_pair(query, &passage, 9_999).unwrap();
    assert_eq!((all.max_tokens, all.bytes_read), (512, passage.len()));
    assert!(model.measure_pair(query, &passage, 2).is_err());
}

#[test]
fn a_long_query_leaves_room_for_the_passage() {
    let set = InstructionSet::available()[0];
    let model = open_with(&shipped(CROSS_ENCODER), set, Precision::Int8);
    let (query, passage) = (text(300), text(80));
    let length = model.measure_query_of_pair(&query, 64).unwrap();
    // Of 61 tokens beside the special ones.
    assert_eq!(
        (length.n_tokens, length.n_first, length.n_last),
        (300, 15, 15)
    );
    assert!(length.is_cut());
    let pair = model.measure_pair(&query, &passage, 64).unwrap();
    assert_eq!((pair.n_tokens, pair.bytes_read), (383, text(31).len()));

    let score =
        |query: &str, passage: &str| model.score(query, &[passage], 64).unwrap()[0].to_bits();
    let words: Vec<&str> = query.split(' ').collect();
    let ends = [&words[..15], &words[285..]].concat().join(" ");
    assert_eq!(score(&query, &passage), score(&ends, &text(31)));
    assert_ne!(
        score(&query, &passage),
        score(&query, &format!("goat cheese {passage}"))
    );

    let short = model.measure_query_of_pair(&text(30), 64).unwrap();
    assert_eq!(
        (short.n_tokens, short.n_read(), short.is_cut()),
        (30, 30, false)
    );
    assert!(model.measure_query_of_pair(&query, 3).is_err());
    let nothing = model.measure_query_of_pair("", 64).unwrap();
    assert_eq!((nothing.n_tokens, nothing.is_cut()), (0, false));
}

#[test]
fn a_long_query_of_an_embedder_is_measured_with_its_prefix() {
    let set = InstructionSet::available()[0];
    let model = open_with(&shipped(EMBEDDER), set, Precision::Int8);
    let n_prefix = model
        .tokenizer()
        .offsets(model.query_prefix())
        .unwrap()
        .len();
    assert!(n_prefix > 0);
    let room = 512 - 2 - n_prefix;
    for (n_words, is_cut) in [(0, false), (room, false), (room + 1, true), (2_000, true)] {
        let length = model.measure_query(&text(n_words)).unwrap();
        assert_eq!(
            (length.n_tokens, length.n_first),
            (n_words, n_words.min(room))
        );
        assert_eq!(length.is_cut(), is_cut, "{n_words} words");
    }
    let [read, more] = [room, room + 9].map(|n_words| model.embed_query(&text(n_words)).unwrap());
    assert_eq!(read, more);
}
