//! What ends at each token: a paragraph, a sentence, a line, or nothing in particular.

use std::ops::Range;

/// What ends just before a token, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Boundary {
    /// The middle of a word.
    Token,
    /// A word.
    Word,
    /// A line.
    Line,
    /// A sentence, or an item of a list.
    Sentence,
    /// A paragraph: a blank line follows.
    Paragraph,
    /// A block of code: a blank line follows, and then a line without indentation.
    Block,
}

/// Where a passage may end: just before a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Whether no row of a table is cut in two here.
    pub(super) is_outside_rows: bool,
    /// What ends here.
    pub(super) boundary: Boundary,
}

/// What ends before each of the tokens that begin at `starts` in `body`, as if there were no tables.
///
/// `prefers_lines` is for code, where full stops end no sentence.
pub(super) fn boundaries(
    text: &str,
    body: &Range<usize>,
    starts: &[usize],
    prefers_lines: bool,
) -> Vec<End> {
    let mut last = body.start;
    let of = |&start: &usize| {
        // Looks back no further than the token before, so that the whole takes one pass.
        let before = &text[last..start];
        last = start;
        let boundary = if prefers_lines {
            in_code(before)
        } else {
            in_prose(before, &text[start..body.end])
        };
        End {
            is_outside_rows: true,
            boundary,
        }
    };
    starts.iter().map(of).collect()
}

fn in_code(before: &str) -> Boundary {
    let blank = trailing_blank(before);
    match line_feeds(blank) {
        0 if blank.is_empty() => Boundary::Token,
        0 => Boundary::Word,
        1 => Boundary::Line,
        _ if blank.ends_with('\n') => Boundary::Block,
        _ => Boundary::Paragraph,
    }
}

fn in_prose(before: &str, after: &str) -> Boundary {
    let blank = trailing_blank(before);
    let words = &before[..before.len() - blank.len()];
    match line_feeds(blank) {
        0 if ends_sentence(words, blank, after) => Boundary::Sentence,
        0 if blank.is_empty() => Boundary::Token,
        0 => Boundary::Word,
        1 if ends_sentence(words, blank, after) || is_item(after) => Boundary::Sentence,
        1 => Boundary::Line,
        _ => Boundary::Paragraph,
    }
}

fn trailing_blank(text: &str) -> &str {
    &text[text.trim_end().len()..]
}

fn line_feeds(blank: &str) -> usize {
    blank.bytes().filter(|&byte| byte == b'\n').count()
}

fn ends_sentence(words: &str, blank: &str, after: &str) -> bool {
    let next = after.chars().next();
    let is_closer = |c: char| {
        matches!(
            c,
            '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）' | '】' | '》' | '〉'
        )
    };
    match words.trim_end_matches(is_closer).chars().next_back() {
        // These need no blank after them, and closing brackets belong to the sentence.
        Some('。' | '！' | '？' | '｡') => !next.is_some_and(is_closer),
        Some('!' | '?' | '…' | '।' | '؟' | '۔') => !blank.is_empty(),
        // A small letter after a full stop is most likely after an abbreviation.
        Some('.') => !blank.is_empty() && !next.is_some_and(char::is_lowercase),
        _ => false,
    }
}

/// Whether a line begins a list item.
fn is_item(line: &str) -> bool {
    let mut chars = line.chars();
    match chars.next() {
        Some('-' | '*' | '+' | '•') => chars.next() == Some(' '),
        Some('0'..='9') => {
            let rest = chars
                .as_str()
                .trim_start_matches(|c: char| c.is_ascii_digit());
            rest.starts_with(". ") || rest.starts_with(") ")
        }
        _ => false,
    }
}
