//! Goes through a text of Markdown and notes what has to change. With `tags.rs` and `links.rs` the only
//! file that names `pulldown_cmark`.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::edits::Edits;
use super::links::Links;
use super::modules::Modules;
use super::scripts::{marked, written};
use super::tags::{self, Piece};
use crate::document::Heading;
use crate::readers::script::Shift;
use crate::text::boundary_before;

/// How much of the line before a superscript is kept.
const MAX_TAIL_BYTES: usize = 256;

/// A text of Markdown as it is read.
pub(super) struct Reading {
    /// With as many lines as the source.
    pub(super) text: String,
    pub(super) headings: Vec<Heading>,
}

impl Reading {
    /// Reads `source`, whose paragraphs may be modules of MDX.
    pub(super) fn of(source: &str, has_modules: bool) -> Self {
        let options = Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_MATH
            | Options::ENABLE_WIKILINKS;
        let mut events = Parser::new_ext(source, options).into_offset_iter();
        let mut walk = Walk {
            modules: has_modules.then(Modules::default),
            ..Walk::of(source)
        };
        for (event, range) in events.by_ref() {
            walk.take(event, range);
        }
        walk.end_script();
        for (_, definition) in events.reference_definitions().iter() {
            walk.edits.remove(definition.span.clone());
        }
        walk.finish()
    }
}

struct Walk<'s> {
    source: &'s str,
    edits: Edits,
    headings: Vec<OpenHeading>,
    in_heading: bool,
    /// Headings inside quotes, lists and notes do not divide the document.
    n_containers: usize,
    n_blocks: usize,
    /// Where the last outermost block ends.
    blocks_end: usize,
    verbatim: Verbatim,
    links: Links,
    script: Option<OpenScript>,
    /// The end of what has been read of a block.
    tail: String,
    /// Where the last text ends.
    text_end: usize,
    /// Where the last superscript or subscript between signs ends.
    marked_end: usize,
    modules: Option<Modules>,
    /// What lies before is part of a module.
    skipped_end: usize,
}

/// Blocks whose text is no Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verbatim {
    No,
    Code,
    Html,
}

struct OpenHeading {
    /// With its marks, in whole lines.
    range: Range<usize>,
    level: u8,
    /// The words alone, in the source.
    words: Option<Range<usize>>,
}

/// A superscript or subscript whose end has not come yet.
struct OpenScript {
    shift: Shift,
    /// Its tag in the source.
    mark: Range<usize>,
    before: String,
    text: String,
    holds_link: bool,
}

impl<'s> Walk<'s> {
    fn of(source: &'s str) -> Self {
        Self {
            source,
            edits: Edits::default(),
            headings: Vec::new(),
            in_heading: false,
            n_containers: 0,
            n_blocks: 0,
            blocks_end: 0,
            verbatim: Verbatim::No,
            links: Links::default(),
            script: None,
            tail: String::new(),
            text_end: 0,
            marked_end: 0,
            modules: None,
            skipped_end: 0,
        }
    }

