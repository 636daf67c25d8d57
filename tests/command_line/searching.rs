//! Searches: what is found, in which order, and when the answer comes.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::place::{BINARY, err, out, status};
use crate::{Place, QUESTION, lines_of_json};

#[test]
fn the_first_search_indexes_and_finds_and_later_ones_see_changes() {
    let place = Place::new();
    let first = place.run(&["search", QUESTION]);
    assert_eq!(status(&first), 0, "{}", err(&first));
    assert!(
        err(&first).starts_with("indexed 5 files, "),
        "{}",
        err(&first)
    );
    assert!(out(&first).starts_with("1. bread.md:"), "{}", out(&first));
    assert!(out(&first).contains("bread.md:5  "), "{}", out(&first));
    assert!(out(&first).contains("Yeast makes the dough rise."));
    assert!(!out(&first).contains("indexed") && !out(&first).contains('\u{1b}'));
    assert!(place.docs.path().join(".reread").is_dir());

    let second = place.run(&["search", QUESTION]);
    assert!(!err(&second).contains("indexed"), "{}", err(&second));
    assert_eq!(out(&second), out(&first));

    place.write(
        "new.md",
        "# Loaves\n\nBread gets bigger in the oven because of yeast.\n",
    );
    let stale = place.run(&["search", "--no-refresh", QUESTION]);
    assert_eq!(out(&stale), out(&first));
    let fresh = place.run(&["search", QUESTION]);
    assert!(
        err(&fresh).starts_with("indexed 1 file, "),
        "{}",
        err(&fresh)
    );
    assert!(out(&fresh).starts_with("1. new.md:3"), "{}", out(&fresh));
}

#[test]
fn many_questions_are_answered_in_one_process() {
    let place = Place::new();
    let questions = format!(
        "{{\"_id\": \"b\", \"text\": \"{QUESTION}\"}}\n\n{{\"_id\": 2, \"text\": \"sea water\"}}\n"
    );
    let file = place.home.path().join("questions.jsonl");
    fs::write(&file, &questions).unwrap();
    let file = file.to_str().unwrap();

    let output = place.run(&["search", "--queries", file, "--top-k", "1", "."]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let answers = lines_of_json(&output);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["query_id"], "b");
    assert_eq!(answers[0]["hits"][0]["path"], "bread.md");
    assert_eq!(answers[1]["query_id"], "2");
    assert_eq!(answers[1]["hits"][0]["doc_id"], "sea");

    let piped = place.run_with(
        &[
            "search",
            "--queries",
            "-",
            "--format",
            "trec",
            "--top-k",
            "1",
        ],
        questions.as_ref(),
    );
    let firsts: Vec<&str> = out(&piped).lines().map(|line| &line[..4]).collect();
    assert_eq!(firsts, ["b Q0", "2 Q0"]);

    let broken = place.run_with(&["search", "--queries", "-"], "nonsense\n".as_ref());
    assert_eq!(status(&broken), 2);
    assert!(
        err(&broken).contains("standard input:1"),
        "{}",
        err(&broken)
    );
}

#[test]
fn by_document_shows_each_document_once() {
    let place = Place::new();
    let question = "bread";
    let paths = |by| {
        let answer = place.json(&["search", "--json", "--by", by, question]);
        let hits = answer["hits"].as_array().unwrap().clone();
        hits.iter().filter(|hit| hit["path"] == "bread.md").count()
    };
    assert_eq!((paths("passage"), paths("document")), (2, 1));
}

