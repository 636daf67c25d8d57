//! The command line as people and programs meet it: the built binary over small folders, with the
//! shipped models.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "command_line/commands.rs"]
mod commands;
#[path = "command_line/emptiness.rs"]
mod emptiness;
#[path = "command_line/folding.rs"]
mod folding;
#[path = "command_line/long_questions.rs"]
mod long_questions;
#[path = "command_line/metadata.rs"]
mod metadata;
#[path = "command_line/names.rs"]
mod names;
#[path = "command_line/passages.rs"]
mod passages;
#[allow(dead_code)] // Each test uses a part of it.
#[path = "common/place.rs"]
mod place;
#[path = "command_line/printing.rs"]
mod printing;
#[path = "command_line/questions.rs"]
mod questions;
#[path = "command_line/reranking.rs"]
mod reranking;
#[path = "command_line/searching.rs"]
mod searching;
#[path = "command_line/settings.rs"]
mod settings;
#[path = "command_line/waiting.rs"]
mod waiting;

use std::fs;
use std::io::Write;
use std::ops::Deref;
use std::process::{Output, Stdio};

use place::{err, out};
use serde_json::Value;

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
