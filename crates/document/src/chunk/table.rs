//! Tables in a text: their rows, and the names of their columns.
//!
//! Finds tables of Markdown, in which HTML is laid out too, and files of comma-separated values.

mod csv;
mod pipes;
mod rows;

use std::ops::Range;

use self::rows::Table;
use super::boundary::{Boundary, End};
use crate::document::Document;
use crate::file_name::extension;
use crate::kind::DocumentKind;

/// How many tokens of a table's header stand before a passage of its rows. Wide tables have more,
/// and the models read no more than 256 of all.
const MAX_HEADER_TOKENS: usize = 50;

/// Tables in order of the text, none inside another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within<'t> {
    tables: &'t [Table],
}

/// The tables of a document.
pub(super) struct Tables(Vec<Table>);

impl Tables {
    pub(super) fn of(document: &Document) -> Self {
        let text = document.text.as_str();
        Self(match (document.kind, separated_by(&document.id)) {
            (DocumentKind::Text, Some(usual)) => csv::table(text, usual).into_iter().collect(),
            // Signs between bars are the business of a program.
            (DocumentKind::Code, _) => Vec::new(),
            (kind, _) => pipes::tables(text, kind == DocumentKind::Html),
        })
    }

    /// Those that reach into a part of the text.
    pub(super) fn within(&self, body: &Range<usize>) -> Within<'_> {
        let first = self.0.partition_point(|table| table.end <= body.start);
        let behind = self
            .0
            .partition_point(|table| table.header.start < body.end);
        Within {
            tables: &self.0[first..behind.max(first)],
        }
    }
}

impl<'t> Within<'t> {
    /// Says of each token that begins at `starts` whether it begins a row or stands inside one.
    pub(super) fn mark_rows(self, starts: &[usize], ends: &mut [End]) {
        for table in self.tables {
            let first = starts.partition_point(|&start| start < table.header.start);
            let tokens = starts.iter().zip(ends.iter_mut()).skip(first);
            let mut rows = table.rows.iter().peekable();
            for (&start, end) in tokens.take_while(|(start, _)| **start < table.end) {
                let mut begins_row = false;
                while rows.next_if(|row| **row <= start).is_some() {
                    begins_row = true;
                }
                if begins_row {
                    end.boundary = end.boundary.max(Boundary::Sentence);
                } else {
                    end.is_outside_rows = false;
                }
            }
        }
    }

    /// The table whose names a passage lacks that begins here: among its rows, below its header.
    pub(super) fn around(self, start: usize) -> Option<&'t Table> {
        let mut tables = self.tables.iter();
        tables.find(|table| table.header.start < start && start < table.end)
    }

    /// The tokens of the longest header of those tables that are too long for half a passage, so
    /// that they may be cut.
    pub(super) fn longest_header(self, starts: &[usize], max_tokens: usize) -> usize {
        let n_tokens = |range: &Range<usize>| {
            let before = |end: usize| starts.partition_point(|&start| start < end);
            before(range.end) - before(range.start)
        };
        let is_long = |table: &&Table| n_tokens(&(table.header.start..table.end)) > max_tokens / 2;
        let headers = self.tables.iter().filter(is_long);
        let longest = headers.map(|table| n_tokens(&table.header)).max();
        longest.unwrap_or(0).min(MAX_HEADER_TOKENS)
    }
}

/// The names of a table's columns, as many as there is room for; `None` where there are none.
/// `starts` are where tokens begin.
pub(super) fn header_text(text: &str, table: &Table, starts: &[usize]) -> Option<String> {
    let first = starts.partition_point(|&start| start < table.header.start);
    let limit = starts.get(first + MAX_HEADER_TOKENS);
    let end = limit.map_or(table.header.end, |&limit| limit.min(table.header.end));
    let row = text.get(table.header.start..end)?;
    let cells = match table.delimiter {
        Some(delimiter) => csv::cells(row, delimiter),
        None => pipes::cells(row),
    };
    let cells = cells
        .iter()
        .map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" "));
    let names: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
    (!names.is_empty()).then(|| names.join(" | "))
}

/// What separates the values in files of this name, where they are such files.
fn separated_by(id: &str) -> Option<u8> {
    match extension(id).as_str() {
        "csv" => Some(b','),
        "tsv" | "tab" => Some(b'\t'),
        "psv" => Some(b'|'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
