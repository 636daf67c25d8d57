//! A diagnosis as one JSON object.

use std::io::{self, Write};

use reread_engine::{Cause, Why};
use reread_wire::why::{self as wire, Words};

use super::sentences::{change, document_full, folded, place, range, refused};
use crate::output::json::write_line;
use crate::output::warnings;

/// Writes the diagnosis as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, why: &Why) -> io::Result<()> {
    let words = Words {
        place: place(&why.place),
        reason: reason(why),
        warnings: warnings::sentences(&why.warnings),
    };
    write_line(out, &wire::Why::new(why, words, change))
}

fn reason(why: &Why) -> Option<String> {
    match &why.cause {
        Cause::NotIndexed(reason) => Some(reason.to_string()),
        Cause::FilteredOut(refusal) => Some(refused(refusal)),
        Cause::Folded { rank } => Some(folded(why, *rank)),
        Cause::DocumentFull {
            per_document,
            n_above,
        } => Some(document_full(*per_document, *n_above)),
        Cause::BelowMinScore(score, least) => Some(format!("a score of {score}, below {least}")),
        Cause::CutApart(pieces) => {
            let pieces: Vec<String> = pieces.iter().map(range).collect();
            Some(format!("lines {}", pieces.join(", ")))
        }
        _ => None,
    }
}
