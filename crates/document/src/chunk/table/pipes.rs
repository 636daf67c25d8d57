//! Tables whose cells stand between bars, with a row of dashes below the names.

use std::ops::Range;

use super::rows::Table;

/// Finds tables, each a row of names, a row of dashes of as many cells, and the rows below up to a
/// blank line or one without a bar.
///
/// `spans_blanks` is for text that was laid out from HTML, in which rows of several lines are set
/// off by blank lines.
pub(super) fn tables(text: &str, spans_blanks: bool) -> Vec<Table> {
    let mut finder = Finder {
        text,
        spans_blanks,
        tables: Vec::new(),
        open: false,
        after_blank: false,
        last: 0..0,
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end().len();
        let start = end - line.trim_end().trim_start_matches(is_margin).len();
        finder.line(start..end);
        at += line.len();
    }
    finder.tables
}

/// The cells of a row.
pub(super) fn cells(row: &str) -> Vec<String> {
    inner(row).map(|cell| cell.replace("\\|", "|")).collect()
}

/// Blanks, and the marks of a quotation.
fn is_margin(c: char) -> bool {
    c == '>' || c.is_whitespace()
}

struct Finder<'t> {
    text: &'t str,
    spans_blanks: bool,
    tables: Vec<Table>,
    /// Whether the last of the tables may go on.
    open: bool,
    after_blank: bool,
    /// The last line, empty if it was blank.
    last: Range<usize>,
}

impl Finder<'_> {
    /// Takes the next line, without its margins.
    fn line(&mut self, range: Range<usize>) {
        let line = &self.text[range.clone()];
        if is_rule(line) && n_cells(&self.text[self.last.clone()]) == n_cells(line) {
            self.begin(&range);
        } else if self.open {
            self.go_on(line, &range);
        }
        self.after_blank = range.is_empty();
        self.last = range;
    }

    /// Begins a table at a row of dashes; the line above holds the names.
    fn begin(&mut self, rule: &Range<usize>) {
        // A row of names that was taken for one of the table before it.
        if let Some(table) = self.tables.last_mut().filter(|_| self.open) {
            table.rows.retain(|&row| row < self.last.start);
            table.end = table.end.min(self.last.start);
        }
        self.tables.push(Table {
            header: self.last.clone(),
            delimiter: None,
            rows: vec![self.last.start, rule.start],
            end: rule.end,
        });
        self.open = true;
    }

    fn go_on(&mut self, line: &str, range: &Range<usize>) {
        let table = self.tables.last_mut().expect("it is open");
        let begins_row = if self.spans_blanks {
            line.starts_with('|')
        } else {
            line.contains('|')
        };
        if begins_row {
            table.rows.push(range.start);
            table.end = range.end;
        } else if self.spans_blanks && !line.is_empty() && !self.after_blank {
            // A further line of a cell.
            table.end = range.end;
        } else if !(self.spans_blanks && line.is_empty()) {
            self.open = false;
        }
    }
}

/// Whether a line is the row of dashes below the names, with a bar at least.
fn is_rule(line: &str) -> bool {
    let is_dashes = |cell: &str| {
        let cell = cell.trim();
        let cell = cell.strip_prefix(':').unwrap_or(cell);
        let cell = cell.strip_suffix(':').unwrap_or(cell);
        !cell.is_empty() && cell.bytes().all(|byte| byte == b'-')
    };
    line.contains('|') && line.contains('-') && inner(line).all(is_dashes)
}

/// How many cells a row has; 0 without a bar.
fn n_cells(row: &str) -> usize {
    if row.contains('|') {
        inner(row).count()
    } else {
        0
    }
}

/// What stands between the bars, without the outer ones.
fn inner(row: &str) -> impl Iterator<Item = &str> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = match row.strip_suffix('|') {
        Some(shorter) if !shorter.ends_with('\\') => shorter,
        _ => row,
    };
    let mut is_escaped = false;
    row.split(move |c| {
        let is_bar = c == '|' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_bar
    })
}
