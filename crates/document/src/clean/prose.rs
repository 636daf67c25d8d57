//! Where a document is prose, whose words line ends may break.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::document::Document;
use crate::kind::DocumentKind;

/// The prose of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prose {
    /// All of it.
    All,
    /// None: code, tables of values.
    None,
    /// These stretches, in order.
    Parts(Vec<Range<usize>>),
}

/// The prose of a document that was read from the file `path`.
pub(super) fn of(path: &str, document: &Document) -> Prose {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_table = || {
        let names = ["csv", "tsv", "log"];
        names
            .iter()
            .any(|name| extension.eq_ignore_ascii_case(name))
    };
    match document.kind {
        DocumentKind::Code => Prose::None,
        DocumentKind::Markdown => Prose::Parts(markdown(&document.text)),
        DocumentKind::Text if is_table() => Prose::None,
        _ => Prose::All,
    }
}

impl Prose {
    /// Whether what stands at this byte is prose.
    pub(super) fn holds(&self, at: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Parts(parts) => {
                let after = parts.partition_point(|part| part.start <= at);
                after > 0 && parts[after - 1].end > at
            }
        }
    }
}

/// The words of paragraphs, without code, links' addresses and tags.
fn markdown(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut n_other = 0_usize;
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_MATH;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. } | Tag::Table(_)) => n_other += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_) | TagEnd::Table) => {
                n_other = n_other.saturating_sub(1);
            }
            Event::Text(_) if n_other == 0 => parts.push(range),
            _ => {}
        }
    }
    parts.sort_unstable_by_key(|part| part.start);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_addresses_are_no_prose() {
        let text = "A word, `code` and [a link](https://example.org/x).\n\n    code\n\n```\ncode\n```\n- item\n";
        let prose = Prose::Parts(markdown(text));
        let at = |words: &str| prose.holds(text.find(words).unwrap());
        assert!(at("word") && at("a link") && at("item"));
        assert!(!at("code") && !at("https") && !at("    code") && !at("code\n```"));
        assert!(!prose.holds(text.rfind("code").unwrap()));
    }

    #[test]
    fn the_kind_and_the_name_decide() {
        let of = |path: &str, kind| of(path, &Document::new("a", "text").with_kind(kind));
        assert_eq!(of("a.txt", DocumentKind::Text), Prose::All);
        assert_eq!(of("a.rst", DocumentKind::Text), Prose::All);
        assert_eq!(of("a.CSV", DocumentKind::Text), Prose::None);
        assert_eq!(of("a.rs", DocumentKind::Code), Prose::None);
        assert_eq!(of("a.pdf", DocumentKind::Pdf), Prose::All);
    }
}
