//! `reread eval` as people and programs meet it: the built binary over a small collection in BEIR
//! layout, with the shipped models.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use reread_eval::{Measure, Qrels, Run, evaluate};
use serde_json::Value;
use tempfile::TempDir;

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

const QUESTIONS: [(&str, &str, &str); 3] = [
    ("q1", "why does a loaf get bigger", "yeast"),
    ("q2", "what hardens metal", "steel"),
    ("q3", "restoring a backup", "backup"),
];

/// A collection with one judged document a question.
fn collection() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let lines: Vec<String> = DOCUMENTS
        .iter()
        .map(|(id, text)| format!("{{\"_id\": \"{id}\", \"title\": \"\", \"text\": \"{text}\"}}\n"))
        .collect();
    fs::write(path.join("corpus.jsonl"), lines.concat()).unwrap();
    let lines: Vec<String> = QUESTIONS
        .iter()
        .map(|(id, text, _)| format!("{{\"_id\": \"{id}\", \"text\": \"{text}\"}}\n"))
        .collect();
    fs::write(path.join("queries.jsonl"), lines.concat()).unwrap();
    fs::create_dir(path.join("qrels")).unwrap();
    let lines = QUESTIONS
        .iter()
        .map(|(id, _, answer)| format!("{id}\t{answer}\t1\n"));
    let qrels = format!("query-id\tcorpus-id\tscore\n{}", lines.collect::<String>());
    fs::write(path.join("qrels/test.tsv"), qrels).unwrap();
    folder
}

