//! Lays out the elements of a page: which lines, lists, tables and pictures their words become.

use std::collections::HashSet;

use html5ever::tokenizer::Tag;

use super::numbering::{List, integer};
use super::picture::{Figure, words_of};
use super::table::Table;
use super::tags::{attribute, gap_of, heading_level, is, style_of};
use super::writer::{Gap, Mark, TextWriter, UNCOUNTED};

/// The text of a page under construction, with the lists, tables and figures that are open.
pub(super) struct Layout {
    pub(super) writer: TextWriter,
    lists: Vec<OpenList>,
    /// Whether one of them is numbered backwards from the number of its items.
    counts_items: bool,
    tables: Vec<Table>,
    figures: Vec<Figure>,
    /// The readings of the open ruby texts, which stand behind the whole.
    readings: Vec<String>,
    /// What abbreviations stand for is said once.
    meanings: HashSet<String>,
}

struct OpenList {
    list: List,
    /// Where its text begins, if its items are numbered backwards from their number.
    backwards_from: Option<usize>,
    n_items: i32,
    style: String,
}

/// Longer explanations of an abbreviation are no words to read in passing.
const MAX_MEANING: usize = 200;
/// Longer text above others is no reading.
const MAX_READING: usize = 64;

impl Layout {
    pub(super) fn new() -> Self {
        Self {
            writer: TextWriter::new(),
            lists: Vec::new(),
            counts_items: false,
            tables: Vec::new(),
            figures: Vec::new(),
            readings: Vec::new(),
            meanings: HashSet::new(),
        }
    }

