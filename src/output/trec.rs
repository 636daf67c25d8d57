//! Results for evaluation tools: `query Q0 document rank score run`.
//!
//! Such tools order by score and ignore the rank, and they want each document once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use reread_engine::{By, SearchResult};
use reread_eval::to_word;

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
    let (query_id, run_name) = (to_word(query_id), to_word(run_name));
    let mut above = f32::INFINITY;
    let mut written = HashSet::new();
    let mut rank = 0;
    for hit in &result.hits {
        let mut id = to_word(&hit.passage.doc_id);
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
