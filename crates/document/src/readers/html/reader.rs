//! Follows the tags of a page: keeps what is part of its text, and has it laid out.

use std::collections::HashSet;

use html5ever::tokenizer::{Tag, TokenSinkResult};

use super::about::{self, About};
use super::around::{self, Doubt, Surroundings, Written};
use super::inline::Inline;
use super::layout::Layout;
use super::math;
use super::open::{Open, OpenElements};
use super::tags::{attribute, is, is_void, state_after, style_of};
use super::writer::{Mark, visible};
use crate::document::Heading;
use crate::metadata::Metadata;
use crate::readers::script::Shift;

/// How much of a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Its text.
    Text,
    /// Navigation and what is hidden, too, for pages that have nothing else.
    Everything,
}

/// What a page was read into.
pub(super) struct Contents {
    pub(super) title: Option<String>,
    pub(super) text: String,
    pub(super) headings: Vec<Heading>,
    pub(super) metadata: Metadata,
    /// The file ended before something that is left out did: probably a missing end tag.
    pub(super) ended_inside_left_out: bool,
}

/// Follows the tags of a page.
pub(super) struct Reader {
    layout: Layout,
    extent: Extent,
    /// In XML, `<a/>` is a whole element; in HTML the slash means nothing.
    is_xml: bool,
    title: Option<String>,
    in_title: bool,
    about: About,
    open: OpenElements<Option<Closing>>,
    /// The place of the outermost open element that is left out.
    left_out: Option<usize>,
    /// The place of the outermost open drawing.
    svg: Option<usize>,
    /// The ids of what something on the page opens.
    opened: HashSet<String>,
    links: Links,
    count: Count,
    /// How many formulas and summaries are open.
    n_formulas: usize,
    n_summaries: usize,
    /// The same of headers and footers, and of what has headers and footers of its own.
    n_edges: usize,
    n_sections: usize,
}

/// What happens when an element ends.
struct Closing {
    what: What,
    mark: Mark,
    /// The counts at its start.
    count: Count,
}

enum What {
    Doubt(Doubt),
    Inline(Inline),
    Caption,
    Reading,
}

/// The link that is open.
#[derive(Default)]
struct Links {
    is_open: bool,
    leads_to_note: bool,
}

/// How much of what was written so far.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    len_bytes: usize,
    len_link_bytes: usize,
    n_links: usize,
    /// Links to somewhere on the page.
    n_anchors: usize,
    /// The page's main parts and headings.
    n_main: usize,
    /// Elements that were taken back.
    n_left_out: usize,
}

impl Reader {
    pub(super) fn new(extent: Extent, is_xml: bool) -> Self {
        Self {
            layout: Layout::new(),
            extent,
            is_xml,
            title: None,
            in_title: false,
            about: About::default(),
            open: OpenElements::new(),
            left_out: None,
            svg: None,
            opened: HashSet::new(),
            links: Links::default(),
            count: Count::default(),
            n_formulas: 0,
            n_summaries: 0,
            n_edges: 0,
            n_sections: 0,
        }
    }

    pub(super) fn finish(mut self) -> Contents {
        let ended_inside_left_out = self.left_out.is_some();
        // What has no end keeps its words: it may not reach as far as it seems.
        while let Some(element) = self.open.pop() {
            if self.left_out.is_none_or(|at| self.open.len() < at) {
                self.layout.end(&element.name);
            }
        }
        let (text, headings) = self.layout.writer.finish();
        let title = self
            .title
            .as_deref()
            .and_then(about::tidy)
            .map(|title| visible(&title));
        let (title, metadata) = self.about.finish(title.filter(|title| !title.is_empty()));
        Contents {
            title,
            text,
            headings,
            metadata,
            ended_inside_left_out,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.left_out.is_some() {
            return;
        }
        match &mut self.title {
            Some(title) if self.in_title => title.push_str(text),
            _ if self.n_formulas > 0 && text.trim().is_empty() => {}
            _ => self.write(text),
        }
    }

    /// The text of the page's title as it stands there.
    pub(super) fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }

