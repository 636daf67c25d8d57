//! What a user typed, read as words, phrases and exclusions.

use std::collections::HashMap;

use crate::analyzer::{Role, Token, analyze};
use crate::fold::fold;
use crate::note::Note;
use crate::refusal::Refusal;
use crate::stop_words::is_stop_word;

/// More distinct terms than this say nothing new about a query; the rarest are searched for.
pub const MAX_TERMS: usize = 64;

/// How much a term counts that repeats what the words beside it say already.
///
/// nDCG@10 on `SciFact`'s test and training queries and on Cranfield with 1: .703, .693, .384; with
/// one half: .703, .697, .384; without such terms in the index: .697, .699, .383.
const IDENTIFIER_WEIGHT: f32 = 0.5;
const PIECE_WEIGHT: f32 = 0.5;

/// A query as both arms of the first pass understand it.
///
/// Three things have a meaning beyond their words. `"quoted words"` must stand in a passage as they
/// are; `-word` and `-"quoted words"` must not, where the hyphen follows white space and stands
/// directly before a letter, a digit or the quote. Everything else is text: quotes that do not
/// pair up, colons, brackets, paths, `AND` and `*`. No input fails, and no word is dropped without
/// a [note](Query::notes).
///
/// ```
/// use reread_retrieval::Query;
///
/// let query = Query::parse("who owns \"the mutable borrow\" -python");
/// assert_eq!(query.text(), "who owns the mutable borrow");
/// assert_eq!(query.phrases()[0].text, "the mutable borrow");
/// assert_eq!(query.exclusions()[0].text, "python");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    terms: Vec<QueryTerm>,
    phrases: Vec<Phrase>,
    exclusions: Vec<Phrase>,
    notes: Vec<Note>,
}

/// A term that scores.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The term as the analyzer writes it: folded and stemmed.
    pub term: String,
    /// How often the query holds the term, less where it only repeats other terms.
    pub weight: f32,
}

/// Words that stand in a passage at these distances from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The words as they were typed.
    pub text: String,
    /// Distance from the first word, and the word as the analyzer writes it. Not empty.
    pub words: Vec<(usize, String)>,
}

impl Query {
    /// Reads what a user typed. Never fails.
    pub fn parse(input: &str) -> Self {
        let segments = segments(input);
        let mut text = joined(&segments, |segment| {
            !matches!(segment, Segment::Exclusion(_))
        });
        let mut tokens = query_tokens(&text);
        let mut notes = Vec::new();
        let (mut phrases, mut exclusions) = (Vec::new(), Vec::new());
        for segment in &segments {
            match segment {
                Segment::Text(_) => {}
                Segment::Phrase(words) => phrases.extend(Phrase::new(words)),
                Segment::Exclusion(words) => exclusions.extend(Phrase::new(words)),
            }
        }
        if tokens.is_empty() && !exclusions.is_empty() {
            exclusions.clear();
            text = joined(&segments, |_| true);
            tokens = query_tokens(&text);
            notes.push(Note::OnlyExclusions);
        }
        let terms = weighted_terms(&text, &tokens);
        if terms.is_empty() {
            notes.push(Note::NoWord);
        }
        if terms.len() > MAX_TERMS {
            notes.push(Note::TooManyTerms {
                n_terms: terms.len(),
                n_used: MAX_TERMS,
            });
        }
        Self {
            text,
            terms,
            phrases,
            exclusions,
            notes,
        }
    }

    /// Returns the query without operators and without what it excludes, for models to read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the terms that score, each once.
    pub fn terms(&self) -> &[QueryTerm] {
        &self.terms
    }

    /// Returns the phrases that a passage must hold.
    pub fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    /// Returns the words and phrases that a passage must not hold.
    pub fn exclusions(&self) -> &[Phrase] {
        &self.exclusions
    }

    /// Reduces the query to each of its exclusions and phrases in turn.
    pub fn demands(&self) -> impl Iterator<Item = (Refusal, Self)> {
        let alone = |phrases: &[Phrase], exclusions: &[Phrase]| Self {
            phrases: phrases.to_vec(),
            exclusions: exclusions.to_vec(),
            ..self.clone()
        };
        let exclusions = self.exclusions.iter().map(move |words| {
            let refusal = Refusal::Exclusion(words.text.clone());
            (refusal, alone(&[], std::slice::from_ref(words)))
        });
        let phrases = self.phrases.iter().map(move |words| {
            let refusal = Refusal::Phrase(words.text.clone());
            (refusal, alone(std::slice::from_ref(words), &[]))
        });
        exclusions.chain(phrases)
    }

    /// Returns what the user should know about how the query was read.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Tells whether there is no word that BM25 could look for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Phrase {
    /// Returns `None` for a text without words.
    fn new(text: &str) -> Option<Self> {
        let mut words = analyze(text);
        words.retain(|token| token.role == Role::Word);
        let first = words.first()?.position;
        let words = words
            .into_iter()
            .map(|token| (token.position - first, token.term))
            .collect();
        Some(Self {
            text: text.trim().to_owned(),
            words,
        })
    }
}

