//! JSON Lines: one document a line, in the form of BEIR's `corpus.jsonl`.

mod numbers;

use std::collections::HashSet;

use serde::Deserialize;

use self::numbers::exact_numbers;
use super::{Input, Output};
use crate::document::{Document, Lines};
use crate::facts::{Facts, Limits};
use crate::kind::DocumentKind;
use crate::node::{Node, entry};
use crate::problem::{Problem, Reason};
use crate::text;

/// How many bad lines of one file are listed one by one.
const MAX_LISTED: usize = 100;

/// Reads one record a line: `{"_id": …, "title": …, "text": …}`.
///
/// A missing `_id` becomes `path:line`; title and text may be numbers or lists of texts, and one of
/// them may be missing. A line that is no record is reported, and so is an `_id` that came before. A
/// file without a single record is one document of plain text.
pub(crate) fn read(mut input: Input) -> Output {
    let text = text::decode(std::mem::take(&mut input.bytes));
    let mut records = Records::default();
    for (line, record) in (1_u32..).zip(text.split('\n')) {
        if !record.trim().is_empty() {
            records.take(&input.path, line, record);
        }
    }
    if records.holds_none() {
        let document = input.document(DocumentKind::Text, text);
        return Output::from(document).with_problem(&input.path, Some(Reason::NoRecords));
    }
    records.into_output(&input.path)
}

/// The records of a file, and what is wrong with the others.
#[derive(Default)]
struct Records {
    documents: Vec<Document>,
    ids: HashSet<String>,
    problems: Vec<Problem>,
    n_problems: usize,
    limits: Limits,
    /// Whether a line has a title or a text, if only an empty one.
    has_fields: bool,
}

impl Records {
    fn take(&mut self, path: &str, line: u32, record: &str) {
        let record = exact_numbers(record);
        let fields = match Record::of(&record) {
            Ok(fields) => fields,
            Err(reason) => return self.report(path, line, reason),
        };
        self.has_fields |= fields.title.is_some() || fields.text.is_some();
        let further = Further::of(&record);
        let (metadata, limits) = further.facts.into_parts();
        match fields.into_document(path, line, further.title) {
            Ok(document) if self.ids.contains(&document.id) => {
                self.report(path, line, Reason::DuplicateId(document.id));
            }
            Ok(mut document) => {
                document.metadata = metadata;
                self.limits.add(&limits);
                if let Some(reason) = further.problem {
                    self.report(path, line, reason);
                }
                self.ids.insert(document.id.clone());
                self.documents.push(document);
            }
            Err(reason) => self.report(path, line, reason),
        }
    }

    fn report(&mut self, path: &str, line: u32, reason: Reason) {
        self.n_problems += 1;
        if self.n_problems <= MAX_LISTED {
            self.problems.push(Problem {
                path: path.to_owned(),
                line: Some(line),
                reason,
            });
        }
    }

    fn holds_none(&self) -> bool {
        self.documents.is_empty() && self.n_problems > 0 && !self.has_fields
    }

    fn into_output(mut self, path: &str) -> Output {
        if self.n_problems > MAX_LISTED {
            let more = Reason::MoreLines(self.n_problems - MAX_LISTED);
            self.problems.push(Problem::of_file(path, more));
        }
        let output = Output {
            documents: self.documents,
            problems: self.problems,
        };
        output.with_problem(path, self.limits.reason())
    }
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "_id", default)]
    id: Option<Node>,
    #[serde(default)]
    title: Option<Node>,
    #[serde(default)]
    text: Option<Node>,
}

impl Record {
    /// Passes over what stands in other fields.
    fn of(record: &str) -> Result<Self, Reason> {
        if !record.trim_start().starts_with('{') {
            let what = match serde_json::from_str::<serde::de::IgnoredAny>(record) {
                Ok(_) => "it is no object in `{}`".to_owned(),
                Err(error) => message(&error),
            };
            return Err(Reason::BadRecord(what));
        }
        serde_json::from_str(record).map_err(|error| Reason::BadRecord(message(&error)))
    }

    /// The record as a document, which is called `other_title` if it has no title of its own.
    fn into_document(
        self,
        path: &str,
        line: u32,
        other_title: Option<String>,
    ) -> Result<Document, Reason> {
        let id = self.id(path, line)?;
        let mut title = words("title", self.title.as_ref())?.join(" ");
        if title.trim().is_empty() {
            title = other_title.unwrap_or_default();
        }
        let text = words("text", self.text.as_ref())?.join("\n\n");
        // One whose fields are empty is a document without a word, which is counted as such.
        let has_fields = self.title.is_some() || self.text.is_some();
        if title.trim().is_empty() && !has_fields {
            return Err(Reason::MissingText);
        }
        Ok(Document::new(id, text)
            .with_kind(DocumentKind::JsonLines)
            .with_title(title.trim())
            .with_lines(Lines::Single(line)))
    }

    fn id(&self, path: &str, line: u32) -> Result<String, Reason> {
        match &self.id {
            Some(Node::Text(id)) => Ok(id.clone()),
            Some(Node::Number(id)) => Ok(id.to_string()),
            None | Some(Node::Null) => Ok(format!("{path}:{line}")),
            Some(_) => Err(Reason::BadRecord(
                "`_id` is neither a string nor a number".to_owned(),
            )),
        }
    }
}

/// The texts of a field: one, or those of a list.
fn words(name: &str, node: Option<&Node>) -> Result<Vec<String>, Reason> {
    let texts = node.map_or_else(|| Some(Vec::new()), Node::texts);
    texts.ok_or_else(|| {
        let what = format!("`{name}` is neither a string, a number nor a list of these");
        Reason::BadRecord(what)
    })
}

/// The other fields of a record, those of its `metadata` among them as if they were its own.
#[derive(Default)]
struct Further {
    facts: Facts,
    /// The title in `metadata`.
    title: Option<String>,
    /// Why there are none.
    problem: Option<Reason>,
}

impl Further {
    /// Reads the line once more, so that what is wrong with them is no reason to refuse the record.
    fn of(record: &str) -> Self {
        let mut further = Self::default();
        let entries = match serde_json::from_str(record) {
            Ok(Node::Map(entries)) => entries,
            Ok(_) => return further,
            Err(error) => {
                further.problem = Some(Reason::BadFields(message(&error)));
                return further;
            }
        };
        let inner = match entry(&entries, "metadata") {
            Some(Node::Map(inner)) => Some(inner),
            _ => None,
        };
        further.facts.add_entries(&entries, |name| {
            matches!(name, "_id" | "title" | "text") || (name == "metadata" && inner.is_some())
        });
        if let Some(inner) = inner {
            further.facts.add_entries(inner, |_| false);
            further.title = entry(inner, "title").and_then(Node::to_line);
        }
        further
    }
}

/// The parser's words, with the column in place of a line number that is always 1.
fn message(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => words,
    }
}

#[cfg(test)]
mod tests;
