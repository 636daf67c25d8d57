//! Which signs of a question have a meaning of their own.

use crate::parts::{has_word, starts_word};
use crate::phrase::{Phrase, Within};

/// Fewer letters than this begin too many words.
const MIN_PREFIX_CHARS: usize = 3;

/// A stretch of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Segment<'i> {
    Text(&'i str),
    /// What has to be in a passage.
    Phrase(Operand<'i>),
    /// What must not be in a passage.
    Exclusion(Operand<'i>),
    /// The beginning of words to look for.
    Prefix(&'i str),
}

/// What stands behind an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operand<'i> {
    pub(crate) within: Within,
    pub(crate) words: &'i str,
    pub(crate) is_prefix: bool,
}

impl Operand<'_> {
    pub(crate) fn phrase(&self) -> Option<Phrase> {
        Phrase::new(self.words, self.within, self.is_prefix)
    }
}

impl Segment<'_> {
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Text(words) | Self::Prefix(words) => words,
            Self::Phrase(operand) | Self::Exclusion(operand) => operand.words,
        }
    }
}

/// Splits the input into stretches. Only signs that are operators are left out.
pub(crate) fn segments(input: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let (mut text_start, mut at) = (0, 0);
    let mut before: Option<char> = None;
    while let Some(c) = input[at..].chars().next() {
        if let Some((segment, len)) = operator(&input[at..], before) {
            segments.push(Segment::Text(&input[text_start..at]));
            segments.push(segment);
            at += len;
            text_start = at;
        } else {
            at += c.len_utf8();
        }
        before = input[..at].chars().next_back();
    }
    segments.push(Segment::Text(&input[text_start..]));
    segments
}

/// Reads an operator at the start of `input`, `before` which this character stands: what it means, and
/// its length in bytes.
fn operator(input: &str, before: Option<char>) -> Option<(Segment<'_>, usize)> {
    if before.is_none_or(char::is_whitespace) {
        if let Some(rest) = input.strip_prefix('-') {
            let excluded = named(rest).or_else(|| quoted(rest)).or_else(|| word(rest));
            return excluded.map(|(operand, len)| (Segment::Exclusion(operand), len + 1));
        }
        if let Some((operand, len)) = named(input) {
            return Some((Segment::Phrase(operand), len));
        }
    }
    if before.is_none_or(|c| c.is_whitespace() || c == '(')
        && let Some((words, len)) = prefix(input)
    {
        return Some((Segment::Prefix(words), len));
    }
    if before.is_none_or(|c| !c.is_alphanumeric()) {
        return quoted(input).map(|(operand, len)| (Segment::Phrase(operand), len));
    }
    None
}

/// Reads `title:word` or `title:"some words"`, and the same for the other names.
///
/// Neither `title: word` nor `title::word` nor `path:/word` is meant so.
fn named(input: &str) -> Option<(Operand<'_>, usize)> {
    for within in Within::NAMED {
        let name = within.name()?;
        let Some(rest) = input.strip_prefix(name).and_then(|it| it.strip_prefix(':')) else {
            continue;
        };
        let (operand, len) = quoted(rest).or_else(|| word(rest))?;
        return Some((Operand { within, ..operand }, name.len() + 1 + len));
    }
    None
}

/// Reads a word up to the next white space at the start of `input`.
fn word(input: &str) -> Option<(Operand<'_>, usize)> {
    if !input.starts_with(starts_word) {
        return None;
    }
    let operand = |words, is_prefix| Operand {
        within: Within::Passage,
        words,
        is_prefix,
    };
    if let Some((words, len)) = prefix(input) {
        return Some((operand(words, true), len));
    }
    let len = input.find(char::is_whitespace).unwrap_or(input.len());
    Some((operand(&input[..len], false), len))
}

/// Reads the beginning of a word and the asterisk behind it at the start of `input`.
fn prefix(input: &str) -> Option<(&str, usize)> {
    let end = input.find(|c: char| !c.is_alphanumeric())?;
    let rest = input[end..].strip_prefix('*')?;
    let ends_here = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '?' | '!' | ')');
    let is_prefix = rest.chars().next().is_none_or(ends_here)
        && input[..end].chars().take(MIN_PREFIX_CHARS).count() == MIN_PREFIX_CHARS;
    is_prefix.then_some((&input[..end], end + 1))
}

/// Reads a quoted phrase with at least one word at the start of `input`: the words between the
/// quotes and the length in bytes with them.
fn quoted(input: &str) -> Option<(Operand<'_>, usize)> {
    let open = input.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        _ => return None,
    };
    let inner = &input[open.len_utf8()..];
    // The very next quote has to close the phrase, which also keeps reading linear.
    let end = inner.find(['"', '“', '”'])?;
    let rest = inner[end..].strip_prefix(close)?;
    let words = &inner[..end];
    let operand = Operand {
        within: Within::Passage,
        words,
        is_prefix: false,
    };
    let is_phrase = has_word(words) && !rest.starts_with(char::is_alphanumeric);
    is_phrase.then_some((operand, input.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operators of an input, as a query would write them.
    fn read(input: &str) -> Vec<String> {
        let segments = segments(input).into_iter();
        segments
            .filter_map(|segment| match segment {
                Segment::Text(_) => None,
                Segment::Phrase(operand) => Some(operand.phrase().unwrap().to_string()),
                Segment::Exclusion(operand) => Some(format!("-{}", operand.phrase().unwrap())),
                Segment::Prefix(words) => Some(format!("{words}*")),
            })
            .collect()
    }

    #[test]
    fn names_with_a_word_directly_behind_ask_for_a_place() {
        assert_eq!(
            read("title:rust path:src/main.rs"),
            ["title:rust", "path:src/main.rs"]
        );
        assert_eq!(read("tag:\"to read\" x"), ["tag:\"to read\""]);
        assert_eq!(
            read("-title:draft -tag:\"old news\""),
            ["-title:draft", "-tag:\"old news\""]
        );
        assert_eq!(
            read("title:auto* path:2024-03"),
            ["title:auto*", "path:2024-03"]
        );
        for input in [
            "std::vector",
            "http://x",
            "10:30",
            "c:\\dir",
            "Note: this",
            "Title:x",
            "title: this",
            "title::new",
            "path:/usr/bin",
            "path:\\dir",
            "subtitle:x",
            "the-title:x",
            "title:\"x",
            "title:",
            "(title:x)",
            "tag:-",
            "foo:bar",
            "tags:x",
        ] {
            assert_eq!(read(input), [""; 0], "{input}");
        }
    }

    #[test]
    fn an_asterisk_behind_the_beginning_of_a_word_asks_for_all_of_them() {
        assert_eq!(
            read("the icosa* (auto*) über*?"),
            ["icosa*", "auto*", "über*"]
        );
        assert_eq!(read("-auto*"), ["-auto*"]);
        for input in [
            "**bold**", "a*", "ab* c", "*auto", "foo*bar", "a.auto*", "auto**", "2*3", "*",
        ] {
            assert_eq!(read(input), [""; 0], "{input}");
        }
    }

    #[test]
    fn signs_are_quoted_and_excluded_like_words() {
        assert_eq!(read("\"🚀\" -€ -🍐x"), ["\"🚀\"", "-\"€\"", "-\"🍐x\""]);
    }

    #[test]
    fn many_operators_are_read_in_linear_time() {
        for sign in [
            "title:\"a ",
            "title:",
            "-title:\"",
            "aaa*",
            "(",
            "-path:a\"",
        ] {
            segments(&sign.repeat(200_000));
        }
    }
}
