//! Files of comma-separated values. The only file that names the `csv` crate.

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::rows::Table;

/// How many records are looked at to tell what separates their values.
const SNIFF_RECORDS: usize = 20;
/// And how much of the text they may take.
const SNIFF_BYTES: usize = 64 << 10;

/// The whole text as a table, unless it has no row of names or a single column.
///
/// `usual` is what separates values in such files as a rule; of several signs that would do as
/// well, it wins.
pub(super) fn table(text: &str, usual: u8) -> Option<Table> {
    let delimiter = delimiter_of(text, usual)?;
    let mut reader = reader(text.as_bytes(), delimiter);
    let mut record = ByteRecord::new();
    let mut rows = Vec::new();
    let mut first: Vec<ByteRecord> = Vec::new();
    // Reading from memory cannot fail, and rows of any length are taken.
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let at = record
            .position()
            .map_or(0, |position| position.byte() as usize);
        // The reader counts the second half of a line end to the record after it.
        let begin = text.get(at..)?.trim_start_matches(['\r', '\n']);
        rows.push(text.len() - begin.len());
        if first.len() < 2 {
            first.push(record.clone());
        }
    }
    let [names, second] = first.as_slice() else {
        return None;
    };
    let end = text.trim_end().len();
    let header_end = text[..rows[1].min(end)].trim_end().len();
    are_names(names, second).then(|| Table {
        header: rows[0]..header_end,
        delimiter: Some(delimiter),
        rows,
        end,
    })
}

/// The values of a row, which may break off.
pub(super) fn cells(row: &str, delimiter: u8) -> Vec<String> {
    let mut record = ByteRecord::new();
    let _ = reader(row.as_bytes(), delimiter).read_byte_record(&mut record);
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    record.iter().map(text).collect()
}

fn reader(text: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text)
}

/// The sign that gives the most records as many values as the first has; of equals the one that
/// gives more values.
fn delimiter_of(text: &str, usual: u8) -> Option<u8> {
    let start = &text.as_bytes()[..text.len().min(SNIFF_BYTES)];
    let fit = |delimiter: u8| {
        let records = reader(start, delimiter).into_byte_records();
        let lengths: Vec<usize> = records
            .map_while(|record| Some(record.ok()?.len()))
            .take(SNIFF_RECORDS)
            .collect();
        let n_values = *lengths.first()?;
        let n_alike = lengths.iter().filter(|&&length| length == n_values).count();
        (n_values > 1).then_some((n_alike, n_values, delimiter))
    };
    let all = [b'|', b'\t', b';', b',', usual];
    let best = all.into_iter().filter_map(fit);
    best.max_by_key(|&(n_alike, n_values, _)| (n_alike, n_values))
        .map(|(_, _, delimiter)| delimiter)
}

/// Whether the first record names the columns: not all of it is numbers, and where it has numbers,
/// it differs in kind from the second one, or its numbers are years.
fn are_names(first: &ByteRecord, second: &ByteRecord) -> bool {
    if !first
        .iter()
        .any(|cell| !cell.trim_ascii().is_empty() && !is_number(cell))
    {
        return false;
    }
    let numbers: Vec<&[u8]> = first.iter().filter(|cell| is_number(cell)).collect();
    let is_alike = first.len() == second.len()
        && first
            .iter()
            .zip(second)
            .all(|(a, b)| is_number(a) == is_number(b));
    numbers.iter().all(|cell| is_year(cell)) || !is_alike
}

/// Numbers, dates, times and amounts: digits and no letter.
fn is_number(cell: &[u8]) -> bool {
    cell.iter().any(u8::is_ascii_digit) && !cell.iter().any(u8::is_ascii_alphabetic)
}

fn is_year(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    cell.len() == 4 && cell.iter().all(u8::is_ascii_digit) && matches!(cell[0], b'1' | b'2')
}
