//! Where a model's tokens lie in a text.

use std::ops::Range;
use std::path::Path;

use tokenizers::Tokenizer;

use super::error::{OnnxError, Result};
use crate::embedder::BoxError;

/// Says where a model's tokens lie in a text, without running the model.
#[derive(Debug, Clone)]
pub(super) struct TokenRanges(Tokenizer);

impl TokenRanges {
    /// Reads the bytes of a `tokenizer.json`; `path` is where they came from.
    ///
    /// # Errors
    /// [`OnnxError::BadFile`] if they are not a tokenizer.
    pub(super) fn new(bytes: &[u8], path: &Path) -> Result<Self> {
        let bad = |error: BoxError| OnnxError::BadFile {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(bad)?;
        tokenizer.with_truncation(None).map_err(bad)?;
        tokenizer.with_padding(None);
        Ok(Self(tokenizer))
    }

    /// The byte ranges of the tokens in `text`, in order, without special tokens.
    ///
    /// Each range begins and ends between characters; where one character makes several tokens,
    /// they share its range.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    pub(super) fn of(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        let encoding = self.0.encode(text, false)?;
        let offsets = encoding.get_offsets().iter();
        let ranges =
            offsets.map(|&(start, end)| boundary_before(text, start)..boundary_after(text, end));
        Ok(ranges.filter(|range| range.start < range.end).collect())
    }

    /// How many special tokens the model puts around one text.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    pub(super) fn n_special(&self) -> Result<usize, BoxError> {
        Ok(self.0.encode("", true)?.len())
    }

    /// How many special tokens the model puts around and between two texts.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    pub(super) fn n_special_in_pair(&self) -> Result<usize, BoxError> {
        Ok(self.0.encode(("", ""), true)?.len())
    }
}

// A byte-level tokenizer may cut inside a character.

fn boundary_before(text: &str, at: usize) -> usize {
    let mut before = (0..=at.min(text.len())).rev();
    before
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or_default()
}

fn boundary_after(text: &str, at: usize) -> usize {
    let mut after = at..text.len();
    after
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_words_of_a_text_and_fall_on_characters() {
        let tokenizer = br#"{
            "version": "1.0", "truncation": {"direction": "Right", "max_length": 1,
                "strategy": "LongestFirst", "stride": 0},
            "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0}}
        }"#;
        let ranges = TokenRanges::new(tokenizer, Path::new("tokenizer.json")).unwrap();
        let text = "für alle Fälle";
        let words: Vec<&str> = ranges
            .of(text)
            .unwrap()
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(words, ["für", "alle", "Fälle"]);
        assert_eq!(ranges.n_special_in_pair().unwrap(), 0);
    }

    #[test]
    fn a_cut_inside_a_character_is_moved_out_of_it() {
        let text = "a東b";
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 9].map(|at| boundary_before(text, at)),
            [0, 1, 1, 1, 4, 5, 5]
        );
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 9].map(|at| boundary_after(text, at)),
            [0, 1, 4, 4, 4, 5, 5]
        );
    }

    #[test]
    fn what_is_no_tokenizer_is_refused() {
        let error = TokenRanges::new(b"{}", Path::new("tokenizer.json")).unwrap_err();
        assert!(matches!(error, OnnxError::BadFile { .. }));
    }
}