    /// An element begins.
    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some(level) = heading_level(name) {
            self.with_table(Table::is_for_layout);
            return self.writer.start_heading(level);
        }
        let gap = self.gap_of(name);
        if gap > Gap::Space {
            self.writer.interrupt_heading();
        }
        match name {
            "li" => self.start_item(tag),
            "dd" => self.writer.start_description(),
            "tr" | "td" | "th" | "table" | "thead" => self.start_of_table(tag),
            "ul" | "menu" | "dir" | "ol" => {
                self.writer.want(gap);
                self.start_list(tag);
            }
            "pre" | "listing" | "xmp" => {
                self.writer.want(gap);
                self.writer.start_pre();
            }
            "figure" => {
                self.writer.want(gap);
                self.figures.push(Figure::default());
            }
            "ruby" => self.readings.push(String::new()),
            "q" => self.writer.text("\u{201c}"),
            _ => self.writer.want(gap),
        }
    }

    /// An element ends.
    pub(super) fn end(&mut self, name: &str) {
        if heading_level(name).is_some() {
            return self.writer.end_heading();
        }
        let gap = self.gap_of(name);
        match name {
            "ul" | "menu" | "dir" | "ol" => {
                self.end_list();
                // Inside another list, only a line end.
                self.writer.leave(self.gap_of(name));
            }
            "li" | "dd" | "dl" => self.writer.leave(gap),
            "td" | "th" => {
                let cell = self.writer.cell();
                self.with_table(|table| table.end_cell(cell));
            }
            "thead" => self.with_table(|table| table.set_in_head(false)),
            "table" => self.end_table(),
            "pre" | "listing" | "xmp" => {
                self.writer.end_pre();
                self.writer.want(gap);
            }
            "figure" => self.end_figure(),
            "ruby" => self.end_ruby(),
            "q" => self.writer.glue("\u{201d}"),
            // Ended by what follows it.
            "tr" => {}
            _ => self.writer.want(gap),
        }
    }

    /// An element without content.
    pub(super) fn start_whole(&mut self, tag: &Tag) {
        match &*tag.name {
            "br" => self.writer.line_break(),
            name => {
                let gap = self.gap_of(name);
                if gap > Gap::Space {
                    self.writer.interrupt_heading();
                }
                self.writer.want(gap);
            }
        }
    }

    /// An end tag that ends nothing still stands between words.
    pub(super) fn end_stray(&mut self, name: &str) {
        self.writer.want(self.gap_of(name));
    }

    /// The words to write for a picture; in a figure they wait for its end.
    pub(super) fn picture(&mut self, tag: &Tag) -> Option<String> {
        let words = words_of(tag)?;
        match self.figures.last_mut() {
            Some(figure) => figure.add_picture(words),
            None if words.contains(char::is_alphanumeric) => return Some(format!(" {words} ")),
            None => return Some(words),
        }
        None
    }

    /// The caption of a figure, written since `mark`, has ended.
    pub(super) fn end_caption(&mut self, mark: &Mark) {
        if let Some(figure) = self.figures.last_mut() {
            figure.set_caption(self.writer.since(mark));
        }
    }

    /// The reading of a ruby text, written since `mark`, has ended: it moves behind the whole.
    pub(super) fn end_reading(&mut self, mark: Mark) {
        let written = self.writer.since(&mark);
        if let Some(reading) = self.readings.last_mut()
            && written.len() <= MAX_READING
        {
            reading.push_str(written.trim());
            self.writer.rewind(mark);
        }
    }

    /// What an abbreviation stands for, the first time that it is said.
    pub(super) fn meaning(&mut self, tag: &Tag) -> Option<String> {
        let meaning = attribute(tag, "title")?.trim();
        let is_usable = !meaning.is_empty() && meaning.len() <= MAX_MEANING;
        let is_new =
            is_usable && !self.writer.in_heading() && self.meanings.insert(meaning.to_owned());
        is_new.then(|| meaning.to_owned())
    }

    /// Takes back everything written since `mark`.
    pub(super) fn rewind(&mut self, mark: Mark) {
        let len = self.writer.rewind(mark);
        self.with_table(|table| table.forget_from(len));
    }

    fn with_table(&mut self, change: impl FnOnce(&mut Table)) {
        if let Some(table) = self.tables.last_mut() {
            change(table);
        }
    }

    fn gap_of(&self, name: &str) -> Gap {
        match name {
            "ul" | "ol" | "menu" | "dir" if !self.lists.is_empty() => Gap::Line,
            _ => gap_of(name),
        }
    }

    fn start_list(&mut self, tag: &Tag) {
        let style = style_of(tag, "list-style-type");
        let style = attribute(tag, "type")
            .map(str::to_owned)
            .or(style)
            .unwrap_or_default();
        let start = attribute(tag, "start").and_then(integer);
        let is_reversed = attribute(tag, "reversed").is_some();
        // One at a time, as the text is written again at its end.
        let counts_items =
            is_reversed && start.is_none() && !self.counts_items && &*tag.name == "ol";
        self.counts_items |= counts_items;
        self.lists.push(OpenList {
            list: if &*tag.name == "ol" {
                List::with_numbers(start.unwrap_or(1), is_reversed, &style)
            } else {
                List::with_bullets()
            },
            backwards_from: counts_items.then(|| self.writer.len()),
            n_items: 0,
            style,
        });
    }

    fn start_item(&mut self, tag: &Tag) {
        let own = attribute(tag, "value").and_then(integer);
        let depth = self.lists.len();
        let mark = match self.lists.last_mut() {
            None => "- ".to_owned(),
            Some(open) => {
                open.n_items = open.n_items.saturating_add(1);
                match open.backwards_from {
                    Some(_) => UNCOUNTED.to_string(),
                    None => open.list.next_mark(own),
                }
            }
        };
        self.writer.start_item(depth, &mark);
    }

    fn end_list(&mut self) {
        let Some(open) = self.lists.pop() else {
            return;
        };
        if let Some(start) = open.backwards_from {
            self.counts_items = false;
            let mut list = List::with_numbers(open.n_items, true, &open.style);
            self.writer.count_items(start, || list.next_mark(None));
        }
    }

    fn start_of_table(&mut self, tag: &Tag) {
        let name = &*tag.name;
        match name {
            "tr" => {
                self.writer.start_row();
                self.with_table(Table::start_row);
            }
            "table" => {
                self.with_table(Table::is_for_layout);
                self.writer.end_cells();
                self.writer.want(gap_of(name));
                let mut table = Table::default();
                if is(tag, "role", "presentation") || is(tag, "role", "none") {
                    table.is_for_layout();
                }
                self.tables.push(table);
            }
            "thead" => {
                self.writer.want(gap_of(name));
                self.with_table(|table| table.set_in_head(true));
            }
            _ => {
                let span = |name| {
                    let span = attribute(tag, name).and_then(integer);
                    span.and_then(|span| usize::try_from(span).ok())
                        .unwrap_or(1)
                };
                let (n_columns, n_rows) = (span("colspan"), span("rowspan"));
                self.with_table(|table| table.start_cell(name == "th", n_columns, n_rows));
                self.writer.start_cell();
            }
        }
    }

    fn end_table(&mut self) {
        self.writer.end_cells();
        let table = self.tables.pop();
        let laid_out = table.and_then(|table| table.laid_out(self.writer.written()));
        if let Some((start, lines)) = laid_out {
            self.writer.replace_from(start, &lines);
        }
        self.writer.leave(gap_of("table"));
    }

    fn end_figure(&mut self) {
        let pictures = self.figures.pop().map(Figure::into_pictures);
        for words in pictures.into_iter().flatten() {
            self.writer.want(Gap::Line);
            self.writer.text(&words);
        }
        self.writer.want(gap_of("figure"));
    }

    fn end_ruby(&mut self) {
        if let Some(reading) = self.readings.pop().filter(|reading| !reading.is_empty()) {
            self.writer.glue(&format!("({reading})"));
        }
    }
}
