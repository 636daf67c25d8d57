//! Characters that nobody sees, which keep a word from being found: `sun\u{AD}light` is no `sunlight`.
//!
//! Kept are those that change how words look in their script (the joiners of Persian, of the scripts of
//! India and of emoji) or that stand between words (the zero-width space of Thai, Khmer and their
//! neighbours).

use std::iter::Peekable;
use std::str::CharIndices;

use super::edit::Edit;

const ESCAPE: char = '\u{1B}';
const BACKSPACE: char = '\u{8}';
pub(super) const SOFT_HYPHEN: char = '\u{AD}';

/// What has to go from `text`. A soft hyphen that ends a line stays, as it says that the word goes on.
pub(super) fn edits(text: &str) -> Vec<Edit> {
    if text.bytes().all(is_plain) {
        return Vec::new();
    }
    let mut scan = Scan {
        text,
        chars: text.char_indices().peekable(),
        edits: Vec::new(),
        before: None,
    };
    while let Some((at, c)) = scan.chars.next() {
        scan.take(at, c);
    }
    scan.edits
}

/// `text`, which is one line, without such characters; `None` where it has none.
pub(super) fn without(text: &str) -> Option<String> {
    let edits = edits(text);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &edits {
        out.push_str(&text[at..edit.range.start]);
        at = edit.range.end;
    }
    out.push_str(&text[at..]);
    out.retain(|c| c != SOFT_HYPHEN);
    (out.len() < text.len()).then_some(out)
}

/// Whether a byte is part of nothing that may have to go. The characters in question are all beyond
/// U+0080, but for two that terminals obey.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii() && byte != BACKSPACE as u8 && byte != ESCAPE as u8
}

struct Scan<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    edits: Vec<Edit>,
    /// The last character that stays, and where it is.
    before: Option<(usize, char)>,
}

impl Scan<'_> {
    fn take(&mut self, at: usize, c: char) {
        let after = at + c.len_utf8();
        match c {
            ESCAPE => {
                let end = after + sequence_len(&self.text[after..]);
                self.remove(at, end);
            }
            // A letter struck over another, as in printed manual pages.
            BACKSPACE => match self.before.take_if(|(_, struck)| *struck != '\n') {
                Some((start, struck)) if start + struck.len_utf8() == at => {
                    self.remove(start, after);
                }
                _ => self.remove(at, after),
            },
            _ if self.is_removed(at, c) => self.remove(at, after),
            _ => self.before = Some((at, c)),
        }
    }

    fn remove(&mut self, start: usize, end: usize) {
        while self.chars.next_if(|(at, _)| *at < end).is_some() {}
        match self.edits.last_mut() {
            Some(last) if last.range.end == start => last.range.end = end,
            _ => self.edits.push(Edit {
                range: start..end,
                with: String::new(),
            }),
        }
    }

    fn is_removed(&mut self, at: usize, c: char) -> bool {
        let before = self.before.map(|(_, c)| c);
        let after = self.chars.peek().map(|(_, c)| *c);
        let beside = |is: fn(char) -> bool| before.is_some_and(is) || after.is_some_and(is);
        match c {
            SOFT_HYPHEN => !ends_line(&self.text[at + c.len_utf8()..]),
            '\u{200B}' => !beside(has_unspaced_words),
            '\u{200C}' => !beside(has_joining_letters),
            '\u{200D}' => {
                let in_emoji = before.is_some_and(is_emoji) && after.is_some_and(is_emoji);
                !in_emoji && !beside(has_joining_letters)
            }
            // Tags after a black flag make it that of a country.
            '\u{E0000}'..='\u{E007F}' => {
                !before.is_some_and(|c| matches!(c, '\u{1F3F4}' | '\u{E0000}'..='\u{E007F}'))
            }
            // Marks of direction, the word joiner, operators that are not written, the byte order
            // mark.
            '\u{61C}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' => true,
            _ => false,
        }
    }
}

/// The length of what follows an escape character and belongs to it: colours, links, character sets.
fn sequence_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'[') => {
            let is_parameter = |byte: &&u8| (0x20..0x40).contains(*byte);
            let len = 1 + bytes[1..].iter().take_while(is_parameter).count();
            let is_whole = bytes
                .get(len)
                .is_some_and(|byte| (0x40..0x7F).contains(byte));
            if is_whole { len + 1 } else { 0 }
        }
        Some(b']') => {
            let ends = |byte: &u8| matches!(byte, 0x07 | 0x1B | b'\n');
            let len = bytes.iter().position(ends).unwrap_or(bytes.len());
            match &bytes[len..] {
                [0x07, ..] => len + 1,
                [0x1B, b'\\', ..] => len + 2,
                _ => 0,
            }
        }
        Some(b'(' | b')') => usize::from(bytes.get(1).is_some_and(u8::is_ascii_graphic)) * 2,
        _ => 0,
    }
}

