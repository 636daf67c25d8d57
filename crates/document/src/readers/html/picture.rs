//! What stands for a picture in text: its `alt`, unless its caption says the same.

use html5ever::tokenizer::Tag;

use super::tags::{attribute, is};

/// A figure that is open.
#[derive(Debug, Default)]
pub(super) struct Figure {
    pictures: Vec<String>,
    caption: Option<String>,
}

/// Longer captions are whole texts, and are not compared.
const MAX_CAPTION: usize = 4 << 10;

impl Figure {
    pub(super) fn add_picture(&mut self, words: String) {
        self.pictures.push(words);
    }

    pub(super) fn set_caption(&mut self, text: &str) {
        if self.caption.is_none() && text.len() <= MAX_CAPTION {
            self.caption = Some(squeezed(text));
        }
    }

    /// What its pictures say beyond the caption.
    pub(super) fn into_pictures(self) -> impl Iterator<Item = String> {
        let caption = self.caption.unwrap_or_default();
        let is_new = move |words: &String| !caption.contains(&squeezed(words));
        self.pictures.into_iter().filter(is_new)
    }
}

/// The words that stand for a picture; `None` where it is there for its looks.
pub(super) fn words_of(tag: &Tag) -> Option<String> {
    if is(tag, "role", "presentation") || is(tag, "role", "none") {
        return None;
    }
    let words = match &*tag.name {
        "img" | "image" | "area" => attribute(tag, "alt")?,
        _ if is(tag, "role", "img") => attribute(tag, "aria-label")?,
        _ => return None,
    };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty() && !is_no_description(&words)).then_some(words)
}

/// Whether it only says that there is a picture, or how its file is called.
fn is_no_description(words: &str) -> bool {
    let words = words.to_lowercase();
    let name = words.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '_'));
    let is_file = || {
        let ends = [
            ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif",
        ];
        !words.contains(' ') && ends.iter().any(|end| words.ends_with(end))
    };
    matches!(
        name,
        "image"
            | "img"
            | "picture"
            | "photo"
            | "icon"
            | "logo"
            | "screenshot"
            | "avatar"
            | "thumbnail"
    ) || words.starts_with("data:")
        || is_file()
}

/// Letters and digits in lower case, so that punctuation makes no difference.
fn squeezed(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
