//! Which words of a text a query speaks of.

use std::collections::HashSet;
use std::ops::Range;

use crate::analyzer::{Role, Token, analyze};
use crate::fold::fold;
use crate::query::Query;

/// Returns the byte ranges of the words in `text` that `query` looks for, sorted and disjoint.
///
/// Words are compared as the index compares them, so `connections` marks `connection`. Needs no
/// index.
pub fn highlight(query: &Query, text: &str) -> Vec<Range<usize>> {
    let mut terms: HashSet<&str> = query
        .terms()
        .iter()
        .map(|term| term.term.as_str())
        .collect();
    terms.extend(query.joined().iter().map(|joined| joined.term.as_str()));
    for phrase in query.phrases() {
        terms.extend(phrase.stems.iter().map(|(_, term)| term.as_str()));
    }
    let prefixes = query.prefixes();
    let is_begun = |token: &Token| {
        let word = || fold(&text[token.range.clone()]);
        token.role == Role::Word
            && prefixes
                .iter()
                .any(|prefix| word().starts_with(&prefix.term))
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let tokens = analyze(text);
    let mut found: Vec<Range<usize>> = tokens
        .into_iter()
        .filter(|token| terms.contains(token.term.as_str()) || is_begun(token))
        .map(|token| token.range)
        .collect();
    found.sort_by_key(|range| (range.start, range.end));
    for range in found {
        match ranges.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked<'t>(query: &str, text: &'t str) -> Vec<&'t str> {
        highlight(&Query::parse(query), text)
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn words_are_marked_by_stem() {
        let text = "A connection is connected; the café's Disconnect.";
        assert_eq!(
            marked("Connections cafe", text),
            ["connection", "connected", "café"]
        );
        assert_eq!(marked("the", text), ["the"]);
        assert_eq!(marked("what is the cafe", text), ["café"]);
        assert_eq!(marked("cafe -connection", text), ["café"]);
        assert_eq!(marked("???", text), [""; 0]);
    }

    #[test]
    fn phrases_identifiers_and_pairs_are_marked() {
        assert_eq!(
            marked("\"is connected\"", "it is connected"),
            ["is", "connected"]
        );
        assert_eq!(marked("stat", "see pg_stat_activity"), ["stat"]);
        assert_eq!(
            marked("pg_stat_activity", "see pg_stat_activity"),
            ["pg_stat_activity"]
        );
        assert_eq!(marked("bar", "call fooBar()"), ["Bar"]);
        assert_eq!(marked("東京都", "昔の東京都庁"), ["東京都"]);
        assert_eq!(marked("猫", "黒猫が"), ["猫"]);
    }

    #[test]
    fn words_are_marked_however_they_are_spelled() {
        assert_eq!(marked("wifi", "no Wi-Fi here"), ["Wi-Fi"]);
        assert_eq!(marked("wi-fi", "no wifi here"), ["wifi"]);
        assert_eq!(marked("GPT4", "GPT 4 or GPT-4"), ["GPT 4", "GPT-4"]);
        assert_eq!(
            marked("cooperate", "we co\u{AD}oper\u{200B}ate"),
            ["co\u{AD}oper\u{200B}ate"]
        );
        assert_eq!(marked("كتاب", "هذا كِتَابٌ"), ["كِتَابٌ"]);
        assert_eq!(marked("icosa*", "an icosahedron"), ["icosahedron"]);
        assert_eq!(marked("🚀 €", "🚀launch for 5€"), ["🚀", "€"]);
    }
}
