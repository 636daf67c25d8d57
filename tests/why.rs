//! `reread why` as people and programs meet it: the built binary over a small folder, with the
//! shipped models.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const QUESTION: &str = "what makes dough rise";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
    write("bread.md", "# Bread\n\nYeast makes the dough rise.\n");
    for i in 0..12 {
        let note = format!("Yeast and dough and bread in the oven, number {i}.\n");
        write(&format!("note{i}.md"), &note);
    }
    write("zinc.txt", "Carbon hardens iron.\n");
    write(".rereadignore", "*.log\n");
    write("skip.log", "words\n");
    fs::create_dir(folder.path().join("inner")).unwrap();
    folder
}

fn why(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REREAD_") {
            command.env_remove(name);
        }
    }
    let command = command
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder.join("no-config"));
    command.arg("why").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = why(folder, &[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

#[test]
fn a_score_below_the_least_is_named_and_the_remedy_shows_the_place() {
    let folder = folder();
    let args = [QUESTION, "bread.md:3", "--min-score", "1.5"];
    let missed = why(folder.path(), &args);
    assert_eq!(missed.status.code(), Some(1), "{}", text(&missed.stderr));
    let lines = text(&missed.stdout);
    assert!(
        lines.starts_with("bread.md:3 would be shown, at rank 1, but its score of "),
        "{lines}"
    );
    let least = lines.split("--min-score ").nth(1).unwrap();
    let least = least.split_whitespace().next().unwrap();
    let args = [QUESTION, "bread.md:3", "--min-score", least];
    assert_eq!(why(folder.path(), &args).status.code(), Some(0));
    let object = json(
        folder.path(),
        &[QUESTION, "bread.md:3", "--min-score", "1.5"],
    );
    assert_eq!(object["cause"], "filtered_out");
}

#[test]
fn one_sentence_a_table_and_what_can_be_changed() {
    let folder = folder();
    let shown = why(folder.path(), &[QUESTION, "bread.md:3"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let lines = text(&shown.stdout);
    assert!(
        lines.starts_with("bread.md:3 is shown, at rank 1.\n\nstage"),
        "{lines}"
    );
    assert!(!lines.contains("what can be changed"), "{lines}");

    let missed = why(
        folder.path(),
        &[QUESTION, "zinc.txt", "--depth", "5", "-k", "2"],
    );
    assert_eq!(missed.status.code(), Some(1));
    let lines = text(&missed.stdout);
    assert!(
        lines.starts_with("zinc.txt was a candidate at rank "),
        "{lines}"
    );
    for part in [
        "BM25",
        "vector",
        "first pass",
        "cross-encoder",
        "answer",
        "above it",
        "--depth ",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    let ignored = why(folder.path(), &[QUESTION, "skip.log"]);
    assert_eq!(ignored.status.code(), Some(1));
    let lines = text(&ignored.stdout);
    assert!(
        lines.contains("a .gitignore, .ignore or .rereadignore leaves it out"),
        "{lines}"
    );
}

#[test]
fn json_has_stable_keys() {
    let folder = folder();
    let args = [QUESTION, "zinc.txt:1", "--depth", "5", "-k", "2"];
    let found = json(folder.path(), &args);
    assert_eq!(
        (&found["schema"], &found["shown"]),
        (&2.into(), &false.into())
    );
    assert_eq!(
        (&found["cause"], &found["place"]),
        (&"too_deep".into(), &"zinc.txt:1".into())
    );
    let stages = &found["stages"];
    assert_eq!(stages["depth"], 5);
    assert_eq!(stages["first_pass"]["rank"], stages["depth_needed"]);
    assert!(stages["vector"]["score"].as_f64().unwrap() < 1.0);
    assert!(stages["cross_encoder"].is_null());
    assert_eq!(found["above"].as_array().unwrap().len(), 2);
    let depth = format!("--depth {}", stages["depth_needed"]);
    let mut options = found["remedies"].as_array().unwrap().iter();
    assert!(
        options.any(|remedy| remedy["option"] == depth.as_str()),
        "{found}"
    );

    let filtered = json(folder.path(), &[QUESTION, "zinc.txt", "--type", "md"]);
    assert_eq!(filtered["cause"], "filtered_out");
    assert!(
        filtered["reason"].as_str().unwrap().contains("--type"),
        "{filtered}"
    );
    let missing = json(folder.path(), &[QUESTION, "nowhere.md"]);
    assert_eq!(missing["cause"], "not_indexed");
    assert_eq!(missing["reason"], "there is no such file");
}

#[test]
fn bad_input_is_an_error_that_names_it() {
    let folder = folder();
    for (args, message) in [
        (["  ", "bread.md"], "the question is empty"),
        (
            [QUESTION, "inner"],
            "\"inner\" is a folder; name a file in it",
        ),
        (
            [QUESTION, "bread.md:99"],
            "bread.md ends at line 3, before line 99",
        ),
        (
            [QUESTION, "bread.md:5-2"],
            "\"5-2\" is not a range of lines",
        ),
        ([QUESTION, "/etc/passwd"], "/etc/passwd is outside"),
        ([QUESTION, "../x.md"], "../x.md is outside"),
    ] {
        let output = why(folder.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let error = text(&output.stderr);
        assert!(error.contains(message), "{args:?}: {error}");
    }
}