/// A stretch of the input.
#[derive(Debug, PartialEq, Eq)]
enum Segment<'i> {
    Text(&'i str),
    Phrase(&'i str),
    Exclusion(&'i str),
}

/// Splits the input into stretches. Only quotes and hyphens that are operators are left out.
fn segments(input: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let (mut text_start, mut at) = (0, 0);
    let mut before: Option<char> = None;
    while let Some(c) = input[at..].chars().next() {
        let operator = if before.is_none_or(char::is_whitespace) && c == '-' {
            exclusion(&input[at + 1..]).map(|(words, len)| (Segment::Exclusion(words), len + 1))
        } else if before.is_none_or(|c| !c.is_alphanumeric()) {
            quoted(&input[at..]).map(|(words, len)| (Segment::Phrase(words), len))
        } else {
            None
        };
        if let Some((segment, len)) = operator {
            segments.push(Segment::Text(&input[text_start..at]));
            segments.push(segment);
            at += len;
            text_start = at;
        } else {
            at += c.len_utf8();
        }
        before = input[..at].chars().next_back();
    }
    segments.push(Segment::Text(&input[text_start..]));
    segments
}

/// Reads what a hyphen excludes at the start of `input`: the words and the length in bytes.
fn exclusion(input: &str) -> Option<(&str, usize)> {
    if input.starts_with(char::is_alphanumeric) {
        let len = input.find(char::is_whitespace).unwrap_or(input.len());
        return Some((&input[..len], len));
    }
    quoted(input)
}

/// Reads a quoted phrase with at least one word at the start of `input`: the words between the
/// quotes and the length in bytes with them.
fn quoted(input: &str) -> Option<(&str, usize)> {
    let open = input.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        _ => return None,
    };
    let inner = &input[open.len_utf8()..];
    // The very next quote has to close the phrase, which also keeps reading linear.
    let end = inner.find(['"', '“', '”'])?;
    let rest = inner[end..].strip_prefix(close)?;
    let words = &inner[..end];
    let is_phrase =
        words.contains(char::is_alphanumeric) && !rest.starts_with(char::is_alphanumeric);
    is_phrase.then_some((words, input.len() - rest.len()))
}

/// Puts the chosen stretches together, with single spaces.
fn joined(segments: &[Segment<'_>], keep: impl Fn(&Segment<'_>) -> bool) -> String {
    let mut text = String::new();
    for segment in segments.iter().filter(|segment| keep(segment)) {
        let (Segment::Text(words) | Segment::Phrase(words) | Segment::Exclusion(words)) = segment;
        if text.ends_with(char::is_alphanumeric) && words.starts_with(char::is_alphanumeric) {
            text.push(' ');
        }
        text.push_str(words);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Returns the terms by which a text would be searched for.
fn query_tokens(text: &str) -> Vec<Token> {
    let mut tokens = analyze(text);
    tokens.retain(|token| token.role != Role::IndexOnly);
    tokens
}

/// Counts the terms, without stop words unless there is nothing else.
fn weighted_terms(text: &str, tokens: &[Token]) -> Vec<QueryTerm> {
    let is_stop = |token: &&Token| {
        token.role != Role::Identifier && is_stop_word(&fold(&text[token.range.clone()]))
    };
    let all_stop = tokens.iter().all(|token| is_stop(&token));
    let mut terms: Vec<QueryTerm> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for token in tokens.iter().filter(|token| all_stop || !is_stop(token)) {
        let weight = match token.role {
            Role::Identifier => IDENTIFIER_WEIGHT,
            Role::Piece => PIECE_WEIGHT,
            Role::Word | Role::IndexOnly => 1.0,
        };
        let pos = *seen.entry(&token.term).or_insert(terms.len());
        match terms.get_mut(pos) {
            Some(term) => term.weight += weight,
            None => terms.push(QueryTerm {
                term: token.term.clone(),
                weight,
            }),
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(phrases: &[Phrase]) -> Vec<&str> {
        let texts = phrases.iter().map(|phrase| phrase.text.as_str());
        texts.collect()
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

    /// The words of `input` that neither the text nor an exclusion holds.
    fn lost(input: &str) -> Vec<String> {
        let query = Query::parse(input);
        let kept = format!("{} {}", query.text(), texts(query.exclusions()).join(" "));
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
            None => !word.is_empty(),
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
            [(0, "max".to_owned()), (1, "connect".to_owned())]
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
        fn no_word_is_lost(input in "\\PC{0,60}|[a-c\"“” \\-:(é京]{0,40}") {
            prop_assert_eq!(lost(&input), Vec::<String>::new());
        }
    }

    #[test]
    fn each_exclusion_and_phrase_is_a_demand_of_its_own() {
        let query = Query::parse("how \"to bake\" a loaf -cake -\"white bread\"");
        let demands: Vec<_> = query
            .demands()
            .map(|(refusal, query)| (refusal, query.phrases().len(), query.exclusions().len()))
            .collect();
        assert_eq!(
            demands,
            [
                (Refusal::Exclusion("cake".to_owned()), 0, 1),
                (Refusal::Exclusion("white bread".to_owned()), 0, 1),
                (Refusal::Phrase("to bake".to_owned()), 1, 0),
            ]
        );
    }
}
