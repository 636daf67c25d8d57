//! Lays out the words of a page as lines of text.

use std::ops::Range;

use crate::document::Heading;
use crate::readers::script::superscript;
use crate::text::boundary_before;

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
/// The longest mark that is kept for the next word. Empty cells make it grow.
const MAX_MARKER: usize = 256;
/// Stands for the number of an item until those behind it are counted. No text holds it: it is no
/// character.
pub(super) const UNCOUNTED: char = '\u{FDD0}';

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
    behind: Behind,
}

/// What was just written, where it matters for a word that follows without a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// A word that no other grows together with, such as the mark of a note.
    Apart,
    /// A raised number in front of a word, from this byte on: a mark again, or that of an isotope.
    Number(usize),
}

/// A place in the text that it can be taken back to.
#[derive(Debug)]
pub(super) struct Mark {
    len: usize,
    n_headings: usize,
    gap: Gap,
    marker: String,
    held: bool,
    pre_depth: usize,
    pre_start: Option<usize>,
    heading: Option<OpenHeading>,
    row: Row,
    behind: Behind,
}

/// The open row of a table.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    /// The cells begun so far; 0 outside of rows.
    n_cells: usize,
    /// Where the words of the open cell begin, once there are some.
    cell_start: Option<usize>,
    has_words: bool,
    /// A cell of it took several lines.
    has_lines: bool,
}

