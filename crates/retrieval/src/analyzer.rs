//! Text to terms, the same way for passages and for queries.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::fold::{fold, stem};

/// Terms are cut to this many bytes: longer runs of letters are encoded data, not words.
pub(crate) const MAX_TERM_BYTES: usize = 255;
/// Identifiers of more parts than this are indexed by their parts alone.
const MAX_IDENTIFIER_PARTS: usize = 8;

/// What a term stands for, which decides where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A word of the text, or two neighbouring characters of a script without spaces. Only these
    /// have a position of their own, so phrases are made of them.
    Word,
    /// A whole identifier such as `pg_stat_activity`, beside the words it consists of.
    Identifier,
    /// A piece of a word written in camel case.
    Piece,
    /// A term that passages are found by, and that a query never needs: a single character of a
    /// longer run in a script without spaces, or the `c` of `C++`.
    IndexOnly,
}

/// One term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Folded, lower case, stemmed where it is a word.
    pub term: String,
    /// The bytes of the text that it was made of.
    pub range: Range<usize>,
    /// Counts the words of the text from 0.
    pub position: usize,
    /// What part it plays.
    pub role: Role,
}

/// Returns the terms of `text` in order of their positions.
///
/// Words are runs of letters and digits, whatever the script; they are freed of accents, put in
/// lower case and, where they are plain Latin letters, stemmed as English (Snowball). Scripts
/// without spaces between words are cut into overlapping pairs of characters.
pub fn analyze(text: &str) -> Vec<Token> {
    let mut analysis = Analysis {
        text,
        tokens: Vec::new(),
        position: 0,
    };
    let mut parts = Vec::new();
    for (at, chunk) in chunks(text) {
        parts.clear();
        parts_of(chunk, at, &mut parts);
        analysis.push_chunk(&parts);
    }
    analysis.tokens
}

/// A run of letters and digits of one kind of script.
#[derive(Debug, Clone)]
struct Part {
    range: Range<usize>,
    spaceless: bool,
}

struct Analysis<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    position: usize,
}

impl Analysis<'_> {
    /// Takes the parts of one chunk, a stretch of text without white space.
    fn push_chunk(&mut self, parts: &[Part]) {
        let mut pos = 0;
        while let Some(part) = parts.get(pos) {
            if part.spaceless {
                self.push_pairs(&part.range);
                pos += 1;
                continue;
            }
            let joined = 1 + parts[pos..]
                .windows(2)
                .take_while(|pair| self.is_joined(pair))
                .count();
            if joined <= MAX_IDENTIFIER_PARTS {
                self.push_identifier(&parts[pos..pos + joined]);
            }
            for part in &parts[pos..pos + joined] {
                self.push_word(&part.range);
            }
            pos += joined;
        }
    }

    fn push(&mut self, term: String, range: Range<usize>, role: Role) {
        if !term.is_empty() {
            self.tokens.push(Token {
                term,
                range,
                position: self.position,
                role,
            });
        }
    }

    /// Pushes the identifier that `parts` and the signs between and before them make up, if they
    /// make up one.
    fn push_identifier(&mut self, parts: &[Part]) {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return;
        };
        let is_option = self.text[..first.range.start].ends_with("--");
        if parts.len() < 2 && !is_option {
            return;
        }
        let range = first.range.start - if is_option { 2 } else { 0 }..last.range.end;
        let term = fold(&self.text[range.clone()]);
        if term.len() <= MAX_TERM_BYTES {
            self.push(term, range, Role::Identifier);
        }
    }

    fn push_word(&mut self, range: &Range<usize>) {
        let word = &self.text[range.clone()];
        let sign = language_sign(word, &self.text[range.end..]);
        let term = cut(stem(fold(word)));
        if sign.is_empty() {
            self.push(term, range.clone(), Role::Word);
        } else {
            let with_sign = format!("{}{sign}", fold(word));
            self.push(with_sign, range.start..range.end + sign.len(), Role::Word);
            self.push(term, range.clone(), Role::IndexOnly);
        }
        for piece in camel_pieces(word) {
            let range = range.start + piece.start..range.start + piece.end;
            self.push(
                cut(stem(fold(&self.text[range.clone()]))),
                range,
                Role::Piece,
            );
        }
        self.position += 1;
    }

    /// Pushes overlapping pairs, as Lucene's `CJKBigramFilter` does, and the single characters.
    fn push_pairs(&mut self, range: &Range<usize>) {
        let run = &self.text[range.clone()];
        let starts: Vec<usize> = run
            .grapheme_indices(true)
            .map(|(at, _)| range.start + at)
            .collect();
        let end_of = |pos: usize| starts.get(pos + 1).copied().unwrap_or(range.end);
        for (pos, &start) in starts.iter().enumerate() {
            let role = if starts.len() == 1 {
                Role::Word
            } else {
                Role::IndexOnly
            };
            if pos + 1 < starts.len() {
                let pair = start..end_of(pos + 1);
                self.push(cut(fold(&self.text[pair.clone()])), pair, Role::Word);
            }
            let single = start..end_of(pos);
            self.push(cut(fold(&self.text[single.clone()])), single, role);
            self.position += 1;
        }
    }

    /// Tells whether two neighbouring parts belong to one identifier.
    fn is_joined(&self, pair: &[Part]) -> bool {
        let [left, right] = pair else { return false };
        let sign = &self.text[left.range.end..right.range.start];
        !right.spaceless
            && !sign.is_empty()
            && (matches!(sign, "." | "::" | "-") || sign.bytes().all(|byte| byte == b'_'))
    }
}

