//! Links and images as a line of text: the words, and the address behind them where it is one that
//! people know a page by.

use std::ops::Range;

use pulldown_cmark::LinkType;

use super::edits::Edits;

/// A link or an image whose end has not come yet.
pub(super) struct OpenLink {
    range: Range<usize>,
    /// What its words take up in the source, once there are some.
    words: Option<Range<usize>>,
    address: String,
    kind: LinkType,
    is_image: bool,
    /// Whether an image stands in it, as in a badge.
    holds_image: bool,
}

/// The links that are open, outermost first.
#[derive(Default)]
pub(super) struct Links(Vec<OpenLink>);

impl Links {
    pub(super) fn open(
        &mut self,
        range: Range<usize>,
        kind: LinkType,
        address: &str,
        is_image: bool,
    ) {
        self.saw(&range);
        if let Some(outer) = self.0.last_mut() {
            outer.holds_image |= is_image;
        }
        self.0.push(OpenLink {
            range,
            words: None,
            address: address.to_owned(),
            kind,
            is_image,
            holds_image: false,
        });
    }

    /// Something stands inside the innermost link.
    pub(super) fn saw(&mut self, range: &Range<usize>) {
        if let Some(link) = self.0.last_mut() {
            let words = link.words.get_or_insert_with(|| range.clone());
            words.end = words.end.max(range.end);
        }
    }

    /// Ends the innermost link. Headings show no addresses.
    pub(super) fn close(&mut self, source: &str, in_heading: bool, edits: &mut Edits) {
        let Some(link) = self.0.pop() else {
            return;
        };
        let mut range = link.range.clone();
        // What has no words of its own, or goes on over lines, was hardly meant as a link between pages.
        let is_wiki = matches!(link.kind, LinkType::WikiLink { .. });
        if is_wiki && (link.words.is_none() || source[range.clone()].contains('\n')) {
            return;
        }
        // The parser leaves the empty brackets of `[words][]` out.
        if link.kind == LinkType::Collapsed && source[range.end..].starts_with("[]") {
            range.end += 2;
        }
        let words = link.words.clone().unwrap_or(range.start..range.start);
        let is_inside = range.start <= words.start && words.end <= range.end;
        if matches!(link.kind, LinkType::Autolink | LinkType::Email) {
            edits.remove(range.start..range.start + 1);
            edits.remove(range.end - 1..range.end);
        } else if is_inside {
            let glued = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let shown = &source[words.clone()];
            let before = source[..range.start].chars().next_back();
            let after = source[range.end..].chars().next();
            // An image is no part of the word beside it.
            let start = if link.is_image && glued(before) {
                " "
            } else {
                ""
            };
            edits.replace(range.start..words.start, start);
            let end = match link.shown_address(shown) {
                Some(address) if !in_heading && !glued(after) => address,
                _ if link.is_image && glued(after) => " ".to_owned(),
                _ => String::new(),
            };
            edits.replace(words.end.max(range.start)..range.end, end);
        }
    }
}

impl OpenLink {
    /// The address behind the words, in brackets: of pages elsewhere, as they are searched by parts of
    /// it, and of pages that a link calls something else. An image that is itself the address stays
    /// until encoded data are left out.
    fn shown_address(&self, words: &str) -> Option<String> {
        let address = self.address.trim();
        let is_data = address.starts_with("data:");
        let is_elsewhere = address.contains("://") || address.starts_with("mailto:");
        let is_renamed = matches!(self.kind, LinkType::WikiLink { has_pothole: true });
        let is_shown = if self.is_image {
            is_data
        } else {
            (is_elsewhere || is_renamed) && !self.holds_image
        };
        let address = address.strip_prefix("mailto:").unwrap_or(address);
        if !is_shown || address.is_empty() || words.contains(address) {
            return None;
        }
        let blank = if words.is_empty() { "" } else { " " };
        Some(format!("{blank}({address})"))
    }
}
