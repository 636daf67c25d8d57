//! Where a table's rows are.

use std::ops::Range;

/// A table, which has a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chunk) struct Table {
    /// The bytes of the row of names.
    pub(super) header: Range<usize>,
    /// What separates the values; `None` where cells stand between bars.
    pub(super) delimiter: Option<u8>,
    /// Where each row begins, ascending, that of the names first.
    pub(super) rows: Vec<usize>,
    /// Where the last row ends.
    pub(super) end: usize,
}
