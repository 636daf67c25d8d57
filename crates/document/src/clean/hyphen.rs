//! Puts words together that a hyphen breaks at the end of a line: `magne-` and `tosphere`.
//!
//! A hyphen that only the line end asked for goes, and one that is part of the word stays. Nothing in a
//! text says which is which, so the rest of the document is asked. In doubt the hyphen stays: search
//! finds `magne-tosphere` as one word and `price-determining` as two and as one, while `pricedetermining`
//! would be one word that nobody looks for.
//!
//! The line feed moves behind the word, so that no line gets another number.

mod evidence;
mod line_end;

use self::evidence::{Evidence, Join};
use self::line_end::Break;
pub(super) use self::line_end::breaks;
use super::edit::Edit;
use super::prose::Prose;

/// The hyphen of typographers, and the one that no line is broken after.
pub(super) const TWINS: [char; 2] = ['\u{2010}', '\u{2011}'];

/// Puts the plain hyphen in place of its twins, so that a word is written one way.
pub(super) fn plain(text: &str) -> Vec<Edit> {
    let twins = text.match_indices(TWINS);
    let edit = |(at, twin): (usize, &str)| Edit {
        range: at..at + twin.len(),
        with: "-".to_owned(),
    };
    twins.map(edit).collect()
}

/// The changes that put broken words together, where there is prose.
pub(super) fn edits(text: &str, breaks: &[Break], prose: &Prose) -> Vec<Edit> {
    let is_prose =
        |found: &&Break| prose.holds(found.hyphen.start) && prose.holds(found.tail.start);
    let breaks: Vec<&Break> = breaks.iter().filter(is_prose).collect();
    let evidence = Evidence::of(text, &breaks);
    let mut edits: Vec<Edit> = Vec::new();
    for found in breaks {
        let last_end = edits.last().map_or(0, |edit| edit.range.end);
        let join = evidence.join(text, found);
        // Two breaks in a word on lines of their own.
        if found.hyphen.start < last_end {
            continue;
        }
        match join {
            Join::Word => edits.push(joined(found, text, "", last_end)),
            Join::Hyphenated => edits.push(joined(found, text, "-", last_end)),
            Join::Apart if found.is_soft => edits.push(Edit {
                range: found.hyphen.clone(),
                with: String::new(),
            }),
            Join::Apart => {}
        }
    }
    edits
}

/// Puts the word together on its first line; on the second where nothing else is left of that.
fn joined(found: &Break, text: &str, sign: &str, last_end: usize) -> Edit {
    let feed = if text[..found.next_line.start].ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let indent = &text[found.next_line.start..found.tail.start];
    let after = &text[found.tail_end..found.next_line.end];
    let is_alone = after.trim().is_empty();
    let before = text.get(found.line_start.max(last_end)..found.head_start);
    let before = before.unwrap_or_default();
    if is_alone && before.contains(char::is_alphanumeric) {
        let head = &text[found.head_start..found.hyphen.start];
        return Edit {
            range: found.head_start - (before.len() - before.trim_end().len())..found.tail.start,
            with: format!("{feed}{indent}{head}{sign}"),
        };
    }
    let tail = &text[found.tail.start..found.tail_end];
    let n_blanks = after.len() - after.trim_start().len();
    let (end, indent) = if is_alone {
        (found.next_line.end, "")
    } else {
        (found.tail_end + n_blanks, indent)
    };
    // A blank line that was not there would end the paragraph, but the number of lines counts.
    let feed = if is_alone && feed == "\r\n" && after.ends_with('\r') {
        "\r\n\r"
    } else {
        feed
    };
    Edit {
        range: found.hyphen.start..end,
        with: format!("{sign}{tail}{feed}{indent}"),
    }
}

#[cfg(test)]
mod tests;
