use super::*;

fn gathered(json: &str) -> (String, Option<Reason>) {
    let Node::Map(entries) = serde_json::from_str(json).unwrap() else {
        panic!("this is a map");
    };
    let mut facts = Facts::default();
    facts.add_entries(&entries, |name| name == "text");
    let (metadata, limits) = facts.into_parts();
    (serde_json::to_string(&metadata).unwrap(), limits.reason())
}

fn facts(json: &str) -> String {
    gathered(json).0
}

fn plain(text: &str) -> Option<Value> {
    Facts::default().scalar("n", &Node::Plain(text.to_owned()))
}

#[test]
fn names_are_tidied_and_maps_flattened() {
    let json = r#"{" Author ": "Ada ", "text": "no", "A": {"b": {"C": 1.5}, "d": true}}"#;
    assert_eq!(facts(json), r#"{"a.b.c":1.5,"a.d":"true","author":"Ada"}"#);
}

#[test]
fn lists_hold_what_is_plain_and_nothing_empty_is_kept() {
    let json = r#"{"tags": ["a", 2, null, [1], " "], "e": [], "n": null, "s": ""}"#;
    assert_eq!(facts(json), r#"{"tags":["a",2]}"#);
}

#[test]
fn what_has_a_name_stands_for_it() {
    let json = r#"{"authors": [{"name": "Ada", "mail": "a@b.c"}, {"Name": "Bob"}, "Cy"]}"#;
    let expected =
        r#"{"authors":["Ada","Bob","Cy"],"authors.mail":"a@b.c","authors.name":["Ada","Bob"]}"#;
    assert_eq!(facts(json), expected);
    assert_eq!(
        facts(r#"{"author": {"name": "Ada", "age": 36}}"#),
        r#"{"author":"Ada","author.age":36,"author.name":"Ada"}"#
    );
}

#[test]
fn labels_may_be_listed_in_one_text() {
    for (json, expected) in [
        (r#"{"tags": "a, b c; #d,"}"#, r#"{"tags":["a","b c","d"]}"#),
        (
            r##"{"tags": ["#a", "b, c", "#"]}"##,
            r##"{"tags":["a","b, c","#"]}"##,
        ),
        (
            r#"{"x": {"keywords": "a,b"}}"#,
            r#"{"x.keywords":["a","b"]}"#,
        ),
        (r#"{"tags": "one thing"}"#, r#"{"tags":"one thing"}"#),
        (r#"{"author": "Byron, Ada"}"#, r#"{"author":"Byron, Ada"}"#),
    ] {
        assert_eq!(facts(json), expected);
    }
}

#[test]
fn what_comes_first_is_kept_and_the_rest_is_reported() {
    let names: Vec<String> = (0..70).rev().map(|i| format!("\"n{i:02}\": {i}")).collect();
    let (json, reason) = gathered(&format!("{{{}}}", names.join(",")));
    assert!(
        json.starts_with(r#"{"n06":6"#) && json.ends_with(r#""n69":69}"#),
        "{json}"
    );
    let reason = reason.unwrap();
    assert_eq!(
        reason,
        Reason::MetadataLimit {
            name: "n05".to_owned(),
            n_more: 5
        }
    );
    assert_eq!(
        reason.to_string(),
        "there is more metadata than is kept (64 names, 64 values a name, 1,024 bytes a value): \
         `n05` and 5 more are shortened or left out"
    );
}

#[test]
fn long_texts_are_shortened_between_words() {
    let (json, reason) = gathered(&format!(r#"{{"a": "{}", "b": 1}}"#, "wörd ".repeat(300)));
    let shortened = "wörd ".repeat(170);
    assert_eq!(json, format!(r#"{{"a":"{}","b":1}}"#, shortened.trim_end()));
    assert!(
        reason
            .unwrap()
            .to_string()
            .ends_with("`a` is shortened or left out")
    );
    let (json, reason) = gathered(&format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_BYTES + 1)));
    assert_eq!(json, "{}");
    assert!(reason.is_some());
    let (_, reason) = gathered(&format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_BYTES)));
    assert_eq!(reason, None);
}

#[test]
fn bounds_hold() {
    let many: Vec<String> = (0..99).map(|i| i.to_string()).collect();
    let (json, reason) = gathered(&format!(
        r#"{{"a": [{}], "{}": "x"}}"#,
        many.join(","),
        "c".repeat(MAX_BYTES)
    ));
    assert!(json.ends_with(",62,63]}"), "{json}");
    assert!(reason.unwrap().to_string().contains("`a` and 1 more are"));
    let deep = format!("{}1{}", r#"{"a":"#.repeat(99), "}".repeat(99));
    let (json, reason) = gathered(&deep);
    assert_eq!(json, "{}");
    assert!(reason.is_some());
}

#[test]
fn names_that_were_there_before_stay_as_they_are() {
    let entries = |year: i32| vec![("Year".to_owned(), Node::Number(year.into()))];
    let mut facts = Facts::default();
    facts.add_entries(&entries(1), |_| false);
    facts.add_entries(&entries(2), |_| false);
    assert_eq!(facts.into_metadata()["year"], Value::Number(1.0));
}

#[test]
fn days_are_dates_and_sentences_that_begin_with_one_are_not() {
    let date = Value::Date(Date::new(2024, 3, 1).unwrap());
    for text in [
        "2024-03-01",
        "2024-03-01T10:00:00+01:00",
        "2024-03-01 10:00:00.5 Z",
    ] {
        assert_eq!(of_text(text), Some(date.clone()), "{text}");
    }
    for text in [
        "2024-03-01 a Friday",
        "2024-03-011",
        "2024-02-30",
        "2024-03-0é",
        "2024",
    ] {
        assert_eq!(of_text(text), Some(Value::from(text)), "{text}");
    }
}

#[test]
fn only_plain_numbers_are_numbers() {
    for (text, value) in [
        ("2020", 2020.0),
        ("-1.5", -1.5),
        ("0", 0.0),
        ("0.25", 0.25),
        ("1.5e3", 1500.0),
        ("-2.5E-1", -0.25),
        ("6.02e+2", 602.0),
    ] {
        assert_eq!(plain(text), Some(Value::Number(value)), "{text}");
    }
    for text in [
        "007",
        "+1",
        "1e3",
        "1.",
        ".5",
        "1.2.3",
        "1.5e",
        "1.5e3e4",
        "1.5e999",
        "-",
        "e",
        "90071992547409930",
    ] {
        assert_eq!(plain(text), Some(Value::from(text)), "{text}");
    }
}

#[test]
fn a_repeated_name_becomes_a_list() {
    let mut facts = Facts::default();
    for (name, value) in [
        ("Tag", "a"),
        ("tag", "a"),
        ("tag", "b"),
        ("tag", "c"),
        ("lang", "en"),
    ] {
        facts.append(name, value);
    }
    let json = serde_json::to_string(&facts.into_metadata()).unwrap();
    assert_eq!(json, r#"{"lang":"en","tag":["a","b","c"]}"#);
}
