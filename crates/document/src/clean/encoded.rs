//! Finds what programs have encoded: pictures in the middle of a text, keys, drawings, small-made code.
//! It is no prose, nobody searches for it, and one picture would be hundreds of passages.
//!
//! Found by what it looks like, in one pass. Where there is doubt it is text.

mod lists;
mod shape;

use std::ops::Range;

use self::shape::Shape;
use super::edit::Edit;
use crate::size::size;

/// Shorter data in an address are as good as words.
const MIN_DATA_URI_LEN: usize = 100;
/// How long a data address may be before its comma.
const MAX_DATA_HEADER_LEN: usize = 200;
/// In an address, tokens up to this length may be what somebody looks for.
const MAX_ADDRESS_RUN_LEN: usize = 512;
/// How long the lines of encoded data are at least. They have 60 to 76 characters as a rule; keys of
/// services, which people search for, have fewer.
const MIN_LINE_LEN: usize = 56;
/// Lines of this length do not come about by hand.
const MIN_MINIFIED_LEN: usize = 1000;
/// What may stand between two runs that are one to the reader.
const MAX_GAP_LEN: usize = 8;

/// A stretch of text that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) range: Range<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Minified,
}

impl Run {
    /// Puts a word about the run in its place, and as many line feeds as it has.
    pub(super) fn edit(&self, text: &str) -> Edit {
        let kind = match self.kind {
            Kind::Data => "encoded data",
            Kind::Minified => "minified code",
        };
        let n_feeds = text[self.range.clone()].matches('\n').count();
        Edit {
            range: self.range.clone(),
            with: format!(
                "[{kind}, {}]{}",
                size(self.range.len()),
                "\n".repeat(n_feeds)
            ),
        }
    }
}

/// The runs of `text`, in order.
pub(super) fn runs(text: &str, may_be_minified: bool) -> Vec<Run> {
    let mut scan = Scan {
        text,
        found: Vec::new(),
        block: None,
        in_armour: false,
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if may_be_minified && is_minified(line) {
            scan.end_block();
            scan.push(start..start + line.trim_end().len(), Kind::Minified);
        } else {
            scan.line(start..end);
        }
        start = end;
    }
    scan.end_block();
    merged(text, scan.found)
}

/// A line of code without the blanks that people write.
fn is_minified(line: &str) -> bool {
    let n_of = |is: fn(&u8) -> bool| line.bytes().filter(is).count();
    line.len() >= MIN_MINIFIED_LEN
        && n_of(u8::is_ascii_whitespace) * 100 <= line.len() * 8
        && n_of(|byte| !byte.is_ascii()) * 10 <= line.len()
}

struct Scan<'t> {
    text: &'t str,
    found: Vec<Run>,
    /// Lines that may be one run together.
    block: Option<Block>,
    /// Whether `-----BEGIN …-----` was the beginning of what comes.
    in_armour: bool,
}

/// Lines of the same length, each one run of characters.
struct Block {
    range: Range<usize>,
    shape: Shape,
    line_len: usize,
    n_lines: usize,
    /// Whether the last line was shorter or padded, so that none may follow.
    is_closed: bool,
    in_armour: bool,
}

impl Block {
    fn takes(&self, line: &str) -> bool {
        if self.in_armour {
            return true;
        }
        let is_rest =
            line.ends_with('=') || line.len() >= 16 || Shape::of(line.as_bytes()).has_all();
        !self.is_closed && (line.len() == self.line_len || line.len() < self.line_len && is_rest)
    }

    fn is_encoded(&self) -> bool {
        // A column of hashes is a list of words.
        let is_hash_len = matches!(self.line_len, 32 | 40 | 56 | 64 | 96 | 128);
        let is_list = self.n_lines > 1 && !(self.shape.is_hex() && is_hash_len);
        self.in_armour || is_list && self.shape.is_encoded()
    }
}

impl Scan<'_> {
    fn end_of_last(&self) -> usize {
        self.found.last().map_or(0, |run| run.range.end)
    }

    fn push(&mut self, range: Range<usize>, kind: Kind) {
        if range.start >= self.end_of_last() && !range.is_empty() {
            self.found.push(Run { range, kind });
        }
    }

    fn line(&mut self, line: Range<usize>) {
        let start = line.start.max(self.end_of_last());
        let Some(words) = self.text.get(start..line.end) else {
            return;
        };
        if is_armour_edge(words.trim()) {
            self.end_block();
            self.in_armour = words.contains("BEGIN ") && !words.contains("SIGNED MESSAGE");
            return;
        }
        if let Some(run) = only_run(words) {
            self.block_line(start + run.start..start + run.end);
        } else {
            self.in_armour &= words.trim().is_empty() || words.contains(": ");
            self.end_block();
            self.tokens(start..line.end);
        }
    }

    /// Takes a line that is one run.
    fn block_line(&mut self, run: Range<usize>) {
        let line = &self.text[run.clone()];
        if !self.block.as_ref().is_some_and(|block| block.takes(line)) {
            self.end_block();
            if line.len() < MIN_LINE_LEN && !self.in_armour {
                return self.tokens(run);
            }
        }
        let block = self.block.get_or_insert_with(|| Block {
            range: run.clone(),
            shape: Shape::default(),
            line_len: line.len(),
            n_lines: 0,
            is_closed: false,
            in_armour: self.in_armour,
        });
        block.range.end = run.end;
        block.shape.extend(line.as_bytes());
        block.n_lines += 1;
        block.is_closed = line.len() < block.line_len || line.ends_with('=');
    }

    /// Decides on the lines that may be one run.
    fn end_block(&mut self) {
        let Some(block) = self.block.take() else {
            return;
        };
        if block.is_encoded() {
            self.push(block.range, Kind::Data);
        } else {
            self.tokens(block.range);
        }
    }

    /// Finds runs inside lines.
    fn tokens(&mut self, range: Range<usize>) {
        let bytes = self.text.as_bytes();
        let mut in_address = false;
        let mut at = range.start;
        while at < range.end {
            let before = at.checked_sub(1).map(|before| bytes[before]);
            let line = &bytes[at..range.end];
            if line[0].is_ascii_whitespace() {
                in_address = false;
            } else if line.starts_with(b"://") {
                in_address = true;
            }
            // Lists go on in the next line.
            let token = list(&bytes[at..]).unwrap_or_else(|| token(line, before, in_address));
            if token.is_encoded {
                self.push(at + token.start..at + token.len, Kind::Data);
            }
            at += token.len;
        }
    }
}

