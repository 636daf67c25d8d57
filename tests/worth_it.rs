//! `reread worth-it` and `reread tune` over the sample, whose pages and judgements come with the project.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample");

fn judged(subcommand: &str, documents: &Path, index: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REREAD_") {
            command.env_remove(name);
        }
    }
    command
        .env("XDG_CONFIG_HOME", index.join("no-config"))
        .args([subcommand, "--quiet", "--qrels"])
        .arg(format!("{SAMPLE}/qrels.tsv"))
        .arg("--queries")
        .arg(format!("{SAMPLE}/questions.jsonl"))
        .arg("--index")
        .arg(index.join("index"))
        .args(args)
        .arg(documents)
        .output()
        .unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Some pages of the sample, so that the test does not embed all of it: each of the first eight questions
/// has an answer in one.
fn pages(folder: &Path) {
    for page in [
        "functions-sequence.html",
        "hot-standby.html",
        "indexes-intro.html",
        "indexes-types.html",
        "routine-vacuuming.html",
        "runtime-config-autovacuum.html",
        "sql-vacuum.html",
    ] {
        std::fs::copy(format!("{SAMPLE}/docs/{page}"), folder.join(page)).unwrap();
    }
}

#[test]
fn the_verdict_is_one_screen_and_the_same_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    pages(&documents);
    let args = ["--limit", "8", "--depths", "2,4"];
    let screen = judged("worth-it", &documents, folder.path(), &args);
    assert!(screen.status.success(), "{}", err(&screen));
    let screen = String::from_utf8(screen.stdout).unwrap();
    assert!(screen.lines().count() <= 24, "{screen}");

    let json = judged(
        "worth-it",
        &documents,
        folder.path(),
        &["--json", "--limit", "8", "--depths", "2,4"],
    );
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["n_questions"], 8);
    assert!(
        screen.contains(json["sentence"].as_str().unwrap()),
        "{screen}"
    );
    let settings = json["settings"].as_array().unwrap();
    assert_eq!(
        settings.len(),
        15,
        "two depths and that in use, five weights"
    );
    let greatest = settings
        .iter()
        .map(|setting| setting["gain"].as_f64().unwrap())
        .fold(f64::MIN, f64::max);
    let best = json["best"]["gain"].as_f64().unwrap();
    assert!((best - greatest).abs() < 1e-12, "{best}, {greatest}");
    let chosen: u64 = settings
        .iter()
        .map(|setting| setting["chosen"].as_u64().unwrap())
        .sum();
    assert!(chosen <= 100, "{chosen} of 100 halves");
}

#[test]
fn too_few_questions_are_refused_before_the_models_run() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    pages(&documents);
    let output = judged("worth-it", &documents, folder.path(), &["--limit", "7"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("7 judged questions"),
        "{}",
        err(&output)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn tuning_writes_what_searches_read_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    pages(&documents);
    let file = documents.join("reread.toml");
    std::fs::write(&file, "# mine\ntop_k = 3\n").unwrap();
    let dry = judged(
        "tune",
        &documents,
        folder.path(),
        &["--limit", "8", "--dry-run"],
    );
    assert!(dry.status.success(), "{}", err(&dry));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "# mine\ntop_k = 3\n"
    );

    let tuned = judged("tune", &documents, folder.path(), &["--limit", "8"]);
    assert!(tuned.status.success(), "{}", err(&tuned));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\ntop_k = 3\n"), "{text}");
    for key in ["dense_weight = ", "rerank = "] {
        assert!(text.contains(key), "{text}");
    }
    // What was written is a configuration: the next run reads it.
    let again = judged(
        "tune",
        &documents,
        folder.path(),
        &["--limit", "8", "--dry-run"],
    );
    assert!(again.status.success(), "{}", err(&again));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn questions_made_from_the_documents_decide_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    pages(&documents);
    let run = |subcommand| {
        Command::new(env!("CARGO_BIN_EXE_reread"))
            .env("XDG_CONFIG_HOME", folder.path().join("no-config"))
            .args([subcommand, "--quiet", "--known-item=9", "--index"])
            .arg(folder.path().join("index"))
            .arg(&documents)
            .output()
            .unwrap()
    };
    let tuned = run("tune");
    assert_eq!(tuned.status.code(), Some(2));
    assert!(err(&tuned).contains("reread judge"), "{}", err(&tuned));
    assert!(!documents.join("reread.toml").exists());
    let weighed = run("worth-it");
    assert!(weighed.status.success(), "{}", err(&weighed));
    let screen = String::from_utf8(weighed.stdout).unwrap();
    assert!(screen.starts_with("docs: no verdict."), "{screen}");
}

#[test]
fn a_configuration_that_cannot_be_kept_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    pages(&documents);
    let file = documents.join("reread.toml");
    std::fs::write(&file, "top_k = = 3\n").unwrap();
    let output = judged("tune", &documents, folder.path(), &["--limit", "8"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("reread.toml"), "{}", err(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "top_k = = 3\n");
}

#[test]
fn judgements_that_name_nothing_are_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("docs");
    std::fs::create_dir(&documents).unwrap();
    std::fs::write(documents.join("a.md"), "Nothing that anybody has judged.\n").unwrap();
    for command in ["worth-it", "tune"] {
        let output = judged(command, &documents, folder.path(), &["--limit", "8"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(
            err(&output).contains("0 have something relevant in the index"),
            "{}",
            err(&output)
        );
    }
    assert!(!documents.join("reread.toml").exists());
}

#[test]
fn a_collection_is_tuned_in_its_own_folder_where_evaluations_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("words");
    std::fs::create_dir_all(collection.join("qrels")).unwrap();
    let words = [
        "yeast", "oven", "steel", "sea", "lake", "roof", "moon", "goat",
    ];
    let lines = |line: &dyn Fn(&str) -> String| -> String {
        words.iter().map(|word| line(word) + "\n").collect()
    };
    let corpus = lines(&|w| {
        format!("{{\"_id\": \"{w}\", \"title\": \"\", \"text\": \"All about the {w}.\"}}")
    });
    let queries = lines(&|w| format!("{{\"_id\": \"q-{w}\", \"text\": \"the {w}\"}}"));
    let qrels = lines(&|w| format!("q-{w}\t{w}\t1"));
    std::fs::write(collection.join("corpus.jsonl"), corpus).unwrap();
    std::fs::write(collection.join("queries.jsonl"), queries).unwrap();
    let qrels = format!("query-id\tcorpus-id\tscore\n{qrels}");
    std::fs::write(collection.join("qrels/test.tsv"), qrels).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
        command
            .env("XDG_CONFIG_HOME", folder.path().join("no-config"))
            .args(args)
            .arg(&collection)
            .output()
            .unwrap()
    };
    let output = run(&["tune", "--quiet"]);
    assert!(output.status.success(), "{}", err(&output));
    let file = collection.join("reread.toml");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("dense_weight = ")
    );
    std::fs::write(&file, "dense_weight = 7\n").unwrap();
    let refused = run(&["eval", "--quiet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("reread.toml:1"), "{}", err(&refused));
}
