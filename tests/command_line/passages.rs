//! Which passages there are: of titles alone, of tables, and none of what holds no word.

use std::fmt::Write;

use serde_json::json;

use crate::place::{err, out, status};
use crate::{Place, lines_of_json};

/// The paths of the results, best first.
fn paths(place: &Place, args: &[&str]) -> Vec<String> {
    let output = place.run(&[&["search", "--jsonl"], args].concat());
    assert!(status(&output) < 2, "{args:?}: {}", err(&output));
    let hits = lines_of_json(&output);
    let paths = hits.iter().map(|hit| hit["path"].as_str().unwrap());
    paths.map(str::to_owned).collect()
}

/// Notes that the others are looked for among.
fn write_notes(place: &Place) {
    place.write(
        "roses.md",
        "# Garden\n\nPrune the roses in March, before the buds open.\n",
    );
    place.write(
        "train.md",
        "# Travel\n\nThe refund for a missed train is paid within two weeks.\n",
    );
    place.write(
        "wifi.md",
        "# Network\n\nThe password for guests changes every Monday.\n",
    );
}

#[test]
fn documents_with_a_title_alone_are_found_by_it() {
    let place = Place::empty();
    write_notes(&place);
    place.write(
        "corpus.jsonl",
        "{\"_id\":\"1\",\"title\":\"Effect of masks on influenza in schools\",\"text\":\"\"}\n",
    );
    place.write("ada.md", "---\ntitle: Ada Lovelace\n---\n");
    place.write(
        "shell.html",
        "<html><head><title>Booking console</title></head><body><div id=\"root\"></div></body></html>",
    );
    place.write(
        "plan.md",
        "# Harbour plan\n\n## Cranes\n\n### Paint\n\n## Quays\n",
    );
    for (question, path, line) in [
        ("influenza in schools", "corpus.jsonl", 1),
        ("who is Ada Lovelace", "ada.md", 1),
        ("booking console", "shell.html", 1),
        ("cranes paint", "plan.md", 5),
        ("quays of the harbour", "plan.md", 7),
    ] {
        for args in [&[][..], &["--mode", "lexical", "--no-rerank"]] {
            let output = place.run(&[&["search", "--jsonl", question], args].concat());
            let first = &lines_of_json(&output)[0];
            assert_eq!(
                (&first["path"], &first["start_line"]),
                (&json!(path), &json!(line)),
                "{question}"
            );
        }
        let why = place.run(&["why", question, path]);
        assert!(out(&why).contains("is shown, at rank 1"), "{}", out(&why));
    }
    let hit = &lines_of_json(&place.run(&["search", "--jsonl", "masks influenza"]))[0];
    assert_eq!(hit["text"], "Effect of masks on influenza in schools");
    let checked = place.run(&["doctor"]);
    assert_eq!(status(&checked), 0, "{}{}", out(&checked), err(&checked));
}

#[test]
fn what_holds_no_word_is_counted_and_named() {
    let place = Place::empty();
    write_notes(&place);
    for (path, text) in [
        ("a-empty.txt", ""),
        ("b-blank.md", " \n\u{feff}\u{200b}\n"),
        ("c-rule.md", "---\n"),
        (
            "d-shell.html",
            "<html><body><div id=\"root\"></div></body></html>",
        ),
        (
            "e.jsonl",
            "{\"_id\":\"7\",\"title\":\"\",\"text\":\" \"}\n{\"text\":\"\"}\n",
        ),
        ("f.jsonl", ""),
    ] {
        place.write(path, text);
    }
    let summary = place.json(&["index", "--json"]);
    let without_word = |path: &str, id: Option<&str>| json!({"path": path, "doc_id": id});
    let expected = [
        without_word("a-empty.txt", Some("a-empty.txt")),
        without_word("b-blank.md", Some("b-blank.md")),
        without_word("c-rule.md", Some("c-rule.md")),
        without_word("d-shell.html", Some("d-shell.html")),
        without_word("e.jsonl", Some("7")),
        without_word("e.jsonl", Some("e.jsonl:2")),
        without_word("f.jsonl", None),
    ];
    assert_eq!(summary["empty"], json!(expected));
    assert_eq!(summary["passages"]["written"], 3);
    for run in [&["index"][..], &["index", "--rebuild"]] {
        let said = place.run(run);
        let said = err(&said);
        assert!(
            said.contains("left out 7 documents without a word"),
            "{said}"
        );
        let names = "without a word: a-empty.txt, b-blank.md, c-rule.md, d-shell.html, 7 of e.jsonl, and 2 more";
        assert!(said.contains(names), "{said}");
    }
    for path in [
        "a-empty.txt",
        "b-blank.md",
        "c-rule.md",
        "7",
        "e.jsonl:2",
        "f.jsonl",
    ] {
        let why = place.run(&["why", "what is it", path]);
        let told = "it has neither a title of its own nor a text";
        assert!(
            out(&why).contains(told),
            "{path}: {}{}",
            out(&why),
            err(&why)
        );
    }
}

