//! Makes text of what a reader found: removes what nobody sees, leaves out what nobody reads, and
//! puts words together that a line end has cut.
//!
//! Works on documents, whatever they were read from. No step moves a line, so line numbers remain
//! those of the file.

mod edit;
mod encoded;
mod hyphen;
mod invisible;
mod prose;

use crate::document::Document;
use crate::file_name::file_name;
use crate::kind::DocumentKind;
use crate::metadata::Value;
use crate::problem::{Problem, Reason};

/// Less than this is not worth a word in the summary; the placeholder says it.
const MIN_SAID_BYTES: usize = 1000;

/// Cleans the documents of the file `path`, and says what was left out of them.
pub(crate) fn clean(path: &str, documents: &mut [Document]) -> Option<Problem> {
    let mut n_bytes = 0;
    for document in documents {
        remove_invisible(document);
        let runs = encoded::runs(&document.text, may_be_minified(path));
        n_bytes += runs.iter().map(|run| run.range.len()).sum::<usize>();
        let edits: Vec<_> = runs.iter().map(|run| run.edit(&document.text)).collect();
        edit::apply(document, &edits);
        let breaks = hyphen::breaks(&document.text);
        if !breaks.is_empty() {
            let edits = hyphen::edits(&document.text, &breaks, &prose::of(path, document));
            edit::apply(document, &edits);
        }
    }
    (n_bytes >= MIN_SAID_BYTES).then(|| Problem::of_file(path, Reason::EncodedData(n_bytes)))
}

/// Removes characters that nobody sees from all that is shown or searched, and writes hyphens one way.
fn remove_invisible(document: &mut Document) {
    let edits = invisible::edits(&document.text);
    edit::apply(document, &edits);
    if document.kind != DocumentKind::Code {
        let edits = hyphen::plain(&document.text);
        edit::apply(document, &edits);
    }
    let tidy = |words: &mut String| {
        if let Some(without) = invisible::without(words) {
            *words = without;
        }
        if words.contains(hyphen::TWINS) {
            *words = words.replace(hyphen::TWINS, "-");
        }
    };
    tidy(&mut document.title);
    for heading in &mut document.headings {
        tidy(&mut heading.text);
    }
    for value in document.metadata.values_mut() {
        for_each_text(value, &tidy);
    }
}

fn for_each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::Text(text) => change(text),
        Value::List(values) => {
            for value in values {
                for_each_text(value, change);
            }
        }
        Value::Number(_) | Value::Date(_) => {}
    }
}

/// Whether programs that make code smaller write files of this name.
fn may_be_minified(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "js" | "mjs" | "cjs" | "css")
}

#[cfg(test)]
mod tests;
