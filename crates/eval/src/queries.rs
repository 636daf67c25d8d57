//! Queries: what is asked, by id.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use crate::header::{Names, QUERY_ID, column, is_called};
use crate::lines::{Line, Lines};
use crate::{Error, Result};

/// A query with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryText {
    /// The id that judgements and runs use.
    pub id: String,
    /// What is asked.
    pub text: String,
}

/// Queries as they are read from a file, one after the other: what is asked next need not be written yet.
///
/// Yields an error for each line that is no query, or has the id of an earlier one; the queries behind it
/// follow. Other errors end it.
pub struct QueryLines {
    lines: Lines,
    form: Form,
    /// The line of each id.
    seen: HashMap<String, u64>,
    ended: bool,
}

/// Where id and text stand in lines that are not JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Not known before the first line.
    Open,
    /// The id, a tab, and the text, which may have tabs in it.
    IdAndText,
    /// As a header line says.
    Columns { id: usize, text: usize },
}

/// The names of the id in a JSON object, the first that is there.
const JSON_ID: [&str; 5] = ["_id", "id", "query_id", "query-id", "qid"];

/// The names of the text.
const JSON_TEXT: [&str; 3] = ["text", "query", "question"];

/// What the column of texts is called.
const TEXT: Names = &["text", "query", "question", "querytext", "title"];

const EXPECTED: &str = "a query such as {\"_id\": \"1\", \"text\": \"...\"}, or `id`, tab, text";

/// Reads queries as BEIR's JSON Lines (`{"_id": "1", "text": "..."}`) or as `id`, tab, text, with or
/// without a header line, plain or packed with gzip, in the order of the file.
///
/// # Errors
/// `CannotRead`; `BadLine` for a line that is no query; `RepeatedLine` for a second query of the
/// same id; `NothingRead` for a file without queries.
pub fn read_queries(path: &Path) -> Result<Vec<QueryText>> {
    let queries: Vec<QueryText> = QueryLines::open(path)?.collect::<Result<_>>()?;
    if queries.is_empty() {
        return Err(Error::NothingRead {
            path: path.to_owned(),
            expected: "queries",
        });
    }
    Ok(queries)
}

impl QueryLines {
    /// Begins to read a file, which may hold what [`read_queries`] reads.
    ///
    /// # Errors
    /// `CannotRead`.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self::begin(Lines::open(path)?))
    }

    /// Begins to read from anywhere; errors call it `name`. Waits for the first byte.
    ///
    /// # Errors
    /// `CannotRead`.
    pub fn of(name: &Path, reader: Box<dyn BufRead>) -> Result<Self> {
        Ok(Self::begin(Lines::of(name, reader)?))
    }

    fn begin(lines: Lines) -> Self {
        Self {
            lines,
            form: Form::Open,
            seen: HashMap::new(),
            ended: false,
        }
    }
}

impl std::fmt::Debug for QueryLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryLines").finish_non_exhaustive()
    }
}

impl Iterator for QueryLines {
    type Item = Result<QueryText>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut line = self.lines.next_line();
        if self.form == Form::Open
            && let Some(Ok(first)) = &line
        {
            let header = header(first.text);
            self.form = header.unwrap_or(Form::IdAndText);
            if header.is_some() {
                line = self.lines.next_line();
            }
        }
        let read = line?.and_then(|line| {
            let query = parse(&line, self.form)?;
            match self.seen.get(&query.id) {
                Some(&first) => return Err(line.repeated(format!("query {}", query.id), first)),
                None => _ = self.seen.insert(query.id.clone(), line.number),
            }
            Ok(query)
        });
        self.ended = matches!(read, Err(Error::CannotRead { .. }));
        Some(read)
    }
}

/// What a header line says; `None` for a line that is a query. A query may be called `topic` or `query`,
/// so that these count only beside the title of a column of texts.
fn header(text: &str) -> Option<Form> {
    let titles: Vec<&str> = text.split('\t').map(str::trim).collect();
    let text_in = |titles: &[&str]| column(titles, TEXT);
    let id = column(&titles, QUERY_ID).or_else(|| column(&titles, &["id"]))?;
    let others = |&(pos, _): &(usize, &&str)| pos != id;
    let rest: Vec<(usize, &&str)> = titles.iter().enumerate().filter(others).collect();
    let named: Vec<&str> = rest.iter().map(|(_, title)| **title).collect();
    match text_in(&named) {
        Some(at) => Some(Form::Columns {
            id,
            text: rest[at].0,
        }),
        None if rest.len() == 1 && is_called(titles[id], &["queryid", "qid"]) => {
            Some(Form::Columns {
                id,
                text: rest[0].0,
            })
        }
        None => None,
    }
}

