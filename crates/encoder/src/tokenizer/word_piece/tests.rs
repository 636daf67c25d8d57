//! The ids must be those of the `tokenizers` crate reading the whole text, for every text.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, iter};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use tokenizers::{Encoding, Token, TruncationDirection};

use super::super::{PIECE_BYTES, Tokenizer, Tokens};
use crate::error::Error;

/// The plain twin: texts are read to their end, cut then, and joined by the tokenizer itself.
struct Twin<'a>(&'a tokenizers::Tokenizer);

impl Twin<'_> {
    fn read(&self, text: &str, max_tokens: usize) -> Encoding {
        let mut encoding = self.0.encode_fast(text, false).unwrap();
        encoding.truncate(max_tokens, 0, TruncationDirection::Right);
        encoding.take_overflowing();
        encoding
    }

    fn finish(&self, first: Encoding, second: Option<Encoding>) -> Tokens {
        let whole = self.0.post_process(first, second, true).unwrap();
        Tokens {
            ids: whole.get_ids().to_vec(),
            types: whole.get_type_ids().to_vec(),
        }
    }

    fn encode(&self, text: &str, max_tokens: usize, n_special: usize) -> Tokens {
        self.finish(self.read(text, max_tokens - n_special), None)
    }

    fn pair(&self, query: &str, passage: &str, max_tokens: usize, n_special: usize) -> Tokens {
        let room = max_tokens - n_special;
        let mut query = self.read(query, usize::MAX);
        let part = 64.min(room / 2);
        if query.get_ids().len() > part {
            let ids = query.get_ids();
            let (n_first, n_last) = (part.min(32).div_ceil(2), part.min(32) / 2);
            let ids = [&ids[..n_first], &ids[ids.len() - n_last..]].concat();
            let token = |id| Token::new(id, String::new(), (0, 0));
            query = Encoding::from_tokens(ids.into_iter().map(token).collect(), 0);
        }
        let passage = self.read(passage, room - query.len());
        self.finish(query, Some(passage))
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let dir = repository().join("data/models/reread-MiniLM-L12-v1");
        let tokenizer = open(&dir.join("tokenizer.json"));
        assert!(tokenizer.word_piece.is_some());
        tokenizer
    })
}

/// A tokenizer whose vocabulary is all characters up to the last of Chinese, each to begin with
/// and to go on with, so that its tokens tell exactly what words were cut.
fn revealing(normalizer: &serde_json::Value, prefix: &str, max_characters: usize) -> Tokenizer {
    let characters = ('!'..'\u{a000}').filter(|character| !character.is_whitespace());
    let tokens = characters.flat_map(|character| {
        let continuation = format!("{prefix}{character}");
        [character.to_string(), continuation]
    });
    let mut vocabulary = serde_json::Map::new();
    for token in iter::once("[UNK]".to_owned()).chain(tokens) {
        let id = vocabulary.len();
        vocabulary.entry(token).or_insert(json!(id));
    }
    let file = json!({
        "version": "1.0",
        "added_tokens": [added("[UNK]", 0), added("[é", 77)],
        "normalizer": normalizer,
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": null,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": prefix,
            "max_input_chars_per_word": max_characters,
            "vocab": vocabulary,
        },
    });
    of(&file)
}

fn added(content: &str, id: u32) -> serde_json::Value {
    json!({
        "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true,
    })
}

fn of(file: &serde_json::Value) -> Tokenizer {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    fs::write(&path, file.to_string()).unwrap();
    open(&path)
}

fn open(path: &Path) -> Tokenizer {
    Tokenizer::parse(path, &fs::read(path).unwrap()).unwrap()
}

/// `BertNormalizer` with all its settings.
fn normalizers() -> Vec<serde_json::Value> {
    let yes_or_no = [true, false];
    let mut all = Vec::new();
    for clean_text in yes_or_no {
        for handle_chinese_chars in yes_or_no {
            for strip_accents in [json!(null), json!(true), json!(false)] {
                for lowercase in yes_or_no {
                    all.push(json!({
                        "type": "BertNormalizer",
                        "clean_text": clean_text,
                        "handle_chinese_chars": handle_chinese_chars,
                        "strip_accents": strip_accents,
                        "lowercase": lowercase,
                    }));
                }
            }
        }
    }
    all
}

