//! TOML as entries in the order of the file. The only file that names the crate `toml`.

use ::toml::de::{DeTable, DeValue, Error};

use super::bad_line::{BadLine, MAX_LISTED};
use crate::node::{Entries, Node};

/// The entries of a block, and the lines that cannot be read.
pub(super) fn read(source: &str) -> (Entries, Vec<BadLine>) {
    match DeTable::parse(source) {
        Ok(table) => (entries(table.into_inner()), Vec::new()),
        Err(_) => salvage(source),
    }
}

/// Reads a damaged block without those of its entries that cannot be read by themselves.
fn salvage(source: &str) -> (Entries, Vec<BadLine>) {
    let mut sound = String::with_capacity(source.len());
    let mut bad = Vec::new();
    let mut line = 1;
    for block in blocks(source) {
        match DeTable::parse(block) {
            Ok(_) => sound.push_str(block),
            Err(error) => {
                bad.push(bad_line(line, &error));
                sound.extend(block.matches('\n'));
            }
        }
        line += block.matches('\n').count();
    }
    // What is left goes wrong only as a whole, where a name stands twice.
    let (table, errors) = DeTable::parse_recoverable(&sound);
    for error in errors.iter().take(MAX_LISTED) {
        let start = error.span().map_or(0, |span| span.start.min(sound.len()));
        let before = sound.bytes().take(start);
        let n_before = before.filter(|&byte| byte == b'\n').count();
        bad.push(bad_line(1 + n_before, error));
    }
    bad.sort_by_key(|bad| bad.line);
    (entries(table.into_inner()), bad)
}

/// The entries of a block with the lines that belong to each, and the heads of tables.
fn blocks(source: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let is_of_name =
            |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' ');
        let name = line.split_once('=').map(|(name, _)| name);
        let is_entry =
            name.is_some_and(|name| !name.trim().is_empty() && name.chars().all(is_of_name));
        let is_head = line.starts_with('[') && !line.trim_end().ends_with(',');
        // A word alone is an entry without a value.
        let is_word = line.starts_with(char::is_alphabetic);
        if at > 0 && (is_entry || is_head || is_word) {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(at);
    starts
        .windows(2)
        .map(|pair| &source[pair[0]..pair[1]])
        .collect()
}

fn bad_line(line: usize, error: &Error) -> BadLine {
    BadLine {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        what: error.message().replace('\n', ", "),
    }
}

/// The entries of a table. The parser keeps them by name, so their places tell the order.
fn entries(table: DeTable<'_>) -> Entries {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(name, value)| {
            let start = name.span().start;
            (
                start,
                (name.into_inner().into_owned(), node(value.into_inner())),
            )
        })
        .collect();
    entries.sort_by_key(|(start, _)| *start);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn node(value: DeValue<'_>) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => {
            Node::Plain(number.as_str().trim_start_matches('+').to_owned())
        }
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Node::Number(number.into()),
            Err(_) => Node::Text(number.to_string()),
        },
        DeValue::Float(number) => of_float(number.as_str()),
        DeValue::Boolean(truth) => Node::Truth(truth),
        DeValue::Datetime(time) => Node::Text(time.to_string()),
        DeValue::Array(values) => {
            let nodes = values.into_iter().map(|value| node(value.into_inner()));
            Node::List(nodes.collect())
        }
        DeValue::Table(table) => Node::Map(entries(table)),
    }
}

/// A number that has digits after its point, if only as YAML writes it: a title of `1.10` stays one.
fn of_float(digits: &str) -> Node {
    let value = digits.parse().ok();
    match value.and_then(serde_json::Number::from_f64) {
        Some(number) if digits.contains(['e', 'E']) => Node::Number(number),
        _ => Node::Plain(digits.to_owned()),
    }
}
