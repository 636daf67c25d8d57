//! Looks into a file for lines that no passage of the index holds.

use std::fs;
use std::path::Path;

use reread_document::{ExtractOptions, Extraction, Lines, Reason, extract};
use reread_index::IndexOptions;
use reread_retrieval::{LeftOut, Passage};

use crate::read_lines::read_lines;
use crate::{Error, Result};

/// Why no passage stands on this line of a JSON Lines file, as the file is now.
pub(super) fn record(root: &Path, path: &str, line: u32) -> LeftOut {
    let Ok(bytes) = fs::read(root.join(path)) else {
        return LeftOut::NoRecord;
    };
    let Extraction::Read {
        documents,
        problems,
    } = extract(path, bytes, &ExtractOptions::default())
    else {
        return LeftOut::NoRecord;
    };
    if documents.iter().any(|it| it.lines == Lines::Single(line)) {
        return LeftOut::Empty;
    }
    let problem = problems.into_iter().find(|it| it.line == Some(line));
    problem.map_or(LeftOut::NoRecord, |problem| {
        LeftOut::BadLine(match problem.reason {
            Reason::BadRecord(what) => format!("it is not a record: {what}"),
            reason => reason.to_string(),
        })
    })
}

/// Looks whether the document of its last passage goes on to this line.
///
/// # Errors
/// `NoSuchLines` where it does not.
pub(super) fn end(root: Option<&Path>, last: &Passage, line: u32) -> Result<()> {
    let path = Path::new(&last.path);
    let no_such_lines = |last| Error::NoSuchLines {
        path: path.to_owned(),
        first: line,
        last,
    };
    let Some(root) = root else {
        return Err(no_such_lines(*last.lines().end()));
    };
    match read_lines(root, path, Some(line..=line), &IndexOptions::default()) {
        Ok(_) => Ok(()),
        Err(error @ Error::NoSuchLines { .. }) => Err(error),
        // The file is gone, or its document came from elsewhere.
        Err(_) => Err(no_such_lines(*last.lines().end())),
    }
}
