//! Documents say things about themselves, and `--where` chooses by them.

use std::fmt::Write;

use serde_json::json;

use crate::place::{err, out, status};
use crate::{Place, lines_of_json};

/// Four documents about stoves: three with front matter, one without.
fn stoves() -> Place {
    let place = Place::empty();
    let page = |facts: &str| format!("---\n{facts}---\n\n# Stove\n\nA stove heats the room.\n");
    place.write(
        "old.md",
        page("lang: en\nyear: 1999\ntags: [iron, wood]\nchecked: 2024-03-01\n"),
    );
    place.write(
        "new.md",
        page("lang: en\nyear: 2021\ntags: [wood]\nauthor: Ada\nchecked: 2025-06-30\n"),
    );
    place.write("ofen.md", page("lang: de\nyear: 2021\ndraft: true\n"));
    place.write("plain.md", "# Stove\n\nA stove heats the room.\n");
    place
}

/// The paths that a search finds, sorted.
fn found(place: &Place, args: &[&str]) -> Vec<String> {
    let output = place.run(
        &[
            &[
                "search",
                "--jsonl",
                "--no-rerank",
                "--fold",
                "never",
                "stove",
            ],
            args,
        ]
        .concat(),
    );
    assert!(status(&output) < 2, "{args:?}: {}", err(&output));
    let hits = lines_of_json(&output);
    let paths = hits
        .iter()
        .map(|hit| hit["path"].as_str().unwrap().to_owned());
    let mut paths: Vec<String> = paths.collect();
    paths.sort();
    paths
}

