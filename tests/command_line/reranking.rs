//! `reread rerank`, beside what it does with plain lines.

use serde_json::Value;

use crate::place::{err, out, status};
use crate::{Place, lines_of_json};

const QUESTION: &str = "how many people live in Berlin";
const ANSWER: &str = "Berlin has 3.5 million inhabitants.";
const OTHER: &str = "A recipe for bread with yeast.";

fn rerank(args: &[&str], input: &str) -> std::process::Output {
    let place = Place::empty();
    let output = place.run_with(&[&["rerank", QUESTION], args].concat(), input.as_bytes());
    assert_eq!(status(&output), 0, "{}", err(&output));
    output
}

fn numbers(output: &std::process::Output) -> Vec<u64> {
    lines_of_json(output)
        .iter()
        .map(|line| line["line"].as_u64().unwrap())
        .collect()
}

#[test]
fn of_json_lines_one_field_is_read_and_the_line_comes_out_whole() {
    // Of the whole lines the first says more of Berlin.
    let padding = "Berlin people live inhabitants how many million";
    let input = format!(
        "{{\"id\": \"{padding}\", \"text\": \"{OTHER}\"}}\n{{\"id\": \"x\", \"text\": \"{ANSWER}\"}}\n"
    );
    let output = rerank(&[], &input);
    let expected: Vec<&str> = input.lines().rev().collect();
    assert_eq!(out(&output).lines().collect::<Vec<_>>(), expected);
    let json = lines_of_json(&rerank(&["--json"], &input));
    assert_eq!(
        (&json[0]["field"], &json[0]["line"]),
        (&Value::from("text"), &Value::from(2))
    );
    let plain = lines_of_json(&rerank(&["--json"], &format!("{ANSWER}\n")));
    assert_eq!(
        plain[0]["score"], json[0]["score"],
        "nothing else of the record is read"
    );
    assert!(plain[0]["field"].is_null());

    let named = input.replace("\"text\"", "\"abstract\"");
    let output = rerank(&["--field", "abstract"], &named);
    assert!(
        out(&output).starts_with("{\"id\": \"x\""),
        "{}",
        out(&output)
    );
    let missing = rerank(&["--field", "abstract"], &format!("{named}{ANSWER}\n"));
    assert!(
        err(&missing).contains("\"abstract\" of 1 line (3)"),
        "{}",
        err(&missing)
    );
}

#[test]
fn what_stands_at_the_end_of_a_long_line_is_read() {
    let long = "Yeast makes the dough rise in the oven. ".repeat(78);
    let input = format!("{OTHER}\n\n{long}Salt keeps it.\n{long}{ANSWER}\n");
    let output = rerank(&["--json"], &input);
    let lines = lines_of_json(&output);
    assert_eq!(numbers(&output)[0], 4);
    let windows = |number: u64| {
        let line = lines.iter().find(|line| line["line"] == number);
        line.unwrap()["windows"].as_u64().unwrap()
    };
    assert!(windows(3) > 1 && windows(4) > 1 && windows(1) == 1);
    assert!(err(&output).contains("2 lines (3, 4)"), "{}", err(&output));
    assert_eq!(err(&rerank(&["--quiet"], &input)), "");
}

#[test]
fn lines_without_a_word_come_last() {
    let input = format!("---\n{OTHER}\n{{\n}}\n{ANSWER}\n```\na\n");
    let order = numbers(&rerank(&["--json"], &input));
    assert_eq!(order[..2], [5, 2]);
}

#[test]
fn line_numbers_count_blank_lines_and_equal_lines_keep_their_order() {
    let input = format!("\n{OTHER}\n   \n{ANSWER}\n\n{OTHER}\n\u{a0}\n{ANSWER}\n");
    assert_eq!(numbers(&rerank(&["--json"], &input)), [4, 8, 2, 6]);
    let returns = input.replace('\n', "\r");
    assert_eq!(numbers(&rerank(&["--json"], &returns)), [4, 8, 2, 6]);
    let both = input.replace('\n', "\r\n");
    assert_eq!(numbers(&rerank(&["--json"], &both)), [4, 8, 2, 6]);
}
