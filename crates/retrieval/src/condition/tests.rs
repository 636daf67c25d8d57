use proptest::prelude::*;
use reread_document::{Metadata, Value};

use super::*;

fn read(text: &str) -> Condition {
    text.parse().unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn book() -> Metadata {
    let facts: [(&str, Value); 8] = [
        ("lang", "en".into()),
        ("year", 2021.into()),
        ("edition", "2".into()),
        ("published", day("2021-03-01").into()),
        ("checked", "2024-05-06".into()),
        ("draft", "false".into()),
        ("tags", vec!["bread", "oven"].into()),
        ("my rating", 4.5.into()),
    ];
    facts.map(|(name, value)| (name.to_owned(), value)).into()
}

#[test]
fn comparisons_hold_between_values_of_one_kind() {
    let book = book();
    let cases = [
        (r#"lang = "en""#, true),
        ("lang = 'EN'", false),
        ("lang != 'de'", true),
        ("lang < 'eo' and lang >= 'en'", true),
        ("year >= 2020", true),
        ("year = 2021.0", true),
        ("year > 2021 or year < 2021", false),
        ("year in (2020, 2.021e3)", true),
        // A number is no text, and neither is the other way round.
        ("year = '2021'", false),
        ("year != '2021'", true),
        ("year < '3'", false),
        ("edition = 2", false),
        ("edition = '2'", true),
        ("draft = false and not draft = true", true),
        ("'my rating' > 4", true),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).holds(&book), expected, "{text}");
    }
}

#[test]
fn days_are_compared_also_where_a_text_is_one() {
    let book = book();
    let cases = [
        ("published = 2021-03-01", true),
        ("published = '2021-03-01'", true),
        ("published > '2020-12-31' and published < 2022-01-01", true),
        ("published = '2021-03-01T10:00'", false),
        ("published = 2021", false),
        ("checked >= 2024-05-06", true),
        ("checked > 2024-05-06", false),
        ("lang < 2024-05-06", false),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).holds(&book), expected, "{text}");
    }
}

#[test]
fn of_a_list_one_value_must_fit_and_none_may_be_the_same() {
    let book = book();
    let cases = [
        ("tags = 'oven'", true),
        ("tags != 'oven'", false),
        ("tags != 'stove'", true),
        ("tags in ('stove', 'bread')", true),
        ("tags in ()", false),
        ("tags contains 'rea'", true),
        ("tags contains 'readov'", false),
        ("year contains '20'", false),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).holds(&book), expected, "{text}");
    }
}

#[test]
fn a_document_without_the_name_fits_no_comparison() {
    let book = book();
    let cases = [
        ("has tags", true),
        ("has Tags", true),
        ("has 'ÄTags'", false),
        ("author = 'Ada'", false),
        ("author != 'Ada'", false),
        ("not author = 'Ada'", true),
        ("author in ('Ada')", false),
        ("author contains ''", false),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).holds(&book), expected, "{text}");
    }
}

#[test]
fn not_binds_before_and_and_that_before_or() {
    assert_eq!(
        read("not has a and has b or has c"),
        read("((not (has a)) and has b) or has c")
    );
    let written = read("HAS a AND (has b OR NOT (has c or has d))").to_string();
    assert_eq!(written, "has a and (has b or not (has c or has d))");
    assert_eq!(read("not not has a"), read("has a"));
    assert_eq!(
        read("has a and (has b and has c)"),
        read("has a and has b and has c")
    );
}