#[derive(Debug, Clone, Copy)]
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
            behind: Behind::Nothing,
        }
    }

    /// The place reached so far.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            len: self.out.len(),
            n_headings: self.headings.len(),
            gap: self.gap,
            marker: self.marker.clone(),
            held: self.held,
            pre_depth: self.pre_depth,
            pre_start: self.pre_start,
            heading: self.heading,
            row: self.row,
            behind: self.behind,
        }
    }

    /// The words written since, without the gap and the marker before them.
    pub(super) fn since(&self, mark: &Mark) -> &str {
        let written = self.out.get(mark.len..).unwrap_or_default().trim_start();
        let words = written.strip_prefix(mark.marker.trim_start());
        words.unwrap_or(written)
    }

    /// Takes back everything written since, and returns the length of what is left.
    pub(super) fn rewind(&mut self, mark: Mark) -> usize {
        // Blanks at the end may have made way for a line end since.
        let len = boundary_before(&self.out, mark.len);
        self.out.truncate(len);
        self.headings.truncate(mark.n_headings);
        self.gap = mark.gap;
        self.marker = mark.marker;
        self.held = mark.held;
        self.pre_depth = mark.pre_depth;
        self.pre_start = mark.pre_start;
        self.heading = mark.heading;
        self.row = mark.row;
        self.behind = mark.behind;
        len
    }

    /// Whether the place is inside a line, right behind a word.
    pub(super) fn follows_word(mark: &Mark) -> bool {
        mark.gap == Gap::None && !mark.held && mark.marker.is_empty()
    }

    /// Whether the place is right behind the mark of a note.
    pub(super) fn follows_mark(mark: &Mark) -> bool {
        mark.gap == Gap::None && mark.behind != Behind::Nothing
    }

    /// The end of the line before the place, as far as it tells what a sign there belongs to.
    pub(super) fn before(&self, mark: &Mark) -> &str {
        /// More than any formula takes.
        const MAX_BYTES: usize = 256;
        let end = boundary_before(&self.out, mark.len);
        let start = boundary_before(&self.out, end.saturating_sub(MAX_BYTES));
        &self.out[start..end]
    }

    /// Whether everything written since is on one line, that of the word before if it follows one.
    pub(super) fn is_in_line_since(&self, mark: &Mark) -> bool {
        let written = self.out.get(mark.len..).unwrap_or_default();
        let line = if Self::follows_word(mark) {
            written
        } else {
            self.since(mark)
        };
        self.headings.len() == mark.n_headings && !line.contains('\n')
    }

    /// Writes other words in place of those written since, which are all on one line.
    pub(super) fn replace_words(&mut self, mark: &Mark, words: &str) {
        let len = self.out.len() - self.since(mark).len();
        self.out.truncate(len);
        self.out.push_str(words);
    }

    /// Writes something else in place of what was written since, right behind the word before.
    pub(super) fn replace(&mut self, mark: &Mark, text: &str) {
        self.out.truncate(boundary_before(&self.out, mark.len));
        self.out.push_str(text);
    }

    /// Keeps the next word from growing together with the last.
    pub(super) fn end_word(&mut self) {
        self.behind = Behind::Apart;
    }

    /// Says that what was written since, raised digits, stands in front of what it belongs to.
    pub(super) fn end_number(&mut self, mark: &Mark) {
        self.behind = Behind::Number(self.out.len() - self.since(mark).len());
    }

    /// Writes a sign that belongs to what stands around it.
    pub(super) fn glue(&mut self, sign: &str) {
        if self.gap == Gap::Space {
            self.gap = Gap::None;
        }
        self.word(sign);
    }

    /// Where the last word stands, as a number of bytes.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Everything written so far.
    pub(super) fn written(&self) -> &str {
        &self.out
    }

    /// Whether a heading is open.
    pub(super) fn in_heading(&self) -> bool {
        self.heading.is_some()
    }

    /// Whether the next word stands on the line of the last.
    pub(super) fn in_line(&self) -> bool {
        self.gap <= Gap::Space && !self.held && !self.at_line_start()
    }

    /// Writes lines in place of everything from byte `start` on, where no heading lies.
    pub(super) fn replace_from(&mut self, start: usize, lines: &str) {
        self.out.truncate(start);
        self.out.push_str(lines);
    }

    /// Writes the marks of a list's items in place of [`UNCOUNTED`], in order, from byte `start` on.
    pub(super) fn count_items(&mut self, start: usize, mut mark: impl FnMut() -> String) {
        let Some(tail) = self.out.get(start..).map(str::to_owned) else {
            return;
        };
        self.out.truncate(start);
        let first_heading = self.headings.partition_point(|h| h.range.start < start);
        let mut headings = self.headings[first_heading..].iter_mut().peekable();
        let mut done = 0;
        for piece in tail.split_inclusive(UNCOUNTED) {
            let moved = self.out.len().wrapping_sub(start + done);
            done += piece.len();
            while let Some(heading) = headings.next_if(|h| h.range.start < start + done) {
                let range = &heading.range;
                heading.range = range.start.wrapping_add(moved)..range.end.wrapping_add(moved);
            }
            match piece.strip_suffix(UNCOUNTED) {
                Some(piece) => {
                    self.out.push_str(piece);
                    self.out.push_str(&mark());
                }
                None => self.out.push_str(piece),
            }
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

    /// Begins a list item behind its mark.
    pub(super) fn start_item(&mut self, depth: usize, mark: &str) {
        self.end_heading();
        self.leave(Gap::Line);
        let indent = depth.saturating_sub(1).min(MAX_INDENT);
        self.marker.push_str(&"  ".repeat(indent));
        self.marker.push_str(mark);
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
        self.row.cell_start = None;
        if self.row.n_cells > 1 && self.marker.len() < MAX_MARKER {
            if self.row.has_words {
                self.gap = Gap::None;
            }
            self.marker
                .push_str(if self.marker.is_empty() { " | " } else { "| " });
        }
        self.held = true;
    }

    /// The bytes of the open cell's words.
    pub(super) fn cell(&self) -> Range<usize> {
        let end = self.out.len();
        self.row
            .cell_start
            .map_or(end..end, |start| start.min(end)..end)
    }

    /// Ends the cells of a row. Also for what does not stand in rows, such as nested tables.
    pub(super) fn end_cells(&mut self) {
        self.row.n_cells = 0;
        self.row.cell_start = None;
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
            let blank = is_blank(first);
            let len = text
                .find(|c: char| is_blank(c) != blank)
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
        if !word.is_ascii() && word.chars().all(is_invisible) {
            return;
        }
        let behind = std::mem::replace(&mut self.behind, Behind::Nothing);
        let is_joined = self.gap == Gap::None && word.starts_with(char::is_alphanumeric);
        if behind != Behind::Nothing && is_joined {
            self.part_from(behind, word);
        }
        self.flush();
        self.push(word);
    }

    /// Keeps a word apart from the mark before it, unless that is the number of an isotope: `¹⁴C`.
    fn part_from(&mut self, behind: Behind, word: &str) {
        if let Behind::Number(start) = behind {
            let is_letter = |c: char| c.is_ascii_alphabetic();
            let n_letters = word.chars().take_while(|&c| is_letter(c)).count();
            let is_symbol = word.starts_with(|c: char| c.is_ascii_uppercase()) && n_letters < 3;
            // At the beginning of a line stands the mark of a note in front of the note.
            let before = self.out.get(..start).unwrap_or_default();
            let is_in_line = before.ends_with([' ', '(']);
            let digits = self.out.get(start..).and_then(superscript);
            if let (true, true, Some(digits)) = (is_symbol, is_in_line, digits) {
                self.out.truncate(start);
                self.out.push_str(&digits);
                return;
            }
        }
        self.want(Gap::Space);
    }

    fn push(&mut self, text: &str) {
        if text.is_ascii() {
            self.out.push_str(text);
        } else {
            self.out.push_str(&visible(text));
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
        if self.in_cell() && self.row.cell_start.is_none() {
            self.row.cell_start = Some(self.out.len());
        }
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

/// The text without characters that nobody sees.
pub(super) fn visible(text: &str) -> String {
    text.chars().filter(|&c| !is_invisible(c)).collect()
}

/// White space, and the sign that applies a function in a formula: `sin x`.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2061}'
}

/// Soft hyphens and zero width spaces say where a long word may be broken, joiners where it may not,
/// and formulas hold signs for what is not written. Kept, they would keep the word from being found.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
    ) || c == UNCOUNTED
}