/// One tokenizer for each setting, with prefixes of all kinds.
fn of_all_settings() -> &'static [Tokenizer] {
    static TOKENIZERS: OnceLock<Vec<Tokenizer>> = OnceLock::new();
    TOKENIZERS.get_or_init(|| {
        let prefixes = ["##", "", "x"].into_iter().cycle();
        let settings = normalizers().into_iter().zip(prefixes);
        settings
            .enumerate()
            .map(|(at, (normalizer, prefix))| revealing(&normalizer, prefix, 3 + at % 7))
            .collect()
    })
}

/// Checks the tokens of a text that is read whole or cut anywhere.
fn check(tokenizer: &Tokenizer, text: &str) {
    let all = Twin(&tokenizer.inner).read(text, usize::MAX);
    let all = all.get_ids();
    let limits = (0..12).chain([all.len().saturating_sub(1), all.len(), all.len() + 1]);
    for max_tokens in limits.chain([usize::MAX]) {
        let ids = tokenizer.encode_part(text, max_tokens).unwrap();
        let expected = &all[..all.len().min(max_tokens)];
        assert_eq!(ids, expected, "the first {max_tokens} of {text:?}");
    }
}

fn check_pair(tokenizer: &Tokenizer, query: &str, passage: &str) {
    let twin = Twin(&tokenizer.inner);
    let least = tokenizer.n_special_of_pair + 1;
    for max_tokens in (least..24).chain([64, 128, 256, 512, 9999]) {
        let pair = tokenizer.pairs(query, max_tokens).unwrap()(passage).unwrap();
        let expected = twin.pair(query, passage, max_tokens, tokenizer.n_special_of_pair);
        assert_eq!(pair, expected, "{max_tokens} of {query:?} and {passage:?}");
        let single = tokenizer.encode(passage, max_tokens).unwrap();
        let expected = twin.encode(passage, max_tokens, tokenizer.n_special);
        assert_eq!(single, expected, "{max_tokens} of {passage:?}");
    }
}

/// What is read in other ways than most, between single spaces.
const STRANGE: &str = "[MASK] [mask] [CLS]x a[SEP] [[PAD]] [UNK [MASK\u{301}] [é [É ## ##ing \0 \u{fffd} \
    \u{200b} \u{200d} \u{feff} \u{ad} \u{301} e\u{301}\u{323} \u{302e} \u{8d3} \
    \u{7fd}\u{334} \u{1dfa} \u{345} \u{1f71} ά İ ẞß ﬁ Ⅷ ǅ Σς 東京 が か\u{3099} 각 \u{f900} \
    👩‍👩‍👧 🇩🇪 𝒳 “ ’ — • … ≠ ¿ « ¬ \u{b7} ² ½ µ αβ-catenin naïve Ångström й Ё שָׁ عَ ไทย \
    हिन्दी \u{85} \u{b} \u{c} \u{1c} \u{7f} \u{2028} \u{3000} \u{a0} \u{e000} \u{10ffff} \
    \u{1680} $ ` _ x";

