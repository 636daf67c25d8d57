//! JSON Lines: one document a line, in the form of BEIR's `corpus.jsonl`.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Input, Output};
use crate::document::{Document, Lines};
use crate::facts::Facts;
use crate::kind::DocumentKind;
use crate::metadata::Metadata;
use crate::problem::{Problem, Reason};
use crate::text;

/// How many bad lines of one file are listed one by one.
const MAX_LISTED: usize = 100;

/// Reads one record a line: `{"_id": …, "title": …, "text": …}`.
///
/// A missing `_id` becomes `path:line`. A line that is no record is reported, and so is an `_id`
/// that came before. A file without a single record is one document of plain text.
pub(crate) fn read(mut input: Input) -> Output {
    let text = text::decode(std::mem::take(&mut input.bytes));
    let path = input.path.as_str();
    let mut output = Output::default();
    let mut ids = HashSet::new();
    let mut n_problems = 0;
    for (line, record) in (1_u32..).zip(text.split('\n')) {
        if record.trim().is_empty() {
            continue;
        }
        let read = read_record(path, line, record).and_then(|document| {
            if ids.insert(document.id.clone()) {
                Ok(document)
            } else {
                Err(Reason::DuplicateId(document.id))
            }
        });
        match read {
            Ok(document) => output.documents.push(document),
            Err(reason) => {
                n_problems += 1;
                if n_problems <= MAX_LISTED {
                    output.problems.push(Problem {
                        path: path.to_owned(),
                        line: Some(line),
                        reason,
                    });
                }
            }
        }
    }
    if n_problems > MAX_LISTED {
        output.problems.push(Problem::of_file(
            path,
            Reason::MoreLines(n_problems - MAX_LISTED),
        ));
    }
    if output.documents.is_empty() && n_problems > 0 {
        let document = input.document(DocumentKind::Text, text);
        return Output::from(document).with_problem(path, Some(Reason::NoRecords));
    }
    output
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "_id", default)]
    id: Option<Id>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`_id` is neither a string nor a number")]
enum Id {
    Text(String),
    Number(serde_json::Number),
}

fn read_record(path: &str, line: u32, record: &str) -> Result<Document, Reason> {
    let Record { id, title, text } =
        serde_json::from_str(record).map_err(|error| Reason::BadRecord(message(&error)))?;
    let text = text.ok_or(Reason::MissingText)?;
    let id = match id {
        Some(Id::Text(id)) => id,
        Some(Id::Number(id)) => id.to_string(),
        None => format!("{path}:{line}"),
    };
    let title = title.unwrap_or_default();
    let mut document = Document::new(id, text)
        .with_kind(DocumentKind::JsonLines)
        .with_title(title.trim())
        .with_lines(Lines::Single(line));
    document.metadata = metadata(record);
    Ok(document)
}

