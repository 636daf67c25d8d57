//! A folder of documents, and a home without configuration or models, for tests of the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The built command.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_reread");

pub(crate) struct Place {
    pub(crate) home: TempDir,
    pub(crate) docs: TempDir,
}

impl Place {
    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            docs: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with three documents, indexed.
    pub(crate) fn indexed() -> Self {
        let place = Self::empty();
        place.write_three();
        let output = place.run(&["index"]);
        assert_eq!(status(&output), 0, "{}", err(&output));
        place
    }

    /// Writes three documents.
    pub(crate) fn write_three(&self) {
        self.write(
            "bread.md",
            "# Bread\n\n## Rising\n\nYeast makes the dough rise.\n\n## Storing\n\nKeep bread in a box.\n",
        );
        self.write(
            "steel.txt",
            "Carbon makes iron hard. Steel is an alloy of both.\n",
        );
        self.write(
            "notes/backup.html",
            "<h1>Backup</h1><p>To restore a backup, stop the server first.</p>",
        );
    }

    pub(crate) fn root(&self) -> &Path {
        self.docs.path()
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.root().join(".reread")
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command with these arguments, in the folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args);
        self.settle(&mut command);
        command
    }

    /// Lets a command know nothing of who runs the tests.
    pub(crate) fn settle(&self, command: &mut Command) {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("REREAD_")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.root())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env_remove("NO_COLOR")
            .env_remove("ORT_DYLIB_PATH")
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that prints one JSON object. Returns its exit status and the object.
    pub(crate) fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(args);
        let value = serde_json::from_slice(&output.stdout);
        let value = value.unwrap_or_else(|_| panic!("{args:?}: {}{}", out(&output), err(&output)));
        (status(&output), value)
    }
}

pub(crate) fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Every file below a folder but locks, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if !name.ends_with("LOCK")
            && Path::new(&name).extension().is_none_or(|e| e != "lock")
        {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
