//! Judgements: which document answers which query, and how well.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::header::{DOCUMENT_ID, GRADE, QUERY_ID, QUOTE, column, fields};
use crate::lines::{Line, Lines};
use crate::{Error, Result};

/// The grades of documents, or of other things with names, by query.
pub type Grades = BTreeMap<String, BTreeMap<String, i32>>;

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
    /// Whether `document` may be a name that [`to_word`](crate::to_word) has written, as in a file of TREC form.
    pub is_word: bool,
}

/// How the columns of a file are told apart.
#[derive(Clone, Copy)]
enum Form {
    /// With tabs between, or with blanks where the header line has them.
    Table(Columns),
    /// `query iteration document grade`, with blanks or tabs between.
    Trec,
}

/// Where the columns of a table stand.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Columns {
    n: usize,
    query: usize,
    document: usize,
    grade: usize,
    quote: Option<usize>,
}

impl Qrels {
    /// Reads judgements in BEIR form (tab-separated `query-id`, `corpus-id`, `score`, with a header
    /// line) or TREC form (`query iteration document grade`), plain or packed with gzip. A header line
    /// may put the columns in another order, call them `qid`, `doc_id` or `relevance`, and name others;
    /// one named `quote` holds words of the judged passage.
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

impl Qrels {
    /// Gives the queries of a file in TREC form other names, where `name` knows one.
    pub(crate) fn rename_queries(&mut self, name: impl Fn(&str) -> Option<String>) {
        let queries = std::mem::take(&mut self.queries);
        for (query, judgements) in queries {
            let is_word = judgements.iter().all(|judgement| judgement.is_word);
            let renamed = name(&query).filter(|_| is_word).unwrap_or(query);
            self.queries.entry(renamed).or_default().extend(judgements);
        }
    }
}

/// The form of a file by its first line, and whether that line is a header.
fn detect(line: &Line<'_>) -> Result<(Form, bool)> {
    let titles = fields(line.text);
    let has_grade = titles.iter().any(|field| grade(field).is_some());
    if column(&titles, QUERY_ID).is_some() && !has_grade {
        let columns = Columns::of_header(&titles);
        let columns = columns.ok_or_else(|| line.bad("a header `query-id corpus-id score`"))?;
        return Ok((Form::Table(columns), true));
    }
    if line.text.split_whitespace().count() == 4 {
        return Ok((Form::Trec, false));
    }
    if line.text.split('\t').count() == 3 {
        return Ok((Form::Table(Columns::BEIR), false));
    }
    Err(line
        .bad("a header `query-id corpus-id score` or a judgement `query iteration document grade`"))
}

impl Columns {
    /// Without a header.
    const BEIR: Self = Self {
        n: 3,
        query: 0,
        document: 1,
        grade: 2,
        quote: None,
    };

    /// As a header says. The column of grades may have any name, where it is the only one left.
    fn of_header(titles: &[&str]) -> Option<Self> {
        let query = column(titles, QUERY_ID)?;
        let document = column(titles, DOCUMENT_ID)?;
        let rest = || (0..titles.len()).filter(|&pos| pos != query && pos != document);
        let only = || rest().next().filter(|_| titles.len() == 3);
        Some(Self {
            n: titles.len(),
            query,
            document,
            grade: column(titles, GRADE).or_else(only)?,
            quote: column(titles, QUOTE),
        })
    }
}

fn add(
    line: &Line<'_>,
    form: Form,
    queries: &mut BTreeMap<String, Vec<Judgement>>,
    seen: &mut HashMap<(String, String, Option<String>), u64>,
) -> Result<()> {
    let Row {
        query,
        document,
        grade: text,
        quote,
    } = split(line, form)?;
    let grade = grade(text).ok_or_else(|| line.bad("a whole number as the grade, such as 1"))?;
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
            is_word: matches!(form, Form::Trec),
        });
    Ok(())
}

/// A grade, which some tools write as `1.0`. Half a grade is none: rounding would decide what counts as
/// relevant.
fn grade(text: &str) -> Option<i32> {
    let whole = || {
        let number: f64 = text.parse().ok()?;
        let fits = number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX);
        fits.then_some(number as i32)
    };
    text.parse().ok().or_else(whole)
}

/// What a line says.
struct Row<'a> {
    query: &'a str,
    document: &'a str,
    grade: &'a str,
    quote: Option<String>,
}

fn split<'a>(line: &Line<'a>, form: Form) -> Result<Row<'a>> {
    let row = match form {
        Form::Table(columns) => of_table(line.text, &columns),
        Form::Trec => match line.text.split_whitespace().collect::<Vec<_>>()[..] {
            [query, _, document, grade] => Some(Row {
                query,
                document,
                grade,
                quote: None,
            }),
            _ => None,
        },
    };
    let full = |row: &Row<'_>| !row.query.is_empty() && !row.document.is_empty();
    row.filter(full).ok_or_else(|| {
        line.bad(match form {
            Form::Table(Columns::BEIR) => {
                "three columns `query-id corpus-id score`, with tabs between"
            }
            Form::Table(_) => "as many columns as the header has, with a query and a document",
            Form::Trec => "four columns `query iteration document grade`",
        })
    })
}

fn of_table<'a>(text: &'a str, columns: &Columns) -> Option<Row<'a>> {
    let fields = fields(text);
    if fields.len() != columns.n {
        return None;
    }
    let quote = columns
        .quote
        .map(|at| fields[at].split_whitespace().collect::<Vec<_>>().join(" "));
    Some(Row {
        query: fields[columns.query],
        document: fields[columns.document],
        grade: fields[columns.grade],
        quote: quote.filter(|quote| !quote.is_empty()),
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
    fn a_header_may_use_other_names_and_another_order() {
        let expected = read("q1\td1\t2\nq2\td1\t0\n").unwrap().grades();
        for text in [
            "query_id\tcorpus_id\tscore\nq1\td1\t2\nq2\td1\t0\n",
            "qid\tdocid\trel\nq1\td1\t2\nq2\td1\t0\n",
            "Query-ID\tDoc_ID\thow good\r\nq1\td1\t2\r\nq2\td1\t0\r\n",
            "query_id\tdoc_id\trelevance\titeration\nq1\td1\t2\t0\nq2\td1\t0\t0\n",
            "doc_id\tscore\tquery_id\nd1\t2\tq1\nd1\t0\tq2\n",
            "qid iter docno rel\nq1 0 d1 2\nq2 0 d1 0\n",
            "query-id\tcorpus-id\tscore\rq1\td1\t2\rq2\td1\t0\r",
        ] {
            assert_eq!(read(text).unwrap().grades(), expected, "{text:?}");
        }
        // Without a header the first line is a judgement, whatever its query is called.
        assert_eq!(read("q1\ttopic\t1\n").unwrap().grades()["q1"]["topic"], 1);
    }

    #[test]
    fn a_grade_may_be_written_with_a_fraction_of_nothing() {
        let qrels = read("q\ta\t1.0\nq\tb\t2.00\nq\tc\t0.0\nq\td\t-1.0\nq\te\t3\n").unwrap();
        let grades: Vec<i32> = qrels.grades()["q"].values().copied().collect();
        assert_eq!(grades, [1, 2, 0, -1, 3]);
        for bad in ["0.5", "1.5", "NaN", "inf", "1e99", "high", "1,0"] {
            let error = read(&format!("q\ta\t1\nq\tb\t{bad}\n"))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(":2: expected a whole number"),
                "{bad}: {error}"
            );
        }
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
