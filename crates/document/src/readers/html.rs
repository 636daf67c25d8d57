//! HTML: the text that a page shows. Only the files of this reader name `html5ever`.
//!
//! Works on the tokenizer's tags, without a tree. Tree building follows the HTML standard, whose
//! algorithm is quadratic in the depth of nesting; a hundred thousand open tags took a minute.
//! Telling lines, headings and navigation apart needs the open elements only.

mod about;
mod around;
mod encoding;
mod inline;
mod layout;
mod math;
mod mend;
mod numbering;
mod open;
mod picture;
mod reader;
mod table;
mod tags;
mod writer;

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use self::encoding::declared_encoding;
use self::mend::{Swallower, holds_page, mended};
use self::reader::{Contents, Extent, Reader};
use super::{GivenUp, Input, Output};
use crate::kind::DocumentKind;
use crate::problem::Reason;
use crate::text;

/// The text is handed to the tokenizer in pieces of this size. In between, the reader looks whether
/// somebody still waits.
const PIECE_BYTES: usize = 16 << 10;
/// A tag behind the last of a page. Something has swallowed it if it is not seen.
const LAST_TAG: &str = "<end-of-page>";
/// How often a page is mended. One that is still broken is taken as it is.
const MAX_MENDED: usize = 3;

/// Reads an HTML page. Navigation around the text is left out, unless nothing else is there.
///
/// Where something without an end, such as a title, has swallowed the rest, the page is mended, and
/// that is among the problems.
pub(crate) fn read(mut input: Input) -> Output {
    let bytes = std::mem::take(&mut input.bytes);
    let declared = declared_encoding(&bytes);
    let mut source = text::decode_declared(bytes, declared);
    let mut page = Page::read(&source, Extent::Text, &input.given_up);
    let mut problem = None;
    for _ in 0..MAX_MENDED {
        let Some((swallower, line)) = &page.swallowed else {
            break;
        };
        let Some(whole) = mended(&source, swallower, *line) else {
            break;
        };
        problem.get_or_insert(Reason::Unclosed(swallower.label()));
        source = whole;
        page = Page::read(&source, Extent::Text, &input.given_up);
    }
    if page.contents.text.is_empty() || page.contents.ended_inside_left_out {
        page = Page::read(&source, Extent::Everything, &input.given_up);
    }
    let Contents {
        title,
        text,
        headings,
        metadata,
        ..
    } = page.contents;
    let mut document = input.document(DocumentKind::Html, text);
    let mut first = headings.iter().filter(|heading| heading.level == 1);
    let first = || first.next().map(|heading| heading.text.clone());
    if let Some(title) = title.or_else(first) {
        document = document.with_title(title);
    }
    document.headings = headings;
    document.metadata = metadata;
    Output::from(document).with_problem(&input.path, problem)
}

/// Whether a file begins as a page does.
pub(crate) fn looks_like_html(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(1024)];
    let start = start
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(start)
        .trim_ascii_start();
    let begins = |tag: &[u8]| {
        start
            .get(..tag.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(tag))
    };
    let names_html = || {
        start
            .windows(5)
            .any(|window| window.eq_ignore_ascii_case(b"<html"))
    };
    begins(b"<!doctype html") || begins(b"<html") || (begins(b"<?xml") && names_html())
}

/// A page as it was read.
struct Page {
    contents: Contents,
    /// What has swallowed the rest of the page, and a line that it does not begin before.
    swallowed: Option<(Swallower, u64)>,
}

impl Page {
    /// Only the beginning if the reader is given up.
    fn read(source: &str, extent: Extent, given_up: &GivenUp) -> Self {
        let reader = Reader::new(extent, source.starts_with("<?xml"));
        let tokenizer = Tokenizer::new(Sink::new(reader), TokenizerOpts::default());
        let queue = BufferQueue::default();
        let feed = |piece: &str| {
            queue.push_back(StrTendril::from_slice(piece));
            // Always `Done`: the sink never asks for a pause.
            let _ = tokenizer.feed(&queue);
        };
        let mut rest = source;
        while !rest.is_empty() && !given_up.is_set() {
            let (piece, after) = rest.split_at(text::boundary_before(rest, PIECE_BYTES));
            feed(piece);
            rest = after;
        }
        // Inside of plain text it would be part of that.
        let in_plain_text = tokenizer.sink.0.borrow().plain_text.is_some();
        if !in_plain_text {
            feed(LAST_TAG);
        }
        tokenizer.end();
        let watcher = tokenizer.sink.0.into_inner();
        Self {
            // Who is given up has not seen the end.
            swallowed: rest.is_empty().then(|| watcher.swallower()).flatten(),
            contents: watcher.reader.finish(),
        }
    }
}

/// Hands tokens to the reader, and watches for what swallows the rest of the page.
struct Watcher {
    reader: Reader,
    saw_last_tag: bool,
    /// The open element whose content is plain text, and the line where that begins.
    plain_text: Option<(String, u64)>,
    /// The line where the title begins.
    title_line: u64,
    /// The line of the last tag or text.
    line: u64,
    in_comment: bool,
}

impl Watcher {
    fn token(&mut self, token: Token, line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if LAST_TAG[1..].strip_suffix('>') == Some(&tag.name) => {
                self.saw_last_tag = true;
            }
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                self.line = line;
                let result = self.reader.start(&tag);
                if !matches!(result, TokenSinkResult::Continue) {
                    self.plain_text = Some((tag.name.to_string(), line));
                }
                if &*tag.name == "title" && self.title_line == 0 {
                    self.title_line = line;
                }
                return result;
            }
            Token::TagToken(tag) => {
                self.line = line;
                self.plain_text = None;
                self.reader.end(&tag.name);
            }
            Token::CharacterTokens(text) => {
                self.line = line;
                self.reader.text(&text);
            }
            Token::CommentToken(text) => self.in_comment = text.ends_with(LAST_TAG),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    /// What has swallowed the rest of the page, if something has, or a large part of it.
    fn swallower(&self) -> Option<(Swallower, u64)> {
        if holds_page(self.reader.title()) {
            return Some((Swallower::Element("title".to_owned()), self.title_line));
        }
        if self.saw_last_tag {
            return None;
        }
        match &self.plain_text {
            Some((name, _)) if name == "plaintext" => None,
            Some((name, line)) => Some((Swallower::Element(name.clone()), *line)),
            None if self.in_comment => Some((Swallower::Comment, self.line)),
            None => Some((Swallower::Tag, self.line)),
        }
    }
}

/// The tokenizer lends its sink out shared.
struct Sink(RefCell<Watcher>);

impl Sink {
    fn new(reader: Reader) -> Self {
        Self(RefCell::new(Watcher {
            reader,
            saw_last_tag: false,
            plain_text: None,
            title_line: 0,
            line: 1,
            in_comment: false,
        }))
    }
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line_number: u64) -> TokenSinkResult<()> {
        self.0.borrow_mut().token(token, line_number)
    }
}

#[cfg(test)]
mod tests;