/// Cuts text at white space.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
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

/// Finds the runs of letters and digits of `chunk`, which starts at byte `offset` of the text.
fn parts_of(chunk: &str, offset: usize, parts: &mut Vec<Part>) {
    let mut push = |range: Range<usize>, spaceless: bool| match parts.last_mut() {
        Some(last) if last.range.end == range.start && last.spaceless == spaceless => {
            last.range.end = range.end;
        }
        _ => parts.push(Part { range, spaceless }),
    };
    if chunk.is_ascii() {
        for (at, byte) in chunk.bytes().enumerate() {
            if byte.is_ascii_alphanumeric() {
                push(offset + at..offset + at + 1, false);
            }
        }
        return;
    }
    // Grapheme clusters keep vowel signs and accents with the letter they belong to.
    for (at, cluster) in chunk.grapheme_indices(true) {
        let Some(first) = cluster.chars().next() else {
            continue;
        };
        if first.is_alphanumeric() {
            push(
                offset + at..offset + at + cluster.len(),
                is_spaceless(first),
            );
        }
    }
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

/// Returns the `++` or `#` that belongs to a short name before it, as in `C++` and `F#`.
fn language_sign<'t>(word: &str, rest: &'t str) -> &'t str {
    let is_name =
        |max_len: usize| word.len() <= max_len && word.bytes().all(|b| b.is_ascii_alphabetic());
    let len = match rest.as_bytes() {
        [b'+', b'+', ..] if is_name(12) => 2,
        [b'#', ..] if is_name(1) => 1,
        _ => 0,
    };
    &rest[..len]
}

/// Returns the pieces of a word in camel case (`fooBar`, `HTTPServer`), none for other words.
///
/// A piece has two letters at least, so that `mRNA` and `pH` stay whole.
fn camel_pieces(word: &str) -> Vec<Range<usize>> {
    if word.len() > MAX_TERM_BYTES || !word.is_ascii() {
        return Vec::new();
    }
    let bytes = word.as_bytes();
    let starts_piece = |at: usize| {
        let after = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        bytes[at].is_ascii_uppercase()
            && (!bytes[at - 1].is_ascii_uppercase() && !bytes[at - 1].is_ascii_digit()
                || after && bytes[at - 1].is_ascii_uppercase())
    };
    let mut cuts = vec![0];
    cuts.extend((1..bytes.len()).filter(|&at| starts_piece(at)));
    cuts.push(bytes.len());
    let pieces: Vec<_> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
    if pieces.len() < 2 || pieces.iter().any(|piece| piece.len() < 2) {
        Vec::new()
    } else {
        pieces
    }
}

