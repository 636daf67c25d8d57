//! The subcommands, a file each.

pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod judge;
mod judged;
pub(crate) mod man;
pub(crate) mod models;
pub(crate) mod rerank;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod tune;
pub(crate) mod watch;
pub(crate) mod why;
pub(crate) mod worth_it;

use std::io::{self, BufWriter, StdoutLock, Write};

/// The standard output for programs: bytes go out as they are.
fn raw_stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// The standard output for people: colour is taken out where it is not wanted.
fn styled_stdout() -> BufWriter<impl Write> {
    BufWriter::new(anstream::stdout().lock())
}