/// What stands at the beginning of some text.
struct Token {
    len: usize,
    is_encoded: bool,
    /// Where the encoded part begins: a quote before it stays.
    start: usize,
}

impl Token {
    fn new(len: usize, is_encoded: bool) -> Self {
        Self {
            len,
            is_encoded,
            start: 0,
        }
    }
}

/// A list of numbers at the beginning, even a short one.
fn list(bytes: &[u8]) -> Option<Token> {
    match bytes[0] {
        b'"' | b'\'' => {
            let len = 1 + lists::drawing_len(bytes)?;
            Some(Token {
                start: 1,
                ..Token::new(len, true)
            })
        }
        b'0' | b'\\' if lists::is_byte(bytes) => {
            let (len, n_bytes) = lists::bytes_len(bytes);
            Some(Token::new(len, n_bytes >= lists::MIN_BYTES))
        }
        _ if lists::is_pair(bytes) => {
            let (len, n_bytes) = lists::pairs_len(bytes);
            Some(Token::new(len, n_bytes >= lists::MIN_PAIRS))
        }
        _ => None,
    }
}

/// A word, a sign or an address at the beginning of what is left of a line.
fn token(line: &[u8], before: Option<u8>, in_address: bool) -> Token {
    if line.starts_with(b"data:") {
        let len = data_uri_len(line, before);
        if len >= MIN_DATA_URI_LEN {
            return Token::new(len, true);
        }
        return Token::new(b"data:".len(), false);
    }
    if !is_run_byte(line[0]) {
        return Token::new(1, false);
    }
    let len = run_len(line);
    let is_word = in_address && len <= MAX_ADDRESS_RUN_LEN;
    Token::new(len, !is_word && shape(&line[..len]).is_encoded())
}

/// Whether this is the first or last line of a key, a certificate or a signature.
fn is_armour_edge(line: &str) -> bool {
    let is_edge = |word: &str| line.contains(word);
    line.len() <= 100
        && line.starts_with("----")
        && line.ends_with("----")
        && (is_edge("BEGIN ") || is_edge("END "))
}

/// The one run that a line consists of, but for quotes and what joins the lines of a list.
fn only_run(line: &str) -> Option<Range<usize>> {
    let is_around =
        |c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '>' | '\\');
    let start = line.len() - line.trim_start_matches(is_around).len();
    let mut core = line[start..].trim_end_matches(is_around);
    for ending in ["\" +", "' +", "\\n"] {
        core = core.strip_suffix(ending).unwrap_or(core);
    }
    let is_run = !core.is_empty() && core.bytes().all(|byte| is_run_byte(byte) && byte != b'.');
    is_run.then(|| start..start + core.len())
}

/// Bytes of base64 in its forms, and the dot between the parts of a token.
fn is_run_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'.')
}

/// The length of the run at the beginning. Line ends and slashes may be written as in JSON.
fn run_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    loop {
        match &bytes[len..] {
            [byte, ..] if is_run_byte(*byte) => len += 1,
            [b'\\', b'n' | b'r' | b'/', ..] => len += 2,
            _ => return len.max(1),
        }
    }
}

fn shape(run: &[u8]) -> Shape {
    Shape::of(run.strip_prefix(b"0x").unwrap_or(run))
}

/// The length of `data:image/png;base64,…` at the beginning of `bytes`; 0 where there is none.
fn data_uri_len(bytes: &[u8], before: Option<u8>) -> usize {
    let is_header = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/+.;=_-:".contains(byte);
    let header = bytes.iter().take(MAX_DATA_HEADER_LEN);
    let header = &bytes[..header.take_while(is_header).count()];
    // A media type, or at least that it is base64, so that no words after `data:` are taken.
    let is_typed = header.contains(&b'/') || header.contains(&b';');
    if !is_typed || bytes.get(header.len()) != Some(&b',') {
        return 0;
    }
    let ends = |byte: &u8| match before {
        Some(quote @ (b'"' | b'\'' | b'`')) => *byte == quote || *byte == b'\n',
        _ => byte.is_ascii_whitespace() || b"\"'`)<>]}|\\".contains(byte),
    };
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

/// Makes one run of those that only signs of a list stand between.
fn merged(text: &str, found: Vec<Run>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(found.len());
    for run in found {
        let is_gap = |between: &str| {
            between.len() <= MAX_GAP_LEN
                && between
                    .bytes()
                    .all(|byte| byte.is_ascii_whitespace() || b"\"',+;\\>".contains(&byte))
        };
        match runs.last_mut() {
            Some(last)
                if last.kind == run.kind && is_gap(&text[last.range.end..run.range.start]) =>
            {
                last.range.end = run.range.end;
            }
            _ => runs.push(run),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