fn cut(mut term: String) -> String {
    let mut len = term.len().min(MAX_TERM_BYTES);
    while !term.is_char_boundary(len) {
        len -= 1;
    }
    term.truncate(len);
    term
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str, role: Role) -> Vec<String> {
        let tokens = analyze(text).into_iter();
        tokens
            .filter(|token| token.role == role)
            .map(|token| token.term)
            .collect()
    }

    fn words(text: &str) -> Vec<String> {
        terms(text, Role::Word)
    }

    #[test]
    fn words_are_lower_case_folded_and_stemmed() {
        assert_eq!(
            words("The Connections, RUNNING!"),
            ["the", "connect", "run"]
        );
        assert_eq!(words("café cafe\u{301} CAFÉ"), ["cafe"; 3]);
        assert_eq!(
            words("Müller Straße Ødegård"),
            ["muller", "strass", "odegard"]
        );
        assert_eq!(words("ＡＢＣ"), ["abc"]);
        assert_eq!(words("don't l’homme"), ["don", "t", "l", "homm"]);
    }

    #[test]
    fn identifiers_are_kept_whole_beside_their_parts() {
        for (text, whole, parts) in [
            (
                "pg_stat_activity",
                "pg_stat_activity",
                &["pg", "stat", "activ"][..],
            ),
            ("std::vec::Vec", "std::vec::vec", &["std", "vec", "vec"]),
            ("(v1.2.3)", "v1.2.3", &["v1", "2", "3"]),
            ("--depth=20", "--depth", &["depth", "20"]),
            ("__init__", "", &["init"]),
        ] {
            assert_eq!(terms(text, Role::Identifier).concat(), whole, "{text}");
            assert_eq!(words(text), parts, "{text}");
        }
    }

    #[test]
    fn camel_case_is_found_whole_and_in_pieces() {
        assert_eq!(words("fooBar HTTPServer"), ["foobar", "httpserver"]);
        assert_eq!(
            terms("fooBar HTTPServer", Role::Piece),
            ["foo", "bar", "http", "server"]
        );
        assert_eq!(terms("mRNA pH DNA Word iPhone", Role::Piece), [""; 0]);
    }

    #[test]
    fn languages_keep_their_signs() {
        assert_eq!(
            words("C++17 C# F#, notepad++"),
            ["c++", "17", "c#", "f#", "notepad++"]
        );
        assert_eq!(terms("C++", Role::IndexOnly), ["c"]);
        assert_eq!(words("issue #12, a + b"), ["issu", "12", "a", "b"]);
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(words("東京都に"), ["東京", "京都", "都に"]);
        assert_eq!(terms("東京都", Role::IndexOnly), ["東", "京", "都"]);
        assert_eq!(words("猫。犬"), ["猫", "犬"]);
        assert_eq!(words("Rust言語"), ["rust", "言語"]);
        assert_eq!(
            words("데이터베이스"),
            ["데이", "이터", "터베", "베이", "이스"]
        );
        // Vowel signs stay with their consonants.
        assert_eq!(words("ที่นี่"), ["ที่นี่"]);
    }

    #[test]
    fn words_of_other_scripts_stay_whole() {
        assert_eq!(words("Привет, мир"), ["привет", "мир"]);
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
        assert_eq!(words("Οδός οδοσ"), ["οδοσ", "οδοσ"]);
    }

    #[test]
    fn positions_count_words() {
        let positions = |text| -> Vec<(String, usize)> {
            let words = analyze(text)
                .into_iter()
                .filter(|token| token.role == Role::Word);
            words.map(|token| (token.term, token.position)).collect()
        };
        let expected = [
            ("set", 0),
            ("max", 1),
            ("connect", 2),
            ("in", 3),
            ("fooconf", 4),
            ("now", 5),
        ];
        let expected: Vec<_> = expected.map(|(word, at)| (word.to_owned(), at)).into();
        assert_eq!(positions("set max_connections in fooConf now"), expected);
    }

    #[test]
    fn endless_words_are_cut() {
        for text in [
            "x".repeat(1 << 20),
            "é".repeat(1 << 19),
            "語".repeat(1 << 17),
            "a_".repeat(1 << 19),
        ] {
            let tokens = analyze(&text);
            assert!(!tokens.is_empty());
            assert!(
                tokens
                    .iter()
                    .all(|token| token.term.len() <= MAX_TERM_BYTES)
            );
        }
    }

    proptest! {
        #[test]
        fn every_letter_lies_in_a_word(text in "\\PC{0,60}|[a-cA-C0-1_.:+#' 京éः-]{0,40}") {
            let tokens = analyze(&text);
            let mut covered = vec![false; text.len()];
            for token in &tokens {
                prop_assert!(text.get(token.range.clone()).is_some());
                prop_assert!(!token.term.is_empty());
                if token.role != Role::Identifier {
                    covered[token.range.clone()].fill(true);
                }
            }
            prop_assert!(tokens.is_sorted_by_key(|token| token.position));
            // A letter that is only the extension of a sign before it belongs to that sign.
            for (at, cluster) in text.grapheme_indices(true) {
                if cluster.starts_with(char::is_alphanumeric) {
                    prop_assert!(covered[at], "{cluster:?} in {text:?}");
                }
            }
        }
    }
}
