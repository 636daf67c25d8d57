//! Cuts a document's text into passages, between the tokens of a model.

mod boundary;
mod section;
mod table;

use std::cmp::Reverse;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::boundary::{Boundary, End, boundaries};
use self::section::{says_nothing, sections};
use self::table::{Tables, header_text};
use crate::document::{Document, Lines};
use crate::error::{Error, Result};
use crate::kind::DocumentKind;
use crate::locator::Locator;
use crate::text::boundary_before;

/// How long passages are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChunkOptions {
    /// The most tokens in a passage, from 16 to 4096. 200 by default: with the title, the headings
    /// and a query in front it fits into the 256 tokens that a cross-encoder reads of a pair.
    pub max_tokens: usize,
    /// About how many tokens a passage repeats of the one before, less than half of `max_tokens`.
    /// 30 by default, a sentence or two: enough to say what the passage is about.
    pub overlap_tokens: usize,
}

/// A passage of a document: where it is cut, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The bytes of [`Document::text`], without blanks at either end. Empty only for the one passage
    /// of a document without a word in its text, which is its title.
    pub range: Range<usize>,
    /// The titles of the headings it stands under, outermost first, without a first heading that
    /// repeats the document's title; at the end, for a passage that begins among the rows of a
    /// table, the names of the table's columns.
    pub heading_path: Vec<String>,
    /// The lines, and the page for documents with pages, on which it stands.
    pub locator: Locator,
}

/// Cuts `document` into passages of at most `max_tokens` tokens, in order of the text.
///
/// `tokens` are the byte ranges of a tokenizer's tokens in [`Document::text`], ascending. What
/// cannot be a token's range is passed over. A stretch without tokens counts as one token for
/// every 64 bytes, so that no passage grows without bound.
///
/// No passage reaches across a heading. Inside a section, passages are of about equal length and
/// end where a paragraph does if one ends near, else a sentence or a row of a table, else a line;
/// a row is only cut where it is too long. A heading line is in no passage, but in the
/// `heading_path` of those below it; a heading with nothing below it is a passage of its own.
/// Everything else in the text is in at least one passage, but for passages without a word
/// ([`is_wordless`](crate::is_wordless)), which are left out. A document of which nothing is left
/// but a title of its own becomes one passage, the title.
///
/// Takes time in proportion to the text. Options outside their bounds are moved to the next value
/// inside; [`ChunkOptions::check`] reports them.
pub fn chunk(document: &Document, tokens: &[Range<usize>], options: &ChunkOptions) -> Vec<Cut> {
    let text = document.text.as_str();
    let places = Places::of(document);
    let lengths = Lengths::of(options);
    let tables = Tables::of(document);
    let prefers_lines = document.kind == DocumentKind::Code;
    let mut tokens = Tokens { tokens, next: 0 };
    let mut cuts = Vec::new();
    for section in sections(document) {
        let Some(body) = trimmed(text, section.body.clone()) else {
            continue;
        };
        let starts = tokens.starts_in(text, &body);
        let mut ends = boundaries(text, &body, &starts, prefers_lines);
        let tables = tables.within(&body);
        tables.mark_rows(&starts, &mut ends);
        let lengths = lengths.beside(tables.longest_header(&starts, lengths.max));
        for range in lengths.split(&ends) {
            let end = starts.get(range.end).map_or(body.end, |&start| start);
            let range = trimmed(text, starts[range.start]..end);
            let Some(range) = range.filter(|range| !says_nothing(document, range)) else {
                continue;
            };
            let mut path = section.path.clone();
            if let Some(table) = tables.around(range.start) {
                path.extend(header_text(text, table, &starts));
            }
            cuts.push(places.cut(range, path));
        }
    }
    if cuts.is_empty() && document.has_own_title() {
        cuts.push(places.title());
    }
    cuts
}

impl Cut {
    /// The passage's words: its bytes of the document's text, or the title where that is all there
    /// is.
    ///
    /// # Panics
    /// If the document is not the one that was cut.
    pub fn text<'a>(&self, document: &'a Document) -> &'a str {
        if self.range.is_empty() {
            &document.title
        } else {
            &document.text[self.range.clone()]
        }
    }
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self {
            max_tokens: 200,
            overlap_tokens: 30,
        }
    }
}

impl ChunkOptions {
    /// Sets the most tokens in a passage.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// Sets about how many tokens a passage repeats of the one before.
    #[must_use]
    pub fn with_overlap_tokens(mut self, overlap_tokens: usize) -> Self {
        self.overlap_tokens = overlap_tokens;
        self
    }

    /// Checks that the options are within their bounds.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] names the first that is not.
    pub fn check(&self) -> Result<()> {
        let invalid = |option, value: usize, bound| {
            Err(Error::InvalidOption {
                option,
                value: value.to_string(),
                bound,
            })
        };
        if !(16..=4096).contains(&self.max_tokens) {
            return invalid("max_tokens", self.max_tokens, "from 16 to 4096");
        }
        if self.overlap_tokens >= self.max_tokens.div_ceil(2) {
            return invalid(
                "overlap_tokens",
                self.overlap_tokens,
                "less than half of max_tokens",
            );
        }
        Ok(())
    }
}

/// A reader of token ranges that only moves forward.
struct Tokens<'a> {
    tokens: &'a [Range<usize>],
    next: usize,
}

