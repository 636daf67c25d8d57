//! What several whole-system tests share: the sample and its judgements.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use reread_engine::Hit;
use serde::Deserialize;

/// A question of the sample.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Question {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) text: String,
}

/// A judged passage: the page it is on, its grade and words that it holds.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) page: String,
    pub(crate) grade: f64,
    pub(crate) quote: String,
}

pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

pub(crate) fn questions() -> Vec<Question> {
    let text =
        std::fs::read_to_string(sample().join("questions.jsonl")).expect("the sample is there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a question a line"))
        .collect()
}

pub(crate) fn judgements() -> HashMap<String, Vec<Judgement>> {
    let text = std::fs::read_to_string(sample().join("qrels.tsv")).expect("the sample is there");
    let mut judgements: HashMap<String, Vec<Judgement>> = HashMap::new();
    for line in text.lines().skip(1) {
        let [question, page, grade, quote] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .expect("four columns");
        judgements
            .entry(question.to_owned())
            .or_default()
            .push(Judgement {
                page: page.to_owned(),
                grade: grade.parse().expect("a grade"),
                quote: quote.to_owned(),
            });
    }
    judgements
}

/// The grade of each hit, for `eval`: the best grade of a judged quote that the passage holds and
/// that no better placed passage has been credited with (neighbours overlap).
pub(crate) fn gains(hits: &[Hit], judged: &[Judgement]) -> Vec<f64> {
    let mut credited = vec![false; judged.len()];
    hits.iter()
        .map(|hit| {
            let text = collapse(&hit.passage.text);
            let mut gain: f64 = 0.0;
            for (judgement, credited) in judged.iter().zip(&mut credited) {
                let holds = hit.passage.path == judgement.page && text.contains(&judgement.quote);
                if holds && !*credited {
                    *credited = true;
                    gain = gain.max(judgement.grade);
                }
            }
            gain
        })
        .collect()
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
