//! Long texts in pieces that a cross-encoder reads to their end.

use reread_models::CrossEncoder;

use crate::{Error, Result};

/// No more than this of a text is measured at once, so that a text of any length takes time in
/// proportion to it.
const PIECE_BYTES: usize = 16 << 10;

/// Each window begins with the last part of the one before, one in this many: what stands at a cut is
/// whole in one of the two.
const OVERLAP: usize = 4;

/// Cuts a text into windows that are read to their end beside the query; one for a short text, and for a
/// model that does not tell how far it reads.
///
/// # Errors
/// `Rerank` where the tokenizer fails.
pub(crate) fn windows<'t>(
    model: &dyn CrossEncoder,
    query: &str,
    text: &'t str,
) -> Result<Vec<&'t str>> {
    let mut windows = Vec::new();
    let mut rest = text;
    loop {
        let piece = &rest[..rest.floor_char_boundary(PIECE_BYTES)];
        let measured = model.measure_pair(query, piece);
        let measured =
            measured.map_err(|source| Error::Rerank(reread_rerank::Error::CrossEncoder(source)))?;
        let Some(length) = measured else {
            return Ok(vec![text]);
        };
        let is_read = length.bytes_read >= piece.len();
        if is_read && piece.len() == rest.len() {
            windows.push(rest);
            return Ok(windows);
        }
        let read = &piece[..piece.floor_char_boundary(length.bytes_read)];
        let window = whole_words(read);
        if window.is_empty() {
            windows.push(rest);
            return Ok(windows);
        }
        windows.push(window);
        rest = &rest[next(window)..];
    }
}

/// A text without the word that it may break off in, unless that is most of it.
fn whole_words(text: &str) -> &str {
    match text.rfind(char::is_whitespace) {
        Some(at) if at > text.len() / 2 => &text[..at],
        _ => text,
    }
}

/// Where the window behind this one begins: at a word in its last part, where there is one.
fn next(window: &str) -> usize {
    let from = window.ceil_char_boundary(window.len() - window.len() / OVERLAP);
    let blank = window[from..]
        .char_indices()
        .find(|(_, c)| c.is_whitespace());
    blank.map_or(window.len(), |(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    use reread_models::{BoxError, ModelIdentity, PairLength};

    use super::*;

    /// Reads so many bytes.
    struct Reads(usize);

    impl CrossEncoder for Reads {
        fn model(&self) -> &ModelIdentity {
            unreachable!("nobody asks")
        }

        fn score(&self, _: &str, _: &[&str]) -> Result<Vec<f32>, BoxError> {
            unreachable!("nobody asks")
        }

        fn measure_pair(&self, _: &str, passage: &str) -> Result<Option<PairLength>, BoxError> {
            Ok(Some(PairLength {
                n_tokens: passage.len(),
                max_tokens: self.0,
                model_max_tokens: self.0,
                bytes_read: passage.floor_char_boundary(self.0.min(passage.len())),
            }))
        }
    }

    #[test]
    fn a_short_text_is_one_window() {
        for text in ["", "a few words"] {
            assert_eq!(windows(&Reads(20), "q", text).unwrap(), [text]);
        }
    }

    #[test]
    fn every_word_is_whole_in_a_window() {
        let words: Vec<String> = (0..30_000).map(|n| format!("w\u{f6}rd{n}")).collect();
        let text = words.join(" ");
        let windows = windows(&Reads(100), "q", &text).unwrap();
        assert!(windows.iter().all(|window| window.len() <= 100));
        let mut found = windows.iter().flat_map(|window| window.split_whitespace());
        // In order, some twice.
        for word in &words {
            assert!(found.any(|other| other == word), "{word}");
        }
        assert!(windows.len() < 2 * text.len() / 100 + 2);
    }

    #[test]
    fn what_cannot_be_cut_at_words_is_cut_all_the_same() {
        let text = "\u{5b57}".repeat(40_000);
        let windows = windows(&Reads(100), "q", &text).unwrap();
        assert_eq!(windows.concat(), text);
        let unread = super::windows(&Reads(0), "q", &text).unwrap();
        assert_eq!(unread, [text.as_str()]);
    }
}
