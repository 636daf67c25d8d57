//! What a page says about itself: its language, and its `<meta>` tags.

use html5ever::tokenizer::Tag;

use super::tags::attribute;
use crate::facts::Facts;
use crate::metadata::Metadata;

/// How many titles are kept beside the one of `<title>`.
const MAX_TITLES: usize = 8;

/// The facts of a page, in the making.
#[derive(Default)]
pub(super) struct About {
    facts: Facts,
    /// The titles that `<meta>` tags name, with the tags' names.
    titles: Vec<(String, String)>,
}

impl About {
    /// Takes what a tag says.
    pub(super) fn take(&mut self, tag: &Tag) {
        match &*tag.name {
            "html" => {
                let language = attribute(tag, "lang").or_else(|| attribute(tag, "xml:lang"));
                if let Some(language) = language {
                    self.facts.append("lang", language);
                }
            }
            "meta" => self.take_meta(tag),
            _ => {}
        }
    }

    /// The title of a page and the facts. `title` is that of `<title>`; the first of a `<meta>` tag
    /// stands in for it. Another title that says more is a fact.
    pub(super) fn finish(mut self, title: Option<String>) -> (Option<String>, Metadata) {
        let mut titles = self.titles.into_iter().peekable();
        let title = title.or_else(|| titles.peek().map(|(_, content)| content.clone()));
        let known = title.as_deref().unwrap_or_default();
        for (name, content) in titles.filter(|(_, content)| !known.contains(content)) {
            self.facts.append(&name, &content);
        }
        (title, self.facts.into_metadata())
    }

    fn take_meta(&mut self, tag: &Tag) {
        let names = ["name", "property", "itemprop"].iter();
        let mut names = names.filter_map(|name| attribute(tag, name));
        let name = names.find(|name| !name.trim().is_empty());
        let (Some(name), Some(content)) = (name, attribute(tag, "content")) else {
            return;
        };
        let name = name.trim().to_ascii_lowercase();
        if !is_title(&name) {
            self.facts.append(&name, content);
        } else if let Some(title) = tidy(content)
            && self.titles.len() < MAX_TITLES
        {
            self.titles.push((name, title));
        }
    }
}

/// A title on one line; `None` where it has no words.
pub(super) fn tidy(title: &str) -> Option<String> {
    let words = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then_some(words)
}

fn is_title(name: &str) -> bool {
    matches!(
        name,
        "title" | "og:title" | "twitter:title" | "dc.title" | "dcterms.title" | "citation_title"
    )
}
