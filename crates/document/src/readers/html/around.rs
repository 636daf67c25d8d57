//! What stands around the text of a page: what is hidden, and what is there to get somewhere else.
//!
//! Told by what it is and not by where it stands: the header of a page may hold its title and its
//! abstract, the footer its notes and its licence.

use html5ever::tokenizer::Tag;

use super::tags::{attribute, is, style_of};

/// Why an element may not be part of the text. Some show that only at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is navigation, by its own word.
    Navigation,
    /// Its name speaks of navigation: it is, if it consists of links.
    NamedLikeLinks,
    /// It is a header, a footer, an aside, or a list in one: it is navigation, if it consists of
    /// links alone.
    Links,
    /// It asks for consent to cookies, by its name.
    Consent,
    /// It does something: it is text if it reads like text.
    Button,
    /// A link inside the page: nothing to read if it is a sign, or leads over the navigation.
    Anchor,
    /// A link back from a note to its mark. A number in it is the note's.
    BackLink,
    /// It is there for the looks, and not read aloud. Whoever opens a window above a page says the
    /// same of the page behind it.
    Unspoken,
    /// For browsers without scripts.
    NoScript,
}

/// What was written between an element's start and its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'t> {
    pub(super) text: &'t str,
    /// Its bytes without blanks, and those of them in links.
    pub(super) len_bytes: usize,
    pub(super) len_link_bytes: usize,
    pub(super) n_links: usize,
    /// Whether it holds the page's main heading or its main part.
    pub(super) holds_main: bool,
    /// Whether some of it was left out already.
    pub(super) had_more: bool,
}

/// Longer than any banner that asks for consent.
const MAX_BANNER: usize = 4000;
/// A heading over a list of links, such as "Table of contents", is shorter than this.
const MAX_LIST_TITLE: usize = 40;

/// Whether a page does not show an element, and nothing on it opens it.
///
/// `is_opened` says whether something on the page names an id as what it opens. The text of such an
/// element is there for every reader, as that of `hidden="until-found"` is.
pub(super) fn is_hidden(tag: &Tag, is_opened: impl Fn(&str) -> bool) -> bool {
    let has_style = |property, values: &[&str]| {
        style_of(tag, property).is_some_and(|value| values.contains(&&*value))
    };
    let is_hidden = (attribute(tag, "hidden").is_some() && !is(tag, "hidden", "until-found"))
        || has_style("display", &["none"])
        || has_style("visibility", &["hidden", "collapse"]);
    // MediaWiki hides the formula that is read aloud, and shows a picture of it.
    let is_formula = || attribute(tag, "class").is_some_and(|class| class.contains("mathml-a11y"));
    is_hidden && !attribute(tag, "id").is_some_and(is_opened) && !is_formula()
}

/// Whether an element is there for the looks alone, and nothing opens it.
pub(super) fn is_unspoken(tag: &Tag, is_opened: impl Fn(&str) -> bool) -> bool {
    is(tag, "aria-hidden", "true") && !attribute(tag, "id").is_some_and(is_opened)
}

/// The ids of what an element opens when it is clicked.
pub(super) fn opens(tag: &Tag) -> impl Iterator<Item = &str> {
    let names = ["aria-controls", "data-target", "data-bs-target"];
    let is_switch = ["aria-expanded", "data-toggle", "data-bs-toggle"]
        .iter()
        .any(|name| attribute(tag, name).is_some());
    let href = is_switch.then(|| attribute(tag, "href")).flatten();
    names
        .into_iter()
        .filter_map(|name| attribute(tag, name))
        .chain(href.filter(|href| href.starts_with('#')))
        .flat_map(str::split_ascii_whitespace)
        .map(|id| id.trim_start_matches('#'))
}

/// Whether nothing inside this element is ever part of the text.
pub(super) fn is_code(name: &str) -> bool {
    matches!(
        name,
        "script" | "style" | "svg" | "iframe" | "noembed" | "noframes" | "rp"
    )
}

/// Whether an element is there for scripts to use, or for browsers that run none.
pub(super) fn is_spare(tag: &Tag) -> bool {
    // With one of these a template is shown where it stands.
    let is_shown = ["shadowrootmode", "shadowroot"]
        .iter()
        .any(|name| attribute(tag, name).is_some());
    match &*tag.name {
        "noscript" => true,
        "template" => !is_shown,
        _ => false,
    }
}

/// Whether an element is a field to fill in, or plays something.
pub(super) fn is_control(name: &str) -> bool {
    matches!(name, "select" | "datalist" | "canvas" | "audio" | "video")
}

