//! Results for programs, whose types are those of `reread-wire`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use reread_engine::SearchResult;
use reread_wire::search::{Answer, Hit};
use serde::Serialize;

use super::{clean_char, warnings};

/// Writes an answer as one object on one line.
pub(crate) fn write_answer(
    out: &mut impl Write,
    result: &SearchResult,
    folder: &Path,
    query_id: Option<&str>,
) -> io::Result<()> {
    let warnings = warnings::sentences(&result.warnings);
    write_line(out, &Answer::new(result, folder, query_id, warnings))
}

/// Writes one object a result, each on a line.
pub(crate) fn write_hits(
    out: &mut impl Write,
    result: &SearchResult,
    query_id: Option<&str>,
) -> io::Result<()> {
    for hit in &result.hits {
        write_line(out, &Hit::new(hit, query_id))?;
    }
    Ok(())
}

/// Writes a value on one line.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", to_line(value)?)
}

/// JSON leaves alone some characters that terminals obey. They occur within strings only, so their
/// escapes mean the same.
fn to_line(value: &impl Serialize) -> io::Result<String> {
    let line = serde_json::to_string(value)?;
    let obeyed = |c: char| clean_char(c) != c;
    if !line.chars().any(obeyed) {
        return Ok(line);
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        // All of them are below U+10000, where one escape is one character.
        if obeyed(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stay_the_same_text_and_reach_no_terminal() {
        let text = "a\u{9b}2Jb\u{7f}\u{1b}[0m\n\"quoted\" \u{202e}\u{1f600}";
        let line = to_line(&text).unwrap();
        assert!(line.chars().all(|c| clean_char(c) == c), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