#[test]
fn the_first_part_that_fails_is_named() {
    let condition = read("lang = 'en' and (year >= 2022 and has author) and has isbn");
    let failing = condition.failing(&book()).map(ToString::to_string);
    assert_eq!(failing.as_deref(), Some("year >= 2022"));
    let either = read("year = 1 or year = 2");
    assert_eq!(either.failing(&book()), Some(&either));
    assert_eq!(read("has year").failing(&book()), None);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("", 1, "found the end", "a name, `has`, `not` or `(`"),
        ("lang == 'en'", 6, "found `==`", "`>=`, `in` or `contains`"),
        ("lang", 5, "found the end", "`=`, `!=`"),
        ("lang = en", 8, "found `en`", "a text in quotes"),
        ("länge = 1 && has x", 11, "found `&&`", "`and`, `or`"),
        (
            "lang = 'en",
            8,
            "found a quote that is not closed",
            "a text in quotes",
        ),
        ("year > inf", 8, "found `inf`", "a number"),
        ("year > 1e999", 8, "found `1e999`", "a number"),
        ("day = 2023-02-29", 7, "found `2023-02-29`", "a day"),
        ("(has a", 7, "found the end", "`and`, `or` or `)`"),
        ("has a)", 6, "found `)`", "`and`, `or` or the end"),
        ("has has", 5, "found `has`", "a name"),
        ("x in 'a'", 6, "found a text in quotes", "`(` and values"),
        ("x in ('a' 'b')", 11, "found a text in quotes", "`,` or `)`"),
        ("x contains 3", 12, "found `3`", "a text in quotes"),
    ];
    for (text, column, found, expected) in cases {
        let bad = text.parse::<Condition>().expect_err(text);
        let message = bad.to_string();
        assert_eq!(bad.column, column, "{text}: {message}");
        assert!(message.contains(found), "{text}: {message}");
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth| format!("{}has a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(read(&nested(Condition::MAX_NESTING)), read("has a"));
    for deep in [
        nested(Condition::MAX_NESTING + 1),
        "not ".repeat(4_000) + "has a",
    ] {
        let bad = deep.parse::<Condition>().expect_err("too deep");
        assert!(bad.expected.contains("nesting"), "{bad}");
    }
    let long = vec!["has a"; Condition::MAX_LEN_BYTES / 5].join(" or ");
    let bad = long.parse::<Condition>().expect_err("too long");
    assert!(bad.expected.contains("bytes"), "{bad}");
}

#[test]
fn built_conditions_hold_finite_numbers() {
    let built = Condition::name("x").equals(Literal::Number(f64::NAN));
    assert_eq!(built.to_string(), "x = \"NaN\"");
    let built = !Condition::name("or")
        .one_of([1e300, -2.0])
        .or(Condition::name("day").below(day("2024-01-01")));
    assert_eq!(
        built.to_string(),
        "not (\"or\" in (1e300, -2) or day < 2024-01-01)"
    );
}

fn literals() -> impl Strategy<Value = Literal> {
    let days = (0u16..=9999, 1u8..=12, 1u8..=28);
    prop_oneof![
        any::<String>().prop_map(Literal::from),
        any::<f64>().prop_map(Literal::from),
        any::<i32>().prop_map(Literal::from),
        days.prop_map(|(y, m, d)| Date::new(y, m, d).expect("a day").into()),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_.-]{1,6}",
        "and|OR|not|has|in|contains",
        any::<String>()
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let comparison = (names(), 0usize..6, literals());
    let leaf = prop_oneof![
        names().prop_map(|name| Condition::name(name).exists()),
        comparison.prop_map(|(name, pos, value)| {
            Condition::name(name).compare(Comparison::ALL[pos], value)
        }),
        (names(), prop::collection::vec(literals(), 0..4))
            .prop_map(|(name, values)| Condition::name(name).one_of(values)),
        (names(), any::<String>()).prop_map(|(name, text)| Condition::name(name).contains(text)),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(b)),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.or(b)),
            inner.prop_map(|condition| !condition),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(condition in conditions()) {
        prop_assert_eq!(condition.to_string().parse(), Ok(condition));
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in any::<String>()) {
        check_place(&text);
    }

    #[test]
    fn any_words_of_the_language_are_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "a", "has", "not", "and", "or", "in", "contains", "(", ")", ",", "=", "!=", "'é'", "\"", "'",
                "\\", "3", "2024-01-01", "true", "=!",
            ]),
            0..24,
        ),
        between in prop::sample::select(vec!["", " "]),
    ) {
        check_place(&words.join(between));
    }

    #[test]
    fn a_condition_or_its_opposite_holds(condition in conditions()) {
        let book = book();
        prop_assert_eq!(condition.holds(&book), condition.failing(&book).is_none());
        prop_assert_ne!(condition.holds(&book), (!condition).holds(&book));
    }
}

fn check_place(text: &str) {
    if let Err(bad) = text.parse::<Condition>() {
        assert!(text.get(bad.bytes.clone()).is_some(), "{bad:?}");
        assert!((1..=text.chars().count() + 1).contains(&bad.column));
    }
}
