//! Markdown: the source line by line, without the marks that keep its words apart.

mod edits;
mod inline;
mod links;
mod modules;
mod scripts;
mod tags;

use self::inline::Reading;
use super::{Input, Output};
use crate::document::Document;
use crate::facts::Facts;
use crate::front_matter::FrontMatter;
use crate::kind::DocumentKind;
use crate::node::{Entries, Node, entry};
use crate::problem::{Problem, Reason};
use crate::text;

/// Reads Markdown. The title is the front matter's, else the first heading of level 1, else the
/// file's name.
///
/// The text is the source, in which emphasis, links, entities, tags and the like are put as a reader
/// sees them; headings, lists, tables and code stay as they are written. Front matter, comments,
/// addresses of references and modules of MDX are left out. No line moves.
pub(crate) fn read(mut input: Input) -> Output {
    let source = text::decode(std::mem::take(&mut input.bytes));
    let front_matter = FrontMatter::of(&source).unwrap_or_default();
    let (above, body) = source.split_at(front_matter.end);
    let has_modules = input.path.to_ascii_lowercase().ends_with(".mdx");
    let reading = Reading::of(body, has_modules);

    let mut document = input.document(DocumentKind::Markdown, String::new());
    document.text = "\n".repeat(above.matches('\n').count());
    let moved_by = document.text.len();
    document.text.push_str(&reading.text);
    document.headings = reading.headings;
    for heading in &mut document.headings {
        heading.range = heading.range.start + moved_by..heading.range.end + moved_by;
    }
    let first = || document.headings.iter().find(|heading| heading.level == 1);
    let title = entry(&front_matter.entries, "title").and_then(Node::to_line);
    let title = title.or_else(|| first().map(|heading| heading.text.clone()));
    if let Some(title) = title.filter(|title| !title.is_empty()) {
        document = document.with_title(title);
    }
    let limit = add_metadata(&mut document, &front_matter.entries);
    let bad = front_matter.bad.into_iter().map(|bad| Problem {
        path: input.path.clone(),
        line: Some(bad.line),
        reason: Reason::FrontMatter(bad.what),
    });
    let mut output = Output::from(document).with_problem(&input.path, limit);
    output.problems.extend(bad);
    output
}

/// Adds what the front matter says, and says what does not fit.
fn add_metadata(document: &mut Document, entries: &Entries) -> Option<Reason> {
    let mut facts = Facts::default();
    facts.add_entries(entries, |_| false);
    // Zola keeps in a table of its own what others call `tags` and `categories`.
    if let Some(Node::Map(inner)) = entry(entries, "taxonomies") {
        facts.add_entries(inner, |_| false);
    }
    let (metadata, limits) = facts.into_parts();
    document.metadata = metadata;
    limits.reason()
}

#[cfg(test)]
mod tests;