#[test]
fn filters_choose_documents() {
    let place = Place::new();
    let paths = |args: &[&str]| -> Vec<String> {
        let output =
            place.run(&[&["search", "--jsonl", "water and bread and backup"], args].concat());
        assert!(status(&output) < 2, "{}", err(&output));
        let mut paths: Vec<String> = lines_of_json(&output)
            .iter()
            .map(|hit| hit["path"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths.dedup();
        paths
    };
    assert_eq!(
        paths(&["--path", "notes/**"]),
        ["notes/backup.html", "notes/retry.rs"]
    );
    assert_eq!(
        paths(&["--path", "*.md", "--path", "*.txt"]),
        ["bread.md", "steel.txt"]
    );
    assert_eq!(paths(&["--type", "html"]), ["notes/backup.html"]);
    assert_eq!(paths(&["--type", "md,jsonl"]), ["bread.md", "corpus.jsonl"]);
    assert_eq!(paths(&["--type", "md", "--since", "1h"]), ["bread.md"]);
    assert_eq!(paths(&["--since", "2999-01-01"]), [""; 0]);
}

#[test]
fn without_the_second_pass_nothing_moves() {
    let place = Place::new();
    let answer = place.json(&["search", "--json", "--no-rerank", QUESTION]);
    assert_eq!(answer["second_pass"]["stopped"], "off");
    assert_eq!(answer["second_pass"]["scored"], 0);
    for hit in answer["hits"].as_array().unwrap() {
        assert_eq!(hit["move"], 0);
        assert!(hit["scores"]["evidence"].is_null() && hit["scores"]["cross_encoder"].is_null());
    }
    // What people see is what results are ordered by.
    let best = answer["hits"][0]["score"].as_f64().unwrap();
    let text = place.run(&["search", "--no-rerank", QUESTION]);
    assert!(
        out(&text)
            .lines()
            .next()
            .unwrap()
            .ends_with(&format!("{best:.2}")),
        "{}",
        out(&text)
    );
    assert!(!out(&text).contains('▲'));
}

#[test]
fn the_dense_arm_is_asked_for_by_its_older_name_too() {
    let place = Place::new();
    let ask = |args: &[&str]| {
        place.json(&[&["search", "--json", "--no-rerank", QUESTION], args].concat())
    };
    let dense = ask(&["--mode", "dense"]);
    let older = ask(&["--mode", "vector"]);
    place.write("reread.toml", "mode = \"vector\"\n");
    let configured = ask(&[]);
    for answer in [&dense, &older, &configured] {
        assert_eq!(answer["hits"], dense["hits"]);
        assert_eq!(
            answer["first_pass"]["mode"], "vector",
            "programs know it so"
        );
    }
    let best = &dense["hits"][0];
    assert_eq!(best["ranks"]["vector"], 1);
    assert!(best["scores"]["bm25"].is_null());
}

#[test]
fn results_below_the_least_score_are_left_out_after_the_second_pass() {
    let place = Place::new();
    let scores = |args: &[&str]| -> Vec<f64> {
        let answer = place.json(&[&["search", QUESTION, "--json"], args].concat());
        let hits = answer["hits"].as_array().unwrap();
        hits.iter()
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect()
    };
    let all = scores(&[]);
    let least = all[1];
    let enough: Vec<f64> = all
        .iter()
        .copied()
        .filter(|score| *score >= least)
        .collect();
    assert!(enough.len() < all.len());
    assert_eq!(scores(&["--min-score", &least.to_string()]), enough);
    let nothing = place.run(&["search", QUESTION, "--min-score", "1.5"]);
    assert_eq!(nothing.status.code(), Some(1));
    let wrong = place.run(&["search", QUESTION, "--min-score", "-1"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("0 or more"), "{}", err(&wrong));
}

#[test]
fn a_budget_ends_the_second_pass_in_time() {
    let place = Place::new();
    let first_pass = place.json(&["search", QUESTION, "--json", "--no-rerank"]);
    let none = place.json(&["search", QUESTION, "--json", "--budget", "0"]);
    assert_eq!(none["second_pass"]["scored"], 0);
    assert_eq!(none["second_pass"]["stopped"], "budget");
    let paths = |answer: &Value| -> Vec<Value> {
        let hits = answer["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["path"].clone()).collect()
    };
    assert_eq!(paths(&none), paths(&first_pass));
    let enough = place.json(&["search", QUESTION, "--json", "--budget", "1m"]);
    let whole = place.json(&["search", QUESTION, "--json"]);
    assert_eq!(enough["second_pass"], whole["second_pass"]);
    assert_eq!(enough["hits"], whole["hits"]);
    let told = place.run(&["search", QUESTION, "--budget", "0"]);
    assert!(err(&told).contains("0 of 7 reread"), "{}", err(&told));
    let refused = place.run(&["search", QUESTION, "--budget", "soon"]);
    assert_eq!(status(&refused), 2);
    assert!(err(&refused).contains("150ms"), "{}", err(&refused));
}

#[test]
fn an_empty_folder_is_indexed_and_nothing_is_found() {
    let place = Place::empty();
    assert_eq!(status(&place.run(&["index"])), 0);
    let output = place.run(&["search", "anything"]);
    assert_eq!((status(&output), out(&output)), (1, ""));
    assert!(err(&output).contains("nothing found"), "{}", err(&output));
    let json = place.run(&["search", "--json", "anything"]);
    assert_eq!(status(&json), 1);
    assert_eq!(lines_of_json(&json)[0]["hits"], serde_json::json!([]));
}

#[test]
fn a_missing_cross_encoder_costs_the_order_not_the_answer() {
    let place = Place::new();
    let answer = place.json(&[
        "search",
        "--json",
        "--cross-encoder",
        "no-such-model",
        "yeast",
    ]);
    assert_eq!(answer["second_pass"]["stopped"], "failed");
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("no-such-model")
    );
    assert_eq!(answer["hits"][0]["path"], "bread.md");
}

/// Answers come one by one, so that a program may ask the next question when it has read one.
#[test]
fn an_answer_is_written_before_the_next_question_is_read() {
    let place = Place::new();
    place.run(&["index"]);
    let mut child = Command::new(BINARY)
        .args(["search", "--queries", "-", "--no-rerank", "--top-k", "1"])
        .current_dir(place.docs.path())
        .env("XDG_CONFIG_HOME", place.home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut questions = child.stdin.take().unwrap();
    let mut answers = std::io::BufReader::new(child.stdout.take().unwrap());
    for id in ["a", "b"] {
        writeln!(questions, "{{\"_id\": \"{id}\", \"text\": \"yeast\"}}").unwrap();
        let mut answer = String::new();
        std::io::BufRead::read_line(&mut answers, &mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["query_id"], id);
    }
    drop(questions);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_question_may_begin_with_a_hyphen() {
    let place = Place::new();
    let output = place.run(&["search", "--", "-dough"]);
    assert!(status(&output) < 2, "{}", err(&output));
    let output = place.run(&["search", "--json", "--", "-dough yeast"]);
    assert!(status(&output) < 2, "{}", err(&output));
}
