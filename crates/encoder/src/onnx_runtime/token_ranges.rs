use std::ops::Range;
use std::path::Path;

use tokenizers::Tokenizer;

use super::{BoxError, OnnxError, Result};

/// Says where a model's tokens lie in a text, without running the model.
#[derive(Debug, Clone)]
pub struct TokenRanges(Tokenizer);

impl TokenRanges {
    /// Reads the bytes of a `tokenizer.json`; `path` is where they came from.
    ///
    /// # Errors
    /// [`OnnxError::BadFile`] if they are not a tokenizer.
    pub fn new(bytes: &[u8], path: &Path) -> Result<Self> {
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
    /// Each range begins and ends at a character.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    pub fn of(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        let encoding = self.0.encode(text, false)?;
        let offsets = encoding.get_offsets().iter();
        Ok(offsets
            .map(|&(start, end)| {
                // A byte-level tokenizer may cut inside a character.
                let boundary = |at: &usize| text.is_char_boundary(*at);
                let start = (0..=start.min(text.len()))
                    .rev()
                    .find(boundary)
                    .unwrap_or(0);
                start
                    ..(end.max(start)..text.len())
                        .find(boundary)
                        .unwrap_or(text.len())
            })
            .collect())
    }

    /// How many special tokens the model puts around and between two texts.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    pub fn n_special_in_pair(&self) -> Result<usize, BoxError> {
        Ok(self.0.encode(("", ""), true)?.len())
    }
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
    fn what_is_no_tokenizer_is_refused() {
        let error = TokenRanges::new(b"{}", Path::new("tokenizer.json")).unwrap_err();
        assert!(matches!(error, OnnxError::BadFile { .. }));
    }
}
