//! What results look like, for people, programs and terminals.

use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::place::{BINARY, err, out, status};
use crate::{Place, QUESTION, lines_of_json};

#[test]
fn quiet_leaves_the_standard_error_empty() {
    let place = Place::new();
    let output = place.run(&["search", "--quiet", QUESTION]);
    assert_eq!((status(&output), err(&output)), (0, ""));
}

#[test]
fn json_has_stable_keys_and_types() {
    let place = Place::new();
    let answer = place.json(&["search", "--json", "--top-k", "3", "restore a backup"]);
    assert_eq!(answer["schema"], 2);
    assert_eq!(answer["query"], "restore a backup");
    assert!(answer.get("query_id").is_none());
    for key in ["open", "embed", "lexical", "vector", "rerank", "total"] {
        assert!(answer["timing_ms"][key].as_f64().unwrap() >= 0.0, "{key}");
    }
    assert_eq!(answer["first_pass"]["mode"], "hybrid");
    let second = &answer["second_pass"];
    assert_eq!(second["requested"], second["scored"]);
    assert!(second["scored"].as_u64().unwrap() >= 3 && second["stopped"].is_null());
    assert_eq!(answer["warnings"], serde_json::json!([]));

    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 3);
    let best = &hits[0];
    assert_eq!(best["rank"], 1);
    assert_eq!(best["path"], "notes/backup.html");
    assert_eq!(best["doc_id"], "notes/backup.html");
    assert!(best["page"].is_null());
    for key in ["title", "text"] {
        assert!(best[key].is_string(), "{key}");
    }
    assert!(best["heading_path"].is_array());
    for key in ["start_line", "end_line", "start_byte", "end_byte"] {
        assert!(best[key].is_u64(), "{key}");
    }
    let lists = ["bm25", "vector", "first_pass", "cross_encoder", "final"];
    for key in lists {
        assert!(best["scores"][key].is_f64(), "{key}");
        assert!(best["ranks"][key].as_u64().unwrap() >= 1, "{key}");
    }
    assert_eq!(best["score"], best["scores"]["final"]);
    assert!((0.0..=1.0).contains(&best["score"].as_f64().unwrap()));
    assert!(best["scores"]["evidence"]["first_pass"].is_f64());
    for hit in hits {
        let gained = hit["ranks"]["first_pass"].as_i64().unwrap() - hit["rank"].as_i64().unwrap();
        assert_eq!(hit["move"].as_i64().unwrap(), gained);
    }
    let text = best["text"].as_str().unwrap();
    let marked: Vec<String> = best["highlights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| {
            let at = |pos: usize| range[pos].as_u64().unwrap() as usize;
            text[at(0)..at(1)].to_lowercase()
        })
        .collect();
    assert!(marked.contains(&"restore".to_owned()), "{marked:?}");
}

#[test]
fn jsonl_is_a_result_a_line() {
    let place = Place::new();
    let output = place.run(&["search", "--jsonl", "--top-k", "2", QUESTION]);
    let hits = lines_of_json(&output);
    assert_eq!(hits.len(), 2);
    assert_eq!(
        (&hits[0]["rank"], &hits[1]["rank"]),
        (&Value::from(1), &Value::from(2))
    );
}

#[test]
fn trec_names_each_document_once_in_descending_score() {
    let place = Place::new();
    let output = place.run(&["search", "--format", "trec", "--run-name", "mine", "water"]);
    let rows: Vec<Vec<&str>> = out(&output)
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    assert!(rows.len() >= 3);
    let mut documents = Vec::new();
    let mut above = f64::INFINITY;
    for (row, rank) in rows.iter().zip(1..) {
        let [query, q0, document, row_rank, score, run] = row[..] else {
            panic!("{row:?}")
        };
        assert_eq!((query, q0, run), ("1", "Q0", "mine"));
        assert_eq!(row_rank, rank.to_string());
        assert!(!documents.contains(&document), "{document}");
        documents.push(document);
        let score: f64 = score.parse().unwrap();
        assert!(score < above);
        above = score;
    }
    assert!(
        documents[..2].contains(&"sea") && documents[..2].contains(&"lake"),
        "{documents:?}"
    );
    let passages = place.run(&["search", "--format", "trec", "--by", "passage", "water"]);
    assert!(
        out(&passages).lines().all(|line| line.contains('#')),
        "{}",
        out(&passages)
    );
}

#[test]
fn explain_says_what_each_pass_thought() {
    let place = Place::new();
    let output = place.run(&["search", "--explain", "--depth", "2", QUESTION]);
    for word in [
        "BM25",
        "vector",
        "cross-encoder",
        "answer",
        "first pass",
        "exact scan",
        "total",
    ] {
        assert!(out(&output).contains(word), "{word} in {}", out(&output));
    }
    assert!(out(&output).contains("beyond rank 2"), "{}", out(&output));
}

#[test]
fn colour_is_a_choice() {
    let place = Place::new();
    let coloured = |command: &mut Command| out(&command.output().unwrap()).contains('\u{1b}');
    assert!(!coloured(&mut place.command(&["search", "yeast"])));
    assert!(coloured(
        &mut place.command(&["search", "yeast", "--color", "always"])
    ));
    assert!(!coloured(
        &mut place.command(&["search", "yeast", "--color", "never"])
    ));
    let mut no_colour = place.command(&["search", "yeast"]);
    assert!(!coloured(
        no_colour.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1")
    ));
}

#[test]
fn what_a_terminal_obeys_does_not_reach_it() {
    let place = Place::empty();
    place.write(
        "evil.md",
        "# Ti\u{1b}]0;owned\u{7}tle\n\nYeast \u{1b}[2J\u{1b}[31m makes\u{9b}2J dough\u{202e} rise.\n",
    );
    let output = place.run(&["search", "--explain", "yeast dough"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let hostile = |text: &str| {
        text.chars()
            .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
    };
    assert!(out(&output).contains("dough"), "{}", out(&output));
    assert!(!hostile(out(&output)) && !hostile(err(&output)));
    // Colour of ours, and none of theirs.
    let coloured = place.run(&["search", "--color", "always", "yeast dough"]);
    assert!(!out(&coloured).contains("\u{1b}[2J") && !out(&coloured).contains('\u{9b}'));
    let json = place.run(&["search", "--json", "yeast dough"]);
    assert!(!hostile(out(&json)));
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(
        answer["hits"][0]["text"]
            .as_str()
            .unwrap()
            .contains('\u{9b}')
    );
    let error = place.run(&["get", "no\u{1b}[31mfile"]);
    assert_eq!(status(&error), 2);
    assert!(!hostile(err(&error)), "{:?}", err(&error));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    place.run(&["index"]);
    for args in [
        &["search", "--jsonl", "water"][..],
        &["search", "water"],
        &["get", "bread.md"],
        &["status"],
        &["models"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut command = Command::new(BINARY);
        let mut child = command
            .args(args)
            .current_dir(place.docs.path())
            .env("XDG_CONFIG_HOME", place.home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {stderr}");
        assert!(
            !stderr.contains("pipe") && !stderr.contains("panic"),
            "{args:?}: {stderr}"
        );
    }
}
