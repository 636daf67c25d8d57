//! Text to terms, the same way for passages and for queries.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::fold::{fold, fold_symbol, stem};
use crate::joined::{self, JoinedParts};
use crate::parts::{Kind, Part, chunks, parts_of};

/// Terms are cut to this many bytes: longer runs of letters are encoded data, not words.
pub(crate) const MAX_TERM_BYTES: usize = 255;
/// Identifiers of more parts than this are indexed by their parts alone.
const MAX_IDENTIFIER_PARTS: usize = 8;

/// What a term stands for, which decides where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A word of the text, two neighbouring characters of a script without spaces, or a sign such as an
    /// emoji. Phrases are made of these.
    Word,
    /// A whole identifier such as `pg_stat_activity`, beside the words it consists of.
    Identifier,
    /// Words written as one, beside the words: `wifi` for `wi-fi`, `gpt4` for `GPT 4`.
    Joined,
    /// A piece of a word written in camel case, or of a sign that is put together from others.
    Piece,
    /// A term that passages are found by, and that a query never needs: a single character of a
    /// longer run in a script without spaces, or the `c` of `C++`.
    IndexOnly,
}

/// One term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Folded, lower case, stemmed where it is a word and stems were asked for.
    pub term: String,
    /// The bytes of the text that it was made of.
    pub range: Range<usize>,
    /// Counts the words of the text from 0. A sign stands with the word after it, so that no phrase is
    /// broken by one.
    pub position: usize,
    /// What part it plays.
    pub role: Role,
}

/// Returns the terms of `text` in order of their positions.
///
/// Words are runs of letters and digits, whatever the script; they are freed of accents, put in
/// lower case and, where they are plain Latin letters, stemmed as English (Snowball). Scripts
/// without spaces between words are cut into overlapping pairs of characters. Emoji and other signs that are
/// not ASCII are words of their own.
pub fn analyze(text: &str) -> Vec<Token> {
    Analysis::of(text, Form::Stems)
}

/// Returns the words of `text` as they are written, in order of their positions, which are those of
/// [`analyze`]: folded and not stemmed, and without terms that stand for parts of a word.
///
/// Words that hyphens join are there as one word too, at the place of the first and of the last of
/// them, so that a phrase reaches it from either side.
pub fn surface(text: &str) -> Vec<Token> {
    Analysis::of(text, Form::Surface)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Stems,
    Surface,
}

struct Analysis<'t> {
    text: &'t str,
    form: Form,
    tokens: Vec<Token>,
    position: usize,
}

impl<'t> Analysis<'t> {
    fn of(text: &'t str, form: Form) -> Vec<Token> {
        let mut analysis = Self {
            text,
            form,
            tokens: Vec::new(),
            position: 0,
        };
        let mut parts = Vec::new();
        let mut before: Option<Part> = None;
        for (at, chunk) in chunks(text) {
            parts.clear();
            parts_of(chunk, at, &mut parts);
            if let (Some(before), Some(first)) = (&before, parts.first()) {
                analysis.push_number(before, first);
            }
            analysis.push_chunk(&parts);
            before = parts
                .pop()
                .filter(|part| part.range.end == at + chunk.len());
        }
        // What words make up together is pushed before all of them.
        analysis.tokens.sort_by_key(|token| token.position);
        analysis.tokens
    }

    /// Takes the parts of one chunk, a stretch of text without white space.
    fn push_chunk(&mut self, parts: &[Part]) {
        let mut pos = 0;
        while let Some(part) = parts.get(pos) {
            match part.kind {
                Kind::Spaceless => self.push_pairs(&part.range),
                Kind::Symbol => self.push_symbol(&part.range),
                Kind::Word => {
                    let n_words = words_from(&parts[pos..]);
                    self.push_words(&parts[pos..pos + n_words]);
                    pos += n_words;
                    continue;
                }
            }
            pos += 1;
        }
    }

    fn push_words(&mut self, parts: &[Part]) {
        for joined in joined::in_chunk(self.text, parts) {
            self.push_joined(&joined);
        }
        let mut rest = parts;
        while !rest.is_empty() {
            let pairs = rest.windows(2);
            let n_parts = 1 + pairs.take_while(|pair| self.is_one_name(pair)).count();
            let (name, after) = rest.split_at(n_parts);
            if self.form == Form::Stems && n_parts <= MAX_IDENTIFIER_PARTS {
                self.push_identifier(name);
            }
            for part in name {
                self.push_word(&part.range);
            }
            rest = after;
        }
    }

    fn push(&mut self, term: String, range: Range<usize>, role: Role) {
        self.push_at(self.position, term, range, role);
    }

    fn push_at(&mut self, position: usize, term: String, range: Range<usize>, role: Role) {
        if !term.is_empty() {
            self.tokens.push(Token {
                term,
                range,
                position,
                role,
            });
        }
    }

    /// A folded word in the form that is asked for.
    fn formed(&self, folded: String) -> String {
        cut(match self.form {
            Form::Stems => stem(folded),
            Form::Surface => folded,
        })
    }

    /// Pushes words that make up one; `joined` counts its places from the word that comes next.
    fn push_joined(&mut self, joined: &JoinedParts) {
        if joined.word.len() > MAX_TERM_BYTES {
            return;
        }
        let term = self.formed(joined.word.clone());
        let first = self.position + joined.places.start;
        let last = self.position + joined.places.end - 1;
        if self.form == Form::Surface {
            let range = joined.range.clone();
            self.push_at(last, term.clone(), range, Role::Joined);
        }
        self.push_at(first, term, joined.range.clone(), Role::Joined);
    }

