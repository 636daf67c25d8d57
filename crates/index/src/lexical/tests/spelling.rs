//! Spellings that meet.

use super::*;

#[test]
fn joined_and_split_spellings_find_each_other() {
    for (spellings, nothing) in [
        (
            &["wifi", "wi-fi", "Wi-Fi", "WiFi", "wi\u{2011}fi"][..],
            "wide fields",
        ),
        (&["email", "e-mail", "E-Mails"], "a letter"),
        (&["GPT4", "GPT-4", "GPT 4", "gpt4"], "gin tonic"),
        (&["16GB", "16 GB", "16-GB", "16\u{A0}gb"], "15 MB"),
        (&["magnetosphere", "magne-tosphere"], "magnetic"),
        (&["pricedetermining", "price-determining"], "cost"),
        (&["O'Brien", "OBrien", "O’Brien"], "brine"),
        (&["USA", "U.S.A."], "used"),
        (&["R&D", "RD"], "road"),
        (&["co\u{AD}operate", "cooperate", "co-operate"], "copper"),
        (&["كِتَابٌ", "كتاب", "كتـــاب"], "كلب"),
        (&["שָׁלוֹם", "שלום"], "שלג"),
    ] {
        let mut bodies = spellings.to_vec();
        bodies.push(nothing);
        let (_dir, index) = index_of(&bodies);
        for query in spellings {
            let mut found = keys(&index, query);
            found.sort_unstable();
            let all: Vec<u64> = (0..spellings.len() as u64).collect();
            assert_eq!(found, all, "{query:?} in {bodies:?}");
        }
    }
}

#[test]
fn two_words_find_the_same_in_one() {
    let (_dir, index) = index_of(&["a database", "price and determining", "pricedetermining"]);
    assert_eq!(keys(&index, "data base"), [0]);
    assert_eq!(keys(&index, "price determining").len(), 2);
}

#[test]
fn words_as_one_do_not_count_on_top_of_the_words() {
    let bodies = ["wi-fi here", "wi fi here", "nothing", "at all", "of it"];
    let (_dir, index) = index_of(&bodies);
    let found = index.search(&Query::parse("wi-fi"), 10, None).unwrap();
    let words = index.search(&Query::parse("wi fi-x"), 10, None).unwrap();
    let score = |list: &[(u64, f32)], key| list.iter().find(|hit| hit.0 == key).unwrap().1;
    // The identifier is the only difference.
    assert_eq!(score(&found, 1).to_bits(), score(&words, 1).to_bits());
    let (_dir, plain) = index_of(&["wifi", "wi x", "fi x", "nothing", "at all"]);
    let found = plain.search(&Query::parse("wi-fi"), 10, None).unwrap();
    let joined = plain.search(&Query::parse("wifi"), 10, None).unwrap();
    assert_eq!(score(&found, 0).to_bits(), score(&joined, 0).to_bits());
    assert_eq!(found.len(), 3);
}

#[test]
fn a_phrase_reaches_words_that_a_hyphen_joins() {
    let (_dir, index) = index_of(&["the magne-tosphere of earth", "the magnetosphere of earth"]);
    for query in [
        "\"magnetosphere\"",
        "\"the magnetosphere\"",
        "\"magnetosphere of earth\"",
    ] {
        assert_eq!(keys(&index, query).len(), 2, "{query}");
    }
    assert_eq!(keys(&index, "earth -magnetosphere"), [0; 0]);
}

#[test]
fn signs_are_found_like_words() {
    let (_dir, index) = index_of(&[
        "🚀 launch day",
        "🍐 pears for 5€",
        "∑ and → and ∂",
        "20 °C outside",
        "plain",
        "thumbs 👍🏽 up",
    ]);
    for (query, found) in [
        ("🚀", &[0][..]),
        ("€", &[1]),
        ("→", &[2]),
        ("°", &[3]),
        ("👍", &[5]),
        ("👍🏿", &[5]),
        ("\"🚀 launch day\"", &[0]),
        ("\"launch day\" -🍐", &[0]),
        ("© ™", &[]),
    ] {
        assert_eq!(keys(&index, query), found, "{query}");
    }
}