    pub(super) fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        self.end_implied(name);
        let is_shown = self.left_out.is_none();
        if is_shown {
            self.about.take(tag);
            self.opened.extend(around::opens(tag).map(str::to_owned));
        }
        // Pages hide their body until a script has run.
        if matches!(name, "html" | "head" | "body") {
            return TokenSinkResult::Continue;
        }
        let is_foreign =
            self.svg.is_some() || self.n_formulas > 0 || matches!(name, "svg" | "math");
        if is_void(name) || (tag.self_closing && (self.is_xml || is_foreign)) {
            let is_unspoken = || around::is_unspoken(tag, |id| self.opened.contains(id));
            if is_shown && !self.is_hidden(tag) && !is_unspoken() {
                self.whole(tag);
            }
            return TokenSinkResult::Continue;
        }
        let in_svg = self.svg.is_some();
        let closing = if is_shown && !self.leaves_out(tag) {
            self.begin(tag)
        } else {
            if is_shown && name == "svg" && !self.is_hidden(tag) {
                self.picture(tag);
            }
            self.left_out.get_or_insert(self.open.len());
            None
        };
        if name == "svg" {
            self.svg.get_or_insert(self.open.len());
        }
        self.open.push(tag.name.clone(), closing);
        if in_svg {
            TokenSinkResult::Continue
        } else {
            state_after(name)
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        match name {
            // Content goes on behind these in pages that were put together.
            "html" | "head" | "body" => {}
            "br" if self.left_out.is_none() => self.layout.writer.line_break(),
            _ => match self.open.left_by_end(name) {
                Some(n_left) => self.end_down_to(n_left),
                None if self.left_out.is_none() => self.layout.end_stray(name),
                None => {}
            },
        }
    }

    /// Ends the elements that a start tag ends.
    fn end_implied(&mut self, name: &str) {
        if self.svg.is_some()
            && let Some(n_left) = self.open.left_by_leaving_svg(name)
        {
            self.end_down_to(n_left);
        }
        if self.svg.is_none()
            && let Some(n_left) = self.open.left_by_start(name)
        {
            self.end_down_to(n_left);
        }
    }

    fn end_down_to(&mut self, n_left: usize) {
        while self.open.len() > n_left
            && let Some(element) = self.open.pop()
        {
            self.end_element(element);
        }
    }

    fn end_element(&mut self, element: Open<Option<Closing>>) {
        let at = self.open.len();
        if self.svg == Some(at) {
            self.svg = None;
        }
        if let Some(left_out) = self.left_out
            && left_out <= at
        {
            if left_out == at {
                self.left_out = None;
            }
            return;
        }
        match &*element.name {
            "title" => self.in_title = false,
            "a" => self.links = Links::default(),
            "math" => self.n_formulas = self.n_formulas.saturating_sub(1),
            "summary" => self.n_summaries = self.n_summaries.saturating_sub(1),
            "header" | "footer" => self.n_edges = self.n_edges.saturating_sub(1),
            "main" | "article" | "section" => self.n_sections = self.n_sections.saturating_sub(1),
            _ => {}
        }
        self.layout.end(&element.name);
        if let Some(closing) = element.content {
            self.close(closing);
        }
    }

    fn close(&mut self, closing: Closing) {
        let Closing { what, mark, count } = closing;
        match what {
            What::Caption => self.layout.end_caption(&mark),
            What::Reading => self.layout.end_reading(mark),
            What::Inline(inline) => {
                let inline = match inline {
                    Inline::Shifted(shift, is_known) => {
                        Inline::Shifted(shift, is_known || self.count.n_anchors > count.n_anchors)
                    }
                    inline => inline,
                };
                inline.end(&mut self.layout.writer, &mark);
            }
            What::Doubt(doubt) => {
                let written = Written {
                    text: self.layout.writer.since(&mark),
                    len_bytes: self.count.len_bytes - count.len_bytes,
                    len_link_bytes: self.count.len_link_bytes - count.len_link_bytes,
                    n_links: self.count.n_links - count.n_links,
                    holds_main: self.count.n_main > count.n_main,
                    had_more: self.count.n_left_out > count.n_left_out,
                };
                if doubt.holds(written) {
                    self.layout.rewind(mark);
                    self.count = Count {
                        n_anchors: self.count.n_anchors,
                        n_left_out: self.count.n_left_out + 1,
                        ..count
                    };
                } else if doubt == Doubt::Anchor {
                    Inline::Anchor.end(&mut self.layout.writer, &mark);
                }
            }
        }
    }

    /// An element without content.
    fn whole(&mut self, tag: &Tag) {
        if self.n_formulas > 0 {
            self.write_sign();
            if let Some(parent) = self.open.top_mut() {
                parent.n_children = parent.n_children.saturating_add(1);
            }
        }
        self.layout.start_whole(tag);
        self.picture(tag);
    }

    /// Writes what stands for a picture, if the element is one.
    fn picture(&mut self, tag: &Tag) {
        if let Some(words) = self.layout.picture(tag) {
            self.write(&words);
        }
    }

