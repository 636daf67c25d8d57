//! Files by the names that people type, and that results print.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::place::{err, out, status};
use crate::{Place, lines_of_json};

/// The word that every document holds.
const WORD: &str = "harbour";

/// A folder of documents with these names.
fn place(names: &[&str]) -> Place {
    let place = Place::empty();
    for name in names {
        place.write(
            name,
            format!("The {WORD} of {}.\n", name.replace(['/', '.'], " ")),
        );
    }
    place
}

/// The paths that a lexical search finds with these arguments.
fn found(place: &Place, args: &[&str]) -> Vec<String> {
    let fixed = [
        "search",
        "--jsonl",
        "--mode",
        "lexical",
        "--no-rerank",
        "--top-k",
        "50",
        WORD,
    ];
    let output = place.run(&[&fixed[..], args].concat());
    assert!(status(&output) < 2, "{args:?}: {}", err(&output));
    paths(&output)
}

fn paths(output: &Output) -> Vec<String> {
    let hits = lines_of_json(output);
    let mut paths: Vec<String> = hits
        .iter()
        .map(|hit| hit["path"].as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_path_is_the_file_of_that_name_before_it_is_a_glob() {
    let names = [
        "app/[slug]/page.tsx",
        "app/s/page.tsx",
        "what?.md",
        "whats.md",
        "a*b.md",
        "axb.md",
        "{a,b}.md",
        "a.md",
        "sub/a.md",
        "odd[.md",
        "!note.md",
    ];
    let place = place(&names);
    let root = place.root().canonicalize().unwrap();
    let absolute = |name: &str| root.join(name).to_str().unwrap().to_owned();
    for (pattern, expected) in [
        ("app/[slug]/page.tsx", &["app/[slug]/page.tsx"][..]),
        ("./app/[slug]/", &["app/[slug]/page.tsx"]),
        ("app/[s]/page.tsx", &["app/s/page.tsx"]),
        ("what?.md", &["what?.md"]),
        ("a*b.md", &["a*b.md"]),
        ("{a,b}.md", &["{a,b}.md"]),
        ("odd[.md", &["odd[.md"]),
        ("!note.md", &["!note.md"]),
        ("a.md", &["a.md"]),
        ("**/a.md", &["a.md", "sub/a.md"]),
        ("sub", &["sub/a.md"]),
        ("sub/", &["sub/a.md"]),
        ("A.md", &[]),
        (&absolute("app/[slug]/page.tsx"), &["app/[slug]/page.tsx"]),
        (&absolute("sub/"), &["sub/a.md"]),
        (&absolute("sub/*.md"), &["sub/a.md"]),
    ] {
        assert_eq!(found(&place, &["--path", pattern]), expected, "{pattern}");
    }
    assert_eq!(found(&place, &["--path", "."]).len(), names.len());
    let both = found(&place, &["--path", "what?.md", "--path", "sub/*"]);
    assert_eq!(both, ["sub/a.md", "what?.md"]);
    let broken = place.run(&["search", "--path", "sub/[", WORD]);
    assert_eq!(status(&broken), 2);
    assert!(err(&broken).contains("sub/["), "{}", err(&broken));
    // What is refused is refused for the same reason.
    let why = place.run(&[
        "why",
        WORD,
        "app/s/page.tsx",
        "--path",
        "app/[slug]/page.tsx",
    ]);
    assert!(
        out(&why).contains("its path matches no --path"),
        "{}",
        out(&why)
    );
}

#[test]
fn accents_are_the_same_however_they_are_stored_or_typed() {
    let (one, two) = ("caf\u{e9}/men\u{fc}.md", "cafe\u{301}/menu\u{308}.md");
    for stored in [one, two] {
        let place = place(&[stored, "cafe/menu.md"]);
        for typed in [one, two] {
            assert_eq!(found(&place, &["--path", typed]), [stored]);
            let folder = typed.split('/').next().unwrap();
            assert_eq!(found(&place, &["--path", folder]), [stored]);
            let text = place.run(&["get", &format!("{typed}:1")]);
            assert!(
                out(&text).starts_with("The harbour of caf"),
                "{}",
                err(&text)
            );
            assert_ne!(out(&text), out(&place.run(&["get", "cafe/menu.md"])));
            let why = place.run(&["why", WORD, typed, "--mode", "lexical", "--no-rerank"]);
            assert_eq!(status(&why), 0, "{}", err(&why));
            assert!(out(&why).contains(" is shown"), "{}", out(&why));
        }
        let judged = place.home.path().join("qrels");
        let questions = place.home.path().join("questions");
        let other = if stored == one { two } else { one };
        std::fs::write(&judged, format!("q\t{other}\t1\n")).unwrap();
        std::fs::write(&questions, format!("q\t{WORD}\n")).unwrap();
        let (judged, questions) = (judged.to_str().unwrap(), questions.to_str().unwrap());
        let eval = place.run(&[
            "eval",
            "--no-rerank",
            "--qrels",
            judged,
            "--queries",
            questions,
        ]);
        assert_eq!(status(&eval), 0, "{}", err(&eval));
        assert!(!err(&eval).contains("not in the index"), "{}", err(&eval));
    }
}

#[test]
fn what_results_print_opens_from_where_the_person_stands() {
    let place = place(&["notes/deep/a.md"]);
    let from = |folder: &str, args: &[&str]| {
        let mut command = place.command(args);
        command
            .current_dir(place.root().join(folder))
            .output()
            .unwrap()
    };
    let quick = ["--mode", "lexical", "--no-rerank"];
    let notes = place.root().join("notes");
    for (stand, folder, shown) in [
        (".", "notes", "notes/deep/a.md"),
        (".", "./notes/", "notes/deep/a.md"),
        ("notes", ".", "deep/a.md"),
        ("notes/deep", "..", "../deep/a.md"),
        (
            "notes",
            notes.to_str().unwrap(),
            notes.join("deep/a.md").to_str().unwrap(),
        ),
    ] {
        let output = from(stand, &[&["search", WORD, folder][..], &quick].concat());
        let first = format!("1. {shown}:1");
        assert!(
            out(&output).starts_with(&first),
            "{folder}: {}",
            out(&output)
        );
        assert!(place.root().join(stand).join(shown).exists());
        // And is read again as it is printed.
        let again = from(
            stand,
            &[&["search", WORD, folder, "--path", shown][..], &quick].concat(),
        );
        assert_eq!(out(&again), out(&output), "{}", err(&again));
        let got = from(stand, &["get", &format!("{shown}:1"), folder]);
        assert!(out(&got).starts_with("The harbour"), "{}", err(&got));
        let why = from(
            stand,
            &[&["why", WORD, &format!("{shown}:1"), folder][..], &quick].concat(),
        );
        let said = format!("{shown}:1 is shown");
        assert!(out(&why).starts_with(&said), "{}{}", out(&why), err(&why));
        // Programs get what is stored, and the folder.
        let json = from(
            stand,
            &[&["search", "--json", WORD, folder][..], &quick].concat(),
        );
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["hits"][0]["path"], "deep/a.md");
        assert_eq!(json["folder"], folder);
    }
}

#[test]
fn problems_are_named_so_that_they_open() {
    let place = place(&["notes/a.md"]);
    place.write("notes/broken.pdf", "%PDF-1.4\nnothing\n");
    let output = place.run(&["index", "notes"]);
    let line = err(&output)
        .lines()
        .find(|line| line.contains("broken.pdf"))
        .unwrap();
    assert!(line.trim_start().starts_with("notes/broken.pdf"), "{line}");
    assert!(place.root().join(Path::new("notes/broken.pdf")).exists());
}

#[test]
fn names_with_blanks_and_escapes_stay_two_in_runs_and_judgements() {
    let names = ["my file.md", "my%20file.md", "100%.md"];
    let place = place(&names);
    let run = place.run(&[
        "search",
        "--format",
        "trec",
        "--mode",
        "lexical",
        "--no-rerank",
        WORD,
    ]);
    let mut ids: Vec<&str> = out(&run)
        .lines()
        .map(|line| line.split(' ').nth(2).unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["100%25.md", "my%20file.md", "my%2520file.md"]);

    // A judgement in the words of the run is about the document of the run.
    let file = |name: &str, text: &str| {
        let path = place.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let questions = file("questions.tsv", "a b\tharbour my file\n");
    let eval = |qrels: &str| {
        let args = [
            "eval",
            "--json",
            "--no-rerank",
            "--queries",
            &questions,
            "--qrels",
            qrels,
        ];
        let output = place.run(&args);
        assert_eq!(status(&output), 0, "{}", err(&output));
        assert!(
            !err(&output).contains("not in the index"),
            "{}",
            err(&output)
        );
    };
    eval(&file(
        "trec",
        "a%20b 0 my%20file.md 1\na%20b 0 my%2520file.md 0\na%20b 0 100%25.md 0\n",
    ));
    eval(&file("beir", "a b\tmy file.md\t1\na b\tmy%20file.md\t0\n"));
    // A name that is no escape of any document is one as it stands.
    eval(&file("plain", "a%20b 0 100%.md 1.0\n"));
    let run = place.home.path().join("run");
    let args = [
        "eval",
        "--no-rerank",
        "--queries",
        &questions,
        "--qrels",
        &file("all", "a b\tmy file.md\t1\n"),
    ];
    let output = place.run(&[&args[..], &["--run", run.to_str().unwrap()]].concat());
    assert_eq!(status(&output), 0, "{}", err(&output));
    let run = std::fs::read_to_string(run).unwrap();
    assert!(
        run.contains("a%20b Q0 my%2520file.md ") && run.contains("a%20b Q0 my%20file.md "),
        "{run}"
    );
}
