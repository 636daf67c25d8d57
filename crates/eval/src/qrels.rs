//! Judgements: which document answers which query, and how well.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::lines::{Line, Lines};
use crate::{Error, Result};

/// The grades of documents, or of other things with names, by query.
pub type Grades = BTreeMap<String, BTreeMap<String, i32>>;

/// The first column of a header line.
const HEADER: &str = "query-id";

/// A file of judgements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Qrels {
    /// The file.
    pub path: PathBuf,
    /// The judgements of each query, in the order of the file. No query is without one.
    pub queries: BTreeMap<String, Vec<Judgement>>,
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judgement {
    /// What is judged: a document's id, or its path and lines such as `notes/a.md:10-20`.
    pub document: String,
    /// Words that tell the judged passage from the rest of the document.
    pub quote: Option<String>,
    /// Above 0 is relevant, the more the better.
    pub grade: i32,
    /// The line of the file it stands on, from 1.
    pub line: u64,
}

/// How the columns of a file are told apart.
#[derive(Clone, Copy)]
enum Form {
    /// `query document grade`, and perhaps a quote, with tabs between.
    Beir { quote: bool },
    /// `query iteration document grade`, with blanks or tabs between.
    Trec,
}

impl Qrels {
    /// Reads judgements in BEIR form (tab-separated `query-id`, `corpus-id`, `score`, with a header
    /// line) or TREC form (`query iteration document grade`), plain or packed with gzip. A fourth
    /// BEIR column named `quote` holds words of the judged passage.
    ///
    /// # Errors
    /// `CannotRead`; `BadLine` for a line that is no judgement; `RepeatedLine` for a second
    /// judgement of the same thing; `NothingRead` for a file without judgements.
    pub fn read(path: &Path) -> Result<Self> {
        let mut queries: BTreeMap<String, Vec<Judgement>> = BTreeMap::new();
        let mut seen: HashMap<(String, String, Option<String>), u64> = HashMap::new();
        let mut form = None;
        Lines::open(path)?.for_each(|line| {
            let Some(known) = form else {
                let (first, is_header) = detect(line)?;
                form = Some(first);
                if is_header {
                    return Ok(());
                }
                return add(line, first, &mut queries, &mut seen);
            };
            add(line, known, &mut queries, &mut seen)
        })?;
        if queries.is_empty() {
            return Err(Error::NothingRead {
                path: path.to_owned(),
                expected: "judgements",
            });
        }
        Ok(Self {
            path: path.to_owned(),
            queries,
        })
    }

    /// The grades by document, without regard to quotes; the highest where a document has several.
    pub fn grades(&self) -> Grades {
        let of_query = |judgements: &Vec<Judgement>| {
            let mut grades = BTreeMap::new();
            for judgement in judgements {
                let grade = grades
                    .entry(judgement.document.clone())
                    .or_insert(judgement.grade);
                *grade = judgement.grade.max(*grade);
            }
            grades
        };
        self.queries
            .iter()
            .map(|(query, judgements)| (query.clone(), of_query(judgements)))
            .collect()
    }
}

/// The form of a file by its first line, and whether that line is a header.
fn detect(line: &Line<'_>) -> Result<(Form, bool)> {
    let columns: Vec<&str> = line.text.split('\t').map(str::trim).collect();
    if columns[0].eq_ignore_ascii_case(HEADER) {
        return match columns[1..] {
            [_, _] => Ok((Form::Beir { quote: false }, true)),
            [_, _, quote] if quote.eq_ignore_ascii_case("quote") => {
                Ok((Form::Beir { quote: true }, true))
            }
            _ => Err(line.bad("a header `query-id corpus-id score`, with tabs between")),
        };
    }
    match line.text.split_whitespace().count() {
        4 => Ok((Form::Trec, false)),
        _ if columns.len() == 3 => Ok((Form::Beir { quote: false }, false)),
        _ => Err(line.bad(
            "a header `query-id corpus-id score` or a judgement `query iteration document grade`",
        )),
    }
}

