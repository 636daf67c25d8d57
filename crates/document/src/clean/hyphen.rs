//! Puts words together that a hyphen breaks at the end of a line: `magne-` and `tosphere`.
//!
//! A hyphen that only the line end asked for goes, and one that is part of the word stays. Nothing in a
//! text says which is which, so the rest of the document is asked. In doubt the hyphen stays: search
//! finds `magne-tosphere` as one word and `price-determining` as two and as one, while `pricedetermining`
//! would be one word that nobody looks for.
//!
//! The line feed moves behind the word, so that no line gets another number.

mod evidence;

use std::ops::Range;

use self::evidence::{Evidence, Join};
use super::edit::Edit;
use super::invisible::SOFT_HYPHEN;
use super::prose::Prose;

/// A hyphen at the end of a line, and the halves of the word around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break {
    /// The hyphen alone.
    hyphen: Range<usize>,
    is_soft: bool,
    line_start: usize,
    /// The letters before it, and where what stands without a blank before it begins.
    head: Range<usize>,
    head_start: usize,
    /// The letters, or digits, that the next line begins with, and where the next blank is.
    tail: Range<usize>,
    tail_end: usize,
    /// Where the next line begins, and where it ends.
    next_line: Range<usize>,
}

/// The hyphen of typographers, and the one that no line is broken after.
pub(super) const TWINS: [char; 2] = ['\u{2010}', '\u{2011}'];

/// Puts the plain hyphen in place of its twins, so that a word is written one way.
pub(super) fn plain(text: &str) -> Vec<Edit> {
    let twins = text.match_indices(TWINS);
    let edit = |(at, twin): (usize, &str)| Edit {
        range: at..at + twin.len(),
        with: "-".to_owned(),
    };
    twins.map(edit).collect()
}

/// The hyphens at line ends that may break a word, in order.
pub(super) fn breaks(text: &str) -> Vec<Break> {
    let mut breaks = Vec::new();
    let mut line_start = 0;
    for (feed, _) in text.match_indices('\n') {
        breaks.extend(Break::at(text, line_start..feed));
        line_start = feed + 1;
    }
    breaks
}

/// The changes that put broken words together, where there is prose.
pub(super) fn edits(text: &str, breaks: &[Break], prose: &Prose) -> Vec<Edit> {
    let is_prose =
        |found: &&Break| prose.holds(found.hyphen.start) && prose.holds(found.tail.start);
    let breaks: Vec<&Break> = breaks.iter().filter(is_prose).collect();
    let evidence = Evidence::of(text, &breaks);
    let mut edits: Vec<Edit> = Vec::new();
    for found in breaks {
        let last_end = edits.last().map_or(0, |edit| edit.range.end);
        let join = evidence.join(text, found);
        // Two breaks in a word on lines of their own.
        if found.hyphen.start < last_end {
            continue;
        }
        match join {
            Join::Word => edits.push(found.joined(text, "", last_end)),
            Join::Hyphenated => edits.push(found.joined(text, "-", last_end)),
            Join::Apart if found.is_soft => edits.push(Edit {
                range: found.hyphen.clone(),
                with: String::new(),
            }),
            Join::Apart => {}
        }
    }
    edits
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

    /// Puts the word together on its first line; on the second where nothing else is left of that.
    fn joined(&self, text: &str, sign: &str, last_end: usize) -> Edit {
        let feed = if text[..self.next_line.start].ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let indent = &text[self.next_line.start..self.tail.start];
        let after = &text[self.tail_end..self.next_line.end];
        let is_alone = after.trim().is_empty();
        let before = text.get(self.line_start.max(last_end)..self.head_start);
        let before = before.unwrap_or_default();
        if is_alone && before.contains(char::is_alphanumeric) {
            let head = &text[self.head_start..self.hyphen.start];
            return Edit {
                range: self.head_start - (before.len() - before.trim_end().len())..self.tail.start,
                with: format!("{feed}{indent}{head}{sign}"),
            };
        }
        let tail = &text[self.tail.start..self.tail_end];
        let n_blanks = after.len() - after.trim_start().len();
        let (end, indent) = if is_alone {
            (self.next_line.end, "")
        } else {
            (self.tail_end + n_blanks, indent)
        };
        // A blank line that was not there would end the paragraph, but the number of lines counts.
        let feed = if is_alone && feed == "\r\n" && after.ends_with('\r') {
            "\r\n\r"
        } else {
            feed
        };
        Edit {
            range: self.hyphen.start..end,
            with: format!("{sign}{tail}{feed}{indent}"),
        }
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
fn is_letter(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, '\u{300}'..='\u{36F}')
}

#[cfg(test)]
mod tests;
