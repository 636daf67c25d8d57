//! Tables of data, as lines that say what is a header: `| a | b |`, `| --- | --- |`, `| 1 | 2 |`.

use std::ops::Range;

/// Rows at the top that may be headers together.
const MAX_HEADER_ROWS: usize = 4;
/// How many columns a cell may span, and how many a table may have. More are no table to read.
const MAX_COLUMNS: usize = 256;
/// A cell that spans rows is repeated in each, up to this many bytes.
const MAX_REPEATED: usize = 80;

/// What is noted of a table while its cells are written as text.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    in_head: bool,
    is_layout: bool,
}

#[derive(Debug, Default)]
struct Row {
    in_head: bool,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    /// The bytes of the text that it takes up.
    range: Range<usize>,
    is_header: bool,
    n_columns: usize,
    n_rows: usize,
}

impl Table {
    /// Notes that it is there for the layout: it holds headings, tables or text between its cells.
    pub(super) fn is_for_layout(&mut self) {
        self.is_layout = true;
    }

    /// Begins or ends the rows of the header.
    pub(super) fn set_in_head(&mut self, in_head: bool) {
        self.in_head = in_head;
    }

    pub(super) fn start_row(&mut self) {
        self.rows.push(Row {
            in_head: self.in_head,
            cells: Vec::new(),
        });
    }

    pub(super) fn start_cell(&mut self, is_header: bool, n_columns: usize, n_rows: usize) {
        if self.rows.is_empty() {
            self.start_row();
        }
        if let Some(row) = self.rows.last_mut() {
            row.cells.push(Cell {
                range: 0..0,
                is_header,
                n_columns: n_columns.clamp(1, MAX_COLUMNS),
                n_rows: n_rows.max(1),
            });
        }
    }

    /// Notes where the text of the last cell stands.
    pub(super) fn end_cell(&mut self, range: Range<usize>) {
        let row = self.rows.last_mut();
        if let Some(cell) = row.and_then(|row| row.cells.last_mut()) {
            cell.range = range;
        }
    }

    /// Forgets what stands from byte `at` of the text on, as it is taken back.
    pub(super) fn forget_from(&mut self, at: usize) {
        while let Some(row) = self.rows.last_mut() {
            let goes = |cell: &Cell| cell.range.start >= at && cell.range.end > at;
            while row.cells.last().is_some_and(goes) {
                row.cells.pop();
            }
            if !row.cells.is_empty() {
                return;
            }
            self.rows.pop();
        }
    }

    /// Where the first row begins in `text`, and the rows in the form for data; `None` for a table
    /// without a header, or one that is there for the layout.
    pub(super) fn laid_out(self, text: &str) -> Option<(usize, String)> {
        if self.is_layout {
            return None;
        }
        let words = |cell: &Cell| words(text, &cell.range);
        let has_words = |row: &Row| row.cells.iter().any(|cell| !words(cell).is_empty());
        let rows: Vec<Row> = self.rows.into_iter().filter(has_words).collect();
        let first = rows.iter().flat_map(|row| &row.cells);
        let first = first
            .map(|cell| &cell.range)
            .find(|range| !range.is_empty())?;
        let start = text.get(..first.start)?.rfind('\n').map_or(0, |at| at + 1);
        let n_headers = n_headers(&rows, words)?;
        let grid = Grid::of(&rows, n_headers, words, text.len() - start);
        Some((start, grid.lines()))
    }
}

/// How many rows at the top are headers. There is at least one row below them.
fn n_headers<'t>(rows: &[Row], words: impl Fn(&Cell) -> &'t str) -> Option<usize> {
    let is_header = |row: &&Row| {
        let mut cells = row.cells.iter().filter(|cell| !words(cell).is_empty());
        row.in_head || cells.all(|cell| cell.is_header)
    };
    let n_headers = rows
        .iter()
        .take(MAX_HEADER_ROWS)
        .take_while(is_header)
        .count();
    let n_columns = |row: &Row| row.cells.iter().map(|cell| cell.n_columns).sum::<usize>();
    let widest = rows.iter().map(|row| row.cells.len()).max()?;
    // A single cell above several columns is the table's name and heads no column.
    let heads_columns =
        |row: &Row| row.cells.len() > 1 || widest == 1 || n_columns(row) == 1 && row.in_head;
    let is_table =
        n_headers > 0 && n_headers < rows.len() && rows[..n_headers].iter().any(heads_columns);
    is_table.then_some(n_headers)
}

