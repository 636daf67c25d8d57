//! HTML: the text that a page shows. The only file that names `html5ever`.
//!
//! Works on the tokenizer's tags, without a tree. Tree building follows the HTML standard, whose
//! algorithm is quadratic in the depth of nesting; a hundred thousand open tags took a minute.
//! Telling lines, headings and navigation apart needs no tree.

mod writer;

use std::cell::RefCell;

use encoding_rs::Encoding;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use self::writer::{Gap, TextWriter};
use super::{GivenUp, Input, Output};
use crate::document::Heading;
use crate::facts::Facts;
use crate::kind::DocumentKind;
use crate::metadata::Metadata;
use crate::text;

/// The text is handed to the tokenizer in pieces of this size. In between, the reader looks whether
/// somebody still waits.
const PIECE_BYTES: usize = 16 << 10;
/// How far into the file its own word about its encoding is looked for.
const DECLARATION_BYTES: usize = 4 << 10;

/// Reads an HTML page. Navigation around the text is left out, unless nothing else is there.
pub(crate) fn read(mut input: Input) -> Output {
    let bytes = std::mem::take(&mut input.bytes);
    let declared = declared_encoding(&bytes);
    let source = text::decode_declared(bytes, declared);
    let mut page = Page::read(&source, Navigation::Skip, &input.given_up);
    if page.text.is_empty() || page.ended_inside_skipped {
        page = Page::read(&source, Navigation::Keep, &input.given_up);
    }
    let mut document = input.document(DocumentKind::Html, page.text);
    let first = || {
        page.headings
            .iter()
            .find(|h| h.level == 1)
            .map(|h| h.text.clone())
    };
    if let Some(title) = page.title.or_else(first) {
        document = document.with_title(title);
    }
    document.headings = page.headings;
    document.metadata = page.metadata;
    document.into()
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

/// What happens to menus, sidebars, and the header and footer of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Navigation {
    Skip,
    Keep,
}

struct Page {
    title: Option<String>,
    text: String,
    headings: Vec<Heading>,
    metadata: Metadata,
    /// The file ended before something that is left out did: probably a missing end tag.
    ended_inside_skipped: bool,
}

impl Page {
    /// Only the beginning if the reader is given up.
    fn read(source: &str, navigation: Navigation, given_up: &GivenUp) -> Self {
        let reader = Reader::new(navigation, source.starts_with("<?xml"));
        let tokenizer = Tokenizer::new(Sink(RefCell::new(reader)), TokenizerOpts::default());
        let queue = BufferQueue::default();
        let mut rest = source;
        while !rest.is_empty() && !given_up.is_set() {
            let (piece, after) = rest.split_at(text::boundary_before(rest, PIECE_BYTES));
            queue.push_back(StrTendril::from_slice(piece));
            // Always `Done`: the sink never asks for a pause.
            let _ = tokenizer.feed(&queue);
            rest = after;
        }
        tokenizer.end();
        tokenizer.sink.0.into_inner().finish()
    }
}

/// Follows the tags of a page and writes its words.
struct Reader {
    writer: TextWriter,
    navigation: Navigation,
    /// In XML, `<a/>` is a whole element; in HTML the slash means nothing.
    is_xml: bool,
    title: Option<String>,
    in_title: bool,
    facts: Facts,
    skipped: Option<Skipped>,
    /// The open lists, outermost first, with the last number of those that are numbered.
    lists: Vec<Option<u32>>,
    /// How many elements are open that hold content, whose header is not the page's.
    n_sections: usize,
}

/// An element that is left out, and how many of the same name are open inside, itself included.
struct Skipped {
    name: String,
    depth: usize,
    is_foreign: bool,
}

