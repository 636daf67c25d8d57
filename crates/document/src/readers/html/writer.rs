//! Lays out the words of a page as lines of text.

use crate::document::Heading;

/// How far the next word stands from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Nothing between them.
    None,
    /// A space.
    Space,
    /// A line end.
    Line,
    /// A blank line.
    Blank,
}

/// The largest indentation of a list item. Without a bound, nested lists would make the text
/// quadratically longer than the page.
const MAX_INDENT: usize = 8;

/// Text under construction.
///
/// Gaps are only noted, the largest wins, and it is written when the next word comes; so the text
/// holds no runs of blanks and neither begins nor ends with one.
#[derive(Debug)]
pub(super) struct TextWriter {
    out: String,
    gap: Gap,
    /// What stands before the next word: a bullet, or the mark between table cells.
    marker: String,
    /// Set until a word follows a bullet or a cell's start: the paragraph inside begins there.
    held: bool,
    pre_depth: usize,
    /// Where the text of the open `<pre>` begins, once there is some.
    pre_start: Option<usize>,
    headings: Vec<Heading>,
    heading: Option<OpenHeading>,
    row: Row,
}

/// The open row of a table.
#[derive(Debug, Default)]
struct Row {
    /// The cells begun so far; 0 outside of rows.
    n_cells: usize,
    has_words: bool,
    /// A cell of it took several lines.
    has_lines: bool,
}

#[derive(Debug)]
struct OpenHeading {
    level: u8,
    start: Option<usize>,
}

impl TextWriter {
    pub(super) fn new() -> Self {
        Self {
            out: String::new(),
            gap: Gap::None,
            marker: String::new(),
            held: false,
            pre_depth: 0,
            pre_start: None,
            headings: Vec::new(),
            heading: None,
            row: Row::default(),
        }
    }

    /// Asks for a gap before the next word.
    pub(super) fn want(&mut self, gap: Gap) {
        if self.held {
            return;
        }
        // A heading is one line. Paragraphs in a cell are lines of its row.
        let gap = match &self.heading {
            Some(OpenHeading { start: Some(_), .. }) => gap.min(Gap::Space),
            _ if self.in_cell() => gap.min(Gap::Line),
            _ => gap,
        };
        self.gap = self.gap.max(gap);
    }

    /// Notes a gap that ends an item, a cell or the whole around it.
    pub(super) fn leave(&mut self, gap: Gap) {
        self.held = false;
        self.marker.clear();
        self.want(gap);
    }

    /// A line break; two in a row make a blank line.
    pub(super) fn line_break(&mut self) {
        let gap = if self.gap == Gap::Line {
            Gap::Blank
        } else {
            Gap::Line
        };
        if self.pre_depth > 0 {
            self.text("\n");
        } else {
            self.want(gap);
        }
    }

    /// Begins a list item; `number` is that of an ordered list.
    pub(super) fn start_item(&mut self, depth: usize, number: Option<u32>) {
        self.end_heading();
        self.leave(Gap::Line);
        let indent = depth.saturating_sub(1).min(MAX_INDENT);
        self.marker.push_str(&"  ".repeat(indent));
        match number {
            Some(number) => self.marker.push_str(&(number.to_string() + ". ")),
            None => self.marker.push_str("- "),
        }
        self.held = true;
    }

    /// Begins the description of a term, on the line after it.
    pub(super) fn start_description(&mut self) {
        self.end_heading();
        self.leave(Gap::Line);
        self.held = true;
    }

    /// Begins a table row. A row of several lines is set off by a blank line.
    pub(super) fn start_row(&mut self) {
        self.end_heading();
        self.end_cells();
        self.leave(if self.row.has_lines {
            Gap::Blank
        } else {
            Gap::Line
        });
        self.row.has_words = false;
        self.row.has_lines = false;
    }

    /// Begins a table cell.
    pub(super) fn start_cell(&mut self) {
        self.end_heading();
        self.row.n_cells += 1;
        if self.row.n_cells > 1 {
            if self.row.has_words {
                self.gap = Gap::None;
            }
            self.marker
                .push_str(if self.marker.is_empty() { " | " } else { "| " });
        }
        self.held = true;
    }

    /// Ends the cells of a row. Also for what does not stand in rows, such as nested tables.
    pub(super) fn end_cells(&mut self) {
        self.row.n_cells = 0;
    }

