//! A line that cannot be read.

/// How many lines of a block that cannot be read are named.
pub(super) const MAX_LISTED: usize = 10;

/// A line that cannot be read, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BadLine {
    /// Counts from 1: the lines of the block where it is read, and of the file where it is reported.
    pub(crate) line: u32,
    pub(crate) what: String,
}