/// The tokenizer lends its sink out shared.
struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line_number: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return reader.start(&tag),
            Token::TagToken(tag) => reader.end(&tag.name),
            Token::CharacterTokens(text) => reader.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Reader {
    fn new(navigation: Navigation, is_xml: bool) -> Self {
        Self {
            writer: TextWriter::new(),
            navigation,
            is_xml,
            title: None,
            in_title: false,
            facts: Facts::default(),
            skipped: None,
            lists: Vec::new(),
            n_sections: 0,
        }
    }

    fn finish(self) -> Page {
        let (text, headings) = self.writer.finish();
        let title = self
            .title
            .map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
        Page {
            title: title.filter(|title| !title.is_empty()),
            text,
            headings,
            metadata: self.facts.into_metadata(),
            ended_inside_skipped: self.skipped.is_some(),
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        match &mut self.title {
            Some(title) if self.in_title => title.push_str(text),
            _ => self.writer.text(text),
        }
    }

    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let is_whole = tag.self_closing && self.is_xml;
        if let Some(skipped) = &mut self.skipped {
            skipped.depth += usize::from(skipped.name == name && !is_whole);
            let is_foreign = skipped.is_foreign;
            return if is_foreign || is_whole {
                TokenSinkResult::Continue
            } else {
                state_after(name)
            };
        }
        self.take_facts(tag);
        if is_whole && !is_void(name) {
            return TokenSinkResult::Continue;
        }
        if self.is_left_out(tag) {
            let is_foreign = name == "svg";
            self.skipped = Some(Skipped {
                name: name.to_owned(),
                depth: 1,
                is_foreign,
            });
            return state_after(name);
        }
        self.start_block(name);
        state_after(name)
    }

    /// What the page says about itself: its language, and its `<meta>` tags but for the title's.
    fn take_facts(&mut self, tag: &Tag) {
        let value_of = |name: &str| {
            let mut attributes = tag.attrs.iter();
            let found = attributes.find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| &*attribute.value)
        };
        match &*tag.name {
            "html" => {
                if let Some(language) = value_of("lang").or_else(|| value_of("xml:lang")) {
                    self.facts.append("lang", language);
                }
            }
            "meta" => {
                let name = value_of("name").or_else(|| value_of("property"));
                if let (Some(name), Some(content)) = (name, value_of("content"))
                    && !["title", "og:title"].contains(&name)
                {
                    self.facts.append(name, content);
                }
            }
            _ => {}
        }
    }

    fn start_block(&mut self, name: &str) {
        if let Some(level) = heading_level(name) {
            return self.writer.start_heading(level);
        }
        let gap = self.gap_of(name);
        if gap > Gap::Space && name != "br" {
            self.writer.interrupt_heading();
        }
        match name {
            "title" if self.title.is_none() => {
                self.title = Some(String::new());
                self.in_title = true;
            }
            "br" => self.writer.line_break(),
            "li" => {
                let number = self.lists.last_mut().and_then(|list| {
                    *list = list.map(|number| number.saturating_add(1));
                    *list
                });
                self.writer.start_item(self.lists.len(), number);
            }
            "dd" => self.writer.start_description(),
            "tr" => self.writer.start_row(),
            "td" | "th" => self.writer.start_cell(),
            "ul" | "ol" => {
                self.writer.want(gap);
                self.lists.push((name == "ol").then_some(0));
            }
            "table" => {
                self.writer.end_cells();
                self.writer.want(gap);
            }
            "pre" | "listing" | "xmp" => {
                self.writer.want(gap);
                self.writer.start_pre();
            }
            "article" | "main" | "section" => {
                self.n_sections += 1;
                self.writer.want(gap);
            }
            _ => self.writer.want(gap),
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(skipped) = &mut self.skipped {
            skipped.depth -= usize::from(skipped.name == name);
            if skipped.depth == 0 {
                self.skipped = None;
            }
            return;
        }
        if heading_level(name).is_some() {
            return self.writer.end_heading();
        }
        let gap = self.gap_of(name);
        match name {
            "title" => self.in_title = false,
            "ul" | "ol" => {
                self.lists.pop();
                // Inside another list, only a line end.
                self.writer.leave(self.gap_of(name));
            }
            "li" | "dd" | "dl" => self.writer.leave(gap),
            "table" => {
                self.writer.end_cells();
                self.writer.leave(gap);
            }
            "pre" | "listing" | "xmp" => {
                self.writer.end_pre();
                self.writer.want(gap);
            }
            "article" | "main" | "section" => {
                self.n_sections = self.n_sections.saturating_sub(1);
                self.writer.want(gap);
            }
            // Ended by what follows them.
            "tr" | "td" | "th" | "br" => {}
            _ => self.writer.want(gap),
        }
    }

    fn gap_of(&self, name: &str) -> Gap {
        match name {
            "ul" | "ol" if !self.lists.is_empty() => Gap::Line,
            "p" | "pre" | "listing" | "xmp" | "ul" | "ol" | "dl" | "table" | "blockquote"
            | "hr" | "figure" | "section" | "article" | "main" | "details" => Gap::Blank,
            "div" | "tr" | "li" | "dt" | "dd" | "caption" | "br" | "header" | "footer" | "nav"
            | "aside" | "body" | "center" | "figcaption" | "summary" | "legend" | "fieldset"
            | "form" | "address" | "option" | "thead" | "tbody" | "tfoot" | "hgroup" => Gap::Line,
            _ => Gap::None,
        }
    }

    /// Whether nothing inside this element is part of the text.
    fn is_left_out(&self, tag: &Tag) -> bool {
        match &*tag.name {
            "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "noembed"
            | "noframes" => true,
            _ if self.navigation == Navigation::Keep => false,
            "nav" | "button" | "select" | "datalist" | "canvas" | "audio" | "video" => true,
            "header" | "footer" | "aside" => self.n_sections == 0,
            "div" | "table" | "ul" | "ol" | "dl" | "section" | "span" | "a" | "form" => tag
                .attrs
                .iter()
                .any(|attribute| match &*attribute.name.local {
                    "class" => attribute
                        .value
                        .split_ascii_whitespace()
                        .any(is_navigation_class),
                    "role" => &*attribute.value == "navigation",
                    "hidden" => true,
                    _ => false,
                }),
            _ => false,
        }
    }
}

/// Classes of navigation in pages made by `DocBook`, Sphinx, `MediaWiki` and the like.
fn is_navigation_class(class: &str) -> bool {
    matches!(
        class,
        "navheader"
            | "navfooter"
            | "toc"
            | "sphinxsidebar"
            | "related"
            | "headerlink"
            | "breadcrumb"
            | "breadcrumbs"
            | "navbar"
            | "skip-link"
            | "mw-editsection"
    )
}

/// How the tokenizer has to read on after a start tag.
fn state_after(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr")
}

/// The encoding that the page names, in a `<meta>` tag or the XML declaration.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let label_in = |tag: &str, key: &str| {
        let value = tag.split('>').next()?.split_once(key)?.1.trim_start();
        let value = value
            .strip_prefix('=')?
            .trim_start_matches(['"', '\'', ' ']);
        let label = value.split(['"', '\'', ' ', ';', '/', '?']).next()?;
        Encoding::for_label_no_replacement(label.as_bytes())
    };
    let in_xml = || label_in(start.strip_prefix("<?xml")?, "encoding");
    let encoding = start
        .split("<meta")
        .skip(1)
        .find_map(|tag| label_in(tag, "charset"));
    // What could be read this far is no UTF-16.
    encoding
        .or_else(in_xml)
        .filter(|encoding| encoding.is_ascii_compatible())
}

#[cfg(test)]
mod tests;