/// The words of a cell, which may have taken several lines.
fn words<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or_default().trim()
}

/// The cells of a table, each in its column.
struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    n_columns: usize,
}

impl Grid {
    /// `budget` bounds how much is added in the columns and rows that cells span.
    fn of<'t>(
        rows: &[Row],
        n_headers: usize,
        words: impl Fn(&Cell) -> &'t str,
        budget: usize,
    ) -> Self {
        let mut grid = Self {
            header: Vec::new(),
            rows: Vec::new(),
            n_columns: 0,
        };
        let mut spans = Spans {
            above: Vec::new(),
            budget,
        };
        for (at, row) in rows.iter().enumerate() {
            let is_header = at < n_headers;
            let mut line = Vec::new();
            for cell in &row.cells {
                spans.fill_from_above(&mut line);
                spans.push(&mut line, cell, escaped(words(cell)), is_header);
            }
            spans.fill_from_above(&mut line);
            grid.n_columns = grid.n_columns.max(line.len());
            if is_header {
                grid.add_header(line);
            } else {
                grid.rows.push(line);
            }
        }
        grid
    }

    /// Puts a further row of the header below the words that are there: `2023 Q1`.
    fn add_header(&mut self, line: Vec<String>) {
        for (column, words) in line.into_iter().enumerate() {
            match self.header.get_mut(column) {
                None => self.header.push(words),
                Some(header) if words.is_empty() || *header == words => {}
                Some(header) if header.is_empty() => *header = words,
                Some(header) => {
                    header.push(' ');
                    header.push_str(&words);
                }
            }
        }
    }

    fn lines(&self) -> String {
        let mut out = String::new();
        push_line(&mut out, &self.header, self.n_columns);
        out.push_str("\n|");
        out.push_str(&" --- |".repeat(self.n_columns));
        for row in &self.rows {
            out.push('\n');
            // Rows that end early stay short, so that no text outgrows its page.
            push_line(&mut out, row, row.len());
        }
        out
    }
}

fn push_line(out: &mut String, cells: &[String], n_columns: usize) {
    out.push('|');
    for column in 0..n_columns {
        let words = cells.get(column).map_or("", |words| words);
        out.push(' ');
        out.push_str(words);
        out.push_str(if words.is_empty() { "|" } else { " |" });
    }
}

/// The cells that reach beyond their own place.
struct Spans {
    /// What reaches down from the rows above, by column: the words, and for how many rows more.
    above: Vec<(String, usize)>,
    /// How many more bytes may be added, a cell counting as one.
    budget: usize,
}

impl Spans {
    /// Adds a cell to its row. A header stands above each of its columns, other words in the first.
    fn push(&mut self, line: &mut Vec<String>, cell: &Cell, words: String, is_header: bool) {
        let start = line.len();
        line.push(words);
        for _ in 1..cell.n_columns {
            let words = if is_header { &line[start] } else { "" };
            if line.len() >= MAX_COLUMNS || !self.take(words) {
                break;
            }
            line.push(words.to_owned());
        }
        if cell.n_rows > 1 && line.len() <= MAX_COLUMNS {
            self.above
                .resize(self.above.len().max(line.len()), (String::new(), 0));
            for above in &mut self.above[start..line.len()] {
                *above = (String::new(), cell.n_rows - 1);
            }
            if line[start].len() <= MAX_REPEATED {
                self.above[start].0.clone_from(&line[start]);
            }
        }
    }

    /// Fills the next columns with what reaches down into them.
    fn fill_from_above(&mut self, line: &mut Vec<String>) {
        while let Some((words, n_rows)) = self.above.get_mut(line.len()) {
            if *n_rows == 0 {
                return;
            }
            let words = words.clone();
            if !self.take(&words) {
                return self.above.clear();
            }
            self.above[line.len()].1 -= 1;
            line.push(words);
        }
    }

    /// Whether these words may be added once more.
    fn take(&mut self, words: &str) -> bool {
        let rest = self.budget.checked_sub(words.len() + 1);
        self.budget = rest.unwrap_or_default();
        rest.is_some()
    }
}

/// On one line, with no mark of a column's end in it.
fn escaped(words: &str) -> String {
    let mut line = String::with_capacity(words.len());
    for (at, text) in words.lines().enumerate() {
        let item = text.trim_start().strip_prefix("- ");
        if at > 0 {
            line.push_str(if item.is_some() { "; " } else { " " });
        }
        line.push_str(item.unwrap_or(text));
    }
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}
