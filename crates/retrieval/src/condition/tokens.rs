//! Expressions cut into words, quoted texts and signs.

use std::fmt;
use std::ops::Range;

/// A piece of an expression, and its bytes there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) piece: Piece<'a>,
    pub(super) bytes: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<'a> {
    /// Letters, digits, `_`, `-`, `.` and `+`.
    Word(&'a str),
    /// What stood between quotes.
    Quoted(String),
    /// An operator or another sign.
    Sign(&'a str),
    /// A text whose quote is never closed.
    Unclosed,
    End,
}

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Sign(text) => write!(f, "`{text}`"),
            Self::Quoted(_) => f.write_str("a text in quotes"),
            Self::Unclosed => f.write_str("a quote that is not closed"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Whether a letter may stand in a name without quotes.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The first token of `text` from the byte `start` on, which is at a letter's boundary.
pub(super) fn token_at(text: &str, start: usize) -> Token<'_> {
    let rest = text[start..].trim_start();
    let start = text.len() - rest.len();
    let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
    let (piece, len) = match rest.chars().next() {
        None => (Piece::End, 0),
        Some(quote @ ('"' | '\'')) => quoted(rest, quote),
        Some(c) if is_in_word(c) => {
            let len = run(is_in_word);
            (Piece::Word(&rest[..len]), len)
        }
        Some(c) => {
            // Signs that only ever stand together are one, so that an error can show all of it.
            let len = run(is_operator).max(c.len_utf8());
            (Piece::Sign(&rest[..len]), len)
        }
    };
    Token {
        piece,
        bytes: start..start + len,
    }
}

fn is_in_word(c: char) -> bool {
    is_plain(c) || c == '+'
}

fn is_operator(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>' | '&' | '|' | '~')
}

/// Reads from one quote to the next; also how many bytes that was, quotes included.
fn quoted(rest: &str, quote: char) -> (Piece<'_>, usize) {
    let mut inside = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = letters.next() {
        if c == quote {
            return (Piece::Quoted(inside), at + c.len_utf8());
        }
        let escaped = letters.next_if(|&(_, next)| c == '\\' && (next == quote || next == '\\'));
        inside.push(escaped.map_or(c, |(_, next)| next));
    }
    (Piece::Unclosed, rest.len())
}
