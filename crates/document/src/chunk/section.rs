//! Divides a document at its headings.

use std::ops::Range;

use crate::document::{Document, Heading};
use crate::file_name::extension;
use crate::kind::DocumentKind;
use crate::words::is_wordless;

/// A stretch of text between headings.
pub(super) struct Section {
    pub(super) body: Range<usize>,
    /// The headings it stands under.
    pub(super) path: Vec<String>,
}

/// The sections of a document, in order. A heading with nothing below it is its own body.
pub(super) fn sections(document: &Document) -> Vec<Section> {
    let headings = usable_headings(document);
    let end = document.text.len();
    let first = headings.first().map_or(end, |heading| heading.range.start);
    let mut sections = vec![Section {
        body: 0..first,
        path: Vec::new(),
    }];
    let bodies: Vec<Range<usize>> = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let next = headings.get(at + 1);
            heading.range.end..next.map_or(end, |next| next.range.start)
        })
        .collect();
    let bare = bare(document, &headings, &bodies);
    let mut open: Vec<&Heading> = Vec::new();
    for ((heading, body), is_bare) in headings.into_iter().zip(bodies).zip(bare) {
        while open
            .last()
            .is_some_and(|above| above.level >= heading.level)
        {
            open.pop();
        }
        if is_bare {
            sections.push(Section {
                body: heading.range.clone(),
                path: path_of(document, &open),
            });
        }
        open.push(heading);
        if !is_bare {
            sections.push(Section {
                body,
                path: path_of(document, &open),
            });
        }
    }
    sections
}

/// Whether a part of a document's text holds no word that a reader would see.
pub(super) fn says_nothing(document: &Document, range: &Range<usize>) -> bool {
    let text = &document.text[range.clone()];
    if document.kind != DocumentKind::Markdown {
        return is_wordless(text);
    }
    // An import is MDX's own, unless it is part of an example.
    let is_mdx = extension(&document.id) == "mdx" && !text.lines().any(is_fence);
    let is_unseen = |line: &str| is_fence(line) || (is_mdx && is_import(line));
    let mut lines = text.lines().filter(|line| !is_unseen(line));
    lines.all(is_wordless)
}

/// Whether a line begins or ends a block of code.
fn is_fence(line: &str) -> bool {
    let line = line.trim();
    ['`', '~'].into_iter().any(|sign| {
        let language = line.trim_start_matches(sign);
        let is_one = |c: char| c == sign || c.is_whitespace();
        line.len() - language.len() >= 3 && !language.contains(is_one)
    })
}

/// Whether a line imports a module: `import Tabs from "@theme/Tabs";`.
fn is_import(line: &str) -> bool {
    let Some(rest) = line.trim().strip_prefix("import ") else {
        return false;
    };
    let module = rest
        .rsplit_once(" from ")
        .map_or(rest, |(_, module)| module);
    let module = module.trim_end_matches(';').trim();
    let is_quoted = |quote: char| module.starts_with(quote) && module.ends_with(quote);
    is_quoted('"') || is_quoted('\'')
}

/// For each heading, whether no passage below it would carry its words: neither its body says
/// anything, nor a heading or a body of those inside its section.
fn bare(document: &Document, headings: &[&Heading], bodies: &[Range<usize>]) -> Vec<bool> {
    let mut bare = vec![false; headings.len()];
    // Of the headings after this one up to the next that says something: the outermost level.
    let mut level_until_words: Option<u8> = None;
    for at in (0..headings.len()).rev() {
        let heading = headings[at];
        let is_silent = says_nothing(document, &bodies[at]);
        let has_words_inside = level_until_words.is_some_and(|level| level > heading.level);
        bare[at] = is_silent && !has_words_inside;
        level_until_words = if is_silent && is_wordless(&heading.text) {
            level_until_words.map(|level| level.min(heading.level))
        } else {
            Some(heading.level)
        };
    }
    bare
}

/// The headings that lie in the text, one after the other.
pub(super) fn usable_headings(document: &Document) -> Vec<&Heading> {
    let mut end = 0;
    let in_order = |heading: &&Heading| {
        let range = &heading.range;
        let usable = range.start >= end
            && range.start <= range.end
            && document.text.get(range.clone()).is_some();
        if usable {
            end = range.end;
        }
        usable
    };
    document.headings.iter().filter(in_order).collect()
}

fn path_of(document: &Document, open: &[&Heading]) -> Vec<String> {
    let repeats_title = open
        .first()
        .is_some_and(|first| first.text.trim() == document.title.trim());
    open[usize::from(repeats_title)..]
        .iter()
        .map(|heading| heading.text.clone())
        .collect()
}
