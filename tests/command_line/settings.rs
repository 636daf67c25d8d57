//! Flags, environment, configuration files and models.

use std::process::Command;

use serde_json::Value;

use crate::place::{err, out, status};
use crate::{Place, QUESTION, lines_of_json};

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
        ("\ntop_x = 3\n", "reread.toml:2: `top_x` is not a key"),
        ("top_k = 0\n", "reread.toml:1: `top_k` must be"),
        (
            "models = [\"/elsewhere\"]\n",
            "reread.toml:1: `models` is allowed only in the user's own",
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
    assert!(names.contains(&"bge-small-en-v1.5") && names.contains(&"reread-MiniLM-L12-v1"));
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