    pub(super) fn start_pre(&mut self) {
        self.pre_depth += 1;
        self.pre_start = None;
    }

    pub(super) fn end_pre(&mut self) {
        self.pre_depth = self.pre_depth.saturating_sub(1);
        if let Some(start) = self.pre_start.take() {
            self.trim_end(start);
        }
    }

    /// Begins a heading.
    pub(super) fn start_heading(&mut self, level: u8) {
        self.end_heading();
        // A table with headings in it is there for the layout.
        self.end_cells();
        self.leave(Gap::Blank);
        self.heading = Some(OpenHeading { level, start: None });
    }

    /// Ends the open heading, if any.
    pub(super) fn end_heading(&mut self) {
        let Some(OpenHeading {
            level,
            start: Some(start),
        }) = self.heading.take()
        else {
            return;
        };
        let text = self.out[start..].trim().to_owned();
        self.out.push('\n');
        self.headings.push(Heading {
            range: start..self.out.len(),
            level,
            text,
        });
        self.gap = Gap::Blank;
    }

    /// A block inside an open heading ends it, unless the heading has no words yet.
    pub(super) fn interrupt_heading(&mut self) {
        if matches!(self.heading, Some(OpenHeading { start: Some(_), .. })) {
            self.end_heading();
        }
    }

    /// Adds text as it stands in the page.
    pub(super) fn text(&mut self, mut text: &str) {
        if self.pre_depth > 0 && self.heading.is_none() {
            return self.literal(text);
        }
        while let Some(first) = text.chars().next() {
            let blank = first.is_whitespace();
            let len = text
                .find(|c: char| c.is_whitespace() != blank)
                .unwrap_or(text.len());
            let (piece, rest) = text.split_at(len);
            if blank {
                self.want(Gap::Space);
            } else {
                self.word(piece);
            }
            text = rest;
        }
    }

    /// The text and its headings. Lines end in line feeds; there is no blank at either end.
    pub(super) fn finish(mut self) -> (String, Vec<Heading>) {
        self.end_heading();
        self.trim_end(0);
        (self.out, self.headings)
    }

    /// Takes blanks off the end, down to `start` and not into a heading's line.
    fn trim_end(&mut self, start: usize) {
        let keep = self
            .headings
            .last()
            .map_or(start, |heading| heading.range.end.max(start));
        self.out.truncate(self.out.trim_end().len().max(keep));
    }

    fn literal(&mut self, mut text: &str) {
        if self.pre_start.is_none() {
            // The line end right after `<pre>` is not part of it.
            text = text.strip_prefix('\n').unwrap_or(text);
            self.flush();
            self.pre_start = Some(self.out.len());
        }
        self.flush();
        self.push(text);
    }

    fn word(&mut self, word: &str) {
        self.flush();
        self.push(word);
    }

    fn push(&mut self, text: &str) {
        if text.is_ascii() {
            self.out.push_str(text);
        } else {
            self.out.extend(text.chars().filter(|&c| !is_break_hint(c)));
        }
    }

    /// Writes the gap and the marker that are due.
    fn flush(&mut self) {
        if self.gap >= Gap::Line && !self.out.is_empty() {
            // Only literal text leaves blanks at the end of a line.
            let len = self.out.trim_end_matches([' ', '\t']).len();
            self.out.truncate(len);
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            if self.gap == Gap::Blank && !self.out.ends_with("\n\n") {
                self.out.push('\n');
            }
            self.row.has_lines |= self.in_cell() && !self.held;
        } else if self.gap == Gap::Space && !self.at_line_start() {
            self.out.push(' ');
        }
        if !self.marker.is_empty() {
            let marker = if self.at_line_start() && self.marker.starts_with(" |") {
                &self.marker[1..]
            } else {
                &self.marker
            };
            self.out.push_str(marker);
            self.marker.clear();
        }
        self.gap = Gap::None;
        self.held = false;
        self.row.has_words |= self.in_cell();
        if let Some(OpenHeading {
            start: start @ None,
            ..
        }) = &mut self.heading
        {
            *start = Some(self.out.len());
        }
    }

    fn in_cell(&self) -> bool {
        self.row.n_cells > 0
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }
}

/// Soft hyphens and zero width spaces say where a long word may be broken. Kept, they would keep
/// the word from being found.
fn is_break_hint(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}')
}
