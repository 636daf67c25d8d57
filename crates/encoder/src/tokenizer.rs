//! `tokenizer.json`; with its parts the only file that names `tokenizers`.

mod characters;
mod template;
pub(crate) mod tokens;
mod vocabulary;
mod word_piece;

use std::ops::Range;
use std::path::Path;
use std::{iter, panic};

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{
    DecoderWrapper, NormalizerWrapper, PostProcessor, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerImpl,
};

use self::template::Template;
use self::tokens::Tokens;
use crate::error::{Error, Result};
use crate::query_length::QueryLength;

/// Cuts texts into the tokens of a model.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    n_special: usize,
    n_special_of_pair: usize,
    template: Template,
    /// Does most of the work, where the tokenizer is of the kind that it knows.
    word_piece: Option<word_piece::WordPiece>,
}

/// Bytes of a text for every token it may have, read at first. Words of English have 6 or so, so
/// that a second reading is rare; texts far beyond the limit are not read to their end.
const BYTES_PER_TOKEN: usize = 16;

/// Texts are cut into pieces of about this size for [`Tokenizer::offsets`], which keeps the
/// tokenizer's own memory (some 30 bytes a byte) small.
const PIECE_BYTES: usize = 64 << 10;

impl Tokenizer {
    /// Makes a tokenizer of `bytes`, which are those of the `tokenizer.json` at `path`.
    ///
    /// The padding and truncation that the file asks for are left out.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let damaged = |source| Error::DamagedTokenizer {
            path: path.to_owned(),
            source,
        };
        let mut inner = parse(bytes).map_err(damaged)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(damaged)?;
        let special = |pair| {
            inner
                .get_post_processor()
                .map_or(0, |processor| processor.added_tokens(pair))
        };
        let (n_special, n_special_of_pair) = (special(false), special(true));
        Ok(Self {
            template: Template::of(&inner).map_err(damaged)?,
            word_piece: word_piece::WordPiece::of(&inner),
            inner,
            n_special,
            n_special_of_pair,
        })
    }

    /// Returns the byte ranges of the tokens in `text`, in order, without special tokens.
    ///
    /// The ranges refer to `text` itself, whatever the tokenizer normalises (case, accents), and
    /// begin and end between characters. Where one character makes several tokens, they share
    /// its range. White space belongs to no token. One pass, about 3 MB/s; no model is run.
    ///
    /// # Errors
    /// [`Error::Tokenize`].
    pub fn offsets(&self, text: &str) -> Result<Vec<Range<usize>>> {
        let mut ranges = Vec::with_capacity(text.len() / 4);
        for piece in pieces(text) {
            let part = &text[piece.clone()];
            let encoding = self
                .inner
                .encode(part, false)
                .map_err(|source| Error::Tokenize { source })?;
            let offsets = encoding.get_offsets().iter();
            ranges.extend(offsets.filter_map(|&(start, end)| {
                let start = piece.start + whole_characters(part, start, -1);
                let end = piece.start + whole_characters(part, end, 1);
                (start < end).then_some(start..end)
            }));
        }
        Ok(ranges)
    }

    /// Returns the tokens of one text, at most `max_tokens` with the special ones.
    ///
    /// A longer text is cut at its end.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`] where the special tokens leave no room, [`Error::Tokenize`].
    pub fn encode(&self, text: &str, max_tokens: usize) -> Result<Tokens> {
        let room = room(max_tokens, self.n_special)?;
        let ids = self.encode_part(text, room)?;
        Ok(self.template.fill(&ids, None))
    }

    /// Returns the tokens of a query together with each passage, at most `max_tokens` a pair with
    /// the special ones.
    ///
    /// The query is cut as [`QueryLength::in_pair`] says, in the same place whatever the passage, so that all
    /// passages answer the same question; the passage is cut at its end where the rest is used up.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`] where the special tokens leave no room, [`Error::Tokenize`].
    pub(crate) fn pairs<'a>(
        &'a self,
        query: &str,
        max_tokens: usize,
    ) -> Result<impl Fn(&str) -> Result<Tokens> + 'a> {
        let (query, room) = self.query_of_pair(query, max_tokens)?;
        Ok(move |passage: &str| {
            let passage = self.encode_part(passage, room)?;
            Ok(self.template.fill(&query, Some(&passage)))
        })
    }

    /// Measures a pair that is cut to `max_tokens` tokens as [`pairs`](Self::pairs) cuts it.
    /// Returns the tokens of the whole pair, special ones included, and how many bytes at the
    /// beginning of the passage are left.
    ///
    /// # Errors
    /// As for [`pairs`](Self::pairs).
    pub(crate) fn measure_pair(
        &self,
        query: &str,
        passage: &str,
        max_tokens: usize,
    ) -> Result<(usize, usize)> {
        let (_, room) = self.query_of_pair(query, max_tokens)?;
        let tokens = self.offsets(passage)?;
        let bytes_read = match tokens.get(room) {
            None => passage.len(),
            Some(_) => room.checked_sub(1).map_or(0, |last| tokens[last].end),
        };
        let n_tokens = self.offsets(query)?.len() + tokens.len() + self.n_special_of_pair;
        Ok((n_tokens, bytes_read))
    }

    /// Measures a query of pairs that are cut to `max_tokens` tokens as [`pairs`](Self::pairs) cuts them.
    ///
    /// # Errors
    /// As for [`pairs`](Self::pairs).
    pub(crate) fn measure_query_of_pair(
        &self,
        query: &str,
        max_tokens: usize,
    ) -> Result<QueryLength> {
        let room = room(max_tokens, self.n_special_of_pair)?;
        let (_, length) = self.part_of_pair(query, room)?;
        Ok(length)
    }

    /// Measures a query that is read alone, after `prefix`, and cut to `max_tokens` tokens as
    /// [`encode`](Self::encode) cuts it.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    pub(crate) fn measure_query_alone(
        &self,
        prefix: &str,
        query: &str,
        max_tokens: usize,
    ) -> Result<QueryLength> {
        let room = room(max_tokens, self.n_special)?;
        let room = room - self.encode_part(prefix, room)?.len();
        let n_tokens = self.encode_part(query, usize::MAX)?.len();
        Ok(QueryLength {
            n_tokens,
            n_first: n_tokens.min(room),
            n_last: 0,
        })
    }

    /// The query's tokens in a pair, and how many it leaves for the passage.
    fn query_of_pair(&self, query: &str, max_tokens: usize) -> Result<(Vec<u32>, usize)> {
        let room = room(max_tokens, self.n_special_of_pair)?;
        let (query, _) = self.part_of_pair(query, room)?;
        let room = room - query.len();
        Ok((query, room))
    }

    /// The tokens of a query that are read in a pair with room for this many, and how long it is.
    fn part_of_pair(&self, query: &str, room: usize) -> Result<(Vec<u32>, QueryLength)> {
        let mut tokens = self.encode_part(query, usize::MAX)?;
        let length = QueryLength::in_pair(tokens.len(), room);
        if length.is_cut() {
            tokens.drain(length.n_first..length.n_tokens - length.n_last);
        }
        Ok((tokens, length))
    }

    /// Returns the first `max_tokens` tokens of `text`, without special ones.
    fn encode_part(&self, text: &str, max_tokens: usize) -> Result<Vec<u32>> {
        if let Some(word_piece) = &self.word_piece {
            return word_piece.encode(text, max_tokens, |piece| self.encode_all(piece));
        }
        let mut n_bytes = max_tokens.saturating_mul(BYTES_PER_TOKEN).max(1);
        loop {
            let part = leading_words(text, n_bytes);
            let mut ids = self.encode_all(part)?;
            if ids.len() >= max_tokens || part.len() == text.len() {
                ids.truncate(max_tokens);
                return Ok(ids);
            }
            n_bytes = n_bytes.saturating_mul(4);
        }
    }

    /// Returns the tokens of `text`, without special ones.
    fn encode_all(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false);
        let encoding = encoding.map_err(|source| Error::Tokenize { source })?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// Parses `tokenizer.json`.