pub(super) fn ends_line(rest: &str) -> bool {
    rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
}

/// Scripts without spaces between words, where a zero-width space is one.
fn has_unspaced_words(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0FFF}'     // Thai, Lao, Tibetan
        | '\u{1000}'..='\u{109F}'   // Myanmar
        | '\u{1780}'..='\u{17FF}'   // Khmer
        | '\u{1950}'..='\u{1AAF}'   // Tai Le, New Tai Lue, Buginese, Tai Tham
        | '\u{1B00}'..='\u{1B7F}'   // Balinese
        | '\u{A980}'..='\u{A9FF}'   // Javanese, Myanmar extensions
        | '\u{AA60}'..='\u{AADF}'   // Myanmar extensions, Tai Viet
    )
}

/// Scripts whose letters look different joined and apart.
fn has_joining_letters(c: char) -> bool {
    matches!(c,
        '\u{0600}'..='\u{08FF}'     // Arabic, Syriac, N'Ko and their neighbours
        | '\u{0900}'..='\u{0DFF}'   // the scripts of India, Sinhala
        | '\u{0F00}'..='\u{109F}'   // Tibetan, Myanmar
        | '\u{1780}'..='\u{18AF}'   // Khmer, Mongolian
        | '\u{1900}'..='\u{1CFF}'   // Limbu to Vedic signs
        | '\u{A840}'..='\u{ABFF}'   // Phags-pa to Meetei Mayek
        | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' // Arabic forms
        | '\u{10A00}'..='\u{11FFF}' // Kharoshthi to Tamil supplement
    )
}

/// What emoji are joined from: pictures, colours of skin, the mark that asks for a picture.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        without(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn words_are_whole_again() {
        for mark in [
            '\u{AD}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{2060}',
            '\u{2063}',
            '\u{FEFF}',
            '\u{202A}',
            '\u{2069}',
            '\u{61C}',
            '\u{E0041}',
        ] {
            assert_eq!(seen(&format!("sun{mark}light, {mark}é")), "sunlight, é");
        }
        assert_eq!(
            seen("no\u{A0}mark\u{2003}here\u{FE0F}"),
            "no\u{A0}mark\u{2003}here\u{FE0F}"
        );
    }

    #[test]
    fn what_is_seen_stays() {
        for text in [
            "می\u{200C}خواهم", // Persian: two parts of a word, apart
            "کتاب\u{200C} ها",
            "क्\u{200D}ष",      // Hindi: a half letter
            "ශ්\u{200D}රී",      // Sinhala
            "สวัสดี\u{200B}ครับ", // Thai: between words
            "👩\u{200D}🚀 👨🏽\u{200D}🚒 🏳\u{FE0F}\u{200D}🌈 ❤\u{FE0F}\u{200D}🔥",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ] {
            assert_eq!(without(text), None, "{text}");
        }
    }

    #[test]
    fn what_terminals_obey_is_gone() {
        assert_eq!(seen("\u{1B}[1;31mred\u{1B}[0m rose\u{1B}(B"), "red rose");
        assert_eq!(
            seen("\u{1B}]8;;https://example.org\u{7}link\u{1B}]8;;\u{1B}\\s"),
            "links"
        );
        assert_eq!(seen("N\u{8}NA\u{8}AM\u{8}ME\u{8}E _\u{8}x\u{8}"), "NAME ");
        assert_eq!(seen("\u{8}a\u{1B}b\u{1B}[9"), "ab[9");
    }

    #[test]
    fn a_soft_hyphen_that_ends_a_line_is_left_to_whoever_joins_words() {
        let edits = edits("mag\u{AD}neto\u{AD} \nsphere\u{AD}");
        let ranges: Vec<_> = edits.iter().map(|edit| edit.range.clone()).collect();
        assert_eq!(ranges, [3..5, 19..21]);
    }

    #[test]
    fn hostile_text_takes_no_longer() {
        for text in [
            "\u{1B}]".repeat(1 << 18),
            "\u{AD} ".repeat(1 << 18),
            "\u{8}".repeat(1 << 19),
        ] {
            assert!(seen(&text).len() < text.len());
        }
    }
}
