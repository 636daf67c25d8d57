//! A diagnosis as one JSON object.

use std::io::{self, Write};

use reread_engine::{Cause, Why};
use reread_wire::why::{self as wire, Words};

use super::sentences::{change, place, range, refused};
use crate::output::json::write_line;
use crate::output::warnings;

/// Writes the diagnosis as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, why: &Why) -> io::Result<()> {
    let words = Words {
        place: place(why),
        reason: reason(&why.cause),
        warnings: warnings::sentences(&why.warnings),
    };
    write_line(out, &wire::Why::new(why, words, change))
}

fn reason(cause: &Cause) -> Option<String> {
    match cause {
        Cause::NotIndexed(reason) => Some(reason.to_string()),
        Cause::FilteredOut(refusal) => Some(refused(refusal)),
        Cause::BelowMinScore(score, least) => Some(format!("a score of {score}, below {least}")),
        Cause::CutApart(pieces) => {
            let pieces: Vec<String> = pieces.iter().map(range).collect();
            Some(format!("lines {}", pieces.join(", ")))
        }
        _ => None,
    }
}
