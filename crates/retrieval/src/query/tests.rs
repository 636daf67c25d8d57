use proptest::prelude::*;

use super::*;

fn texts(phrases: &[Phrase]) -> Vec<&str> {
    let texts = phrases.iter().map(|phrase| phrase.text.as_str());
    texts.collect()
}

/// What is demanded, as a query writes it.
fn written(phrases: &[Phrase]) -> Vec<String> {
    phrases.iter().map(Phrase::to_string).collect()
}

/// Inputs that a query parser with a grammar fails on or reads as something else.
const HOSTILE: &[&str] = &[
    "what is \"foo",
    "C++: how to",
    "error: cannot open file",
    "foo(bar)",
    "a AND",
    "NOT x",
    "[1 TO",
    "path/to/file.rs:10",
    "don't",
    "[a b]",
    "{a}",
    "IN [",
    "hello\\",
    "a:b:c",
    "id:abc",
    "x^2",
    "src:foo",
    "title:\"x",
    "\"a\"b\"c",
    "a \"\" b",
    "-- x",
    "a -- b",
    "+x",
    "x~2",
    "/x/",
    "\"-x\"",
    "-\"x",
    "“a",
    "a” b",
    "\u{0}x",
    "x OR",
    "(((x",
    "x)))",
    "!x && y",
];

fn terms(input: &str) -> Vec<(String, f32)> {
    Query::parse(input)
        .terms
        .into_iter()
        .map(|term| (term.term, term.weight))
        .collect()
}

fn plain(input: &str) -> Vec<String> {
    terms(input).into_iter().map(|(term, _)| term).collect()
}

/// The words of `input` that neither the text nor an exclusion or a demand holds, but for the names of
/// places, which are no words where they ask for one.
fn lost(input: &str) -> Vec<String> {
    let query = Query::parse(input);
    let named = query
        .phrases()
        .iter()
        .filter(|it| it.within != Within::Passage);
    let demands: Vec<String> = query
        .exclusions()
        .iter()
        .chain(named)
        .map(Phrase::to_string)
        .collect();
    let kept = format!("{} {}", query.text(), demands.join(" "));
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .map(str::to_owned)
            .collect()
    };
    let mut kept = words(&kept);
    let mut lost = words(input);
    lost.retain(|word| match kept.iter().position(|other| other == word) {
        Some(pos) => {
            kept.swap_remove(pos);
            false
        }
        None => !word.is_empty() && !["title", "path", "tag"].contains(&word.as_str()),
    });
    lost
}

#[test]
fn hostile_queries_are_text_and_lose_nothing() {
    for input in HOSTILE {
        assert_eq!(lost(input), [""; 0], "{input}");
        assert!(!Query::parse(input).is_empty(), "{input}");
    }
    assert_eq!(plain("src:foo^2"), ["src", "foo", "2"]);
}

#[test]
fn input_without_words_leaves_a_note() {
    for input in ["", " ", "-", "*", ":", "\"", "\"\"", "-\"!\"", "?!"] {
        let query = Query::parse(input);
        assert!(query.is_empty() && query.phrases.is_empty() && query.exclusions.is_empty());
        assert_eq!(query.notes(), [Note::NoWord]);
        assert_eq!(query.text(), input.trim());
    }
}

#[test]
fn quotes_make_phrases() {
    let query = Query::parse("use \"max connections\" and “Zwei Wörter”, \"one\"");
    assert_eq!(
        texts(query.phrases()),
        ["max connections", "Zwei Wörter", "one"]
    );
    assert_eq!(query.text(), "use max connections and Zwei Wörter, one");
    assert_eq!(
        query.phrases[0].words,
        [(0, "max".to_owned()), (1, "connections".to_owned())]
    );
    for input in ["5\" and 3\" disks", "say \"hi", "a\"b c\"d", "\"a b\"c"] {
        assert_eq!(Query::parse(input).phrases().len(), 0, "{input}");
    }
    assert_eq!(Query::parse("\"a b\"\"c d\"").text(), "a b c d");
}

#[test]
fn hyphens_before_words_exclude() {
    let query = Query::parse("borrow -python -\"garbage collector\" -path/x.rs");
    assert_eq!(
        texts(query.exclusions()),
        ["python", "garbage collector", "path/x.rs"]
    );
    assert_eq!(query.text(), "borrow");
    assert_eq!(query.notes(), []);
    for input in [
        "state-of-the-art",
        "a - b",
        "--depth",
        "a --b",
        "x(-y)",
        "–dash",
    ] {
        assert_eq!(Query::parse(input).exclusions().len(), 0, "{input}");
    }
}