/// Where an element stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// Inside of a heading, a summary or a sentence.
    pub(super) in_line: bool,
    /// Inside of the header or the footer of the page, not of an article.
    pub(super) at_edge: bool,
}

/// What speaks against an element's being part of the text.
pub(super) fn doubt(tag: &Tag, surroundings: Surroundings) -> Option<Doubt> {
    let name = &*tag.name;
    let role = attribute(tag, "role").unwrap_or_default().trim();
    if matches!(name, "nav" | "search")
        || matches!(
            role,
            "navigation" | "search" | "menu" | "menubar" | "toolbar" | "doc-toc" | "doc-pagelist"
        )
    {
        return Some(Doubt::Navigation);
    }
    if matches!(name, "main" | "article" | "h1") {
        return None;
    }
    let words = Words::of(tag);
    if words.any(is_product_class) {
        return Some(Doubt::Navigation);
    }
    if role == "doc-backlink" || words.any(is_back_link) {
        return Some(Doubt::BackLink);
    }
    if name == "button" || (role == "button" && matches!(name, "div" | "span")) {
        let is_text =
            (surroundings.in_line && !words.any_part(is_work_on_text)) || is_switch(tag, &words);
        return (!is_text).then_some(Doubt::Button);
    }
    if words.speak_of_consent() {
        return Some(Doubt::Consent);
    }
    match name {
        "a" if attribute(tag, "href").is_some_and(|href| href.starts_with('#')) => {
            Some(Doubt::Anchor)
        }
        "a" => words.any(is_skip_link).then_some(Doubt::NamedLikeLinks),
        _ if words.speak_of_navigation() => Some(Doubt::NamedLikeLinks),
        "header" | "footer" | "aside" => Some(Doubt::Links),
        "ul" | "ol" | "dl" if surroundings.at_edge => Some(Doubt::Links),
        _ => words
            .any_part(|part| part == "footer")
            .then_some(Doubt::Links),
    }
}

impl Doubt {
    /// Whether an element that has ended was no part of the text.
    pub(super) fn holds(self, written: Written<'_>) -> bool {
        let Written {
            text,
            len_bytes,
            len_link_bytes,
            n_links,
            holds_main,
            had_more,
        } = written;
        let are_links = |percent: usize| len_link_bytes * 100 >= len_bytes * percent && n_links > 0;
        match self {
            Self::Navigation => true,
            Self::NamedLikeLinks => {
                let rest = len_bytes.saturating_sub(len_link_bytes);
                let is_list = had_more || (n_links > 1 && are_links(40));
                let is_short = is_list && rest <= MAX_LIST_TITLE;
                !holds_main && (are_links(70) || is_short)
            }
            Self::Links => !holds_main && n_links > 2 && are_links(90),
            Self::Consent => !holds_main && text.len() <= MAX_BANNER,
            Self::Button => !reads_like_text(text.trim()),
            Self::Anchor => is_sign(text.trim()) || leads_over_navigation(text.trim()),
            Self::BackLink => !is_number(text.trim()),
            Self::Unspoken => !holds_main,
            Self::NoScript => asks_for_scripts(text),
        }
    }
}

/// The words of an element's class, id and label, in lower case.
struct Words(Vec<String>);

impl Words {
    fn of(tag: &Tag) -> Self {
        let values = ["class", "id", "aria-label"];
        let values = values.iter().filter_map(|name| attribute(tag, name));
        Self(
            values
                .flat_map(str::split_ascii_whitespace)
                .map(str::to_owned)
                .collect(),
        )
    }

    fn any(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.0
            .iter()
            .any(|word| is_wanted(&word.to_ascii_lowercase()))
    }

    /// Whether one of the words has a part, such as `nav` in `top-nav` and in `topNav`, that is wanted.
    fn any_part(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|word| {
            let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
            parts.any(|part| {
                let humps = humps(part);
                humps
                    .into_iter()
                    .any(|hump| is_wanted(&hump.to_ascii_lowercase()))
                    || is_wanted(&part.to_ascii_lowercase())
            })
        })
    }

    fn speak_of_navigation(&self) -> bool {
        let is_contents = |word: &str| {
            let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
            letters.contains("tableofcontents")
        };
        self.any_part(is_navigation_word) || self.any(is_contents)
    }

    fn speak_of_consent(&self) -> bool {
        let is_banner = |part: &str| {
            matches!(
                part,
                "banner"
                    | "consent"
                    | "notice"
                    | "bar"
                    | "popup"
                    | "modal"
                    | "dialog"
                    | "message"
                    | "overlay"
                    | "disclaimer"
                    | "law"
            )
        };
        let is_subject = |part: &str| matches!(part, "cookie" | "cookies" | "gdpr" | "ccpa");
        let is_product =
            |word: &str| word.starts_with("onetrust") || word.starts_with("cybotcookie");
        self.any(is_product) || (self.any_part(is_subject) && self.any_part(is_banner))
    }
}