fn add(
    line: &Line<'_>,
    form: Form,
    queries: &mut BTreeMap<String, Vec<Judgement>>,
    seen: &mut HashMap<(String, String, Option<String>), u64>,
) -> Result<()> {
    let (query, document, grade, quote) = split(line, form)?;
    let grade = grade
        .parse()
        .map_err(|_| line.bad("a whole number as the grade"))?;
    let key = (query.to_owned(), document.to_owned(), quote.clone());
    if let Some(&first) = seen.get(&key) {
        return Err(line.repeated(
            format!("a judgement of {document} for query {query}"),
            first,
        ));
    }
    seen.insert(key, line.number);
    queries
        .entry(query.to_owned())
        .or_default()
        .push(Judgement {
            document: document.to_owned(),
            quote,
            grade,
            line: line.number,
        });
    Ok(())
}

type Columns<'a> = (&'a str, &'a str, &'a str, Option<String>);

fn split<'a>(line: &Line<'a>, form: Form) -> Result<Columns<'a>> {
    let columns: Vec<&str> = match form {
        Form::Beir { .. } => line.text.split('\t').map(str::trim).collect(),
        Form::Trec => line.text.split_whitespace().collect(),
    };
    let found = match (form, &columns[..]) {
        (Form::Beir { quote: false }, &[query, document, grade]) => {
            Some((query, document, grade, None))
        }
        (Form::Beir { quote: true }, &[query, document, grade, quote]) => {
            let quote = quote.split_whitespace().collect::<Vec<_>>().join(" ");
            Some((
                query,
                document,
                grade,
                Some(quote).filter(|quote| !quote.is_empty()),
            ))
        }
        (Form::Trec, &[query, _, document, grade]) => Some((query, document, grade, None)),
        _ => None,
    };
    found
        .filter(|(query, document, _, _)| !query.is_empty() && !document.is_empty())
        .ok_or_else(|| {
            line.bad(match form {
                Form::Beir { quote: false } => {
                    "three columns `query-id corpus-id score`, with tabs between"
                }
                Form::Beir { quote: true } => {
                    "four columns `query-id corpus-id score quote`, with tabs between"
                }
                Form::Trec => "four columns `query iteration document grade`",
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Qrels> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qrels");
        std::fs::write(&path, text).unwrap();
        Qrels::read(&path)
    }

    #[test]
    fn beir_and_trec_form_say_the_same() {
        let beir = read("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t-1\nq2\td1\t0\n").unwrap();
        let bare = read("q1\td1\t2\nq1\td2\t-1\nq2\td1\t0\n").unwrap();
        let trec = read("q1 0 d1 2\nq1\t0\td2\t-1\n\nq2 Q0 d1  0\n").unwrap();
        assert_eq!(beir.grades(), trec.grades());
        assert_eq!(beir.grades(), bare.grades());
        assert_eq!(beir.queries["q1"][1].line, 3);
        assert_eq!(beir.grades()["q1"]["d2"], -1);
    }

    #[test]
    fn a_quote_tells_passages_of_one_document_apart() {
        let text = "query-id\tcorpus-id\tscore\tquote\nq\ta.md\t1\ttwo  words\nq\ta.md\t2\tother\n";
        let qrels = read(text).unwrap();
        assert_eq!(qrels.queries["q"][0].quote.as_deref(), Some("two words"));
        assert_eq!(qrels.grades()["q"]["a.md"], 2);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for (text, line) in [
            ("q1 0 d1 2\nq1 0 d2\n", 2),
            ("q1 0 d1 2\nq1 0 d2 high\n", 2),
            ("q1 0 d1 1.5\n", 1),
            ("query-id\tcorpus-id\tscore\n\nq1\td1\n", 3),
            ("query-id\tcorpus-id\tscore\nq1\t\t1\n", 2),
            ("query-id\tcorpus-id\n", 1),
            ("just words\n", 1),
        ] {
            match read(text).unwrap_err() {
                Error::BadLine { line: found, .. } => assert_eq!(found, line, "{text:?}"),
                other => panic!("{text:?}: {other}"),
            }
        }
    }

    #[test]
    fn a_second_judgement_of_the_same_document_names_both_lines() {
        let error = read("q 0 d 1\nq 0 e 1\nq 0 d 0\n").unwrap_err();
        assert!(
            matches!(
                error,
                Error::RepeatedLine {
                    line: 3,
                    first: 1,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_judgements_is_an_error() {
        for text in ["", "\n\n", "query-id\tcorpus-id\tscore\n"] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Error::NothingRead { .. }), "{error}");
        }
    }
}