#[test]
fn exclusions_alone_are_searched_for() {
    let query = Query::parse("-rf -\"no preserve\" ?");
    assert_eq!(query.exclusions().len(), 0);
    assert_eq!(query.text(), "rf no preserve ?");
    assert_eq!(query.terms.len(), 2);
    assert_eq!(query.notes(), [Note::OnlyExclusions]);
}

#[test]
fn repeated_words_weigh_more() {
    let expected = [("tree".to_owned(), 3.0), ("oak".to_owned(), 1.0)];
    assert_eq!(terms("trees oak tree TREE"), expected);
}

#[test]
fn stop_words_leave_unless_nothing_is_left() {
    assert_eq!(plain("What is the vacuum for?"), ["vacuum"]);
    assert_eq!(plain("what is it"), ["what", "is", "it"]);
    assert_eq!(plain("\"to be\" or not"), ["to", "be", "or", "not"]);
}

#[test]
fn long_queries_say_that_they_are_cut() {
    let words: Vec<String> = (0..70).map(|word| format!("w{word}")).collect();
    let query = Query::parse(&words.join(" "));
    assert_eq!(query.terms.len(), 70);
    assert_eq!(
        query.notes()[0].to_string(),
        "the query has 70 different words; BM25 uses the 64 rarest"
    );
}

#[test]
fn many_quotes_are_read_in_linear_time() {
    for sign in ["\"a ", "“", "-\"x ", "\"", " -"] {
        Query::parse(&sign.repeat(200_000));
    }
}

proptest! {
    #[test]
    fn no_word_is_lost(input in "\\PC{0,60}|[a-c\"“” \\-:*(é京]{0,40}|(-?(title|path|tag|aaa):?[a*\"]{0,2} ?){0,5}") {
        prop_assert_eq!(lost(&input), Vec::<String>::new());
    }
}

#[test]
fn each_exclusion_and_phrase_is_a_demand_of_its_own() {
    let query = Query::parse("how \"to bake\" a loaf -cake -\"white bread\"");
    let demands: Vec<_> = query
        .demands()
        .map(|(refusal, query)| {
            let refusal = match refusal {
                Refusal::Exclusion(phrase) => format!("-{phrase}"),
                Refusal::Phrase(phrase) => phrase.to_string(),
                other => panic!("{other:?}"),
            };
            (refusal, query.phrases().len(), query.exclusions().len())
        })
        .collect();
    assert_eq!(
        demands,
        [
            ("-\"cake\"".to_owned(), 0, 1),
            ("-\"white bread\"".to_owned(), 0, 1),
            ("\"to bake\"".to_owned(), 1, 0),
        ]
    );
}

#[test]
fn what_is_asked_of_title_path_and_tags_is_a_demand_and_no_word() {
    let query = Query::parse("title:Rust lifetimes path:\"src lib\" -tag:old*");
    assert_eq!(written(query.phrases()), ["title:Rust", "path:\"src lib\""]);
    assert_eq!(written(query.exclusions()), ["tag:old*"]);
    assert_eq!(query.text(), "lifetimes");
    assert!(query.asks_for_documents());
    // Without another word there is nothing else to ask models for.
    let query = Query::parse("tag:vegan -title:draft");
    assert_eq!((query.text(), query.terms().len()), ("vegan", 1));
    assert_eq!(written(query.exclusions()), ["title:draft"]);
    assert_eq!(query.notes(), []);
    assert!(!Query::parse("\"vegan\"").asks_for_documents());
}

#[test]
fn the_beginning_of_words_counts_as_one_term() {
    let query = Query::parse("Icosa* facets icosa*");
    let prefixes: Vec<(&str, f32)> = query
        .prefixes()
        .iter()
        .map(|it| (it.term.as_str(), it.weight))
        .collect();
    assert_eq!(prefixes, [("icosa", 2.0)]);
    assert_eq!(query.text(), "Icosa facets icosa");
    assert_eq!(query.terms().len(), 1);
    assert_eq!(Query::parse("icosa*").notes(), []);
}

#[test]
fn words_side_by_side_are_looked_for_as_one_word_too() {
    let joined = |input: &str| -> Vec<(String, usize)> {
        let query = Query::parse(input);
        let joined = query.joined().iter();
        joined
            .map(|it| (it.term.clone(), it.stands_for.len()))
            .collect()
    };
    let pair = |word: &str, n| vec![(word.to_owned(), n)];
    assert_eq!(joined("wi-fi"), pair("wifi", 3));
    assert_eq!(joined("wi fi"), pair("wifi", 2));
    assert_eq!(joined("GPT 4"), pair("gpt4", 2));
    assert_eq!(joined("the price determining"), pair("pricedetermin", 2));
    assert_eq!(joined("cause of effect, again C++ code"), []);
    let query = Query::parse("data base data base");
    assert_eq!((query.joined()[0].weight, query.joined().len()), (2.0, 2));
}
