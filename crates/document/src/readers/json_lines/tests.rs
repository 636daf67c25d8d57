use super::*;

fn read(path: &str, text: String) -> (Vec<Document>, Vec<Problem>) {
    let output = super::read(Input::new(path, text.into_bytes()));
    (output.documents, output.problems)
}

fn ids(text: &str) -> Vec<(String, String)> {
    let (documents, _) = read("c.jsonl", text.to_owned());
    documents.into_iter().map(|d| (d.id, d.text)).collect()
}

#[test]
fn records_are_read_with_any_sort_of_id() {
    let text = "{\"_id\":\"a\",\"title\":\" T \",\"text\":\"x\"}\r\n\n{\"_id\":7,\"text\":\"y\",\"metadata\":{}}\n{\"text\":\"z\"}";
    assert_eq!(
        ids(text),
        [
            ("a".into(), "x".into()),
            ("7".into(), "y".into()),
            ("c.jsonl:4".into(), "z".into())
        ]
    );
    let (documents, problems) = read("c.jsonl", text.to_owned());
    assert_eq!(documents[0].title, "T");
    assert_eq!(documents[1].lines, Lines::Single(3));
    assert_eq!(problems, []);
}

#[test]
fn other_fields_are_metadata() {
    let of = |record: &str| {
        let (documents, problems) = read("c.jsonl", record.to_owned());
        assert_eq!(problems, []);
        serde_json::to_string(&documents[0].metadata).unwrap()
    };
    let beir = r#"{"_id":"a","title":"T","text":"x","metadata":{"url":"u","year":2}}"#;
    assert_eq!(of(beir), r#"{"url":"u","year":2}"#);
    let record = r#"{"text":"x","Year":1,"a":{"b":true},"tags":["t"],"metadata":{"year":2}}"#;
    assert_eq!(of(record), r#"{"a.b":"true","tags":["t"],"year":1}"#);
    assert_eq!(of(r#"{"text":"x","metadata":"m"}"#), r#"{"metadata":"m"}"#);
    assert_eq!(of(r#"{"text":"x","metadata":{}}"#), "{}");
    // Out of range, and of no concern to the others.
    assert_eq!(
        of(r#"{"text":"x","n":1e999,"year":1,"x":1.5e3}"#),
        r#"{"n":"1e999","x":1500,"year":1}"#
    );
}

#[test]
fn bad_lines_are_reported_and_the_rest_goes_on() {
    let text = "{\"_id\":\"a\",\"text\":\"x\"}\n{oops\n{\"_id\":\"b\"}\n{\"_id\":\"a\",\"text\":\"y\"}\n\
                {\"_id\":[],\"text\":\"y\"}\n{\"text\":\"\\ud800\"}\n[1]\n{\"_id\":\"c\",\"text\":\"\"}\n";
    // The last one has no words, and is counted elsewhere.
    assert_eq!(
        ids(text),
        [("a".into(), "x".into()), ("c".into(), String::new())]
    );
    let (_, problems) = read("c.jsonl", text.to_owned());
    let lines: Vec<_> = problems.iter().filter_map(|p| p.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
    assert_eq!(problems[1].reason, Reason::MissingText);
    assert_eq!(problems[2].reason, Reason::DuplicateId("a".into()));
    assert_eq!(
        problems[3].to_string(),
        "c.jsonl:5: is not a record: `_id` is neither a string nor a number"
    );
    assert_eq!(
        problems[5].to_string(),
        "c.jsonl:7: is not a record: it is no object in `{}`"
    );
}

#[test]
fn a_file_without_records_is_plain_text_with_one_note() {
    let (documents, problems) = read("log.jsonl", "{\"level\":\"info\"}\n".repeat(500));
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].kind, DocumentKind::Text);
    assert_eq!(documents[0].lines, Lines::OfText);
    assert_eq!(problems, [Problem::of_file("log.jsonl", Reason::NoRecords)]);
    assert_eq!(read("empty.jsonl", String::new()), (vec![], vec![]));
}

#[test]
fn the_list_of_bad_lines_is_short() {
    let text = format!("{{\"text\":\"x\"}}\n{}", "{}\n".repeat(1000));
    let (_, problems) = read("c.jsonl", text);
    assert_eq!(problems.len(), MAX_LISTED + 1);
    assert_eq!(problems[MAX_LISTED].reason, Reason::MoreLines(900));
}

#[test]
fn deep_nesting_is_reported_and_does_not_end_the_process() {
    let text = format!("{{\"text\":\"x\"}}\n{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(read("c.jsonl", text).1.len(), 1);
}

#[test]
fn a_title_without_a_text_is_a_document() {
    for record in [
        r#"{"title":"Masks in schools","text":""}"#,
        r#"{"title":"Masks in schools"}"#,
        r#"{"title":"Masks in schools","text":null}"#,
        r#"{"title":["Masks","in schools"],"text":[]}"#,
        r#"{"title":"","metadata":{"title":"Masks in schools"}}"#,
    ] {
        let (documents, problems) = read("c.jsonl", record.to_owned());
        assert_eq!(problems, [], "{record}");
        assert_eq!(documents[0].title, "Masks in schools", "{record}");
        assert_eq!(documents[0].text, "", "{record}");
        assert_eq!(documents[0].kind, DocumentKind::JsonLines);
    }
}

#[test]
fn titles_and_texts_may_be_numbers_and_lists() {
    for (record, title, text) in [
        (r#"{"title":1984,"text":"x"}"#, "1984", "x"),
        (r#"{"title":null,"text":42}"#, "", "42"),
        (r#"{"title":true,"text":"x"}"#, "", "x"),
        (
            r#"{"title":["a","b"],"text":["one","two"]}"#,
            "a b",
            "one\n\ntwo",
        ),
        (r#"{"title":"a","text":["one",null,2]}"#, "a", "one\n\n2"),
    ] {
        let (documents, problems) = read("c.jsonl", record.to_owned());
        assert_eq!(problems, [], "{record}");
        assert_eq!(
            (documents[0].title.as_str(), documents[0].text.as_str()),
            (title, text)
        );
    }
    let (_, problems) = read(
        "c.jsonl",
        "{\"text\":{\"en\":\"x\"}}\n{\"text\":[[\"x\"]]}".to_owned(),
    );
    assert_eq!(
        problems[1].to_string(),
        "c.jsonl:2: is not a record: `text` is neither a string, a number nor a list of these"
    );
}

#[test]
fn ids_keep_all_their_digits() {
    let text = "{\"_id\":12345678901234567890123,\"text\":\"x\"}";
    assert_eq!(ids(text)[0].0, "12345678901234567890123");
}

#[test]
fn records_that_are_all_empty_are_no_plain_text() {
    let (documents, problems) = read("c.jsonl", "{\"text\":\"\"}\n".repeat(2));
    assert!(documents.iter().all(|document| document.text.is_empty()));
    assert_eq!((documents.len(), problems.len()), (2, 0));
}

#[test]
fn fields_that_cannot_be_read_do_not_cost_the_record() {
    let deep = format!(
        "{{\"text\":\"x\",\"year\":1,\"a\":{}{}}}",
        "[".repeat(500),
        "]".repeat(500)
    );
    let (documents, problems) = read("c.jsonl", deep);
    assert_eq!(documents[0].text, "x");
    let message = problems[0].to_string();
    assert!(
        message
            .starts_with("c.jsonl:1: the record is indexed without its further fields: recursion"),
        "{message}"
    );
}

#[test]
fn metadata_beyond_the_limits_is_reported_once_a_file() {
    let record = format!(
        "{{\"text\":\"x\",\"abstract\":\"{}\"}}\n",
        "word ".repeat(500)
    );
    let (documents, problems) = read("c.jsonl", record.repeat(3));
    assert_eq!(documents.len(), 3);
    let message: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        message,
        [
            "c.jsonl: there is more metadata than is kept (64 names, 64 values a name, 1,024 bytes a \
          value): `abstract` is shortened or left out"
        ]
    );
}
