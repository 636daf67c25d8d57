//! What a Markdown file says about itself before its text: YAML between lines of `---`, TOML between
//! lines of `+++`, or an object of JSON.

mod bad_line;
mod salvage;
mod toml;
mod yaml;

use self::bad_line::{BadLine, MAX_LISTED};
use crate::node::{Entries, Node};
use crate::text::boundary_before;

/// Front matter beyond this is not looked into.
const MAX_BYTES: usize = 64 << 10;

/// The block at the beginning of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FrontMatter {
    /// Where the text after it begins.
    pub(crate) end: usize,
    pub(crate) entries: Entries,
    /// The first lines that cannot be read. The entries are those on the others.
    pub(crate) bad: Vec<BadLine>,
}

impl FrontMatter {
    /// The front matter of `text`; `None` where it begins with its text, perhaps below a line of
    /// `---` that only divides.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let yaml = fenced(text, "---", &["---", "..."]);
        let is_yaml = yaml.is_some();
        let Some((inside, end)) = yaml.or_else(|| fenced(text, "+++", &["+++"])) else {
            return json(text);
        };
        if is_blank(inside) {
            return Some(Self {
                end,
                ..Self::default()
            });
        }
        let (entries, mut bad) = if is_yaml {
            salvage::read(inside)?
        } else {
            toml::read(inside)
        };
        // Below a line that divides, prose may look like an entry: `Note: …`.
        let begins_blank = inside
            .lines()
            .next()
            .is_some_and(|line| line.trim().is_empty());
        if is_yaml && begins_blank && !entries.iter().any(|(name, _)| is_usual(name)) {
            return None;
        }
        bad.truncate(MAX_LISTED);
        for bad in &mut bad {
            // The fence is line 1.
            bad.line += 1;
        }
        Some(Self { end, entries, bad })
    }
}

/// What stands between a first line of `open` and the next line that is one of `close`, and where the
/// text behind that begins.
fn fenced<'t>(text: &'t str, open: &str, close: &[&str]) -> Option<(&'t str, usize)> {
    let start = text.find('\n')? + 1;
    if text[..start].trim_end() != open {
        return None;
    }
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if close.contains(&line.trim_end()) {
            return Some((&text[start..at], at + line.len()));
        }
        at += line.len();
        if at - start > MAX_BYTES {
            return None;
        }
    }
    None
}

/// An object of JSON that begins a file and ends a line, as Hugo has it.
fn json(text: &str) -> Option<FrontMatter> {
    let start = &text[..boundary_before(text, MAX_BYTES)];
    if !start.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(start).into_iter();
    let Some(Ok(Node::Map(entries))) = values.next() else {
        return None;
    };
    let end = values.byte_offset();
    let rest_of_line = text[end..].split('\n').next()?;
    rest_of_line.trim().is_empty().then(|| FrontMatter {
        end: text.len().min(end + rest_of_line.len() + 1),
        entries,
        bad: Vec::new(),
    })
}

/// Whether there are only blank lines and comments.
fn is_blank(inside: &str) -> bool {
    inside
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// Names that hardly any prose has before a colon.
fn is_usual(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "title"
            | "date"
            | "tags"
            | "author"
            | "authors"
            | "aliases"
            | "categories"
            | "layout"
            | "draft"
            | "description"
            | "keywords"
            | "slug"
            | "permalink"
    )
}

#[cfg(test)]
mod tests;
