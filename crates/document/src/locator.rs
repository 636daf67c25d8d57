//! Where a passage stands in its document, as a reader would look it up.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

/// Where a passage stands: on lines, or on a page.
///
/// Its `Display` is for people. Every passage has lines, those of the text that was taken from the
/// file: they are what `reread get` shows and what judgements refer to.
///
/// ```
/// use reread_document::Locator;
///
/// let on_lines = Locator::new(3..=9, None);
/// assert_eq!(on_lines.to_string(), "lines 3-9");
/// let on_page = Locator::new(120..=131, Some(4));
/// assert_eq!(on_page.to_string(), "page 4");
/// assert_eq!((on_page.lines(), on_page.page()), (&(120..=131), Some(4)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Locator {
    /// In a document without pages: the lines, from 1.
    Lines(RangeInclusive<u32>),
    /// In a document with pages.
    Page {
        /// The page on which it begins, from 1.
        page: u32,
        /// The lines of the text that was taken from all pages, from 1.
        lines: RangeInclusive<u32>,
    },
}

impl Locator {
    /// On these lines, and on this page where the document has pages.
    pub fn new(lines: RangeInclusive<u32>, page: Option<u32>) -> Self {
        match page {
            Some(page) => Self::Page { page, lines },
            None => Self::Lines(lines),
        }
    }

    /// The lines of the document's text, from 1.
    pub fn lines(&self) -> &RangeInclusive<u32> {
        match self {
            Self::Lines(lines) | Self::Page { lines, .. } => lines,
        }
    }

    /// The page on which it begins, from 1; `None` in a document without pages.
    pub fn page(&self) -> Option<u32> {
        match self {
            Self::Page { page, .. } => Some(*page),
            Self::Lines(_) => None,
        }
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines(lines) if lines.start() == lines.end() => {
                write!(f, "line {}", lines.start())
            }
            Self::Lines(lines) => write!(f, "lines {}-{}", lines.start(), lines.end()),
            Self::Page { page, .. } => write!(f, "page {page}"),
        }
    }
}