    /// Pushes a number and what stands beside it as one word, as in `16 GB`. What is written with a blank is
    /// no single word where words are taken as they are.
    fn push_number(&mut self, before: &Part, next: &Part) {
        if self.form == Form::Stems
            && let Some(word) = joined::number(self.text, before, next)
        {
            let term = self.formed(word);
            let position = self.position.saturating_sub(1);
            let range = before.range.start..next.range.end;
            self.push_at(position, term, range, Role::Joined);
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
        let folded = fold(word);
        if sign.is_empty() {
            let term = self.formed(folded);
            self.push(term, range.clone(), Role::Word);
        } else {
            let with_sign = format!("{folded}{sign}");
            self.push(with_sign, range.start..range.end + sign.len(), Role::Word);
            if self.form == Form::Stems {
                let term = self.formed(folded);
                self.push(term, range.clone(), Role::IndexOnly);
            }
        }
        if self.form == Form::Stems {
            for piece in camel_pieces(word) {
                let range = range.start + piece.start..range.start + piece.end;
                let term = self.formed(fold(&self.text[range.clone()]));
                self.push(term, range, Role::Piece);
            }
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

    /// Pushes a sign, and what it is without a skin tone and without the others that it is joined to.
    fn push_symbol(&mut self, range: &Range<usize>) {
        let sign = fold_symbol(&self.text[range.clone()], false);
        let bare = fold_symbol(&sign, true);
        let is_joint = |c: char| c == '\u{200D}';
        let pieces = bare.split(is_joint).filter(|piece| **piece != sign);
        let pieces: Vec<String> = pieces.map(|piece| cut(piece.to_owned())).collect();
        self.push(cut(sign), range.clone(), Role::Word);
        for piece in pieces {
            self.push(piece, range.clone(), Role::Piece);
        }
    }

    /// Tells whether two neighbouring parts belong to one identifier.
    fn is_one_name(&self, pair: &[Part]) -> bool {
        let [left, right] = pair else { return false };
        let sign = joined::sign_between(self.text, left, right);
        !sign.is_empty()
            && (matches!(&*sign, "." | "::" | "-") || sign.bytes().all(|byte| byte == b'_'))
    }
}

/// How many parts from the first on are words.
fn words_from(parts: &[Part]) -> usize {
    let is_word = |part: &&Part| part.kind == Kind::Word;
    parts.iter().take_while(is_word).count()
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
    fn signs_are_words_and_leave_phrases_whole() {
        assert_eq!(
            words("🚀 launch: 5€, ±2°"),
            ["🚀", "launch", "5", "€", "±", "2", "°"]
        );
        assert_eq!(words("I ❤️ it"), ["i", "❤", "it"]);
        assert_eq!(words("👍🏽"), ["👍🏽"]);
        assert_eq!(terms("👍🏽", Role::Piece), ["👍"]);
        assert_eq!(terms("👩🏽‍💻", Role::Piece), ["👩", "💻"]);
        let places = |text| -> Vec<usize> { analyze(text).iter().map(|it| it.position).collect() };
        assert_eq!(places("launch day"), [0, 1]);
        assert_eq!(places("launch 🚀 day"), [0, 1, 1]);
    }

    #[test]
    fn surface_words_are_folded_and_not_stemmed() {
        let written = |text| -> Vec<(String, usize)> {
            let tokens = surface(text).into_iter();
            tokens.map(|token| (token.term, token.position)).collect()
        };
        let expected = |words: &[(&str, usize)]| -> Vec<(String, usize)> {
            words
                .iter()
                .map(|(word, at)| ((*word).to_owned(), *at))
                .collect()
        };
        assert_eq!(
            written("Important Cafés in C++ and fooBar"),
            expected(&[
                ("important", 0),
                ("cafes", 1),
                ("in", 2),
                ("c++", 3),
                ("and", 4),
                ("foobar", 5)
            ])
        );
        assert_eq!(
            written("the wi-fi is on"),
            expected(&[
                ("the", 0),
                ("wifi", 1),
                ("wi", 1),
                ("wifi", 2),
                ("fi", 2),
                ("is", 3),
                ("on", 4)
            ])
        );
        assert_eq!(written("16 GB"), expected(&[("16", 0), ("gb", 1)]));
        assert_eq!(
            written("ab-a-b").iter().filter(|it| it.0 == "ab").count(),
            3
        );
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
        fn what_cannot_be_seen_changes_no_term(
            text in "[a-zé -]{0,30}",
            at in 0..30usize,
            sign in prop::sample::select(vec!['\u{AD}', '\u{200B}', '\u{200D}', '\u{2060}', '\u{FEFF}']),
        ) {
            let mut chars: Vec<char> = text.chars().collect();
            let is_inside = (1..chars.len())
                .contains(&at) && chars[at - 1].is_alphabetic() && chars[at].is_alphabetic();
            if is_inside {
                chars.insert(at, sign);
            }
            let with_sign: String = chars.into_iter().collect();
            for words in [analyze, surface] {
                let terms = |text: &str| -> Vec<(String, usize, Role)> {
                    let tokens = words(text).into_iter();
                    tokens.map(|token| (token.term, token.position, token.role)).collect()
                };
                prop_assert_eq!(terms(&with_sign), terms(&text));
            }
        }

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
                // A tatweel by itself is no letter.
                if cluster.starts_with(char::is_alphanumeric) && !fold(cluster).is_empty() {
                    prop_assert!(covered[at], "{cluster:?} in {text:?}");
                }
            }
        }
    }
}