/// Words and what else comes in texts, strange things far more often than in real ones.
fn piece() -> impl Strategy<Value = String> {
    let long = "[a-zé]{95,105}";
    prop_oneof![
        6 => "[a-zA-Z]{1,12}",
        2 => "[ -~]{1,8}",
        6 => prop::sample::select(STRANGE.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
        2 => "\\PC{1,5}",
        1 => any::<char>().prop_map(String::from),
        1 => long,
    ]
}

/// Pieces with and without something between them.
fn text() -> impl Strategy<Value = String> {
    let between = prop::sample::select(&["", "", " ", " ", "  ", "\t", "\n", "\r\n", "-"][..]);
    let pieces = prop::collection::vec((piece(), between), 0..40);
    pieces.prop_map(|pieces| {
        let pieces = pieces.into_iter();
        pieces.map(|(piece, between)| piece + between).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_has_the_ids_of_the_tokenizer(text in text()) {
        check(shipped(), &text);
    }

    #[test]
    fn any_pair_is_that_of_the_tokenizer(query in text(), passage in text()) {
        check_pair(shipped(), &query, &passage);
    }

    #[test]
    fn any_setting_is_followed(text in text()) {
        for tokenizer in of_all_settings() {
            check(tokenizer, &text);
        }
    }
}

#[test]
fn every_character_is_read_as_the_tokenizer_reads_it() {
    let every: Vec<char> = (char::MIN..='\u{1ffff}').collect();
    for tokenizer in [shipped(), &of_all_settings()[0], &of_all_settings()[23]] {
        for characters in every.chunks(500) {
            let texts = characters.iter().map(|c| format!("k{c}e {c} ({c}E{c}\n"));
            let text: String = texts.collect();
            let expected = Twin(&tokenizer.inner).read(&text, usize::MAX);
            let ids = tokenizer.encode_part(&text, usize::MAX).unwrap();
            assert_eq!(ids, expected.get_ids(), "from {:?} on", characters[0]);
        }
    }
}

/// Decomposing puts marks in order: those that are kept must not be read one by one.
#[test]
fn every_character_may_stand_beside_marks() {
    let marks = [
        '\u{301}', '\u{334}', '\u{302e}', '\u{345}', '\u{5b0}', '\u{302a}', '\u{3099}', '\u{8d3}',
        '\u{1dfa}', '\u{94d}',
    ];
    for tokenizer in &of_all_settings()[..4] {
        for character in '\u{80}'..'\u{a000}' {
            let words = marks
                .iter()
                .map(|m| format!("a{character}{m}b a{m}{character}b "));
            let text: String = words.collect();
            let expected = Twin(&tokenizer.inner).read(&text, usize::MAX);
            let ids = tokenizer.encode_part(&text, usize::MAX).unwrap();
            assert_eq!(ids, expected.get_ids(), "{character:?}");
        }
    }
}

#[test]
fn real_texts_have_the_ids_of_the_tokenizer() {
    let folders = ["data/sample/docs", "docs", "data/sample", "."];
    let entries = folders.iter().flat_map(|dir| {
        let entries = fs::read_dir(repository().join(dir)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let texts = entries.filter_map(|path| fs::read_to_string(path).ok());
    let n_texts = texts.inspect(|text| check(shipped(), text)).count();
    assert!(n_texts > 100);
}

#[derive(Deserialize)]
struct Reference {
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    query: String,
    passage: String,
}

#[test]
fn reference_pairs_are_those_of_the_tokenizer() {
    let dir = repository().join("data/models/reread-MiniLM-L12-v1");
    let reference = fs::read(dir.join("reference.json")).unwrap();
    let reference: Reference = serde_json::from_slice(&reference).unwrap();
    for pair in &reference.pairs {
        check_pair(shipped(), &pair.query, &pair.passage);
        check_pair(shipped(), &pair.passage, &pair.query);
    }
}

#[test]
fn long_words_and_long_texts_end_in_time() {
    for word in [
        "a", "é", "\u{200b}", "[", "😀", "東", "[MASK]", "e\u{301}", "#",
    ] {
        check(shipped(), &word.repeat(5000));
    }
    let long = "water [MASK] 😀 ".repeat(1 << 20);
    assert_eq!(shipped().encode(&long, 512).unwrap().len(), 512);
}

#[test]
fn special_tokens_go_where_the_file_says() {
    let special =
        |name: &str, of_type: u32| json!({ "SpecialToken": { "id": name, "type_id": of_type } });
    let sequence =
        |name: &str, of_type: u32| json!({ "Sequence": { "id": name, "type_id": of_type } });
    let special_tokens = json!({
        "a": { "id": "a", "ids": [5, 6], "tokens": ["a", "b"] },
        "c": { "id": "c", "ids": [7], "tokens": ["c"] },
    });
    let template = |single: Vec<serde_json::Value>, pair: Vec<serde_json::Value>| {
        json!({
            "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens,
        })
    };
    let processors = [
        json!(null),
        json!({ "type": "BertProcessing", "sep": ["s", 3], "cls": ["c", 4] }),
        json!({ "type": "RobertaProcessing", "sep": ["s", 3], "cls": ["c", 4], "trim_offsets": true,
            "add_prefix_space": false }),
        template(
            vec![sequence("A", 0)],
            vec![sequence("A", 0), sequence("B", 0)],
        ),
        template(
            vec![special("a", 1), sequence("A", 2), special("c", 3)],
            vec![
                sequence("B", 1),
                special("c", 4),
                sequence("A", 0),
                special("a", 0),
            ],
        ),
    ];
    for processor in processors {
        let vocabulary = json!({ "[UNK]": 0, "water": 1, "stone": 2 });
        let tokenizer = of(&small(&vocabulary, &processor));
        for texts in [("", ""), ("water", "stone stone"), ("a water stone", "")] {
            check_pair(&tokenizer, texts.0, texts.1);
        }
    }
}

#[test]
fn a_template_of_tokens_that_are_not_there_or_without_a_text_or_with_one_twice_is_damage() {
    let nowhere = json!([{ "SpecialToken": { "id": "nowhere", "type_id": 0 } }]);
    let text = |id| json!({ "Sequence": { "id": id, "type_id": 0 } });
    let (one, both) = (json!([text("A")]), json!([text("A"), text("B")]));
    let twice = json!([text("A"), text("A")]);
    for (single, pair) in [
        (&nowhere, &nowhere),
        (&one, &one),
        (&twice, &both),
        (&json!([]), &both),
        (&one, &json!([text("A"), text("B"), text("B")])),
    ] {
        let processor = json!({
            "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {},
        });
        let bytes = small(&json!({ "[UNK]": 0 }), &processor).to_string();
        let refused = Tokenizer::parse(Path::new("tokenizer.json"), bytes.as_bytes());
        assert!(
            matches!(refused, Err(Error::DamagedTokenizer { .. })),
            "{single} {pair}"
        );
    }
}

fn small(vocabulary: &serde_json::Value, processor: &serde_json::Value) -> serde_json::Value {
    json!({
        "version": "1.0",
        "added_tokens": [added("[UNK]", 0)],
        "normalizer": normalizers()[0],
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": processor,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    })
}

#[test]
fn what_is_not_known_is_left_to_the_tokenizer() {
    let plain = small(
        &json!({ "[UNK]": 0, "water": 1, "stone": 2, "##s": 3 }),
        &json!(null),
    );
    assert!(of(&plain).word_piece.is_some());
    let changes = [
        ("/pre_tokenizer", json!({ "type": "Whitespace" })),
        ("/normalizer", json!({ "type": "Lowercase" })),
        ("/normalizer", json!(null)),
        (
            "/model/vocab",
            json!({ "[UNK]": 0, "water": 1, "stone": 1 }),
        ),
        (
            "/model/vocab",
            json!({ "[UNK]": 0, "water": 4_000_000_000_u32 }),
        ),
        ("/added_tokens/0/normalized", json!(true)),
        ("/added_tokens/0/lstrip", json!(true)),
        ("/added_tokens/0/single_word", json!(true)),
        ("/added_tokens/0/content", json!("wat")),
        ("/added_tokens/0/content", json!("[a b]")),
    ];
    for (place, value) in changes {
        let mut file = plain.clone();
        *file.pointer_mut(place).unwrap() = value;
        let tokenizer = of(&file);
        assert!(tokenizer.word_piece.is_none(), "{place}");
        check(
            &tokenizer,
            "Water, stones [UNK] [a b]\u{c}wat\u{85}water stone [A B",
        );
    }
}

#[test]
fn words_go_on_behind_a_form_feed() {
    let text = "water\u{c}melon ".repeat(PIECE_BYTES / 10);
    let offsets = shipped().offsets(&text).unwrap();
    assert_eq!(
        offsets.len(),
        Twin(&shipped().inner).read(&text, usize::MAX).len()
    );
}
