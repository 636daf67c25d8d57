//! Results for evaluation tools: `query Q0 document rank score run`.
//!
//! Such tools order by score and ignore the rank, and they want each document once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use reread_engine::{By, SearchResult};

/// The number of a question that has no id.
pub(crate) const ONLY_QUERY: &str = "1";

/// Writes one line a result.
pub(crate) fn write_run(
    out: &mut impl Write,
    result: &SearchResult,
    query_id: &str,
    by: By,
    run_name: &str,
) -> io::Result<()> {
    let (query_id, run_name) = (word(query_id), word(run_name));
    let mut above = f32::INFINITY;
    let mut written = HashSet::new();
    let mut rank = 0;
    for hit in &result.hits {
        let mut id = word(&hit.passage.doc_id);
        if by == By::Passage {
            let _ = write!(id, "#{}", hit.passage.bytes.start);
        }
        // Two files may hold a record of the same id; the better one stands for both.
        if !written.insert(id.clone()) {
            continue;
        }
        rank += 1;
        // Candidates that the second pass has not read share a score of 0, and ties among others
        // are broken by us: the next lower number keeps the order.
        let score = if hit.score < above {
            hit.score
        } else {
            above.next_down()
        };
        above = score;
        writeln!(out, "{query_id} Q0 {id} {rank} {score} {run_name}")?;
    }
    Ok(())
}

/// A name as one word: what would end it, or a terminal would obey, is written as `%20` is.
pub(super) fn word(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_whitespace() || c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    if out.is_empty() {
        "%00".to_owned()
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_word() {
        assert_eq!(word("notes/my file.md"), "notes/my%20file.md");
        assert_eq!(word("a\u{1b}b\u{a0}c"), "a%1Bb%C2%A0c");
        assert_eq!(word("100%"), "100%");
        assert_eq!(word(""), "%00");
    }
}