fn parse(bytes: &[u8]) -> std::result::Result<tokenizers::Tokenizer, tokenizers::Error> {
    match parse_word_piece(bytes) {
        Some(tokenizer) => Ok(tokenizer),
        None => parse_any(bytes),
    }
}

/// Parses a file that says it has the vocabulary of a `WordPiece` model, which goes right into the
/// model's own tables: 4 ms instead of 11. Leaves all other files, and all errors, to [`parse_any`],
/// which reads every vocabulary as a tree of JSON first.
fn parse_word_piece(bytes: &[u8]) -> Option<tokenizers::Tokenizer> {
    // Before the tokenizer's own parser sees it, the file is known to be JSON to its end.
    let file: TokenizerFile<'_> = serde_json::from_slice(bytes).ok()?;
    if file.model.kind != "WordPiece" {
        return None;
    }
    let parsed = panic::catch_unwind(|| serde_json::from_slice::<WordPieceTokenizer>(bytes));
    Some(parsed.ok()?.ok()?.into())
}

/// What tells the kinds of tokenizers apart.
#[derive(Deserialize)]
struct TokenizerFile<'a> {
    #[serde(borrow)]
    model: VocabularyModel<'a>,
}

#[derive(Deserialize)]
struct VocabularyModel<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

/// A [`tokenizers::Tokenizer`] that has one kind of model only.
type WordPieceTokenizer = TokenizerImpl<
    WordPiece,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

