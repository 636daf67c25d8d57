//! Queries: what is asked, by id.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

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

/// A line of a BEIR file of queries.
#[derive(Deserialize)]
struct JsonQuery {
    #[serde(rename = "_id")]
    id: JsonId,
    text: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonId {
    Text(String),
    Number(i64),
}

/// Reads queries as BEIR's JSON Lines (`{"_id": "1", "text": "..."}`) or as `id`, tab, text, plain
/// or packed with gzip, in the order of the file.
///
/// # Errors
/// `CannotRead`; `BadLine` for a line that is no query; `RepeatedLine` for a second query of the
/// same id; `NothingRead` for a file without queries.
pub fn read_queries(path: &Path) -> Result<Vec<QueryText>> {
    let mut queries = Vec::new();
    let mut seen = HashMap::new();
    Lines::open(path)?.for_each(|line| {
        let query = parse(line)?;
        if let Some(first) = seen.insert(query.id.clone(), line.number) {
            return Err(line.repeated(format!("query {}", query.id), first));
        }
        queries.push(query);
        Ok(())
    })?;
    if queries.is_empty() {
        return Err(Error::NothingRead {
            path: path.to_owned(),
            expected: "queries",
        });
    }
    Ok(queries)
}

fn parse(line: &Line<'_>) -> Result<QueryText> {
    const EXPECTED: &str =
        "a query such as {\"_id\": \"1\", \"text\": \"...\"}, or `id`, tab, text";
    let query = if line.text.trim_start().starts_with('{') {
        let query: JsonQuery = serde_json::from_str(line.text).map_err(|_| line.bad(EXPECTED))?;
        QueryText {
            id: match query.id {
                JsonId::Text(id) => id,
                JsonId::Number(id) => id.to_string(),
            },
            text: query.text,
        }
    } else {
        let (id, text) = line
            .text
            .split_once('\t')
            .ok_or_else(|| line.bad(EXPECTED))?;
        QueryText {
            id: id.trim().to_owned(),
            text: text.trim().to_owned(),
        }
    };
    if query.id.is_empty() || query.text.trim().is_empty() {
        return Err(line.bad("a query with an id and a text"));
    }
    Ok(query)
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
