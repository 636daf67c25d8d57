use proptest::prelude::*;

use super::*;
use crate::facts::Facts;

/// The metadata, the lines that are bad, and the text behind.
fn read(text: &str) -> Option<(String, Vec<u32>, &str)> {
    let front_matter = FrontMatter::of(text)?;
    let mut facts = Facts::default();
    facts.add_entries(&front_matter.entries, |_| false);
    let json = serde_json::to_string(&facts.into_metadata()).unwrap();
    let lines = front_matter.bad.iter().map(|bad| bad.line).collect();
    Some((json, lines, &text[front_matter.end..]))
}

fn is(text: &str, json: &str, lines: &[u32]) {
    let found = read(text).map(|(json, lines, _)| (json, lines));
    assert_eq!(found, Some((json.to_owned(), lines.to_vec())), "{text}");
}

#[test]
fn the_fences_are_those_of_site_makers() {
    for text in [
        "---\ntitle: T\n---\nbody",
        "---\r\ntitle: T\r\n---\r\nbody",
        "--- \ntitle: T\n...\nbody",
        "---\n# why not\n\ntitle: T\n---\t\nbody",
        "---\n\ntitle: T\n\n---\nbody",
        "+++\ntitle = \"T\"\n+++\nbody",
        "+++\r\ntitle = 'T'\r\n+++\r\nbody",
        "{\r\n  \"title\": \"T\"\r\n} \r\nbody",
    ] {
        assert_eq!(
            read(text),
            Some((r#"{"title":"T"}"#.to_owned(), vec![], "body")),
            "{text}"
        );
    }
    for text in [
        "---\n---\nbody",
        "---\n# only a comment\n---\nbody",
        "+++\n\n+++\nbody",
    ] {
        assert_eq!(
            read(text),
            Some(("{}".to_owned(), vec![], "body")),
            "{text}"
        );
    }
}

#[test]
fn lines_that_divide_are_no_fences() {
    for text in [
        "",
        "---",
        "---\n",
        "---\ntitle: T\n",
        "----\ntitle: T\n----\n",
        " ---\ntitle: T\n---\n",
        "\n---\ntitle: T\n---\n",
        "text\n---\ntitle: T\n---\n",
        "---\nA sentence.\n---\n",
        "---\n- an item\n---\n",
        "---\n\nNote: this is prose.\n\n---\n",
        "---\nHe said: \"no\nand went away\nfor good and all\n---\n",
        "+++\na = 1\n",
        "+++ a\n+++\n",
        "{\"title\": \"T\"} is what it says",
        "{title} of",
        "{\"title\": ",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    let long = format!("---\na: {}\n---\n", "x".repeat(MAX_BYTES));
    assert_eq!(read(&long), None);
}

#[test]
fn a_bad_line_of_yaml_costs_no_other() {
    is(
        "---\ntitle: T\ntags: [a, b\nyear: 2024\n---\n",
        r#"{"title":"T","year":2024}"#,
        &[3],
    );
    is(
        "---\r\ntags:\r\n- a\r\n- b\r\n\tbad: x\r\nyear: 2024\r\n---\r\n",
        r#"{"year":2024}"#,
        &[2],
    );
    is(
        "---\nyear: 2024\noops\ntags: [a]\n---\n",
        r#"{"tags":["a"],"year":2024}"#,
        &[3],
    );
    is("---\na: [\n---\n", "{}", &[2]);
    is(
        "---\na: *\nb: @x\nc: 1\n---\n",
        r#"{"b":"@x","c":1}"#,
        &[2, 3],
    );
}

#[test]
fn words_that_yaml_takes_for_its_own_are_kept_and_reported() {
    for (line, title) in [
        ("title: Rust: a guide", "Rust: a guide"),
        ("title: \"Harbour", "Harbour"),
        ("title: \"Harbour\" by night", "\\\"Harbour\\\" by night"),
        ("title: [Draft] Report # soon", "[Draft] Report"),
        ("title: @home", "@home"),
    ] {
        let text = format!("---\nyear: 2024\n{line}\ntags: [a]\n---\n");
        let json = format!(r#"{{"tags":["a"],"title":"{title}","year":2024}}"#);
        is(&text, &json, &[3]);
        let what = &FrontMatter::of(&text).unwrap().bad[0].what;
        assert!(
            what.ends_with("; what follows the colon was taken as text"),
            "{what}"
        );
    }
}

#[test]
fn toml_has_its_types_and_order() {
    let text = "+++\ntitle = \"T\"\ndate = 2024-03-01T10:00:00Z\nn = 0x10\nbig = 1_000\nx = 1.5e3\n\
                draft = false\n[taxonomies]\ntags = [\"a\", \"b\"]\n[extra]\nweight = 2\n+++\nbody\n";
    let json = "{\"big\":1000,\"date\":\"2024-03-01\",\"draft\":\"false\",\"extra.weight\":2,\"n\":16,\
                \"taxonomies.tags\":[\"a\",\"b\"],\"title\":\"T\",\"x\":1500}";
    is(text, json, &[]);
    let names: Vec<_> = FrontMatter::of("+++\nz = 1\na.b = 2\nc = 3\n+++\n")
        .unwrap()
        .entries
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["z", "a", "c"]);
}

#[test]
fn a_bad_line_of_toml_costs_no_other() {
    is(
        "+++\ntitle = \"T\"\noops\nyear = 2024\n+++\n",
        r#"{"title":"T","year":2024}"#,
        &[3],
    );
    is(
        "+++\na =\ntags = [\"a\"\nb = \"\"\"\n[extra]\nyear = 2024\n[bad\nx = 1\n[[l]]\ny = 1\n+++\n",
        r#"{"extra.x":1,"extra.year":2024,"l.y":1}"#,
        &[2, 3, 4, 7],
    );
    is(
        "+++\ntags = [\n  \"a\",\n]\nx = 1\nx = 2\n+++\n",
        r#"{"tags":["a"],"x":1}"#,
        &[6],
    );
}

#[test]
fn long_damage_takes_no_longer() {
    let text = format!("---\n{}---\n", "a: [\n".repeat(10_000));
    let front_matter = FrontMatter::of(&text).unwrap();
    assert_eq!(
        (front_matter.entries.len(), front_matter.bad.len()),
        (0, MAX_LISTED)
    );
}

proptest! {
    #[test]
    fn any_front_matter_is_survived(
        source in "([a-c:\\-\\[\\]{}&*!|>'\"%@`#?,~=+. \n\t]|\\PC){0,80}",
    ) {
        for fence in ["---", "+++"] {
            let text = format!("{fence}\n{source}\n{fence}\n");
            if let Some(front_matter) = FrontMatter::of(&text) {
                prop_assert!(text.is_char_boundary(front_matter.end));
            }
        }
    }
}
