//! How much the second pass reads, what is kept of it, and what its scores mean.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[allow(dead_code)] // Each test uses a part of it.
#[path = "common/place.rs"]
mod place;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use place::{Place, err, out, status};
use serde_json::Value;

const QUESTION: &str = "how long does bread take to rise";

/// Twelve short documents, of which two answer.
fn bakery() -> Place {
    let place = Place::empty();
    for number in 0..12 {
        let text = match number {
            3 => "Bread dough rises for one to two hours at room temperature.".to_owned(),
            7 => "In a cold kitchen bread takes four hours to rise.".to_owned(),
            _ => format!("Bread number {number} is sold in paper, and its price does not rise."),
        };
        place.write(&format!("{number}.md"), &text);
    }
    place
}

fn search(place: &Place, args: &[&str]) -> Value {
    place
        .json(&[&["search", QUESTION, "--json"], args].concat())
        .1
}

fn scores_file(place: &Place) -> PathBuf {
    place.index().join("scores.cache")
}

fn order(answer: &Value) -> Vec<Value> {
    let hits = answer["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["path"].clone()).collect()
}

#[test]
fn reading_stops_when_the_results_are_settled() {
    let place = bakery();
    let light = ["-k", "1", "--rerank-weight", "0.05"];
    let all = search(&place, &[&light[..], &["--stop", "never"]].concat());
    assert_eq!(all["second_pass"]["scored"], 12);
    assert!(all["second_pass"]["stopped"].is_null());
    let settled = search(&place, &light);
    assert_eq!(settled["second_pass"]["stopped"], "certain");
    assert!(settled["second_pass"]["scored"].as_u64().unwrap() < 12);
    assert_eq!(order(&settled), order(&all));
    let told = place.run(&[&["search", QUESTION], &light[..]].concat());
    assert!(
        err(&told).contains("which settled the results"),
        "{}",
        err(&told)
    );
    // At the cross-encoder's own order a candidate that was not read could be anything.
    let own = search(&place, &["-k", "1", "--rerank-weight", "1"]);
    assert_eq!(own["second_pass"]["scored"], 12);
    let default = search(&place, &["-k", "1"]);
    let all = search(&place, &["-k", "1", "--stop", "never"]);
    assert_eq!(order(&default), order(&all));
    let confident = search(&place, &["-k", "1", "--stop", "confident"]);
    assert_eq!(order(&confident), order(&default));
}

#[test]
fn a_score_is_a_probability_where_it_was_calibrated() {
    let place = bakery();
    let plain = search(&place, &[]);
    assert!(plain["hits"][0]["scores"]["probability"].is_null());
    let explained = place.run(&["search", QUESTION, "--explain", "-k", "1"]);
    let model = digest(out(&explained));
    let calibration = format!("0.5 -1 {model}");
    let answer = search(&place, &["--calibration", &calibration]);
    assert_eq!(order(&answer), order(&plain));
    for (hit, plain) in answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .zip(plain["hits"].as_array().unwrap())
    {
        let score = plain["score"].as_f64().unwrap();
        let log_odds = (score / (1.0 - score)).ln();
        let expected = 1.0 / (1.0 + (1.0 - 0.5 * log_odds).exp());
        let found = hit["scores"]["probability"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{hit}");
        assert_eq!(hit["score"], hit["scores"]["probability"]);
    }
    let likely = ["--calibration", &calibration, "--min-score", "0.2"];
    let likely = search(&place, &likely);
    let n_likely = likely["hits"].as_array().unwrap().len();
    assert!((1..10).contains(&n_likely), "{n_likely}");
    let all = answer["hits"].as_array().unwrap();
    let is_likely = |hit: &&Value| hit["scores"]["probability"].as_f64().unwrap() >= 0.2;
    assert_eq!(all.iter().filter(is_likely).count(), n_likely);

    // In the folder's own file, as `reread tune` leaves it.
    let file = place.docs.path().join("reread.toml");
    fs::write(&file, format!("calibration = \"{calibration}\"\n")).unwrap();
    let told = place.run(&["search", QUESTION, "-k", "1"]);
    assert!(out(&told).contains(" %"), "{}", out(&told));
    // Of another model it says nothing, and that is said.
    fs::write(&file, "calibration = \"0.5 -1 abc\"\nmin_score = 0.9\n").unwrap();
    let other = place.run(&["search", QUESTION, "-k", "1"]);
    assert_eq!(status(&other), 0);
    assert!(
        err(&other).contains("another cross-encoder"),
        "{}",
        err(&other)
    );
    fs::write(&file, "calibration = \"much\"\n").unwrap();
    let wrong = place.run(&["search", QUESTION]);
    assert_eq!(status(&wrong), 2);
    assert!(err(&wrong).contains("reread.toml:1"), "{}", err(&wrong));
}

/// The letters in brackets behind the cross-encoder's name.
fn digest(explained: &str) -> String {
    let line = explained
        .lines()
        .find(|line| line.starts_with("second pass"))
        .unwrap();
    let (_, rest) = line.rsplit_once('(').unwrap();
    rest.split(')').next().unwrap().to_owned()
}

/// Eight questions about the documents of [`Place`], and what answers them.
fn judgements(folder: &Path) -> [String; 4] {
    let (queries, qrels) = (folder.join("queries.jsonl"), folder.join("qrels.tsv"));
    let mut questions = String::new();
    let mut judged = "query-id\tcorpus-id\tscore\n".to_owned();
    for number in 0..8 {
        let question = format!(r#"{{"_id": "q{number}", "text": "{QUESTION} number {number}"}}"#);
        questions += &(question + "\n");
        let answer = if number % 2 == 0 { 3 } else { 7 };
        writeln!(judged, "q{number}\t{answer}.md\t1").unwrap();
    }
    fs::write(&queries, questions).unwrap();
    fs::write(&qrels, judged).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    [
        "--queries".to_owned(),
        path(&queries),
        "--qrels".to_owned(),
        path(&qrels),
    ]
}

#[test]
fn a_pair_is_scored_once_and_the_file_may_be_lost() {
    let place = bakery();
    let judged = judgements(place.home.path());
    let eval = || {
        let judged: Vec<&str> = judged.iter().map(String::as_str).collect();
        let ran = place.run(&[&["eval", "--json", "--depths", "4,8"], &judged[..]].concat());
        assert_eq!(status(&ran), 0, "{}", err(&ran));
        let mut figures: Value = serde_json::from_str(out(&ran)).unwrap();
        // Times differ from run to run.
        strip_times(&mut figures);
        (figures, err(&ran).to_owned())
    };
    let (first, told) = eval();
    assert!(!told.contains("scored before"), "{told}");
    let len = fs::metadata(scores_file(&place)).unwrap().len();
    assert_eq!(len, 8 * 8 * 32);
    let (again, told) = eval();
    assert!(
        told.contains("64 of 64 pairs had been scored before"),
        "{told}"
    );
    assert_eq!(again, first);
    assert_eq!(fs::metadata(scores_file(&place)).unwrap().len(), len);
    // Damage and loss cost time alone; a folder in its place costs the cache.
    let mut bytes = fs::read(scores_file(&place)).unwrap();
    bytes[40] ^= 1;
    fs::write(scores_file(&place), bytes).unwrap();
    let (damaged, told) = eval();
    assert!(
        told.contains("63 of 64 pairs had been scored before"),
        "{told}"
    );
    assert_eq!(damaged, first);
    fs::remove_file(scores_file(&place)).unwrap();
    fs::create_dir(scores_file(&place)).unwrap();
    let (lost, told) = eval();
    assert!(told.contains("could not be kept"), "{told}");
    assert_eq!(lost, first);
}

fn strip_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains("ms") && !name.contains("stage"));
            fields.values_mut().for_each(strip_times);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_times),
        _ => (),
    }
}
