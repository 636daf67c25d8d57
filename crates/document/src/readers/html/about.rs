//! What a page says about itself: its language, and its `<meta>` tags.

use html5ever::tokenizer::Tag;

use super::tags::attribute;
use crate::facts::Facts;
use crate::metadata::Metadata;

/// The facts of a page, in the making.
#[derive(Default)]
pub(super) struct About {
    facts: Facts,
    title: Option<String>,
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

    /// The title that the page's `<meta>` tags name, and the facts.
    pub(super) fn finish(self) -> (Option<String>, Metadata) {
        (self.title, self.facts.into_metadata())
    }

    fn take_meta(&mut self, tag: &Tag) {
        let names = ["name", "property", "itemprop"].iter();
        let mut names = names.filter_map(|name| attribute(tag, name));
        let name = names.find(|name| !name.trim().is_empty());
        let (Some(name), Some(content)) = (name, attribute(tag, "content")) else {
            return;
        };
        let name = name.trim().to_ascii_lowercase();
        if is_title(&name) {
            self.title.get_or_insert_with(|| content.to_owned());
        } else if !is_for_machines(&name) {
            self.facts.append(&name, content);
        }
    }
}

fn is_title(name: &str) -> bool {
    matches!(
        name,
        "title" | "og:title" | "twitter:title" | "dc.title" | "dcterms.title" | "citation_title"
    )
}

/// Tells browsers and crawlers what to do; whoever searches for a word of it wants something else.
fn is_for_machines(name: &str) -> bool {
    const STARTS: [&str; 5] = ["msapplication-", "apple-", "csrf-", "fb:", "al:"];
    matches!(
        name,
        "viewport"
            | "theme-color"
            | "color-scheme"
            | "robots"
            | "googlebot"
            | "referrer"
            | "format-detection"
            | "mobile-web-app-capable"
            | "handheldfriendly"
            | "twitter:card"
    ) || STARTS.iter().any(|start| name.starts_with(start))
        || name.ends_with("-verification")
}
