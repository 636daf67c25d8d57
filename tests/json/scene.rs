//! The folders over which the examples of `docs/json.md` are run.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use serde_json::{Deserializer, Value, json};

use crate::place::{Place, err, out, status};

/// Documents of a collection.
const DOCUMENTS: [(&str, &str); 6] = [
    ("yeast", "Yeast makes the dough rise before it is baked."),
    ("oven", "An oven is heated before the bread goes in."),
    (
        "steel",
        "Carbon makes iron hard; steel is an alloy of both.",
    ),
    ("sea", "Salt makes sea water heavier than fresh water."),
    ("lake", "A lake holds fresh water and freezes in winter."),
    ("backup", "Stop the server before a backup is restored."),
];

/// Its questions, eight of them short, and the document that answers each.
const QUESTIONS: [(&str, &str); 16] = [
    ("alloy", "steel"),
    ("salt water", "sea"),
    ("what hardens metal", "steel"),
    ("restoring a backup", "backup"),
    ("baking a loaf", "oven"),
    ("fresh water", "lake"),
    ("dough rises", "yeast"),
    ("heated oven", "oven"),
    ("why does a loaf get bigger while it waits", "yeast"),
    ("when is the oven heated for the bread", "oven"),
    ("which water is heavier than that of a lake", "sea"),
    ("what freezes as soon as it is cold outside", "lake"),
    ("what is done before files are put back", "backup"),
    ("which two things is steel made of", "steel"),
    ("where does water without any salt stand", "lake"),
    ("what is added to dough before it is baked", "yeast"),
];

/// A folder as the examples of a section take it.
pub(crate) struct Scene {
    place: Place,
}

impl Scene {
    /// The folder for the section of this title, with what was done to it before.
    pub(crate) fn of(title: &str) -> Self {
        let scene = Self {
            place: Place::empty(),
        };
        match title {
            "reread eval --json" | "reread worth-it --json" => scene.write_collection(),
            "reread index --json" => scene.write_notes(),
            "reread search --json" | "reread search --jsonl" | "reread why --json" => {
                scene.write_notes();
                scene.write_copies();
                scene.run("reread index --json");
            }
            _ => {
                scene.write_notes();
                scene.run("reread index --json");
            }
        }
        match title {
            "reread doctor --json" => scene.damage(),
            "reread restore --json" => drop(scene.run("reread backup --json /backups/notes")),
            _ => {}
        }
        scene
    }

    /// Four documents, a record without a word, one cut short and a PDF that is none.
    fn write_notes(&self) {
        self.place.write_three();
        self.place.write(
            "corpus.jsonl",
            "{\"_id\": \"sea\", \"text\": \"Salt makes sea water heavy.\"}\n{\"_id\": \"nothing\", \"text\": \"\"}\n{\"_id\": \"lake\", \"text\": \n",
        );
        self.place.write("broken.pdf", "%PDF-1.4 cut");
        let home = self.place.home.path();
        let question = "{\"_id\": \"q1\", \"text\": \"how do I restore a backup\"}\n";
        fs::write(home.join("questions.jsonl"), question).unwrap();
        let lines = "Berlin is in Germany.\n\nBerlin has 3.5 million inhabitants.\n";
        fs::write(home.join("lines.txt"), lines).unwrap();
    }

    /// Copies of two passages.
    fn write_copies(&self) {
        let copies = [
            ("old/bread.txt", "Yeast makes the dough rise.\n"),
            (
                "old/backup.txt",
                "To restore a backup, stop the server first.\n",
            ),
        ];
        for (path, text) in copies {
            self.place.write(path, text);
        }
    }

    /// A collection in BEIR layout.
    fn write_collection(&self) {
        let record = |(id, text): &(&str, &str)| format!("{}\n", json!({"_id": id, "text": text}));
        let corpus: String = DOCUMENTS.iter().map(record).collect();
        self.place.write("corpus.jsonl", corpus);
        let numbered = || QUESTIONS.iter().zip(1..);
        let queries: String = numbered()
            .map(|((question, _), number)| record(&(&format!("q{number}"), question)))
            .collect();
        let qrels: Vec<String> = numbered()
            .map(|((_, answer), number)| format!("q{number}\t{answer}\t1\n"))
            .collect();
        let qrels = format!("query-id\tcorpus-id\tscore\n{}", qrels.concat());
        self.place.write("queries.jsonl", queries);
        self.place.write("qrels/test.tsv", qrels);
    }

    /// A byte too many in a file of the index that can be made from the others.
    fn damage(&self) {
        let path = self.place.index().join("segment-1/quantised");
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"x").unwrap();
    }

    /// Runs an example and returns what it prints. `/backups` and what is read with `<` are in a folder
    /// beside.
    pub(crate) fn run(&self, command: &str) -> Vec<Value> {
        let home = self.place.home.path();
        let (command, input) = match command.split_once(" < ") {
            Some((command, input)) => (command, Some(input)),
            None => (command, None),
        };
        let words = words(&command.replace("/backups", home.to_str().unwrap()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words[0], "reread");
        let mut process = self.place.command(&words[1..]);
        if let Some(input) = input {
            process.stdin(File::open(home.join(input)).unwrap());
        }
        let output = process.output().unwrap();
        assert!(status(&output) < 2, "{command}: {}", err(&output));
        let answers = Deserializer::from_str(out(&output)).into_iter();
        let answers: Vec<Value> = answers.collect::<Result<_, _>>().unwrap();
        assert!(!answers.is_empty(), "{command} prints nothing");
        answers
    }
}

/// The words of a command line: what is quoted is one.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (part, is_quoted) in command.split('"').zip([false, true].into_iter().cycle()) {
        if is_quoted {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