    /// Begins an element that is shown, and says what is to be done at its end.
    fn begin(&mut self, tag: &Tag) -> Option<Closing> {
        let name = &*tag.name;
        if self.n_formulas > 0 {
            self.write_sign();
        }
        let what = self.what_follows(tag);
        let mut closing = what.map(|what| Closing {
            what,
            mark: self.layout.writer.mark(),
            count: self.count,
        });
        match name {
            "title" if self.title.is_none() => {
                self.title = Some(String::new());
                self.in_title = true;
            }
            "math" => self.n_formulas += 1,
            "summary" => self.n_summaries += 1,
            "a" => self.start_link(tag),
            "h1" => self.count.n_main += 1,
            "header" | "footer" => self.n_edges += 1,
            "main" | "article" | "section" => {
                self.n_sections += 1;
                self.count.n_main += usize::from(name != "section");
            }
            _ => {}
        }
        if let Some(closing) = &mut closing {
            // What counts is what it holds, not what it is.
            closing.count.n_main = self.count.n_main;
        }
        self.layout.start(tag);
        self.picture(tag);
        closing
    }

    fn what_follows(&mut self, tag: &Tag) -> Option<What> {
        let name = &*tag.name;
        if self.extent == Extent::Text && around::is_unspoken(tag, |id| self.opened.contains(id)) {
            return Some(What::Doubt(Doubt::Unspoken));
        }
        if let Some(shift) = shift_of(tag) {
            let is_reference = self.links.leads_to_note || refers_to_note(tag);
            return Some(What::Inline(Inline::Shifted(shift, is_reference)));
        }
        match name {
            "figcaption" => return Some(What::Caption),
            "rt" => return Some(What::Reading),
            "abbr" | "acronym" | "dfn" => {
                let meaning = self.layout.meaning(tag)?;
                return Some(What::Inline(Inline::Abbreviation(meaning)));
            }
            _ if self.n_formulas > 0 && math::groups(self.open.top_name()) => {
                return Some(What::Inline(Inline::Group));
            }
            _ => {}
        }
        if self.extent == Extent::Everything {
            return (name == "noscript").then_some(What::Doubt(Doubt::NoScript));
        }
        let writer = &self.layout.writer;
        let in_sentence = self.open.top_name() == "p" && writer.in_line();
        let surroundings = Surroundings {
            in_line: writer.in_heading() || self.n_summaries > 0 || in_sentence,
            at_edge: self.n_edges > 0 && self.n_sections == 0,
        };
        around::doubt(tag, surroundings).map(What::Doubt)
    }

    /// The sign between the parts of a formula.
    fn write_sign(&mut self) {
        let top = self.open.top_mut();
        let sign = top.map_or("", |parent| {
            math::sign_before(&parent.name, parent.n_children)
        });
        if !sign.is_empty() {
            self.layout.writer.glue(sign);
        }
    }

    fn start_link(&mut self, tag: &Tag) {
        let Some(href) = attribute(tag, "href") else {
            return;
        };
        let leads_to_note = href.contains('#');
        self.count.n_links += 1;
        self.count.n_anchors += usize::from(leads_to_note);
        self.links = Links {
            is_open: true,
            leads_to_note,
        };
    }

    fn write(&mut self, text: &str) {
        let len_bytes = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .count();
        self.count.len_bytes += len_bytes;
        if self.links.is_open {
            self.count.len_link_bytes += len_bytes;
        }
        self.layout.writer.text(text);
    }

    /// Whether nothing inside this element is part of the text.
    fn leaves_out(&self, tag: &Tag) -> bool {
        let name = &*tag.name;
        if around::is_code(name) || math::is_repetition(name) {
            return true;
        }
        self.extent == Extent::Text
            && (around::is_spare(tag) || around::is_control(name) || self.is_hidden(tag))
    }

    fn is_hidden(&self, tag: &Tag) -> bool {
        self.extent == Extent::Text && around::is_hidden(tag, |id| self.opened.contains(id))
    }
}

/// Whether an element raises or lowers its text.
fn shift_of(tag: &Tag) -> Option<Shift> {
    match &*tag.name {
        "sup" => return Some(Shift::Up),
        "sub" => return Some(Shift::Down),
        "span" | "a" | "small" | "font" => {}
        _ => return None,
    }
    if refers_to_note(tag) {
        return Some(Shift::Up);
    }
    match style_of(tag, "vertical-align")?.as_str() {
        "super" => Some(Shift::Up),
        "sub" => Some(Shift::Down),
        _ => None,
    }
}

/// Whether an element calls itself the mark of a note.
fn refers_to_note(tag: &Tag) -> bool {
    let is_note = |class: &str| {
        let class = class.to_ascii_lowercase();
        matches!(
            &*class,
            "reference"
                | "footnote-ref"
                | "footnote-reference"
                | "footnoteref"
                | "noteref"
                | "msofootnotereference"
                | "msoendnotereference"
        )
    };
    let classes = attribute(tag, "class").unwrap_or_default();
    is(tag, "role", "doc-noteref")
        || is(tag, "epub:type", "noteref")
        || classes.split_ascii_whitespace().any(is_note)
}