fn eval(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reread"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REREAD_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder.join("no-config"))
        .arg("eval")
        .args(args)
        .output()
        .unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_system_is_measured_and_the_files_agree_with_the_table() {
    let folder = collection();
    let path = folder.path();
    let args = [
        ".",
        "--json",
        "--depths",
        "2,4",
        "--run",
        "run",
        "--report",
        "page.html",
    ];
    let output = eval(path, &args);
    assert!(output.status.success(), "{}", err(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["n_questions"], 3);
    // The questions and judgements beside the corpus are no documents.
    assert_eq!(found["n_passages"], 6);
    let systems = found["systems"].as_array().unwrap();
    let names: Vec<&str> = systems
        .iter()
        .map(|row| row["system"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bm25", "vector", "hybrid", "depth-2", "depth-4"]);
    let pairs: Vec<u64> = systems
        .iter()
        .map(|row| row["pairs"].as_u64().unwrap())
        .collect();
    assert_eq!(pairs, [0, 0, 0, 6, 12]);
    for row in systems {
        let lost = row["relevant"].as_object().unwrap();
        let n_relevant: u64 = lost.values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(n_relevant, 3);
        let (mean, ceiling) = (row["means"]["nDCG@10"].as_f64(), row["ceiling"].as_f64());
        assert!(mean.unwrap() <= ceiling.unwrap() + 1e-9, "{row}");
        assert_eq!(row["against_hybrid"].is_null(), row["system"] == "hybrid");
    }

    let run = Run::read(&path.join("run")).unwrap();
    let grades = Qrels::read(&path.join("qrels/test.tsv")).unwrap().grades();
    let measured = evaluate(&run, &grades, &[Measure::Ndcg(Some(10))]).means()[0];
    let said = systems[4]["means"]["nDCG@10"].as_f64().unwrap();
    assert!((measured - said).abs() < 1e-9, "{measured}, {said}");

    let page = fs::read_to_string(path.join("page.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "{page}"
    );
    for element in ["line", "rect", "circle", "polyline", "text", "svg", "table"] {
        let opened = page.matches(&format!("<{element} ")).count()
            + page.matches(&format!("<{element}>")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{element}>")).count(),
            "{element}"
        );
    }

    let again = eval(path, &[".", "--json", "--depths", "2,4"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    for (row, before) in again["systems"].as_array().unwrap().iter().zip(systems) {
        assert_eq!(row["questions"], before["questions"]);
        assert_eq!(row["against_hybrid"], before["against_hybrid"]);
    }
    let tables = eval(path, &[".", "--no-rerank", "--quiet"]);
    let tables = String::from_utf8(tables.stdout).unwrap();
    assert!(
        tables.contains("hybrid") && !tables.contains("depth"),
        "{tables}"
    );
}

#[test]
fn bad_judgements_are_named_with_file_and_line() {
    let folder = collection();
    let path = folder.path();
    let qrels = path.join("qrels/test.tsv");
    let good = fs::read_to_string(&qrels).unwrap();
    for (line, message) in [
        ("q1\toven", "qrels/test.tsv:5: expected three columns"),
        (
            "q1\toven\tgood",
            "qrels/test.tsv:5: expected a whole number",
        ),
        (
            "q1\tyeast\t0",
            "qrels/test.tsv:5: a judgement of yeast for query q1 is already on line 2",
        ),
        (
            "q9\toven\t1",
            "qrels/test.tsv:5: query q9 is judged here but is not in",
        ),
    ] {
        fs::write(&qrels, format!("{good}{line}\n")).unwrap();
        let output = eval(path, &["."]);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(err(&output).contains(message), "{line}: {}", err(&output));
    }
    fs::write(&qrels, format!("{good}q1\tocean\t1\n")).unwrap();
    let output = eval(path, &[".", "--no-rerank", "--json"]);
    let warning =
        "qrels/test.tsv:5: the judgement of ocean names a document that is not in the index";
    assert!(err(&output).contains(warning), "{}", err(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    // It stays in the averages, as something that was not found.
    assert_eq!(found["systems"][2]["relevant"]["not_indexed"], 1);
    assert!(found["systems"][2]["ceiling"].as_f64().unwrap() < 1.0);
}

#[test]
fn lines_of_a_file_are_judged_as_passages() {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    fs::create_dir(&docs).unwrap();
    let filler = "Nothing of interest is said in this sentence, which only takes up room. ";
    let text = format!(
        "{}\n\nYeast makes the dough rise.\n\n{}\n",
        filler.repeat(30),
        filler.repeat(30)
    );
    fs::write(docs.join("bread.txt"), text).unwrap();
    fs::write(
        folder.path().join("queries.tsv"),
        "q1\twhat makes dough rise\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("qrels"),
        "q1 0 bread.txt:3 2\nq1 0 bread.txt:90 1\n",
    )
    .unwrap();
    let args = [
        "docs",
        "--qrels",
        "qrels",
        "--queries",
        "queries.tsv",
        "--no-rerank",
        "--json",
    ];
    let output = eval(folder.path(), &args);
    assert!(output.status.success(), "{}", err(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["unit"], "passage");
    assert!(found["n_passages"].as_u64().unwrap() > 2);
    assert_eq!(found["systems"][2]["relevant"]["found"], 1);
    assert_eq!(found["systems"][2]["relevant"]["cut_apart"], 1);
    let missing = eval(folder.path(), &["docs"]);
    assert!(
        err(&missing).contains("give --qrels and --queries"),
        "{}",
        err(&missing)
    );
}

#[test]
fn truncation_and_filters_are_named_as_losses_with_what_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    fs::create_dir(&docs).unwrap();
    for i in 0..14 {
        let note = format!("Glaciers carve valleys; note {i} on glaciers and valleys.\n");
        fs::write(docs.join(format!("{i}.md")), note).unwrap();
    }
    let filler = "Nothing of interest is said in this sentence, which only takes up room. ";
    let late = format!("{}\nGlaciers carve fjords.\n", filler.repeat(8));
    fs::write(docs.join("late.md"), late).unwrap();
    fs::write(docs.join("other.txt"), "Glaciers carve valleys.\n").unwrap();
    fs::write(docs.join("reread.toml"), "types = [\"md\"]\n").unwrap();
    fs::write(
        folder.path().join("queries.tsv"),
        "q1\tglaciers carve valleys\n",
    )
    .unwrap();
    let qrels = "q1 0 late.md:2 1\nq1 0 other.txt:1 1\n";
    fs::write(folder.path().join("qrels"), qrels).unwrap();
    let args = [
        "docs",
        "--qrels",
        "qrels",
        "--queries",
        "queries.tsv",
        "--json",
    ];
    let ask = |more: &[&str]| {
        let output = eval(folder.path(), &[&args, more].concat());
        assert!(output.status.success(), "{}", err(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let cut = ask(&["--depths", "20", "--pair-tokens", "40"]);
    let lost = &cut["systems"][3]["relevant"];
    assert_eq!(
        (&lost["cut_off"], &lost["filtered_out"]),
        (&1.into(), &1.into()),
        "{lost}"
    );
    let advice = cut["advice"].as_str().unwrap();
    assert!(advice.contains("2 of 2 relevant places"), "{advice}");
    assert!(advice.contains("Improve chunking first"), "{advice}");
    // What is read to its end and still ranked below is a matter of the order.
    let read = ask(&["--depths", "20"]);
    let lost = &read["systems"][3]["relevant"];
    assert_eq!(
        (&lost["cut_off"], &lost["put_down"]),
        (&0.into(), &1.into()),
        "{lost}"
    );
    let advice = read["advice"].as_str().unwrap();
    assert!(advice.contains("Improve ranking first"), "{advice}");
}

#[test]
fn known_items_are_made_from_the_documents_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("docs")).unwrap();
    let texts = [
        "Yeast makes the dough rise slowly before the loaf is baked in a hot oven.",
        "Carbon makes iron hard, and steel is an alloy of both of these elements.",
        "Salt makes sea water heavier than the fresh water of rivers and lakes.",
        "Stop the running server before a backup of its files is restored from tape.",
    ];
    for (at, text) in texts.iter().enumerate() {
        let text = format!("# Page {at}\n\n## A heading of page {at}\n\n{text}\n");
        fs::write(path.join(format!("docs/{at}.md")), text).unwrap();
    }
    let args = [
        "docs",
        "--known-item=3",
        "--json",
        "--no-rerank",
        "--measures",
        "R@100",
    ];
    let output = eval(path, &args);
    assert!(output.status.success(), "{}", err(&output));
    assert!(err(&output).contains("favour BM25"), "{}", err(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["n_questions"], 3);
    assert!(json["warnings"].to_string().contains("favour BM25"));
    for system in json["systems"].as_array().unwrap() {
        assert_eq!(system["means"]["R@100"], 1.0, "{system}");
    }
    let asked = |json: &Value| json["systems"][0]["questions"].clone();
    let again: Value = serde_json::from_slice(&eval(path, &args).stdout).unwrap();
    assert_eq!(asked(&again), asked(&json));

    let both = eval(path, &["docs", "--known-item", "--qrels", "x.tsv"]);
    assert_eq!(both.status.code(), Some(2));
    fs::remove_dir_all(path.join("docs")).unwrap();
    fs::create_dir(path.join("docs")).unwrap();
    fs::write(path.join("docs/a.md"), "Few words.\n").unwrap();
    let none = eval(path, &["docs", "--known-item"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        err(&none).contains("no question could be made"),
        "{}",
        err(&none)
    );
}