impl Tokens<'_> {
    /// How many bytes without the start of a token count as one.
    const MAX_TOKEN_BYTES: usize = 64;

    /// Where tokens start in `body`, which begins and ends with something visible: ascending, the
    /// first at its beginning, each at a visible character.
    fn starts_in(&mut self, text: &str, body: &Range<usize>) -> Vec<usize> {
        let mut starts = vec![body.start];
        while let Some(token) = self.tokens.get(self.next) {
            if token.start >= body.end {
                break;
            }
            self.next += 1;
            // Some tokenizers count the blank before a word to its token.
            let Some(words) = text.get(token.clone()) else {
                continue;
            };
            let start = token.end - words.trim_start().len();
            let last = starts[starts.len() - 1];
            if start > last && start < token.end && start < body.end {
                fill(text, &mut starts, start);
                starts.push(start);
            }
        }
        fill(text, &mut starts, body.end);
        starts
    }
}

/// Adds starts between the last one and `end` where they are far apart.
fn fill(text: &str, starts: &mut Vec<usize>, end: usize) {
    let mut last = starts[starts.len() - 1];
    while end - last > Tokens::MAX_TOKEN_BYTES {
        let at = boundary_before(text, last + Tokens::MAX_TOKEN_BYTES);
        let next = end - text[at..end].trim_start().len();
        if next >= end {
            break;
        }
        starts.push(next);
        last = next;
    }
}

/// The lengths that options ask for, made possible.
struct Lengths {
    max: usize,
    overlap: usize,
}

impl Lengths {
    fn of(options: &ChunkOptions) -> Self {
        let max = options.max_tokens.clamp(16, 4096);
        Self {
            max,
            overlap: options.overlap_tokens.min((max - 1) / 2),
        }
    }

    /// Leaves room for this many tokens that models read before a passage, at the cost of up to half
    /// of its length.
    fn beside(&self, n_tokens: usize) -> Self {
        let max = self.max - n_tokens.min(self.max / 2);
        Self {
            max,
            overlap: self.overlap.min((max - 1) / 2),
        }
    }

    /// Divides `ends.len()` tokens into ranges of at most `max`, both ends ascending. `ends[i]`
    /// says what ends just before token `i`.
    fn split(&self, ends: &[End]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let (mut start, mut last_end) = (0, 0);
        while ends.len() - start > self.max {
            let end = self.end_after(ends, start, last_end);
            ranges.push(start..end);
            start = self.start_before(ends, start, end);
            last_end = end;
        }
        if start < ends.len() {
            ranges.push(start..ends.len());
        }
        ranges
    }

    /// Where the passage that begins at `start` ends, when the rest is too long for one.
    fn end_after(&self, ends: &[End], start: usize, last_end: usize) -> usize {
        // Passages of equal length leave no crumbs at the end.
        let rest = ends.len() - start;
        let n_passages = (rest - self.overlap).div_ceil(self.max - self.overlap);
        let aim = (rest + (n_passages - 1) * self.overlap).div_ceil(n_passages);
        // Each passage goes well beyond the one before.
        let least = last_end + (self.max - self.overlap) / 4;
        let low = (start + aim * 2 / 3).max(least).max(start + 1);
        let high = (start + aim * 4 / 3)
            .max(low)
            .min(start + self.max)
            .min(ends.len() - 1);
        nearest(ends, low.min(high)..high + 1, start + aim, Boundary::Block)
    }

    /// Where the passage after the one from `start` to `end` begins.
    fn start_before(&self, ends: &[End], start: usize, end: usize) -> usize {
        if self.overlap == 0 {
            return end;
        }
        let low = (end - (self.overlap * 3 / 2).min(end)).max(start + (end - start).div_ceil(2));
        let high = end - self.overlap.div_ceil(2);
        let window = low.min(high)..high + 1;
        let start = nearest(ends, window, end - self.overlap, Boundary::Line);
        // Half a row says nothing without its first cells.
        if ends[end].is_outside_rows && !ends[start].is_outside_rows {
            return end;
        }
        start
    }
}

/// The best place to cut in `window`: outside of a row if that can be, of such the strongest
/// boundary, and of these the one nearest to `aim`. Boundaries above `cap` count as `cap`.
fn nearest(ends: &[End], window: Range<usize>, aim: usize, cap: Boundary) -> usize {
    let fallback = window.start;
    let rank = |&at: &usize| {
        let End {
            is_outside_rows,
            boundary,
        } = ends[at];
        (
            is_outside_rows,
            boundary.min(cap),
            Reverse(at.abs_diff(aim)),
        )
    };
    window.max_by_key(rank).unwrap_or(fallback)
}

/// Finds lines and pages of byte offsets.
struct Places<'a> {
    document: &'a Document,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(document: &'a Document) -> Self {
        let feeds = document
            .text
            .bytes()
            .enumerate()
            .filter(|&(_, byte)| byte == b'\n');
        Self {
            document,
            line_starts: feeds.map(|(at, _)| at + 1).collect(),
        }
    }

    fn cut(&self, range: Range<usize>, heading_path: Vec<String>) -> Cut {
        let pages = &self.document.pages;
        let page = pages.partition_point(|&page| page <= range.start).max(1) as u32;
        let lines = self.line(range.start)..=self.line(range.end - 1);
        Cut {
            heading_path,
            locator: Locator::new(lines, (!pages.is_empty()).then_some(page)),
            range,
        }
    }

    /// The passage that is the document's title. It has no place in the text, so it stands where the
    /// document begins.
    fn title(&self) -> Cut {
        let (line, has_pages) = (self.line(0), !self.document.pages.is_empty());
        Cut {
            range: 0..0,
            heading_path: Vec::new(),
            locator: Locator::new(line..=line, has_pages.then_some(1)),
        }
    }

    fn line(&self, offset: usize) -> u32 {
        match self.document.lines {
            Lines::OfText => self.line_starts.partition_point(|&start| start <= offset) as u32 + 1,
            Lines::Single(line) => line,
        }
    }
}

/// The range without blanks at either end; `None` if nothing is left.
fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let words = text.get(range.clone())?;
    let start = range.end - words.trim_start().len();
    let end = range.start + words.trim_end().len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests;
