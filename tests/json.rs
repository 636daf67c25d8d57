//! `docs/json.md` against the built binary: its examples have the fields of real answers, and its tables
//! describe every field, and no other.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "json/document.rs"]
mod document;
#[allow(dead_code)] // Each test uses a part of it.
#[path = "common/place.rs"]
mod place;
#[path = "json/scene.rs"]
mod scene;
#[path = "json/shape.rs"]
mod shape;

use std::collections::BTreeSet;

use document::{Document, Section};
use place::{Place, out};
use scene::Scene;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shape::{Shape, look};

const DOCUMENT: &str = include_str!("../docs/json.md");

#[test]
fn examples_and_tables_are_those_of_real_answers() {
    let document = Document::parse(DOCUMENT);
    let mut complaints = Vec::new();
    for section in &document.sections {
        for complaint in check(section) {
            complaints.push(format!("{}: {complaint}", section.title));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// What is wrong with a section. Without examples it only refers to another one.
fn check(section: &Section) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut occurring = BTreeSet::new();
    let scene = Scene::of(&section.title);
    for example in &section.examples {
        let real = scene.run(&example.command);
        for answer in &real {
            if read_and_written(&section.title, answer) != *answer {
                complaints.push(format!("{answer} is another once it was read"));
            }
        }
        let mut paths = [BTreeSet::new(), BTreeSet::new()];
        for (answers, paths) in [&example.answers, &real].into_iter().zip(&mut paths) {
            for answer in answers {
                look(answer, &section.fields, paths, &mut complaints);
            }
        }
        let [shown, real] = paths;
        for path in shown.symmetric_difference(&real) {
            let place = if real.contains(path) {
                "the answer"
            } else {
                "the example"
            };
            complaints.push(format!(
                "`{path}` is only in {place} to {}",
                example.command
            ));
        }
        occurring.extend(real);
    }
    for path in section
        .fields
        .keys()
        .filter(|&path| !occurring.contains(path))
    {
        complaints.push(format!("`{path}` is described, and occurs in no answer"));
    }
    complaints
}

/// The answer, read as what `reread-wire` says it is and written again.
fn read_and_written(title: &str, answer: &Value) -> Value {
    fn again<T: DeserializeOwned + Serialize>(answer: &Value) -> Value {
        let read: T = serde_json::from_value(answer.clone()).unwrap();
        // As text, where a number of 32 bits is as short as it was.
        serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap()
    }
    match title {
        "reread search --json" => again::<reread_wire::search::Answer>(answer),
        "reread search --jsonl" => again::<reread_wire::search::Hit>(answer),
        "reread rerank --json" => again::<reread_wire::rerank::Line>(answer),
        "reread why --json" => again::<reread_wire::why::Why>(answer),
        "reread index --json" => again::<reread_wire::index::Summary>(answer),
        "reread status --json" => again::<reread_wire::status::Status>(answer),
        "reread doctor --json" => again::<reread_wire::doctor::Diagnosis>(answer),
        "reread backup --json" | "reread restore --json" => {
            again::<reread_wire::backup::Copied>(answer)
        }
        "reread models --json" => again::<reread_wire::models::Models>(answer),
        "reread eval --json" => again::<reread_wire::eval::Evaluation>(answer),
        "reread worth-it --json" => again::<reread_wire::worth_it::Verdict>(answer),
        _ => panic!("{title} has no type"),
    }
}

#[test]
fn every_command_that_prints_json_is_described() {
    let document = Document::parse(DOCUMENT);
    let titles: Vec<&str> = document.sections.iter().map(|s| &*s.title).collect();
    let place = Place::empty();
    let help = place.run(&["--help"]);
    let names = out(&help).lines().skip_while(|line| *line != "Commands:");
    let names: Vec<&str> = names
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?
                .split(' ')
                .find(|word| !word.is_empty())
        })
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{names:?}");
    let mut n_described = 0;
    for name in names {
        let help = place.run(&[name, "--help"]);
        for option in ["--json", "--jsonl"] {
            if out(&help).lines().any(|line| line.trim() == option) {
                let title = format!("reread {name} {option}");
                assert!(titles.contains(&&*title), "{title} is not described");
                n_described += 1;
            }
        }
    }
    assert_eq!(n_described, titles.len(), "{titles:?}");
}

#[test]
fn a_field_too_many_or_of_another_type_is_noticed() {
    let fields = [
        ("schema".to_owned(), Shape::parse("integer")),
        ("hits".to_owned(), Shape::parse("array of objects")),
        ("hits[].page".to_owned(), Shape::parse("integer or null")),
    ];
    let noticed = |answer: Value| {
        let mut complaints = Vec::new();
        look(
            &answer,
            &fields.clone().into(),
            &mut BTreeSet::new(),
            &mut complaints,
        );
        complaints
    };
    let right = json!({"schema": 1, "hits": [{"page": null}, {"page": 2}]});
    assert_eq!(noticed(right), [""; 0]);
    for wrong in [
        json!({"schema": 1, "more": 2}),
        json!({"schema": 1.5}),
        json!({"schema": null}),
        json!({"hits": [{"page": "two"}]}),
        json!({"hits": [{"pages": 2}]}),
        json!({"hits": {}}),
    ] {
        assert_eq!(noticed(wrong.clone()).len(), 1, "{wrong}");
    }
}