fn parse(line: &Line<'_>, form: Form) -> Result<QueryText> {
    let query = if line.text.trim_start().starts_with('{') {
        of_json(line.text)
    } else {
        of_columns(line.text, form)
    };
    let query = query.ok_or_else(|| line.bad(EXPECTED))?;
    if query.id.is_empty() || query.text.trim().is_empty() {
        return Err(line.bad("a query with an id and a text"));
    }
    Ok(query)
}

fn of_json(text: &str) -> Option<QueryText> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let find = |names: &[&str]| names.iter().find_map(|name| object.get(*name));
    let id = match find(&JSON_ID)? {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    let text = find(&JSON_TEXT)?.as_str()?.to_owned();
    Some(QueryText { id, text })
}

fn of_columns(line: &str, form: Form) -> Option<QueryText> {
    let (id, text) = match form {
        Form::Columns { id, text } => {
            let fields: Vec<&str> = line.split('\t').collect();
            (*fields.get(id)?, *fields.get(text)?)
        }
        Form::Open | Form::IdAndText => line.split_once('\t')?,
    };
    Some(QueryText {
        id: id.trim().to_owned(),
        text: text.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<QueryText>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queries");
        std::fs::write(&path, text).unwrap();
        read_queries(&path)
    }

    #[test]
    fn json_lines_and_tabs_say_the_same() {
        let json = "{\"_id\": \"q1\", \"text\": \"why\", \"metadata\": {}}\n{\"_id\": 2, \"text\": \"how\"}\n";
        assert_eq!(read(json).unwrap(), read("q1\twhy\n2\thow\n").unwrap());
    }

    #[test]
    fn a_header_is_no_query_and_says_where_the_columns_are() {
        let expected = read("q1\twhy\nq2\thow\n").unwrap();
        for header in [
            "query-id\ttext",
            "query_id\tquery",
            "qid\tquery",
            "QID\tTopic of it",
            "id\tquestion",
        ] {
            let text = format!("\u{feff}{header}\r\nq1\twhy\r\nq2\thow\r\n");
            assert_eq!(read(&text).unwrap(), expected, "{header}");
        }
        let turned = read("text\tlang\tquery_id\nwhy\ten\tq1\nhow\ten\tq2\n").unwrap();
        assert_eq!(turned, expected);
        assert_eq!(read("q1\twhy\rq2\thow\r").unwrap(), expected);
        // These are queries.
        assert_eq!(read("topic\twhy\nid\thow\n").unwrap().len(), 2);
        assert!(matches!(
            read("qid\ttext\n").unwrap_err(),
            Error::NothingRead { .. }
        ));
    }

    #[test]
    fn the_queries_behind_a_bad_line_follow() {
        let text = "nonsense\nq1\twhy\n{\"_id\": 7}\nq1\tagain\nq2\thow\n";
        let lines = QueryLines::of(Path::new("f"), Box::new(text.as_bytes())).unwrap();
        let found: Vec<Result<String, String>> = lines
            .map(|read| {
                read.map(|query| query.id)
                    .map_err(|error| error.to_string())
            })
            .collect();
        assert_eq!(
            (&found[1], &found[4]),
            (&Ok("q1".to_owned()), &Ok("q2".to_owned()))
        );
        for (pos, line) in [(0, 1), (2, 3), (3, 4)] {
            let error = found[pos].as_ref().unwrap_err();
            assert!(error.starts_with(&format!("f:{line}: ")), "{error}");
        }
    }

    #[test]
    fn fields_of_json_have_other_names_too() {
        let text = "{\"id\": \"a\", \"query\": \"why\"}\n{\"qid\": 7, \"question\": \"how\"}\n";
        let ids: Vec<String> = read(text).unwrap().into_iter().map(|q| q.id).collect();
        assert_eq!(ids, ["a", "7"]);
        let both =
            read("{\"id\": 1, \"_id\": \"b\", \"query\": \"x\", \"text\": \"why\"}\n").unwrap();
        assert_eq!((both[0].id.as_str(), both[0].text.as_str()), ("b", "why"));
    }

    #[test]
    fn a_line_that_is_no_query_is_named() {
        for text in [
            "q1\twhy\n{\"_id\": \"q2\"}\n",
            "q1\twhy\nq2\n",
            "q1\twhy\nq2\t \n",
            "q1\twhy\n{\"_id\": \"\", \"text\": \"x\"}\n",
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Error::BadLine { line: 2, .. }), "{error}");
        }
        let error = read("q1\twhy\nq1\thow\n").unwrap_err();
        assert!(matches!(error, Error::RepeatedLine { line: 2, .. }));
        assert!(matches!(read("\n").unwrap_err(), Error::NothingRead { .. }));
    }
}