#[test]
fn conditions_choose_documents_by_their_metadata() {
    let place = stoves();
    let cases: [(&str, &[&str]); 11] = [
        ("lang = 'en'", &["new.md", "old.md"]),
        ("lang = 'EN'", &[]),
        ("lang = \"en\" and year >= 2020", &["new.md"]),
        ("lang != 'en'", &["ofen.md"]),
        ("not lang = 'en'", &["ofen.md", "plain.md"]),
        ("year in (1999, 2000) or has author", &["new.md", "old.md"]),
        ("tags = 'wood'", &["new.md", "old.md"]),
        ("tags != 'iron'", &["new.md"]),
        ("checked > 2024-12-31", &["new.md"]),
        ("draft = true", &["ofen.md"]),
        ("year = '2021'", &[]),
    ];
    for (condition, expected) in cases {
        assert_eq!(
            found(&place, &["--where", condition]),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn several_conditions_must_all_hold_beside_the_other_filters() {
    let place = stoves();
    let two = [
        "--where",
        "year = 2021",
        "--where",
        "lang = 'de' or has tags",
    ];
    assert_eq!(found(&place, &two), ["new.md", "ofen.md"]);
    let with_path = [&two[..], &["--path", "o*.md"]].concat();
    assert_eq!(found(&place, &with_path), ["ofen.md"]);

    place.write("reread.toml", "where = \"lang = 'de'\"\n");
    assert_eq!(found(&place, &["--type", "md"]), ["ofen.md"]);
    assert_eq!(found(&place, &["--where", "year = 1999"]), ["old.md"]);
}

#[test]
fn records_of_one_file_have_metadata_of_their_own() {
    let place = Place::empty();
    let mut records = String::new();
    for (id, year) in [("a", 2019), ("b", 2020), ("c", 2021)] {
        let record = json!({"_id": id, "text": "A stove.", "metadata": {"year": year}});
        writeln!(records, "{record}").unwrap();
    }
    place.write("corpus.jsonl", records);
    let args = [
        "search",
        "--jsonl",
        "--no-rerank",
        "--fold",
        "never",
        "stove",
        "--where",
        "year >= 2020",
    ];
    let output = place.run(&args);
    let hits = lines_of_json(&output);
    let mut ids: Vec<&str> = hits
        .iter()
        .map(|hit| hit["doc_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["b", "c"]);
}

#[test]
fn front_matter_of_site_makers_is_read() {
    let place = Place::empty();
    let body = "\n# Stove\n\nA stove heats the room.\n";
    let files = [
        (
            "toml.md",
            "+++\ntitle = \"Harbour\"\n[taxonomies]\ntags = [\"iron\"]\n+++\n",
        ),
        (
            "folded.md",
            "---\ntitle: >-\n  The long\n  way\ntags: iron, wood\n---\n",
        ),
        (
            "comment.md",
            "---\r\ntitle: Harbour # draft\r\nauthors:\r\n- name: Ada\r\n---\r\n",
        ),
        (
            "broken.md",
            "---\ntags: [iron\nyear: 2021\ntitle: Tea: hot\n---\n",
        ),
        ("divided.md", "---\nYear by year it stands.\n---\n"),
    ];
    for (path, front_matter) in files {
        place.write(path, format!("{front_matter}{body}"));
    }
    let indexed = place.run(&["index"]);
    let said = format!("{}{}", out(&indexed), err(&indexed));
    for line in [
        "broken.md:2: this entry of the front matter is not valid: ",
        "broken.md:4: this entry of the front matter is not valid: ",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let cases: [(&str, &[&str]); 6] = [
        ("title = 'Harbour'", &["comment.md", "toml.md"]),
        ("title = 'The long way'", &["folded.md"]),
        ("tags = 'iron'", &["folded.md", "toml.md"]),
        ("authors = 'Ada'", &["comment.md"]),
        ("year = 2021 and title = 'Tea: hot'", &["broken.md"]),
        ("not has title", &["divided.md"]),
    ];
    for (condition, expected) in cases {
        let mut paths = found(&place, &["--where", condition]);
        // What stands between two lines that divide is a heading, and a passage of its own.
        paths.dedup();
        assert_eq!(paths, expected, "{condition}");
    }
}

#[test]
fn words_of_markdown_are_found_as_they_are_seen() {
    let place = Place::empty();
    place.write(
        "sea.md",
        "The cr&egrave;me was un*believ*able.\n\nShe sank[^1] for **bo**ldness.\n\n[^1]: In 1912.\n",
    );
    place.write("land.md", "Wheat grows on the plain.\n");
    for word in ["creme", "unbelievable", "sank", "boldness"] {
        let output = place.run(&[
            "search",
            "--jsonl",
            "--mode",
            "lexical",
            "--no-rerank",
            word,
        ]);
        let hits = lines_of_json(&output);
        assert_eq!(hits[0]["path"], "sea.md", "{word}");
    }
    let lines = place.json(&[
        "search",
        "--json",
        "--mode",
        "lexical",
        "--no-rerank",
        "1912",
    ]);
    assert!(
        lines["hits"][0]["text"]
            .as_str()
            .unwrap()
            .contains("1: In 1912.")
    );
}

#[test]
fn metadata_is_shown_with_the_results() {
    let place = stoves();
    let args = ["search", "--no-rerank", "stove", "--where", "has author"];
    let shown = place.run(&[&args[..], &["--explain"]].concat());
    let line = "metadata      author=Ada, checked=2025-06-30, lang=en, tags=[wood], year=2021";
    assert!(out(&shown).contains(line), "{}", out(&shown));
    assert!(!out(&place.run(&args)).contains("author=Ada"));

    let answer = place.json(&[&args[..], &["--json"]].concat());
    let expected = json!({
        "author": "Ada", "checked": "2025-06-30", "lang": "en", "tags": ["wood"], "year": 2021
    });
    assert_eq!(answer["hits"][0]["metadata"], expected);
}

#[test]
fn why_names_the_part_of_a_condition_that_fails() {
    let place = stoves();
    let condition = "lang = 'en' and year >= 2020";
    let args = ["why", "stove", "old.md", "--where", condition];
    let said = place.run(&args);
    assert_eq!(status(&said), 1, "{}", err(&said));
    let reason = "its metadata does not meet `year >= 2020`, which --where asks for";
    assert!(out(&said).contains(reason), "{}", out(&said));
    assert!(out(&said).contains("a --where without `year >= 2020`"));

    let json = place.run(&[&args[..], &["--json"]].concat());
    let json = &lines_of_json(&json)[0];
    assert_eq!(json["cause"], "filtered_out");
    assert_eq!(json["reason"], reason);
}

#[test]
fn a_condition_that_cannot_be_read_is_shown_with_the_place() {
    let place = Place::empty();
    let output = place.run(&["search", "stove", "--where", "lang == 'en'"]);
    assert_eq!(status(&output), 2);
    let said = err(&output);
    assert!(said.contains("--where <CONDITION>"), "{said}");
    assert!(
        said.contains("found `==` at column 6, expected `=`"),
        "{said}"
    );
    assert!(said.contains("\n  lang == 'en'\n       ^^\n"), "{said}");

    place.write("reread.toml", "where = [\"year > \"]\n");
    let output = place.run(&["search", "stove"]);
    assert_eq!(status(&output), 2);
    let said = err(&output);
    assert!(
        said.contains("reread.toml") && said.contains("column 8"),
        "{said}"
    );
}
