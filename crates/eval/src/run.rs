//! Runs: what an engine returned for each query.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::header::{fields, is_called};
use crate::lines::{Line, Lines};
use crate::{Error, Result};

/// The documents that an engine returned for each query, best first.
///
/// The order is `trec_eval`'s: by score, descending, compared in single precision; equal scores by
/// id, descending in bytes. The rank column of a file says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    queries: BTreeMap<String, Vec<(String, f32)>>,
}

/// How the columns of a file are told apart.
#[derive(Clone, Copy)]
enum Form {
    Beir,
    Trec,
}

impl Run {
    /// Reads a run in TREC form (`query Q0 document rank score name`) or as tab-separated
    /// `query-id`, `corpus-id`, `score` with a header line, plain or packed with gzip.
    ///
    /// # Errors
    /// `CannotRead`; `BadLine` for a line that is no result; `RepeatedLine` for a document that a
    /// query has twice; `NothingRead` for a file without results.
    pub fn read(path: &Path) -> Result<Self> {
        let mut queries: BTreeMap<String, Vec<(String, f32)>> = BTreeMap::new();
        let mut seen: HashMap<(String, String), u64> = HashMap::new();
        let mut form = None;
        Lines::open(path)?.for_each(|line| {
            if form.is_none() && is_called(fields(line.text)[0], &["queryid", "qid"]) {
                form = Some(Form::Beir);
                return Ok(());
            }
            let (query, document, score) = split(line, *form.get_or_insert(Form::Trec))?;
            let key = (query.to_owned(), document.to_owned());
            if let Some(first) = seen.insert(key, line.number) {
                return Err(line.repeated(format!("document {document} for query {query}"), first));
            }
            queries
                .entry(query.to_owned())
                .or_default()
                .push((document.to_owned(), score));
            Ok(())
        })?;
        if queries.is_empty() {
            return Err(Error::NothingRead {
                path: path.to_owned(),
                expected: "results",
            });
        }
        for results in queries.values_mut() {
            sort(results);
        }
        Ok(Self { queries })
    }

    /// Puts in a query's results, in any order; each id at most once, scores finite.
    pub fn insert(&mut self, query: &str, mut results: Vec<(String, f32)>) {
        sort(&mut results);
        self.queries.insert(query.to_owned(), results);
    }

    /// Puts in a query's results in the order that counts. Scores that would not sort so are
    /// lowered to the next number that does, as evaluation tools order by score alone.
    pub fn insert_in_order(&mut self, query: &str, results: Vec<(String, f32)>) {
        let mut above = f32::INFINITY;
        let lowered = results.into_iter().map(|(id, score)| {
            above = if score < above {
                score
            } else {
                above.next_down()
            };
            (id, above)
        });
        self.queries.insert(query.to_owned(), lowered.collect());
    }

    /// A query's results, best first; empty for a query that the run does not have.
    pub fn results(&self, query: &str) -> &[(String, f32)] {
        self.queries.get(query).map_or(&[], Vec::as_slice)
    }

    /// The queries in order of their ids, with their results.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &[(String, f32)])> {
        self.queries
            .iter()
            .map(|(query, results)| (query.as_str(), results.as_slice()))
    }
}

fn split<'a>(line: &Line<'a>, form: Form) -> Result<(&'a str, &'a str, f32)> {
    const TREC: &str = "six columns `query Q0 document rank score name`";
    const BEIR: &str = "three columns `query-id corpus-id score`, with tabs between";
    let columns: Vec<&str> = match form {
        Form::Beir => line.text.split('\t').map(str::trim).collect(),
        Form::Trec => line.text.split_whitespace().collect(),
    };
    let (query, document, score) = match (form, &columns[..]) {
        (Form::Trec, &[query, _, document, _, score, _])
        | (Form::Beir, &[query, document, score]) => (query, document, score),
        (Form::Trec, _) => return Err(line.bad(TREC)),
        (Form::Beir, _) => return Err(line.bad(BEIR)),
    };
    // As trec_eval does: read in double precision, kept in single.
    let score = score.parse::<f64>().ok().map(|score| score as f32);
    let score = score.filter(|score| score.is_finite());
    match score {
        Some(score) if !query.is_empty() && !document.is_empty() => Ok((query, document, score)),
        _ => Err(line.bad("a finite number as the score")),
    }
}

fn sort(results: &mut [(String, f32)]) {
    // `total_cmp` tells -0 from 0, which `trec_eval` does not.
    let score = |result: &(String, f32)| result.1 + 0.0;
    results.sort_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| b.0.cmp(&a.0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Run> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        std::fs::write(&path, text).unwrap();
        Run::read(&path)
    }

    fn ids<'a>(run: &'a Run, query: &str) -> Vec<&'a str> {
        run.results(query)
            .iter()
            .map(|(id, _)| id.as_str())
            .collect()
    }

    #[test]
    fn equal_scores_are_ordered_by_id_downwards() {
        let run = read("q Q0 a 1 0.5 x\nq Q0 c 2 0.5 x\nq Q0 b 3 0.5 x\nq Q0 z 4 0.9 x\n").unwrap();
        assert_eq!(ids(&run, "q"), ["z", "c", "b", "a"]);
        assert!(run.results("other").is_empty());
    }

    #[test]
    fn scores_that_single_precision_cannot_tell_apart_are_equal() {
        let run =
            read("q Q0 a 1 0.10000000000000002 x\nq Q0 b 2 0.1 x\nq Q0 c 3 -0 x\nq Q0 d 4 0 x\n");
        assert_eq!(ids(&run.unwrap(), "q"), ["b", "a", "d", "c"]);
    }

    #[test]
    fn tab_separated_runs_are_read_too() {
        let run = read("query-id\tcorpus-id\tscore\nq\ta b\t1\nq\tc\t2e0\n").unwrap();
        assert_eq!(ids(&run, "q"), ["c", "a b"]);
    }

    #[test]
    fn bad_lines_are_named() {
        for text in [
            "q Q0 a 1 0.5 x\nq Q0 b 2 0.5\n",
            "q Q0 a 1 0.5 x\nq Q0 b 2 NaN x\n",
            "q Q0 a 1 0.5 x\nq Q0 b 2 1e99 x\n",
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Error::BadLine { line: 2, .. }), "{error}");
        }
        let error = read("q Q0 a 1 0.5 x\nq Q0 a 2 0.4 x\n").unwrap_err();
        assert!(matches!(
            error,
            Error::RepeatedLine {
                line: 2,
                first: 1,
                ..
            }
        ));
        assert!(matches!(read("").unwrap_err(), Error::NothingRead { .. }));
    }

    #[test]
    fn an_order_is_kept_whatever_its_scores() {
        let mut run = Run::default();
        let results = ["a", "b", "c"].map(|id| (id.to_owned(), 0.0));
        run.insert_in_order("q", results.to_vec());
        let kept = run.results("q").to_vec();
        run.insert("q", kept);
        assert_eq!(ids(&run, "q"), ["a", "b", "c"]);
    }
}