#[test]
fn judgements_of_documents_without_a_word_blame_no_pass() {
    let place = Place::empty();
    place.write(
        "corpus.jsonl",
        "{\"_id\":\"1\",\"title\":\"Effect of masks on influenza in schools\",\"text\":\"\"}\n\
         {\"_id\":\"2\",\"title\":\"\",\"text\":\"\"}\n\
         {\"_id\":\"3\",\"title\":\"\",\"text\":\"The roses are pruned in March.\"}\n",
    );
    place.write(
        "queries.jsonl",
        "{\"_id\":\"q1\",\"text\":\"influenza in schools\"}\n{\"_id\":\"q2\",\"text\":\"nothing\"}\n",
    );
    place.write(
        "qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\t1\t1\nq2\t2\t1\n",
    );
    let output = place.run(&["eval", "."]);
    let all = format!("{}{}", out(&output), err(&output));
    assert!(
        all.contains("the judgement of 2 names a document without a word"),
        "{all}"
    );
    assert!(all.contains("not in the index"), "{all}");
}

#[test]
fn rows_of_a_long_table_are_found_by_its_columns() {
    let place = Place::empty();
    write_notes(&place);
    let (mut pipes, mut values) = (String::new(), String::new());
    for row in 100..260 {
        writeln!(pipes, "| Pump {row} | {row}7 kg | hall {} |", row % 7).unwrap();
        writeln!(values, "Valve {row};\"{row}3 kg,\nwet\";hall {}", row % 7).unwrap();
    }
    let markdown = format!("# Machines\n\n| Machine | Weight | Location |\n|---|---|---|\n{pipes}");
    place.write("machines.md", markdown);
    place.write("valves.csv", format!("Part;Mass;Place\n{values}"));
    for (question, names) in [
        ("weight of pump 251", "Machine | Weight | Location"),
        ("mass of valve 251", "Part | Mass | Place"),
    ] {
        let output = place.run(&["search", "--jsonl", question]);
        let hit = &lines_of_json(&output)[0];
        let text = hit["text"].as_str().unwrap();
        assert!(text.contains("251"), "{text}");
        assert_eq!(
            hit["heading_path"].as_array().unwrap().last().unwrap(),
            names
        );
        assert!(
            text.starts_with("| Pump") || text.starts_with("Valve"),
            "{text}"
        );
    }
}

#[test]
fn what_says_nothing_does_not_outrank_what_does() {
    let place = Place::empty();
    write_notes(&place);
    for (path, text) in [
        ("cleaning.md", "## Cleaning\n"),
        ("rule.md", "---\n"),
        ("brace.txt", "{\n"),
        ("end.json", "}\n"),
        ("a.txt", "a\n"),
        ("line.txt", "=====\n"),
        ("table.md", "| --- | --- |\n"),
        ("fence.md", "```\n```\n"),
        ("page.mdx", "import Tabs from '@theme/Tabs';\n"),
    ] {
        place.write(path, text);
    }
    place.write(
        "grinder.md",
        "# Coffee grinder\n\n## Cleaning\n\nBrush out the burrs weekly and run pellets through the grinder.\n",
    );
    place.write(
        "machine.md",
        "# Espresso machine\n\n## Cleaning\n\n---\n\n## Descaling\n\nUse citric acid.\n",
    );
    for question in [
        "cleaning the grinder",
        "how do I clean the coffee grinder",
        "grinder cleaning",
    ] {
        assert_eq!(paths(&place, &[question])[0], "grinder.md", "{question}");
    }
    for (question, answer) in [
        ("when are the roses pruned", "roses.md"),
        ("what is a refund", "train.md"),
        ("why is the sky blue", ""),
    ] {
        let found = paths(&place, &[question, "-k", "20"]);
        assert!(
            answer.is_empty() || found[0] == answer,
            "{question}: {found:?}"
        );
        for silent in [
            "rule.md",
            "brace.txt",
            "end.json",
            "a.txt",
            "line.txt",
            "table.md",
            "fence.md",
            "page.mdx",
        ] {
            assert!(
                !found.iter().any(|path| path == silent),
                "{question}: {found:?}"
            );
        }
    }
    let lexical = paths(
        &place,
        &["cleaning grinder", "--mode", "lexical", "--no-rerank"],
    );
    assert_eq!(lexical[0], "grinder.md");
}

#[test]
fn lines_without_a_word_come_last_in_a_reranking() {
    let place = Place::empty();
    let input = "---\n{\na\nThe roses are pruned in March.\n=====\n}\nThe train was late.\n```\n";
    for question in [
        "why is the sky blue",
        "when are the roses pruned",
        "who wrote Hamlet",
    ] {
        let output = place.run_with(&["rerank", question, "--json"], input.as_bytes());
        let lines = lines_of_json(&output);
        let numbers: Vec<u64> = lines
            .iter()
            .map(|line| line["line"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers[2..], [1, 2, 3, 5, 6, 8], "{question}");
        assert!(lines[2]["score"].as_f64().unwrap() < 0.0);
    }
}
