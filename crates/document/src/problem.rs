//! What could not be indexed, and why.

use std::fmt;
use std::time::Duration;

use crate::size::size;

/// A file, or a line of one, that was left out. The rest of the work goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path relative to the indexed folder, in a form that can be printed.
    pub path: String,
    /// The line of the file, where the problem is about one line.
    pub line: Option<u32>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why something was left out. Its `Display` is meant for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The operating system refused to read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// An earlier run could not use the file, and it has not changed since.
    #[error("{0}")]
    Earlier(String),
    /// The file's name has no UTF-8 form.
    #[error("its name is not valid UTF-8; rename it")]
    NameNotUtf8,
    /// The file's name would garble a terminal or a line of results.
    #[error("its name contains control characters; rename it")]
    NameWithControl,
    /// The file is larger than the limit.
    #[error("is too large: {len_bytes} bytes, but the limit is {limit_bytes}")]
    TooLarge {
        /// The file's size.
        len_bytes: u64,
        /// The limit in force.
        limit_bytes: u64,
    },
    /// An ignore file holds a pattern that cannot be used; its other patterns are.
    #[error("a pattern of its ignore file cannot be used: {0}")]
    IgnorePattern(String),
    /// The parser did not finish in time.
    #[error("was not read to its end within {} s", .0.as_secs_f32())]
    TimeLimit(Duration),
    /// The parser has a bug that this file sets off.
    #[error("its parser failed: {0}")]
    ParserPanicked(String),
    /// The PDF is damaged or of a kind that cannot be read.
    #[error("is not a readable PDF: {0}")]
    BrokenPdf(String),
    /// The PDF needs a password.
    #[error("is protected by a password")]
    EncryptedPdf,
    /// Some pages of the PDF could not be read; the others were.
    #[error("{n_pages} of its pages cannot be read: {problem}")]
    BrokenPages {
        /// How many pages.
        n_pages: usize,
        /// What is wrong with the first of them.
        problem: String,
    },
    /// The PDF has pages, but no letters on them.
    #[error("holds no text; scanned pages need OCR first")]
    NoText,
    /// A page would have been lost in something that has no end, such as `<title>`; it was mended.
    #[error("{0} has no end, and was taken to end with its first line")]
    Unclosed(String),
    /// A line of a JSON Lines file is not a usable record.
    #[error("is not a record: {0}")]
    BadRecord(String),
    /// A record of a JSON Lines file has neither a title nor a text.
    #[error("the record has no words in `title` or `text`")]
    MissingText,
    /// A record of a JSON Lines file is indexed, but its other fields are not.
    #[error("the record is indexed without its further fields: {0}")]
    BadFields(String),
    /// Two records have the same `_id`; the first is kept.
    #[error("an earlier line has the same `_id` {0:?}; that one is kept")]
    DuplicateId(String),
    /// More lines of the same file have problems than are listed.
    #[error("{0} more lines have problems")]
    MoreLines(usize),
    /// A program wrote the file for a program; nothing in it is indexed.
    #[error("is {0}, written by a program, and not indexed")]
    Generated(&'static str),
    /// Parts of the file are encoded data or minified code, this many bytes; a few words stand in
    /// their place.
    #[error("holds {} of encoded data or minified code, which is not indexed", size(*.0))]
    EncodedData(usize),
    /// No line of a JSON Lines file is a record with `text` or `title`.
    #[error("no line is a record with `text` or `title`; it was indexed as plain text")]
    NoRecords,
    /// An entry of the front matter of a Markdown file is not valid; the others were read.
    #[error("this entry of the front matter is not valid: {0}")]
    FrontMatter(String),
    /// A document says more about itself than is kept.
    #[error(
        "there is more metadata than is kept (64 names, 64 values a name, 1,024 bytes a value): \
         `{name}`{} shortened or left out", and_more(*.n_more)
    )]
    MetadataLimit {
        /// The first name that does not fit.
        name: String,
        /// How many more there are.
        n_more: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.reason),
            None => write!(f, "{}: {}", self.path, self.reason),
        }
    }
}

impl Problem {
    /// A problem of a whole file.
    pub(crate) fn of_file(path: impl Into<String>, reason: Reason) -> Self {
        Self {
            path: path.into(),
            line: None,
            reason,
        }
    }
}

/// The verb after the first of several names.
fn and_more(n_more: usize) -> String {
    match n_more {
        0 => " is".to_owned(),
        1 => " and 1 more are".to_owned(),
        _ => format!(" and {n_more} more are"),
    }
}

/// A form of any name that is safe to print: other bytes and control characters are escaped.
pub(crate) fn printable(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
