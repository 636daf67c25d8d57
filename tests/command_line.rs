//! The command line as people and programs meet it: the built binary over small folders, with the
//! shipped models.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[allow(dead_code)] // Each test uses a part of it.
#[path = "common/place.rs"]
mod place;

use std::fs;
use std::io::{Read, Write};
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use place::{err, out, status};
use serde_json::Value;

/// The built command.
const BINARY: &str = env!("CARGO_BIN_EXE_reread");

/// A folder with one document of most kinds.
struct Place(place::Place);

impl Deref for Place {
    type Target = place::Place;

    fn deref(&self) -> &place::Place {
        &self.0
    }
}

impl Place {
    fn empty() -> Self {
        Self(place::Place::empty())
    }

    fn new() -> Self {
        let place = Self::empty();
        place.write_three();
        place.write(
            "notes/retry.rs",
            "fn retry() {\n    // Waits twice as long each time.\n}\n",
        );
        place.write(
            "corpus.jsonl",
            "{\"_id\": \"sea\", \"title\": \"Sea\", \"text\": \"Salt makes sea water heavy.\"}\n\
             {\"_id\": \"lake\", \"title\": \"Lake\", \"text\": \"A lake holds fresh water.\"}\n",
        );
        place
    }

    fn write_user_config(&self, text: &str) {
        let folder = self.home.path().join("config/reread");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// Runs the command with `input` on its standard input.
    fn run_with(&self, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that fails early may not read all of it.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn lines_of_json(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const QUESTION: &str = "why does bread get bigger in the oven";

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
fn quiet_leaves_the_standard_error_empty() {
    let place = Place::new();
    let output = place.run(&["search", "--quiet", QUESTION]);
    assert_eq!((status(&output), err(&output)), (0, ""));
}

#[test]
fn json_has_stable_keys_and_types() {
    let place = Place::new();
    let answer = place.json(&["search", "--json", "--top-k", "3", "restore a backup"]);
    assert_eq!(answer["schema"], 1);
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
    assert!((0.0..=1.0).contains(&best["relevance"].as_f64().unwrap()));
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
        err(&broken).contains("the standard input:1"),
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
        assert!(hit["relevance"].is_null() && hit["scores"]["cross_encoder"].is_null());
    }
    let text = place.run(&["search", "--no-rerank", "--mode", "lexical", "yeast"]);
    assert!(
        out(&text).lines().next().unwrap().contains("bm25 "),
        "{}",
        out(&text)
    );
    assert!(!out(&text).contains('▲'));
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

#[test]
fn wrong_usage_is_an_error_with_a_way_out() {
    let place = Place::new();
    let cases: [(&[&str], &str); 9] = [
        (&["search", "x", "--dept", "5"], "--depth"),
        (&["serch", "x"], "search"),
        (&["search"], "QUESTION"),
        (&["search", ""], "the question is empty"),
        (&["search", "x", "--top-k", "0"], "--top-k"),
        (&["search", "x", "--since", "soon"], "7d"),
        (&["search", "x", "nowhere"], "there is no folder nowhere"),
        (
            &["search", "x", "bread.md"],
            "bread.md is a file, not a folder",
        ),
        (&["search", "x", "--no-refresh"], "reread index"),
    ];
    for (args, expected) in cases {
        let output = place.run(args);
        assert_eq!(status(&output), 2, "{args:?}");
        assert!(
            err(&output).contains(expected),
            "{args:?}: {}",
            err(&output)
        );
        assert_eq!(out(&output), "", "{args:?}");
    }
}

#[test]
fn a_question_may_begin_with_a_hyphen() {
    let place = Place::new();
    let output = place.run(&["search", "--", "-dough"]);
    assert!(status(&output) < 2, "{}", err(&output));
    let output = place.run(&["search", "--json", "--", "-dough yeast"]);
    assert!(status(&output) < 2, "{}", err(&output));
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
fn flags_come_before_the_environment_and_that_before_the_files() {
    let place = Place::new();
    let n_hits = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(status(&output), 0, "{}", err(&output));
        lines_of_json(&output).len()
    };
    let args = ["search", "--jsonl", "--no-rerank", "water"];
    assert!(n_hits(&mut place.command(&args)) > 4);
    place.write_user_config("top_k = 4\nthreads = 1\n");
    assert_eq!(n_hits(&mut place.command(&args)), 4);
    place.write("reread.toml", "top_k = 3\n");
    assert_eq!(n_hits(&mut place.command(&args)), 3);
    assert_eq!(n_hits(place.command(&args).env("REREAD_TOP_K", "2")), 2);
    let with_flag = [&args[..], &["--top-k", "1"]].concat();
    assert_eq!(
        n_hits(place.command(&with_flag).env("REREAD_TOP_K", "2")),
        1
    );
    let without_files = [&args[..], &["--no-config"]].concat();
    assert!(n_hits(&mut place.command(&without_files)) > 4);

    place.write("reread.toml", "rerank = false\n");
    let stopped = |args: &[&str]| place.json(args)["second_pass"]["stopped"].clone();
    assert_eq!(stopped(&["search", "--json", "water"]), "off");
    assert!(stopped(&["search", "--json", "--rerank", "water"]).is_null());
}

#[test]
fn a_wrong_configuration_is_named_with_file_line_and_key() {
    let place = Place::new();
    let cases = [
        ("\ntop_x = 3\n", "reread.toml:2: `top_x` is no key"),
        ("top_k = 0\n", "reread.toml:1: `top_k` must be"),
        (
            "models = [\"/elsewhere\"]\n",
            "reread.toml:1: `models` may stand in the user's own",
        ),
        ("top_k = \n", "reread.toml:1: "),
    ];
    for (text, expected) in cases {
        place.write("reread.toml", text);
        let output = place.run(&["search", "water"]);
        assert_eq!(status(&output), 2);
        assert!(err(&output).contains(expected), "{}", err(&output));
    }
    place.write("reread.toml", "");
    place.write_user_config("depth = \"deep\"\n");
    let output = place.run(&["search", "water"]);
    assert!(
        err(&output).contains("config.toml:1: `depth` must be"),
        "{}",
        err(&output)
    );
}

#[test]
fn get_prints_lines_and_stays_in_the_folder() {
    let place = Place::new();
    assert_eq!(
        out(&place.run(&["get", "bread.md:5"])),
        "Yeast makes the dough rise.\n"
    );
    assert_eq!(
        out(&place.run(&["get", "bread.md:1-3"])),
        "# Bread\n\n## Rising\n"
    );
    let html = place.run(&["get", "notes/backup.html"]);
    assert!(out(&html).contains("stop the server") && !out(&html).contains('<'));
    assert_eq!(
        out(&place.run(&["get", "corpus.jsonl:2"])),
        "A lake holds fresh water.\n"
    );
    let inner = place.docs.path().join("notes");
    let inner = inner.to_str().unwrap();
    assert_eq!(
        out(&place.run(&["get", "retry.rs:1", inner])),
        "fn retry() {\n"
    );

    let absolute = place.docs.path().join("bread.md");
    for escape in [
        "../bread.md",
        "x/../../bread.md",
        absolute.to_str().unwrap(),
        "/etc/hostname",
    ] {
        let output = place.run(&["get", escape, inner]);
        assert_eq!((status(&output), out(&output)), (2, ""), "{escape}");
        assert!(
            err(&output).contains("is outside"),
            "{escape}: {}",
            err(&output)
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, Path::new(inner).join("link.md")).unwrap();
        let output = place.run(&["get", "link.md", inner]);
        assert!(
            err(&output).contains("link.md is outside"),
            "{}",
            err(&output)
        );
    }
    let missing = place.run(&["get", "missing.md"]);
    assert_eq!(status(&missing), 2);
    assert!(err(&missing).contains("missing.md"), "{}", err(&missing));
}

#[test]
fn rerank_orders_lines_and_leaves_them_as_they_are() {
    let place = Place::empty();
    let input = b"Berlin is in Germany.\r\n\nCaf\xe9 \xff\nBerlin has 3.5 million inhabitants.\n";
    let run = |args: &[&str]| {
        let question = "how many people live in Berlin";
        let args = [&["rerank", question][..], args].concat();
        place.run_with(&args, input)
    };
    let output = run(&[]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines[0], b"Berlin has 3.5 million inhabitants.");
    assert_eq!(lines[1], b"Berlin is in Germany.\r");
    assert_eq!(lines[2], b"Caf\xe9 \xff");
    assert_eq!(lines.len(), 4);

    let scored = run(&["--scores", "--top-k", "1"]);
    let (score, line) = out(&scored).trim_end().split_once('\t').unwrap();
    assert_eq!(
        (score.len(), line),
        (6, "Berlin has 3.5 million inhabitants.")
    );
    assert!(
        (0.9..=1.0).contains(&score.parse::<f32>().unwrap()),
        "{score}"
    );

    let json = lines_of_json(&run(&["--json"]));
    assert_eq!(
        (&json[0]["rank"], &json[0]["line"]),
        (&Value::from(1), &Value::from(4))
    );
    assert!(json[0]["score"].as_f64().unwrap() > 1.0);

    let nothing = place.run_with(&["rerank", "q"], "\n\n".as_ref());
    assert_eq!((status(&nothing), out(&nothing)), (1, ""));
}

#[test]
fn index_reports_what_it_did() {
    let place = Place::new();
    place.write("image.bin", "\0\u{1}\0\u{2}\0\0\0\u{3}");
    let summary = place.json(&["index", "--json"]);
    assert_eq!(summary["schema"], 1);
    assert_eq!(summary["changed"], true);
    assert_eq!(summary["files"]["binary"], 1);
    assert!(summary["passages"]["written"].as_u64().unwrap() >= 6);
    assert!(summary["problems"].is_array() && summary["elapsed_ms"].is_f64());
    assert_eq!(place.json(&["index", "--json"])["changed"], false);
    assert_eq!(
        place.json(&["index", "--json", "--rebuild"])["changed"],
        true
    );
}

#[test]
fn a_rebuild_does_not_remove_what_is_no_index() {
    let place = Place::new();
    let precious = place.home.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("letter.txt"), "dear").unwrap();
    let output = place.run(&["index", "--rebuild", "--index", precious.to_str().unwrap()]);
    assert_eq!(
        fs::read_to_string(precious.join("letter.txt")).unwrap(),
        "dear"
    );
    assert!(
        status(&output) == 0 || err(&output).contains("precious"),
        "{}",
        err(&output)
    );
}

#[test]
fn an_index_can_be_elsewhere() {
    let place = Place::new();
    let index = place.home.path().join("index");
    let index = index.to_str().unwrap();
    let output = place.run(&["search", "--index", index, "yeast"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert!(!place.docs.path().join(".reread").exists());
    assert!(Path::new(index).is_dir());
}

#[test]
fn status_says_what_the_index_holds() {
    let place = Place::new();
    let without = place.run(&["status"]);
    assert_eq!(status(&without), 2);
    assert!(err(&without).contains("reread index"), "{}", err(&without));
    place.run(&["index"]);
    let report = place.json(&["status", "--json", "--verify"]);
    assert_eq!(report["documents"], 6);
    assert_eq!(report["dim"], 384);
    assert_eq!(report["verified"], true);
    assert!(
        report["model"]["name"]
            .as_str()
            .unwrap()
            .contains("bge-small")
    );
    assert!(report["models"]["embedder"].is_string() && report["size_bytes"].is_u64());
    let text = place.run(&["status"]);
    assert!(out(&text).contains("passages") && out(&text).contains("ONNX Runtime"));
}

#[test]
fn every_path_of_the_machine_finds_the_same_and_others_are_refused() {
    let place = Place::new();
    let expected = place.json(&["search", QUESTION, "--json"]);
    let status_now = place.json(&["status", "--json"]);
    let cpus = status_now["models"]["cpus"].as_array().unwrap();
    assert_eq!(cpus.first(), Some(&status_now["models"]["cpu"]));
    let paths = cpus.iter().map(|cpu| ["--cpu", cpu.as_str().unwrap()]);
    for path in paths.chain([["--precision", "f32"]]) {
        let found = place.json(&["search", QUESTION, "--json", path[0], path[1]]);
        let first = |found: &Value| found["hits"][0]["path"].clone();
        assert!(first(&found).is_string(), "{path:?}");
        assert_eq!(first(&found), first(&expected), "{path:?}");
        let chosen = place.json(&["status", "--json", path[0], path[1]]);
        let key = path[0].trim_start_matches("--");
        assert_eq!(chosen["models"][key], path[1]);
    }
    let refused = place.run(&["search", QUESTION, "--cpu", "sse9"]);
    assert_eq!(status(&refused), 2);
    assert!(err(&refused).contains("portable"), "{}", err(&refused));
}

#[test]
fn models_are_listed_with_where_they_were_looked_for() {
    let place = Place::empty();
    let listed = place.json(&["models", "--json", "--models", "mine"]);
    let names: Vec<&str> = listed["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"bge-small-en-v1.5") && names.contains(&"ms-marco-MiniLM-L-12-v2"));
    assert_eq!(listed["searched"][0], "mine");
    let text = place.run(&["models"]);
    assert!(out(&text).contains("cross-encoder") && out(&text).contains("reread/models"));
}

#[test]
fn an_unknown_model_is_an_error_that_says_where_it_was_looked_for() {
    let place = Place::new();
    let output = place.run(&["search", "--embedder", "no-such-model", "yeast"]);
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("no-such-model"), "{}", err(&output));
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

#[test]
fn completions_and_manual_pages_are_written() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            out(&place.run(&["completions", shell])).contains("search"),
            "{shell}"
        );
    }
    let page = place.run(&["man"]);
    assert!(out(&page).contains(".TH reread 1") && out(&page).contains("130"));
    let pages = place.home.path().join("man");
    assert_eq!(
        status(&place.run(&["man", "--dir", pages.to_str().unwrap()])),
        0
    );
    assert!(pages.join("reread-search.1").is_file());
}

#[test]
fn help_names_defaults_and_precedence() {
    let place = Place::empty();
    let help = place.run(&["search", "--help"]);
    for default in [
        "[default: 10]",
        "[default: 20]",
        "[default: hybrid]",
        "[default: 0.5]",
    ] {
        assert!(out(&help).contains(default), "{default}");
    }
    let help = place.run(&["--help"]);
    assert!(out(&help).contains("first match wins") && out(&help).contains("reread.toml"));
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

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_in_order_and_leaves_no_half_index() {
    let place = Place::empty();
    for file in 0..40 {
        let text = format!("Sentence {file} of a text that takes a while to read. ").repeat(400);
        place.write(&format!("{file}.txt"), &text);
    }
    let mut child = Command::new(BINARY)
        .arg("index")
        .current_dir(place.docs.path())
        .env("XDG_CONFIG_HOME", place.home.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The index folder appears after the handler is set and before anything is embedded.
    while !place.docs.path().join(".reread").exists() {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("stopping") && stderr.contains("stopped on request"),
        "{stderr}"
    );
    assert_eq!(status(&place.run(&["status"])), 2);
}