/// The other fields of a record, those of its `metadata` among them as if they were its own.
///
/// Reads the line once more, so that what is wrong with them is no reason to refuse the record.
fn metadata(record: &str) -> Metadata {
    let mut facts = Facts::default();
    if let Ok(fields) = serde_json::from_str::<Map<String, Value>>(record) {
        let is_taken = |name: &str| matches!(name, "_id" | "title" | "text");
        let inner = fields.get("metadata").and_then(Value::as_object);
        facts.add_map(&fields, |name| {
            is_taken(name) || (name == "metadata" && inner.is_some())
        });
        if let Some(inner) = inner {
            facts.add_map(inner, |_| false);
        }
    }
    facts.into_metadata()
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
mod tests {
    use super::*;

    fn read(path: &str, text: String) -> (Vec<Document>, Vec<Problem>) {
        let output = super::read(Input::new(path, text.into_bytes()));
        (output.documents, output.problems)
    }

    fn ids(text: &str) -> Vec<(String, String)> {
        let (documents, _) = read("c.jsonl", text.to_owned());
        documents.into_iter().map(|d| (d.id, d.text)).collect()
    }

    #[test]
    fn records_are_read_with_any_sort_of_id() {
        let text = "{\"_id\":\"a\",\"title\":\" T \",\"text\":\"x\"}\r\n\n{\"_id\":7,\"text\":\"y\",\"metadata\":{}}\n{\"text\":\"z\"}";
        assert_eq!(
            ids(text),
            [
                ("a".into(), "x".into()),
                ("7".into(), "y".into()),
                ("c.jsonl:4".into(), "z".into())
            ]
        );
        let (documents, problems) = read("c.jsonl", text.to_owned());
        assert_eq!(documents[0].title, "T");
        assert_eq!(documents[1].lines, Lines::Single(3));
        assert_eq!(problems, []);
    }

    #[test]
    fn other_fields_are_metadata() {
        let of = |record: &str| {
            let (documents, problems) = read("c.jsonl", record.to_owned());
            assert_eq!(problems, []);
            serde_json::to_string(&documents[0].metadata).unwrap()
        };
        let beir = r#"{"_id":"a","title":"T","text":"x","metadata":{"url":"u","year":2}}"#;
        assert_eq!(of(beir), r#"{"url":"u","year":2}"#);
        let record = r#"{"text":"x","Year":1,"a":{"b":true},"tags":["t"],"metadata":{"year":2}}"#;
        assert_eq!(of(record), r#"{"a.b":"true","tags":["t"],"year":1}"#);
        assert_eq!(of(r#"{"text":"x","metadata":"m"}"#), r#"{"metadata":"m"}"#);
        assert_eq!(of(r#"{"text":"x","metadata":{}}"#), "{}");
        // Out of range, and of no concern to the text.
        assert_eq!(of(r#"{"text":"x","n":1e999,"year":1}"#), "{}");
    }

    #[test]
    fn bad_lines_are_reported_and_the_rest_goes_on() {
        let text = "{\"_id\":\"a\",\"text\":\"x\"}\n{oops\n{\"_id\":\"b\"}\n{\"_id\":\"a\",\"text\":\"y\"}\n\
                    {\"_id\":[],\"text\":\"y\"}\n{\"text\":\"\\ud800\"}\n[1]\n{\"_id\":\"c\",\"text\":\"\"}\n";
        assert_eq!(
            ids(text),
            [("a".into(), "x".into()), ("c".into(), String::new())]
        );
        let (_, problems) = read("c.jsonl", text.to_owned());
        let lines: Vec<_> = problems.iter().filter_map(|p| p.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
        assert_eq!(problems[1].reason, Reason::MissingText);
        assert_eq!(problems[2].reason, Reason::DuplicateId("a".into()));
        assert_eq!(
            problems[3].to_string(),
            "c.jsonl:5: is not a record: `_id` is neither a string nor a number at column 9"
        );
    }

    #[test]
    fn a_file_without_records_is_plain_text_with_one_note() {
        let (documents, problems) = read("log.jsonl", "{\"level\":\"info\"}\n".repeat(500));
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].kind, DocumentKind::Text);
        assert_eq!(documents[0].lines, Lines::OfText);
        assert_eq!(problems, [Problem::of_file("log.jsonl", Reason::NoRecords)]);
        assert_eq!(read("empty.jsonl", String::new()), (vec![], vec![]));
    }

    #[test]
    fn the_list_of_bad_lines_is_short() {
        let text = format!("{{\"text\":\"x\"}}\n{}", "{}\n".repeat(1000));
        let (_, problems) = read("c.jsonl", text);
        assert_eq!(problems.len(), MAX_LISTED + 1);
        assert_eq!(problems[MAX_LISTED].reason, Reason::MoreLines(900));
    }

    #[test]
    fn deep_nesting_is_reported_and_does_not_end_the_process() {
        let text = format!("{{\"text\":\"x\"}}\n{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(read("c.jsonl", text).1.len(), 1);
    }
}
