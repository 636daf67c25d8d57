//! Files of questions and judgements.

use std::io::Write;

use serde_json::Value;

use crate::place::{err, out, status};
use crate::{Place, lines_of_json};

const QUICK: [&str; 6] = [
    "--mode",
    "lexical",
    "--no-rerank",
    "--top-k",
    "1",
    "--no-refresh",
];

fn indexed() -> Place {
    let place = Place::empty();
    place.write_three();
    assert_eq!(status(&place.run(&["index"])), 0);
    place
}

/// The ids of the questions that are answered when these bytes are the file.
fn answered(place: &Place, questions: &[u8]) -> (i32, Vec<String>, String) {
    let file = place.home.path().join("questions");
    std::fs::write(&file, questions).unwrap();
    let from_file =
        place.run(&[&["search", "--queries", file.to_str().unwrap()], &QUICK[..]].concat());
    let piped = place.run_with(
        &[&["search", "--queries", "-"], &QUICK[..]].concat(),
        questions,
    );
    let ids = |output| -> Vec<String> {
        let answers = lines_of_json(output);
        answers
            .iter()
            .map(|answer| answer["query_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&from_file), ids(&piped));
    assert_eq!(status(&from_file), status(&piped));
    (
        status(&from_file),
        ids(&from_file),
        err(&from_file).to_owned(),
    )
}

#[test]
fn questions_are_read_in_every_form() {
    let place = indexed();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a\tyeast\nb\tsteel\n").unwrap();
    let packed = packed.finish().unwrap();
    for questions in [
        &b"{\"_id\": \"a\", \"text\": \"yeast\"}\n{\"_id\": \"b\", \"text\": \"steel\"}\n"[..],
        b"a\tyeast\nb\tsteel\n",
        b"query-id\ttext\na\tyeast\nb\tsteel",
        b"query_id\ttext\r\na\tyeast\r\n\r\nb\tsteel\r\n",
        b"qid\tquery\ra\tyeast\rb\tsteel\r",
        b"\xef\xbb\xbftext\tquery_id\nyeast\ta\nsteel\tb\n",
        &packed,
    ] {
        let (code, ids, said) = answered(&place, questions);
        assert_eq!(
            (code, ids),
            (0, vec!["a".to_owned(), "b".to_owned()]),
            "{said}"
        );
    }
}

#[test]
fn a_bad_line_does_not_lose_the_answers_behind_it() {
    let place = indexed();
    for bad in [
        &b"nonsense"[..],
        b"{\"_id\": \"x\"}",
        b"{\"_id\": \"x\", \"text\": \"cut",
        b"{\"_id\": \"x\", \"text\": \"\"}",
        b"x\t ",
        b"\xff\xfe",
        b"a\tyeast",
        b"[1]",
    ] {
        let questions = [b"a\tyeast\n", bad, b"\nb\tsteel\n"].concat();
        let (code, ids, said) = answered(&place, &questions);
        assert_eq!(
            (code, ids),
            (2, vec!["a".to_owned(), "b".to_owned()]),
            "{said}"
        );
        assert!(
            said.contains("questions:2: ") && said.contains("one line was left out"),
            "{said}"
        );
    }
    let (code, ids, said) = answered(&place, b"x\ny\nb\tsteel\n");
    assert_eq!((code, ids.len()), (2, 1));
    assert!(
        said.contains(":1: ") && said.contains(":2: ") && said.contains("2 lines were"),
        "{said}"
    );
}

#[test]
fn judgements_are_read_with_other_headers_and_grades() {
    let place = indexed();
    let file = |name: &str, text: &str| {
        let path = place.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let questions = file("q", "query_id\ttext\r1\tyeast\r2\tsteel\r");
    let eval = |qrels: &str| {
        place.run(&[
            "eval",
            "--json",
            "--no-rerank",
            "--no-refresh",
            "--queries",
            &questions,
            "--qrels",
            &file("qrels", qrels),
        ])
    };
    let numbers = |qrels: &str| {
        let output = eval(qrels);
        assert_eq!(status(&output), 0, "{qrels:?}: {}", err(&output));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        value["systems"][0]["means"].clone()
    };
    let expected = numbers("query-id\tcorpus-id\tscore\n1\tbread.md\t2\n2\tsteel.txt\t1\n");
    assert!(expected["nDCG@10"].as_f64().unwrap() > 0.0);
    for qrels in [
        "query_id\tcorpus_id\tscore\n1\tbread.md\t2.0\n2\tsteel.txt\t1.0\n",
        "qid\tdoc_id\trelevance\r\n1\tbread.md\t2\r\n2\tsteel.txt\t1.0\r\n",
        "query_id\tdoc_id\trelevance\titeration\n1\tbread.md\t2\t0\n2\tsteel.txt\t1\t0\n",
        "1 0 bread.md 2.0\n2 0 steel.txt 1\n",
        "1\tbread.md\t2\r2\tsteel.txt\t1\r",
    ] {
        assert_eq!(numbers(qrels), expected, "{qrels:?}");
    }
    let half = eval("1\tbread.md\t1.0\n2\tsteel.txt\t0.5\n");
    assert_eq!(status(&half), 2);
    assert!(
        err(&half).contains("qrels:2: expected a whole number"),
        "{}",
        err(&half)
    );
}

#[test]
fn a_flag_that_is_given_twice_counts_once() {
    let place = indexed();
    let once = place.run(&["search", "--no-rerank", "--json", "yeast"]);
    let twice = place.run(&[
        "search",
        "--no-rerank",
        "--no-rerank",
        "--json",
        "--json",
        "yeast",
    ]);
    assert_eq!(status(&twice), 0, "{}", err(&twice));
    let hits = |output| lines_of_json(output)[0]["hits"].clone();
    assert_eq!(hits(&once), hits(&twice));
    let last = place.run(&[
        "search",
        "--jsonl",
        "--no-rerank",
        "--top-k",
        "9",
        "-k",
        "1",
        "yeast",
    ]);
    assert_eq!(out(&last).lines().count(), 1, "{}", err(&last));
    let turned = place.run(&[
        "search",
        "--json",
        "--no-rerank",
        "--rerank",
        "--no-rerank",
        "yeast",
    ]);
    assert_eq!(lines_of_json(&turned)[0]["second_pass"]["stopped"], "off");
}
