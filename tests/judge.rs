//! `reread judge` as a person drives it: the built binary, answers on the standard input.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    fs::create_dir(&docs).unwrap();
    for (name, text) in [
        ("bread.md", "# Bread\n\nYeast makes the dough rise.\n"),
        (
            "oven.md",
            "# Ovens\n\nAn oven is heated before the bread goes in.\n",
        ),
        (
            "price.md",
            "# Prices\n\nThe price of bread will rise again this year.\n",
        ),
        (
            "sun.md",
            "# Sun\n\nIn summer the sun will rise before the bakers do.\n",
        ),
        (
            "sea.md",
            "# Sea\n\nSalt makes sea water heavier than fresh water.\n",
        ),
        (
            "lake.md",
            "# Lake\n\nA lake holds fresh water and freezes in winter.\n",
        ),
    ] {
        fs::write(docs.join(name), text).unwrap();
    }
    fs::write(
        folder.path().join("questions.jsonl"),
        "{\"_id\": \"q1\", \"text\": \"what makes bread rise\"}\n\
         {\"_id\": \"q2\", \"text\": \"why is the sea heavy\"}\n",
    )
    .unwrap();
    folder
}

/// The cross-encoder's order alone, so that candidates move.
fn judge(folder: &Path, answers: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REREAD_") {
            command.env_remove(name);
        }
    }
    let mut child = command
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder.join("no-config"))
        .args(["judge", "docs", "--queries", "questions.jsonl"])
        .args(["--qrels", "qrels.tsv", "--rerank-weight", "1"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // A child that has enough closes its end.
    let _ = input.write_all(answers.as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn judged(folder: &Path) -> Vec<String> {
    let file = fs::read_to_string(folder.join("qrels.tsv")).unwrap();
    file.lines().skip(1).map(str::to_owned).collect()
}

fn n_asked(output: &Output) -> usize {
    text(&output.stdout)
        .matches("does it answer the question?")
        .count()
}

#[test]
fn answers_are_kept_and_not_asked_for_again() {
    let folder = folder();
    let path = folder.path();
    let first = judge(path, "y\nperhaps\nn\nq\n", &[]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let lines = judged(path);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("q1\t") && lines[0].ends_with("\t1"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("\t0"), "{lines:?}");
    let shown = text(&first.stdout);
    assert!(
        shown.contains("question 1 of 2: what makes bread rise"),
        "{shown}"
    );
    assert!(shown.contains("so far: of 1 judged question, "), "{shown}");

    // The input ends: what was said until then is kept.
    let second = judge(path, "n\n", &[]);
    assert!(second.status.success(), "{}", text(&second.stderr));
    let more = judged(path);
    assert_eq!((&more[..2], more.len()), (&lines[..], 3));

    let rest = judge(path, &"n\n".repeat(20), &[]);
    assert!(rest.status.success());
    let all = judged(path);
    let again = judge(path, "", &[]);
    assert_eq!(n_asked(&again), 0, "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("so far: of 2 judged questions, "));
    assert_eq!(judged(path), all);
}

#[test]
fn the_last_answer_can_be_taken_back_and_candidates_skipped() {
    let folder = folder();
    let path = folder.path();
    let output = judge(path, "y\nu\nn\ns\nq\n", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = judged(path);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("\t0"), "{lines:?}");
}

#[test]
fn what_was_judged_is_what_eval_measures() {
    let folder = folder();
    let path = folder.path();
    assert!(
        judge(path, &"y\n".repeat(30), &["--per-question", "6"])
            .status
            .success()
    );
    let n_judged = judged(path).len();
    let output = Command::new(env!("CARGO_BIN_EXE_reread"))
        .current_dir(path)
        .env("XDG_CONFIG_HOME", path.join("no-config"))
        .args([
            "eval",
            "docs",
            "--queries",
            "questions.jsonl",
            "--qrels",
            "qrels.tsv",
        ])
        .args(["--no-rerank", "--measures", "R@100"])
        .output()
        .unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert!(!err.contains("warning"), "{err}");
    assert!(
        out.contains(&format!("2 questions, {n_judged} judgements")),
        "{out}"
    );
    let hybrid = out.lines().find(|line| line.starts_with("hybrid")).unwrap();
    assert!(
        hybrid.contains("1.0000"),
        "every judged passage is found: {out}"
    );
}

#[test]
fn bad_input_is_named_and_nothing_is_overwritten() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("qrels.tsv"), "q1 0 bread.md 1\n").unwrap();
    let output = judge(path, "y\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("qrels.tsv does not have the columns"));
    assert_eq!(
        fs::read_to_string(path.join("qrels.tsv")).unwrap(),
        "q1 0 bread.md 1\n"
    );

    fs::remove_file(path.join("qrels.tsv")).unwrap();
    fs::write(path.join("questions.jsonl"), "no question\n").unwrap();
    let output = judge(path, "y\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("questions.jsonl"),
        "{}",
        text(&output.stderr)
    );
}
