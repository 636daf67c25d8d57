//! Finds hyphens at line ends that may break a word.

use std::ops::Range;

use crate::clean::invisible::SOFT_HYPHEN;

/// A hyphen at the end of a line, and the halves of the word around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::clean) struct Break {
    /// The hyphen alone.
    pub(super) hyphen: Range<usize>,
    pub(super) is_soft: bool,
    pub(super) line_start: usize,
    /// The letters before it, and where what stands without a blank before it begins.
    pub(super) head: Range<usize>,
    pub(super) head_start: usize,
    /// The letters, or digits, that the next line begins with, and where the next blank is.
    pub(super) tail: Range<usize>,
    pub(super) tail_end: usize,
    /// Where the next line begins, and where it ends.
    pub(super) next_line: Range<usize>,
}

/// The hyphens at line ends that may break a word, in order.
pub(in crate::clean) fn breaks(text: &str) -> Vec<Break> {
    let mut breaks = Vec::new();
    let mut line_start = 0;
    for (feed, _) in text.match_indices('\n') {
        breaks.extend(Break::at(text, line_start..feed));
        line_start = feed + 1;
    }
    breaks
}

impl Break {
    /// The break at the end of `line`, whose line feed is not part of it.
    fn at(text: &str, line: Range<usize>) -> Option<Self> {
        let words = text[line.clone()].trim_end_matches([' ', '\t', '\r']);
        let sign = words.chars().next_back()?;
        if !matches!(sign, '-' | SOFT_HYPHEN) {
            return None;
        }
        let hyphen = line.start + words.len() - sign.len_utf8()..line.start + words.len();
        let left = &text[line.start..hyphen.start];
        let head_len = run_len(left.chars().rev(), left.chars().next_back()?);
        let head_start = left.rfind(char::is_whitespace).map_or(0, |at| {
            at + left[at..].chars().next().map_or(0, char::len_utf8)
        });
        let next = text[line.end + 1..].split('\n').next().unwrap_or_default();
        let indent_len = next.len() - next.trim_start_matches([' ', '\t', '>']).len();
        // In a quotation, each line begins with its mark.
        let is_quoted = |line: &str| line.trim_start().starts_with('>');
        if next[..indent_len].contains('>') && !is_quoted(words) {
            return None;
        }
        let right = &next[indent_len..];
        let tail_len = run_len(right.chars(), right.chars().next()?);
        let tail = line.end + 1 + indent_len;
        let tail_end = right.find(char::is_whitespace).unwrap_or(right.len());
        let found = Self {
            is_soft: sign == SOFT_HYPHEN,
            line_start: line.start,
            head: hyphen.start - head_len..hyphen.start,
            head_start: line.start + head_start,
            tail: tail..tail + tail_len,
            tail_end: tail + tail_end,
            next_line: line.end + 1..line.end + 1 + next.len(),
            hyphen,
        };
        found.may_be_word(text).then_some(found)
    }

    /// Whether the halves have the looks of one word: no dash, no address, no item of a list.
    fn may_be_word(&self, text: &str) -> bool {
        if self.head.is_empty() || self.tail.is_empty() {
            return false;
        }
        let before = &text[self.head_start..self.head.start];
        if before.contains("://") || before.contains(['@', '\\', '_', '`']) {
            return false;
        }
        // `COVID-` and `19`, but not `12.`, `b)`, or the number of a page.
        let tail = &text[self.tail.clone()];
        let is_number = tail.starts_with(|c: char| c.is_ascii_digit());
        let is_alone = text[self.tail_end..self.next_line.end].trim().is_empty();
        let is_marked = matches!(&text[self.tail.end..self.tail_end], "." | ")");
        !(is_number && is_alone || is_marked && (is_number || tail.len() == 1))
    }
}

/// The length of the letters, or else of the digits, that `chars` begin with.
fn run_len(chars: impl Iterator<Item = char>, first: char) -> usize {
    let is_number = first.is_ascii_digit();
    let is_part = |c: &char| {
        if is_number {
            c.is_ascii_digit()
        } else {
            is_letter(*c)
        }
    };
    chars.take_while(is_part).map(char::len_utf8).sum()
}

/// Letters of scripts that break words by a hyphen, and the accents on them.
pub(super) fn is_letter(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, '\u{300}'..='\u{36F}')
}
