//! Where the words of a text begin and end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::fold::{is_invisible, is_symbol};

/// What a part of a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters and digits of a script with spaces between words.
    Word,
    /// Letters of a script without them.
    Spaceless,
    /// One sign that is searched for like a word, such as an emoji.
    Symbol,
}

/// A run of letters and digits of one kind of script, or a sign.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
}

/// Cuts text at white space.
pub(crate) fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(char::is_whitespace).filter_map(move |chunk| {
        let start = at;
        // The separator may be longer than a byte, so the next start is looked up in the text.
        at = start
            + chunk.len()
            + text[start + chunk.len()..]
                .chars()
                .next()
                .map_or(0, char::len_utf8);
        (!chunk.is_empty()).then_some((start, chunk))
    })
}

/// Finds the parts of `chunk`, which starts at byte `offset` of the text.
pub(crate) fn parts_of(chunk: &str, offset: usize, parts: &mut Vec<Part>) {
    if chunk.is_ascii() {
        for (at, byte) in chunk.bytes().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                continue;
            }
            let at = offset + at;
            match parts.last_mut() {
                Some(last) if last.range.end == at => last.range.end += 1,
                _ => parts.push(Part {
                    range: at..at + 1,
                    kind: Kind::Word,
                }),
            }
        }
        return;
    }
    // Where the last part goes on, beyond what cannot be seen.
    let mut end = None;
    // Grapheme clusters keep vowel signs and accents with the letter they belong to.
    for (at, cluster) in chunk.grapheme_indices(true) {
        let range = offset + at..offset + at + cluster.len();
        let last = parts.last_mut().filter(|_| end == Some(range.start));
        match (kind_of(cluster), last) {
            (None, last) => {
                if cluster.chars().all(is_invisible)
                    && last.is_some_and(|last| last.kind == Kind::Word)
                {
                    end = Some(range.end);
                }
                continue;
            }
            (Some(kind), Some(last))
                if kind == last.kind
                    && kind != Kind::Symbol
                    && !stands_apart(&chunk[last.range.start - offset..at], cluster) =>
            {
                last.range.end = range.end;
            }
            (Some(kind), _) => parts.push(Part {
                range: range.clone(),
                kind,
            }),
        }
        end = Some(range.end);
    }
}

fn kind_of(cluster: &str) -> Option<Kind> {
    let first = cluster.chars().next()?;
    if first.is_alphanumeric() {
        Some(if is_spaceless(first) {
            Kind::Spaceless
        } else {
            Kind::Word
        })
    } else {
        is_symbol(first).then_some(Kind::Symbol)
    }
}

/// Tells whether a cluster behind a word is a number of its own: a power of ten, or the mark of a note
/// behind a word of three letters or more. The 2 of `m²` belongs to its unit.
fn stands_apart(word: &str, cluster: &str) -> bool {
    let is_raised = |c: char| matches!(c, '²' | '³' | '¹' | '\u{2070}'..='\u{2079}');
    if !cluster.starts_with(is_raised) || word.ends_with(is_raised) {
        return false;
    }
    word.ends_with(|c: char| c.is_numeric()) || word.chars().take(3).count() == 3
}

/// Tells whether a character belongs to a script that is written without spaces between words, or
/// whose words carry particles that only pairs of characters see through (Hangul).
fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'     // Thai, Lao
        | '\u{1000}'..='\u{109F}'   // Myanmar
        | '\u{1100}'..='\u{11FF}'   // Hangul letters
        | '\u{1780}'..='\u{17FF}'   // Khmer
        | '\u{2E80}'..='\u{2FDF}'   // Han radicals
        | '\u{3005}'..='\u{30FF}'   // Han marks, Hiragana, Katakana
        | '\u{3100}'..='\u{31FF}'   // Bopomofo, Hangul letters, Katakana extensions
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' // Han
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' // Hangul
        | '\u{FF66}'..='\u{FFDC}'   // half-width Katakana and Hangul
        | '\u{1B000}'..='\u{1B16F}' // Kana supplement
        | '\u{20000}'..='\u{3FFFF}' // Han extensions
    )
}

/// Tells whether a text has a word or a sign that can be searched for.
pub(crate) fn has_word(text: &str) -> bool {
    text.chars().any(starts_word)
}

/// Tells whether a character begins a word, or is a sign that is searched for.
pub(crate) fn starts_word(c: char) -> bool {
    c.is_alphanumeric() || is_symbol(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let mut parts = Vec::new();
        for (at, chunk) in chunks(text) {
            parts_of(chunk, at, &mut parts);
        }
        parts.into_iter().map(|part| &text[part.range]).collect()
    }

    #[test]
    fn what_cannot_be_seen_does_not_end_a_word() {
        assert_eq!(parts("co\u{AD}operate"), ["co\u{AD}operate"]);
        assert_eq!(
            parts("\u{FEFF}zero\u{200B}width\u{2060} x"),
            ["zero\u{200B}width", "x"]
        );
        assert_eq!(parts("a\u{200B}-b"), ["a", "b"]);
        assert_eq!(parts("ขอ\u{200B}บ"), ["ขอ", "บ"]);
    }

    #[test]
    fn raised_digits_belong_to_units_and_not_to_words() {
        assert_eq!(
            parts("sank¹² 10⁶ m² km³ CO₂"),
            ["sank", "¹²", "10", "⁶", "m²", "km³", "CO₂"]
        );
    }

    #[test]
    fn each_sign_is_a_part() {
        assert_eq!(
            parts("🚀🚀 5€ ∑x a→b ❤️ 👩‍💻 🇩🇪🇫🇷"),
            [
                "🚀",
                "🚀",
                "5",
                "€",
                "∑",
                "x",
                "a",
                "→",
                "b",
                "❤️",
                "👩‍💻",
                "🇩🇪",
                "🇫🇷"
            ]
        );
        assert_eq!(parts("── • … “x”"), ["x"]);
    }
}
