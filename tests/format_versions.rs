//! Indexes that earlier versions wrote: each is opened, or refused by name with the way out.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with one document and a copy of the index that format version 1 has of it.
fn place() -> TempDir {
    let docs = tempfile::tempdir().unwrap();
    fs::write(
        docs.path().join("tea.md"),
        "# Tea\n\nGreen tea is brewed at 80 degrees.\n",
    )
    .unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/index-v1");
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
    let docs = place();
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