/// Parses a file of any kind.
///
/// The tokenizer's own parser panics on JSON that is cut short or has a part of the wrong type:
/// the first is looked for before, and the second is caught.
fn parse_any(bytes: &[u8]) -> std::result::Result<tokenizers::Tokenizer, tokenizers::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)?;
    panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes))
        .unwrap_or_else(|_| Err("the tokenizer cannot be built from this file".into()))
}

fn room(max_tokens: usize, n_special: usize) -> Result<usize> {
    let least = n_special + 1;
    if max_tokens < least {
        return Err(Error::TooFewTokens {
            found: max_tokens,
            least,
        });
    }
    Ok(max_tokens - n_special)
}

/// Returns the beginning of `text` up to the first white space after `n_bytes`, or all of it.
///
/// Tokens do not reach over white space, so those of the beginning begin those of the text. Form
/// feeds and their like do not count: BERT drops them with other control characters, and what is
/// on both sides becomes one word.
fn leading_words(text: &str, n_bytes: usize) -> &str {
    if n_bytes >= text.len() {
        return text;
    }
    let start = whole_characters(text, n_bytes, 1);
    text[start..]
        .find(|c: char| c.is_whitespace() && !matches!(c, '\u{b}' | '\u{c}' | '\u{85}'))
        .map_or(text, |at| &text[..start + at])
}

/// Returns the boundary between characters at `at`, or the next one in the direction of `step`.
fn whole_characters(text: &str, at: usize, step: isize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        // 0 and the length are boundaries, so the walk ends within the text.
        at = at.saturating_add_signed(step);
    }
    at
}

/// Cuts `text` at white space into pieces of about [`PIECE_BYTES`].
fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let piece = start..start + leading_words(rest, PIECE_BYTES).len();
        start = piece.end;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    const SHIPPED: [&str; 2] = ["bge-small-en-v1.5", "reread-MiniLM-L12-v1"];

    fn file(model: &str) -> Vec<u8> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models");
        fs::read(root.join(model).join("tokenizer.json")).unwrap()
    }

    /// Both ways to parse the shipped tokenizers.
    static BOTH: LazyLock<Vec<[tokenizers::Tokenizer; 2]>> = LazyLock::new(|| {
        let both = |model| {
            let bytes = file(model);
            [
                parse_word_piece(&bytes).unwrap(),
                parse_any(&bytes).unwrap(),
            ]
        };
        SHIPPED.map(both).into()
    });

    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[a-zA-Z]{1,12}",
            2 => "\\PC{1,8}",
            1 => any::<String>(),
            1 => Just(" [MASK] [UNK][SEP] ##ing ﬁ東京\u{301}\u{0}".to_owned()),
            1 => Just("x".repeat(101)),
        ];
        prop::collection::vec(part, 0..20).prop_map(|parts| parts.join(" "))
    }

    proptest! {
        #[test]
        fn both_ways_to_parse_a_tokenizer_give_the_same_tokens(text in text(), special: bool) {
            for [fast, slow] in &*BOTH {
                let [fast, slow] = [fast, slow].map(|it| it.encode(&*text, special).unwrap());
                prop_assert_eq!(fast, slow);
            }
        }
    }

    #[test]
    fn both_ways_to_parse_a_tokenizer_give_the_same_tokenizer() {
        for [fast, slow] in &*BOTH {
            let [fast, slow] = [fast, slow].map(|it| serde_json::to_string(it).unwrap());
            assert!(fast == slow);
        }
    }

    #[test]
    fn other_tokenizers_and_damaged_ones_are_left_to_the_general_parser() {
        let whole = String::from_utf8(file(SHIPPED[0])).unwrap();
        let vocabulary = whole.find("\"vocab\"").unwrap();
        for (what, with) in [
            ("\"WordPiece\"", "\"WordLevel\""),
            ("\"type\": \"WordPiece\",", ""),
            ("\"vocab\"", "\"words\""),
            ("\"version\": \"1.0\"", "\"version\": 1"),
        ] {
            assert!(whole.contains(what));
            assert!(
                parse_word_piece(whole.replace(what, with).as_bytes()).is_none(),
                "{with}"
            );
        }
        for len in (0..vocabulary).step_by(61).chain([whole.len() - 1]) {
            assert!(
                parse_word_piece(&whole.as_bytes()[..len]).is_none(),
                "cut at {len}"
            );
            assert!(parse(&whole.as_bytes()[..len]).is_err(), "cut at {len}");
        }
    }
}
