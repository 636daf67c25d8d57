//! Indexes that earlier versions wrote: each is opened, or refused by name with the way out.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with one document and a copy of the index that a format version has of it.
fn place(version: u32) -> TempDir {
    let docs = tempfile::tempdir().unwrap();
    fs::write(
        docs.path().join("tea.md"),
        "# Tea\n\nGreen tea is brewed at 80 degrees.\n",
    )
    .unwrap();
    let fixture = format!("tests/fixtures/index-v{version}");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture);
    copy(&fixture, &docs.path().join(".reread"));
    docs
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn reread(docs: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("REREAD_")) {
        command.env_remove(name);
    }
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/models");
    let command = command.current_dir(docs).env("REREAD_MODELS", models);
    command.args(args).output().unwrap()
}

#[test]
fn version_1_is_refused_by_name_and_a_rebuild_is_the_way_out() {
    let docs = place(1);
    for args in [&["search", "tea"][..], &["index"], &["status"]] {
        let refused = reread(docs.path(), args);
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {message}");
        assert!(
            message.contains("MANIFEST has format version 1"),
            "{message}"
        );
        assert!(message.contains("`reread index --rebuild`"), "{message}");
    }
    let rebuilt = reread(docs.path(), &["index", "--rebuild"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let found = reread(docs.path(), &["search", "how hot is tea brewed", "--json"]);
    assert!(found.status.success(), "{found:?}");
    assert!(String::from_utf8_lossy(&found.stdout).contains("80 degrees"));
}

/// The version that a file of the index names.
fn version_of(docs: &Path, file: &str) -> u32 {
    let bytes = fs::read(docs.join(".reread").join(file)).unwrap();
    u32::from_le_bytes(bytes[8..12].try_into().unwrap())
}

fn finds(docs: &Path, question: &str, words: &str) {
    let found = reread(docs, &["search", question, "--json", "--no-refresh"]);
    assert!(found.status.success(), "{found:?}");
    let answer = String::from_utf8_lossy(&found.stdout);
    assert!(answer.contains(words), "{answer}");
}

#[test]
fn versions_2_to_4_answer_and_are_continued_as_version_4() {
    for version in [2, 3, 4] {
        let docs = place(version);
        assert_eq!(version_of(docs.path(), "MANIFEST"), version);
        finds(docs.path(), "how hot is tea brewed", "80 degrees");
        let checked = reread(docs.path(), &["doctor"]);
        assert!(checked.status.success(), "{checked:?}");

        fs::write(docs.path().join("steel.md"), "Carbon makes iron hard.\n").unwrap();
        let indexed = reread(docs.path(), &["index"]);
        assert!(indexed.status.success(), "{indexed:?}");
        assert_eq!(version_of(docs.path(), "MANIFEST"), 4);
        finds(docs.path(), "how hot is tea brewed", "80 degrees");
        finds(docs.path(), "what makes iron hard", "Carbon");
        let checked = reread(docs.path(), &["doctor"]);
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn a_backup_of_version_2_is_restored_as_version_4() {
    let docs = place(2);
    let backups = tempfile::tempdir().unwrap();
    let backup = backups.path().join("backup");
    let to = backup.to_str().unwrap();
    for args in [&["backup", to][..], &["restore", to, "--force"]] {
        let done = reread(docs.path(), args);
        assert!(done.status.success(), "{args:?}: {done:?}");
    }
    assert_eq!(version_of(docs.path(), "MANIFEST"), 4);
    finds(docs.path(), "how hot is tea brewed", "80 degrees");
}

#[test]
fn a_mixed_index_is_read() {
    let docs = place(2);
    let backups = tempfile::tempdir().unwrap();
    let backup = backups.path().join("backup");
    let to = backup.to_str().unwrap();
    assert!(reread(docs.path(), &["backup", to]).status.success());
    assert!(
        reread(docs.path(), &["restore", to, "--force"])
            .status
            .success()
    );
    assert_eq!(version_of(docs.path(), "MANIFEST"), 4);
    let index = fs::read_dir(docs.path().join(".reread")).unwrap();
    let names = index.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let segment = names
        .filter(|name| name.starts_with("segment-"))
        .min()
        .unwrap();
    assert_eq!(version_of(docs.path(), &format!("{segment}/passages")), 2);
    finds(docs.path(), "how hot is tea brewed", "80 degrees");
}

#[test]
fn files_of_earlier_versions_are_read_again_and_nothing_is_embedded_again() {
    for version in [2, 3] {
        let docs = place(version);
        // Its time and size are others, its content is the same.
        let indexed = reread(docs.path(), &["index", "--json"]);
        assert!(indexed.status.success(), "{indexed:?}");
        let summary: serde_json::Value = serde_json::from_slice(&indexed.stdout).unwrap();
        assert_eq!(summary["passages"]["embedded"], 0, "{summary}");
        assert_eq!(summary["passages"]["written"], 1, "{summary}");
        assert_eq!(version_of(docs.path(), "MANIFEST"), 4);
        finds(docs.path(), "how hot is tea brewed", "80 degrees");
        let again = reread(docs.path(), &["index", "--json"]);
        let summary: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(summary["passages"]["written"], 0, "{summary}");
    }
}

/// Whether a search by words, which leaves the index as it is, finds anything, and what it says.
fn asked(docs: &Path, question: &str) -> (bool, String) {
    let words_alone = ["--mode", "lexical", "--no-rerank", "--no-refresh"];
    let found = reread(docs, &[&["search", question][..], &words_alone].concat());
    let said = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(matches!(found.status.code(), Some(0 | 1)), "{said}");
    (found.status.success(), said)
}

#[test]
fn what_earlier_versions_lack_is_asked_of_stems_or_said_and_there_after_indexing() {
    for version in [2, 3] {
        let docs = place(version);
        assert!(asked(docs.path(), "\"tea is brewed\"").0);
        assert!(asked(docs.path(), "\"tea is brewing\"").0);
        assert!(asked(docs.path(), "title:tea brewed").0);
        let (_, said) = asked(docs.path(), "tea path:tea");
        assert!(said.contains("cannot tell path:tea yet"), "{said}");
        assert!(said.contains("`reread index`"), "{said}");

        assert!(reread(docs.path(), &["index"]).status.success());
        assert!(asked(docs.path(), "\"tea is brewed\"").0);
        let (found, said) = asked(docs.path(), "\"tea is brewing\"");
        assert!(
            !found && said.contains("no passage has \"tea is brewing\""),
            "{said}"
        );
        for question in ["title:tea", "path:tea", "brew*", "tea -title:steel"] {
            let (found, said) = asked(docs.path(), question);
            assert!(found && !said.contains("warning"), "{question}: {said}");
        }
        let (found, said) = asked(docs.path(), "bruwed");
        assert!(!found && said.contains("did you mean “brewed”?"), "{said}");
    }
}