    fn finish(mut self) -> Reading {
        self.remove_definitions(self.source.len());
        let edited = self.edits.apply(self.source);
        let headings = self.headings.into_iter().map(|heading| {
            let words = heading.words.map_or(0..0, |words| edited.range(words));
            let words: Vec<&str> = edited.text[words].split_whitespace().collect();
            Heading {
                range: edited.range(heading.range),
                level: heading.level,
                text: words.join(" "),
            }
        });
        Reading {
            headings: headings.collect(),
            text: edited.text,
        }
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match &event {
            Event::Start(_) if self.n_blocks == 0 => self.remove_definitions(range.start),
            Event::Rule if self.n_blocks == 0 => self.blocks_end = range.end,
            _ => {}
        }
        match &event {
            Event::Start(_) => self.n_blocks += 1,
            Event::End(_) => {
                self.n_blocks = self.n_blocks.saturating_sub(1);
                if self.n_blocks == 0 {
                    self.blocks_end = range.end;
                }
            }
            _ => {}
        }
        if range.start < self.skipped_end {
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            _ if self.verbatim != Verbatim::No => {}
            event => {
                self.saw(&range);
                self.inline(event, range);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        if is_inline(&tag) {
            self.saw(&range);
        } else {
            self.end_script();
            self.tail.clear();
        }
        match tag {
            Tag::BlockQuote(_) | Tag::Item => self.n_containers += 1,
            Tag::FootnoteDefinition(label) => {
                self.n_containers += 1;
                self.name_note(&label, range);
            }
            Tag::Heading { level, .. } if self.n_containers == 0 => {
                self.in_heading = true;
                self.headings.push(OpenHeading {
                    range: whole_lines(self.source, range),
                    level: level as u8,
                    words: None,
                });
            }
            Tag::Paragraph => self.start_paragraph(range),
            Tag::CodeBlock(_) => self.verbatim = Verbatim::Code,
            Tag::HtmlBlock => {
                self.verbatim = Verbatim::Html;
                self.html(range);
            }
            Tag::Emphasis if !self.is_product(&range) => self.remove_marks(range, 1),
            Tag::Strong => self.remove_marks(range, 2),
            Tag::Strikethrough => {
                let is_double = self.source[range.clone()].starts_with("~~");
                self.remove_marks(range, 1 + usize::from(is_double));
            }
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => {
                if let Some(script) = &mut self.script {
                    script.holds_link = true;
                }
                self.links.open(range, link_type, &dest_url, false);
            }
            Tag::Image {
                link_type,
                dest_url,
                ..
            } => self.links.open(range, link_type, &dest_url, true),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::Item | TagEnd::FootnoteDefinition => {
                self.n_containers = self.n_containers.saturating_sub(1);
            }
            TagEnd::Heading(_) => self.in_heading = false,
            TagEnd::CodeBlock | TagEnd::HtmlBlock => self.verbatim = Verbatim::No,
            TagEnd::Link | TagEnd::Image => {
                self.links
                    .close(self.source, self.in_heading, &mut self.edits);
            }
            _ => {}
        }
    }

    fn inline(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Text(words) => self.text(&words, range),
            Event::Code(words) => {
                self.remove_ticks(range);
                self.read(&words);
            }
            // A formula stays as it is written.
            Event::InlineMath(formula) | Event::DisplayMath(formula) => {
                self.read(&formula.replace('\n', " "));
            }
            Event::InlineHtml(_) => self.html(range),
            Event::FootnoteReference(label) => {
                let is_glued = self.source[range.end..].starts_with(char::is_alphanumeric);
                let is_first = self.tail.trim_end().len() < self.tail.len() || self.tail.is_empty();
                let before = if is_first { "" } else { " " };
                let after = if is_glued { " " } else { "" };
                self.edits.replace(range, format!("{before}{label}{after}"));
                self.read(&label);
            }
            Event::SoftBreak | Event::HardBreak => {
                if self.source[range.clone()].starts_with('\\') {
                    self.edits.remove(range.start..range.start + 1);
                }
                self.read(" ");
            }
            _ => self.read(" "),
        }
    }

    /// Notes what stands inside the heading and the link that are open.
    fn saw(&mut self, range: &Range<usize>) {
        self.links.saw(range);
        if let Some(heading) = self.headings.last_mut().filter(|_| self.in_heading) {
            let words = heading.words.get_or_insert_with(|| range.clone());
            words.end = words.end.max(range.end);
        }
    }

    /// Adds to what stands before the next superscript.
    fn read(&mut self, words: &str) {
        if let Some(script) = &mut self.script {
            script.text.push_str(words);
        }
        self.tail.push_str(words);
        // Half stays, so that this is seldom done.
        if self.tail.len() > 2 * MAX_TAIL_BYTES {
            let at = boundary_before(&self.tail, self.tail.len() - MAX_TAIL_BYTES);
            self.tail.drain(..at);
        }
    }

    /// A piece of text: an entity or an escaped character is one by itself.
    fn text(&mut self, words: &str, range: Range<usize>) {
        let before = &self.source[..range.start];
        let is_escaped = before.ends_with('\\')
            && range.start > self.text_end
            && words.starts_with(|c: char| c.is_ascii_punctuation())
            // In a table it would end the cell.
            && !words.starts_with('|');
        if is_escaped {
            self.edits.remove(range.start - 1..range.start);
        }
        self.text_end = range.end;
        if self.source[range.clone()] == *words {
            return self.plain_text(range);
        }
        let shown = if words == "\u{A0}" { " " } else { words };
        self.edits.replace(range, shown);
        self.read(shown);
    }

    /// Text that stands in the source as it is shown, but for `10^6^` and `H~2~O`.
    fn plain_text(&mut self, range: Range<usize>) {
        let source = self.source;
        let mut at = range.start.max(self.marked_end);
        while let Some(found) = source
            .get(at..range.end)
            .and_then(|text| text.find(['^', '~']))
        {
            let mark = at + found;
            self.read(&source[at..mark]);
            let Some(marked) = marked(source, mark, &self.tail) else {
                at = mark + 1;
                self.read(&source[mark..at]);
                continue;
            };
            at = mark + marked.len;
            self.marked_end = at;
            let shown = written(marked.shift, &self.tail, marked.text, false);
            self.show_script(mark..at, &self.tail.clone(), shown);
        }
        self.read(source.get(at..range.end).unwrap_or_default());
    }

    /// Whether stars stand between numbers, as in `2*3*4`: nobody means emphasis by that.
    fn is_product(&self, range: &Range<usize>) -> bool {
        let is_digit = |c: char| c.is_ascii_digit();
        self.source[..range.start].ends_with(is_digit)
            && self.source[range.start + 1..].starts_with(is_digit)
    }

    fn remove_marks(&mut self, range: Range<usize>, len: usize) {
        if range.len() >= 2 * len {
            self.edits.remove(range.start..range.start + len);
            self.edits.remove(range.end - len..range.end);
        }
    }

    /// Takes the marks from a span of code, with the blank beside each that is part of them.
    fn remove_ticks(&mut self, range: Range<usize>) {
        let code = &self.source[range.clone()];
        let n_ticks = code.len() - code.trim_start_matches('`').len();
        let Some(inside) = code.get(n_ticks..code.len().saturating_sub(n_ticks)) else {
            return;
        };
        let is_padded = inside.len() > 2
            && inside.starts_with(' ')
            && inside.ends_with(' ')
            && !inside.trim().is_empty();
        self.remove_marks(range, n_ticks + usize::from(is_padded));
    }

    /// `[^1]: text` as `1: text`.
    fn name_note(&mut self, label: &str, range: Range<usize>) {
        let mark_len = self.source[range.clone()].find("]:").map_or(0, |at| at + 1);
        if self.source[range.start..].starts_with("[^") && mark_len == label.len() + 3 {
            self.edits
                .replace(range.start..range.start + mark_len, label);
        }
    }

    fn start_paragraph(&mut self, range: Range<usize>) {
        let Some(modules) = &mut self.modules else {
            return;
        };
        if self.n_containers == 0
            && let Some(end) = modules.end(self.source, range.start)
        {
            self.edits.remove(range.start..end);
            self.skipped_end = end;
        }
    }

    /// Removes the definitions of references between the last outermost block and the next. The parser
    /// tells where the first of each name is, but not the others.
    fn remove_definitions(&mut self, until: usize) {
        if let Some(gap) = self.source.get(self.blocks_end..until)
            && gap.trim_start().starts_with('[')
        {
            self.edits.remove(self.blocks_end..until);
        }
        self.blocks_end = self.blocks_end.max(until);
    }

    fn html(&mut self, range: Range<usize>) {
        let at = |inside: Range<usize>| range.start + inside.start..range.start + inside.end;
        for piece in tags::pieces(&self.source[range.clone()]) {
            match piece {
                Piece::Text(inside) => self.html_text(at(inside)),
                Piece::Tag(inside) => self.html_tag(at(inside)),
                Piece::Unseen(inside) => self.edits.remove(at(inside)),
            }
        }
    }

    fn html_text(&mut self, range: Range<usize>) {
        let text = &self.source[range.clone()];
        for (entity, shown) in tags::entities(text) {
            let shown = if shown == "\u{A0}" { " " } else { &shown };
            self.edits
                .replace(range.start + entity.start..range.start + entity.end, shown);
        }
        self.read(&tags::decoded(text));
    }

    fn html_tag(&mut self, range: Range<usize>) {
        let source = self.source;
        let tag = &source[range.clone()];
        let is_end = tag.starts_with("</");
        let name = tags::name(tag);
        let shift = match name.as_str() {
            "sup" => Some(Shift::Up),
            "sub" => Some(Shift::Down),
            _ => None,
        };
        match shift {
            Some(_) if is_end => self.close_script(range),
            Some(shift) => self.start_script(shift, range),
            None if tags::is_inline(&name) => self.edits.remove(range),
            // MDX has elements of its own.
            None if self.modules.is_none() && !tags::is_element(&name) => self.read(tag),
            None => {
                let alt = (name == "img")
                    .then(|| tags::attribute(tag, "alt"))
                    .flatten();
                let shown = alt.map_or_else(|| " ".to_owned(), |alt| format!(" {alt} "));
                self.edits.replace(range, shown.as_str());
                self.read(" ");
            }
        }
    }

    fn start_script(&mut self, shift: Shift, mark: Range<usize>) {
        self.end_script();
        self.script = Some(OpenScript {
            shift,
            mark,
            before: self.tail.clone(),
            text: String::new(),
            holds_link: false,
        });
    }

    fn close_script(&mut self, mark: Range<usize>) {
        match self.script.take() {
            Some(open) => {
                let range = open.mark.start..mark.end;
                let shown = written(open.shift, &open.before, &open.text, open.holds_link);
                self.show_script(range, &open.before, shown);
            }
            None => self.edits.remove(mark),
        }
    }

    /// Puts what stands above or below the line into it.
    fn show_script(&mut self, range: Range<usize>, before: &str, mut shown: String) {
        let is_glued = self.source[range.end..].starts_with(char::is_alphanumeric);
        if shown.starts_with(' ') && is_glued {
            shown.push(' ');
        }
        self.edits.replace(range, shown.as_str());
        before.clone_into(&mut self.tail);
        self.read(&shown);
    }

    /// A superscript that is never closed is none.
    fn end_script(&mut self) {
        if let Some(open) = self.script.take() {
            self.edits.replace(open.mark, " ");
        }
    }
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
    )
}

/// The range widened to the lines it stands on, line end included.
fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = if text[..range.end].ends_with('\n') {
        range.end
    } else {
        text[range.end..]
            .find('\n')
            .map_or(text.len(), |at| range.end + at + 1)
    };
    start..end
}