/// The parts of a word in camel case.
fn humps(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let is_start =
        |&at: &usize| bytes[at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase();
    let starts: Vec<usize> = (1..bytes.len()).filter(is_start).collect();
    let mut humps = Vec::with_capacity(starts.len() + 1);
    let mut start = 0;
    for next in starts {
        humps.push(&word[start..next]);
        start = next;
    }
    humps.push(&word[start..]);
    humps
}

/// Classes of what is no text in pages made by `DocBook`, Sphinx, `MediaWiki`, pandoc, Pygments and
/// the like.
fn is_product_class(class: &str) -> bool {
    matches!(
        class,
        "navheader"
            | "navfooter"
            | "sphinxsidebar"
            | "headerlink"
            | "hash-link"
            | "skip-link"
            | "mdbook-help-container"
            | "mw-editsection"
            | "mw-jump-link"
            | "navbar-toggler"
            | "navbar-toggle"
            | "linenos"
            | "linenodiv"
            | "lineno"
            | "hljs-ln-numbers"
    )
}

/// Classes of links back from notes to their marks.
fn is_back_link(class: &str) -> bool {
    matches!(
        class,
        "mw-cite-backlink"
            | "footnote-back"
            | "footnote-backref"
            | "footnotes-backref"
            | "fn-backref"
            | "data-footnote-backref"
    )
}

fn is_navigation_word(part: &str) -> bool {
    matches!(
        part,
        "nav"
            | "navbar"
            | "navigation"
            | "navlinks"
            | "navlist"
            | "navmenu"
            | "menu"
            | "menubar"
            | "submenu"
            | "breadcrumb"
            | "breadcrumbs"
            | "toc"
            | "sidebar"
            | "sidenav"
            | "sidemenu"
            | "pagination"
            | "paginator"
            | "pager"
            | "prevnext"
            | "skip"
            | "skiplink"
            | "skiplinks"
            | "related"
            | "share"
            | "sharing"
            | "social"
            | "socials"
    )
}

fn is_skip_link(word: &str) -> bool {
    word.starts_with("skip")
}

/// Whether a button does something with the text beside it.
fn is_work_on_text(part: &str) -> bool {
    matches!(
        part,
        "copy" | "clipboard" | "share" | "print" | "edit" | "close" | "dismiss"
    )
}

/// Whether a button shows and hides text: it is the heading of that text.
fn is_switch(tag: &Tag, words: &Words) -> bool {
    let has = |name| attribute(tag, name).is_some();
    let opens_menu = has("aria-haspopup") && !is(tag, "aria-haspopup", "false");
    let is_of_menu = || {
        words.any_part(|part| {
            matches!(
                part,
                "menu" | "hamburger" | "burger" | "nav" | "navbar" | "navigation" | "search"
            )
        })
    };
    let toggles = |name| {
        ["collapse", "tab", "pill"]
            .iter()
            .any(|kind| is(tag, name, kind))
    };
    let is_named = || {
        words.any_part(|part| {
            matches!(
                part,
                "accordion" | "collapsible" | "collapse" | "faq" | "question" | "tab"
            )
        })
    };
    !opens_menu
        && !is_of_menu()
        && (has("aria-expanded")
            || has("aria-controls")
            || is(tag, "role", "tab")
            || toggles("data-toggle")
            || toggles("data-bs-toggle")
            || is_named())
}

/// Whether a button's words are a question or a sentence, and no name of what it does.
fn reads_like_text(text: &str) -> bool {
    let is_long = || text.len() > 30 && text.split_whitespace().count() > 4;
    text.ends_with(['?', '？', '؟']) || is_long()
}

/// Whether a link's words are a sign, such as the paragraph mark beside a heading.
fn is_sign(text: &str) -> bool {
    text.len() <= 16 && !text.contains(char::is_alphanumeric)
}

fn is_number(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && !text.contains(char::is_alphabetic)
}

fn leads_over_navigation(text: &str) -> bool {
    let leads = |text: &str| {
        let starts = ["skip to ", "skip navigation", "jump to ", "back to top"];
        starts.iter().any(|start| text.starts_with(start))
    };
    text.len() < 60 && leads(&text.to_lowercase())
}

fn asks_for_scripts(text: &str) -> bool {
    text.len() < 400 && text.to_ascii_lowercase().contains("javascript")
}
