//! Measures of a whole run.

use std::collections::BTreeMap;

use crate::measure::Measure;
use crate::qrels::Grades;
use crate::run::Run;

/// What each measure says of each judged query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The measures, in the order asked for.
    pub measures: Vec<Measure>,
    /// Every judged query, in order of ids.
    pub queries: Vec<QueryValues>,
    /// Judged queries for which the run has nothing. They count 0, as with `trec_eval -c`.
    pub missing: Vec<String>,
    /// Queries of the run without judgements. They count nowhere.
    pub unjudged: Vec<String>,
    /// Judged queries without a relevant document. No ranking can do better than 0 there.
    pub without_relevant: Vec<String>,
}

/// One query's values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QueryValues {
    /// The query's id.
    pub query: String,
    /// One value a measure, in the order of [`Evaluation::measures`].
    pub values: Vec<f64>,
}

impl Evaluation {
    /// The mean of each measure over all judged queries; 0 where there are none.
    pub fn means(&self) -> Vec<f64> {
        let n_queries = self.queries.len().max(1) as f64;
        let sum = |pos: usize| -> f64 { self.queries.iter().map(|query| query.values[pos]).sum() };
        (0..self.measures.len())
            .map(|pos| sum(pos) / n_queries)
            .collect()
    }

    /// The values of the measure at `pos`, in the order of the queries.
    pub fn column(&self, pos: usize) -> Vec<f64> {
        self.queries.iter().map(|query| query.values[pos]).collect()
    }
}

/// Measures a run against grades, equal to `trec_eval -c` to rounding.
///
/// The average is over every query with a judgement, whether or not the run has it.
pub fn evaluate(run: &Run, grades: &Grades, measures: &[Measure]) -> Evaluation {
    let mut evaluation = Evaluation {
        measures: measures.to_vec(),
        queries: Vec::with_capacity(grades.len()),
        missing: Vec::new(),
        unjudged: Vec::new(),
        without_relevant: Vec::new(),
    };
    for (query, judged) in grades.iter().filter(|(_, judged)| !judged.is_empty()) {
        let results = run.results(query);
        if results.is_empty() {
            evaluation.missing.push(query.clone());
        }
        if judged.values().all(|&grade| grade <= 0) {
            evaluation.without_relevant.push(query.clone());
        }
        let ranked: Vec<Option<i32>> = results
            .iter()
            .map(|(id, _)| judged.get(id).copied())
            .collect();
        let all: Vec<i32> = judged.values().copied().collect();
        evaluation.queries.push(QueryValues {
            query: query.clone(),
            values: measures
                .iter()
                .map(|measure| measure.value(&ranked, &all))
                .collect(),
        });
    }
    let unjudged = run
        .queries()
        .filter(|(query, _)| grades.get(*query).is_none_or(BTreeMap::is_empty));
    evaluation.unjudged = unjudged.map(|(query, _)| query.to_owned()).collect();
    evaluation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_query_is_dropped_from_an_average() {
        let mut grades = Grades::new();
        for (query, id, grade) in [("q1", "a", 1), ("q2", "a", 1), ("q3", "a", 0)] {
            grades
                .entry(query.to_owned())
                .or_default()
                .insert(id.to_owned(), grade);
        }
        let mut run = Run::default();
        for query in ["q1", "q3", "q9"] {
            run.insert(query, vec![("a".to_owned(), 1.0)]);
        }
        let evaluation = evaluate(&run, &grades, &[Measure::Rr(None)]);
        assert_eq!(evaluation.column(0), [1.0, 0.0, 0.0]);
        assert_eq!(evaluation.missing, ["q2"]);
        assert_eq!(evaluation.unjudged, ["q9"]);
        assert_eq!(evaluation.without_relevant, ["q3"]);
        assert!((evaluation.means()[0] - 1.0 / 3.0).abs() < 1e-12);
    }
}
