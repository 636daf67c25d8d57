//! The tokens of a long text, block by block: a tokenizer takes some 75 bytes of memory for each byte of
//! the text it is given.

use std::ops::Range;

use crate::embedder::{BoxError, Embedder};

/// Texts up to this length are given to the tokenizer as a whole.
const BLOCK_BYTES: usize = 1 << 20;

/// Where a block has no white space in it, it ends in the middle of a word.
const MAX_BLOCK_BYTES: usize = 2 * BLOCK_BYTES;

/// The byte ranges of the tokens of a text of any length.
///
/// # Errors
/// Whatever the tokenizer fails with.
pub fn token_offsets_in_blocks(
    embedder: &dyn Embedder,
    text: &str,
) -> Result<Vec<Range<usize>>, BoxError> {
    if text.len() <= BLOCK_BYTES {
        return embedder.token_offsets(text);
    }
    let mut tokens = Vec::new();
    for block in blocks(text) {
        let at = block.start;
        let found = embedder.token_offsets(&text[block])?;
        tokens.extend(
            found
                .into_iter()
                .map(|token| token.start + at..token.end + at),
        );
    }
    Ok(tokens)
}

/// Cuts a text behind white space, where no token of a word ends up in two blocks.
fn blocks(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + block_len(rest);
        let block = start..end;
        start = end;
        Some(block)
    })
}

fn block_len(text: &str) -> usize {
    if text.len() <= BLOCK_BYTES {
        return text.len();
    }
    let floor = |at: usize| {
        (0..=at.min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
    };
    let (from, to) = (
        floor(BLOCK_BYTES).unwrap_or(text.len()),
        floor(MAX_BLOCK_BYTES).unwrap_or(text.len()),
    );
    let blank = text[from..to]
        .char_indices()
        .find(|(_, c)| c.is_whitespace());
    blank.map_or(to, |(at, c)| from + at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use reread_encoder::ModelIdentity;

    use super::*;

    /// Takes every word for a token and remembers the longest text it was given.
    struct Words(ModelIdentity, Mutex<usize>);

    impl Words {
        fn new() -> Self {
            let model = ModelIdentity {
                name: "words".to_owned(),
                revision: String::new(),
                digest: "words".to_owned(),
            };
            Self(model, Mutex::new(0))
        }
    }

    impl Embedder for Words {
        fn model(&self) -> &ModelIdentity {
            &self.0
        }

        fn dim(&self) -> usize {
            1
        }

        fn embed_query(&self, _: &str) -> Result<Vec<f32>, BoxError> {
            Ok(vec![1.0])
        }

        fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
            Ok(vec![1.0; passages.len()])
        }

        fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
            let mut longest = self.1.lock().expect("sound");
            *longest = longest.max(text.len());
            let words = text.split_whitespace();
            Ok(words
                .map(|word| {
                    let at = word.as_ptr() as usize - text.as_ptr() as usize;
                    at..at + word.len()
                })
                .collect())
        }
    }

    #[test]
    fn a_long_text_has_the_tokens_it_has_as_a_whole() {
        let text = "short words, größere Wörter 語 and some more \n".repeat(90_000);
        let words = Words::new();
        let tokens = token_offsets_in_blocks(&words, &text).expect("tokens");
        assert!(*words.1.lock().expect("sound") < BLOCK_BYTES + 100);
        assert_eq!(tokens, words.token_offsets(&text).expect("tokens"));
    }

    #[test]
    fn a_text_without_white_space_is_cut_between_letters() {
        let text = "ä".repeat(3 << 20);
        let pieces: Vec<_> = blocks(&text).collect();
        assert!(pieces.iter().all(|block| block.len() <= MAX_BLOCK_BYTES));
        let whole: String = pieces.into_iter().map(|block| &text[block]).collect();
        assert_eq!(whole, text);
    }
}
