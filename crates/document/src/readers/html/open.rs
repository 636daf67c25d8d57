//! The open elements of a page: which one an end tag ends, and which end without one.
//!
//! The rules are those of the HTML standard's tree building, without its moves of misplaced elements.

use html5ever::LocalName;

use super::tags::{closes_paragraph, heading_level, is_special};

/// How far up an end tag looks for its start. Pages nest some dozens of elements; without a bound,
/// time would grow with the square of the depth.
const MAX_LOOK: usize = 512;

/// An element that has begun and not ended, with what the reader wants to know when it does.
#[derive(Debug)]
pub(super) struct Open<T> {
    pub(super) name: LocalName,
    /// How many elements have begun right inside it.
    pub(super) n_children: u32,
    pub(super) content: T,
}

/// The open elements, outermost first.
#[derive(Debug)]
pub(super) struct OpenElements<T> {
    elements: Vec<Open<T>>,
}

impl<T> OpenElements<T> {
    pub(super) fn new() -> Self {
        Self {
            elements: Vec::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut Open<T>> {
        self.elements.last_mut()
    }

    /// The name of the innermost; empty where there is none.
    pub(super) fn top_name(&self) -> &str {
        self.elements.last().map_or("", |element| &element.name)
    }

    pub(super) fn push(&mut self, name: LocalName, content: T) {
        if let Some(parent) = self.elements.last_mut() {
            parent.n_children = parent.n_children.saturating_add(1);
        }
        self.elements.push(Open {
            name,
            n_children: 0,
            content,
        });
    }

    pub(super) fn pop(&mut self) -> Option<Open<T>> {
        self.elements.pop()
    }

    /// Whether one of this name is open, seen from inside.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.find(|open| open == name, |_| false).is_some()
    }

    /// How many elements stay open when an end tag of this name has been obeyed; `None` where there
    /// is nothing to end.
    pub(super) fn left_by_end(&self, name: &str) -> Option<usize> {
        if heading_level(name).is_some() {
            return self.find(|open| heading_level(open).is_some(), is_scope);
        }
        let is_same = |open: &str| open == name;
        match name {
            "td" | "th" | "tr" | "thead" | "tbody" | "tfoot" | "caption" => {
                self.find(is_same, |open| matches!(open, "table" | "template"))
            }
            "table" => self.find(is_same, |open| open == "template"),
            "li" => self.find(is_same, |open| is_scope(open) || is_list(open)),
            "p" => self.find(is_same, |open| is_scope(open) || open == "button"),
            "svg" | "math" | "template" => self.find(is_same, |_| false),
            _ if is_special(name) => self.find(is_same, is_scope),
            _ => self.find(is_same, is_special),
        }
    }

    /// How many elements stay open when one of this name begins, which ends others without their end
    /// tags; `None` where it ends none.
    pub(super) fn left_by_start(&self, name: &str) -> Option<usize> {
        let is_other = |open: &str| is_special(open) && !matches!(open, "div" | "p" | "address");
        let is_any_of = |names: &'static [&str]| move |open: &str| names.contains(&open);
        let is_table = |open: &str| matches!(open, "table" | "template");
        let own = match name {
            "li" => self.find(|open| open == "li", is_other),
            "dt" | "dd" => self.find(is_any_of(&["dt", "dd"]), is_other),
            "option" | "optgroup" => self.find(|open| open == "option", is_special),
            "tr" => self.find(is_any_of(&["tr", "caption"]), is_table),
            "td" | "th" => self.find(is_any_of(&["td", "th", "caption"]), |open| {
                open == "tr" || is_table(open)
            }),
            "thead" | "tbody" | "tfoot" => self.find(
                is_any_of(&["thead", "tbody", "tfoot", "caption", "tr"]),
                is_table,
            ),
            "a" => self.find(|open| open == "a", is_special),
            "button" => self.find(|open| open == "button", is_scope),
            "rt" | "rp" => self.find(is_any_of(&["rt", "rp"]), |open| open == "ruby"),
            _ if heading_level(name).is_some() && heading_level(self.top_name()).is_some() => {
                Some(self.len() - 1)
            }
            _ => None,
        };
        let paragraph = || self.find(|open| open == "p", |open| is_special(open) && open != "p");
        // The outermost of what ends takes the rest along.
        own.or_else(|| closes_paragraph(name).then(paragraph)?)
    }

    /// Where HTML begins again inside a drawing, as no drawing holds this element.
    pub(super) fn left_by_leaving_svg(&self, name: &str) -> Option<usize> {
        let is_html = closes_paragraph(name) || matches!(name, "img" | "br" | "span" | "b" | "i");
        let is_html_inside = |open: &str| open.eq_ignore_ascii_case("foreignobject");
        (is_html && !self.holds("foreignobject"))
            .then(|| self.find(|open| open == "svg", is_html_inside))?
    }

    /// The place of the innermost element that is wanted, if none that bars the view lies before it.
    fn find(&self, is_wanted: impl Fn(&str) -> bool, bars: impl Fn(&str) -> bool) -> Option<usize> {
        let from_inside = self.elements.iter().enumerate().rev().take(MAX_LOOK);
        for (at, element) in from_inside {
            if is_wanted(&element.name) {
                return Some(at);
            }
            if bars(&element.name) {
                return None;
            }
        }
        None
    }
}

fn is_scope(name: &str) -> bool {
    matches!(
        name,
        "table" | "td" | "th" | "caption" | "template" | "object" | "marquee"
    )
}

fn is_list(name: &str) -> bool {
    matches!(name, "ul" | "ol" | "menu" | "dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(names: &[&str]) -> OpenElements<()> {
        let mut open = OpenElements::new();
        for name in names {
            open.push(LocalName::from(*name), ());
        }
        open
    }

    #[test]
    fn end_tags_end_what_they_can_see() {
        for (names, end, left) in [
            (&["div", "p", "b"][..], "div", Some(0)),
            (&["div", "span", "div"], "span", None),
            (&["ul", "li", "ul"], "li", None),
            (&["table", "tr", "td", "table"], "td", None),
            (&["div", "table", "tr", "td"], "div", None),
            (&["h2", "i"], "h3", Some(0)),
            (&["p"], "section", None),
        ] {
            assert_eq!(opened(names).left_by_end(end), left, "{names:?} {end}");
        }
    }

    #[test]
    fn elements_end_without_their_end_tags() {
        for (names, start, left) in [
            (&["ul", "li", "b"][..], "li", Some(1)),
            (&["ul", "li", "ul"], "li", None),
            (&["ul", "li", "p"], "li", Some(1)),
            (&["div", "p", "b", "i"], "div", Some(1)),
            (&["p", "object", "span"], "p", None),
            (&["table", "tbody", "tr", "td", "p"], "tr", Some(2)),
            (&["table", "tr", "td"], "td", Some(2)),
            (&["table", "caption"], "tr", Some(1)),
            (&["dl", "dt"], "dd", Some(1)),
            (&["div"], "div", None),
        ] {
            assert_eq!(
                opened(names).left_by_start(start),
                left,
                "{names:?} {start}"
            );
        }
    }
}
