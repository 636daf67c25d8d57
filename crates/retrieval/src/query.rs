//! What a user typed, read as words, phrases and exclusions.

use std::collections::HashMap;

use crate::analyzer::{Role, Token, analyze};
use crate::fold::{fold, stem};
use crate::note::Note;
use crate::operators::{Segment, segments};
use crate::phrase::{Phrase, Within};
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
/// Four things have a meaning beyond their words. `"quoted words"` must stand in a passage as they
/// are; `title:word`, `path:word` and `tag:word`, each also with quoted words, must stand in the title, in the
/// names of the file and its folders, or among the tags; `-word`, `-"quoted words"` and `-title:word` must not.
/// `word*` looks for all words that begin so, also behind these. Words are compared as they are
/// written, but for case and accents. An operator stands behind white space, and directly before a letter, a
/// digit, a sign or the quote. Everything else is text: quotes that do not
/// pair up, colons, brackets, paths, `AND` and `*`. No input fails, and no word is dropped without
/// a [note](Query::notes).
///
/// ```
/// use reread_retrieval::Query;
///
/// let query = Query::parse("who owns \"the mutable borrow\" -python title:rust");
/// assert_eq!(query.text(), "who owns the mutable borrow");
/// assert_eq!(query.phrases()[0].text, "the mutable borrow");
/// assert_eq!(query.phrases()[1].to_string(), "title:rust");
/// assert_eq!(query.exclusions()[0].text, "python");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    terms: Vec<QueryTerm>,
    joined: Vec<JoinedTerm>,
    prefixes: Vec<QueryTerm>,
    phrases: Vec<Phrase>,
    exclusions: Vec<Phrase>,
    notes: Vec<Note>,
}

/// A term that scores.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The term as the analyzer writes it: folded and stemmed. Of a prefix, its letters, folded.
    pub term: String,
    /// How often the query holds the term, less where it only repeats other terms.
    pub weight: f32,
    /// What was typed, where it occurs first.
    pub typed: String,
    /// What part it plays.
    pub role: Role,
}

/// Words of the query as one word. A passage scores by this or by them, whichever is more.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinedTerm {
    /// The word as the analyzer writes it.
    pub term: String,
    /// How often the query holds the words side by side.
    pub weight: f32,
    /// The terms that it stands for, by their places in [`Query::terms`].
    pub stands_for: Vec<usize>,
}

impl Query {
    /// Reads what a user typed. Never fails.
    pub fn parse(input: &str) -> Self {
        let segments = segments(input);
        let is_text = |segment: &Segment<'_>| match segment {
            Segment::Phrase(operand) => operand.within == Within::Passage,
            Segment::Exclusion(_) => false,
            _ => true,
        };
        let is_scored =
            |segment: &Segment<'_>| is_text(segment) && !matches!(segment, Segment::Prefix(_));
        let (mut text, mut scored) = (joined(&segments, is_text), joined(&segments, is_scored));
        let mut notes = Vec::new();
        let (mut phrases, mut exclusions, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        for segment in &segments {
            match segment {
                Segment::Text(_) => {}
                Segment::Phrase(operand) => phrases.extend(operand.phrase()),
                Segment::Exclusion(operand) => exclusions.extend(operand.phrase()),
                Segment::Prefix(words) => add_prefix(&mut prefixes, words),
            }
        }
        let mut tokens = query_tokens(&scored);
        let asks_nothing = |tokens: &[Token]| tokens.is_empty() && prefixes.is_empty();
        if asks_nothing(&tokens) && !phrases.is_empty() {
            // Models and BM25 get the words of the title, the path or the tags, as there are no others.
            text = joined(&segments, |it| !matches!(it, Segment::Exclusion(_)));
            scored.clone_from(&text);
            tokens = query_tokens(&scored);
        }
        if asks_nothing(&tokens) && !exclusions.is_empty() {
            exclusions.clear();
            text = joined(&segments, |_| true);
            scored.clone_from(&text);
            tokens = query_tokens(&scored);
            notes.push(Note::OnlyExclusions);
        }
        let (terms, joined) = weighted_terms(&scored, &tokens);
        if terms.is_empty() && prefixes.is_empty() {
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
            joined,
            prefixes,
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

    /// Returns what the query's words are as one word: `wifi` for `wi-fi`, `gpt4` for `GPT 4`. Whether
    /// anybody writes them so, an index knows. None for a query of more than [`MAX_TERMS`] terms.
    pub fn joined(&self) -> &[JoinedTerm] {
        &self.joined
    }

    /// Returns the beginnings of words that score, each once.
    pub fn prefixes(&self) -> &[QueryTerm] {
        &self.prefixes
    }

    /// Returns the phrases that a passage must hold, and what it asks of title, path and tags.
    pub fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    /// Returns the words and phrases that a passage must not hold.
    pub fn exclusions(&self) -> &[Phrase] {
        &self.exclusions
    }

    /// Whether it asks for documents by title, path or tags; each passage of theirs is an answer then,
    /// whatever its words.
    pub fn asks_for_documents(&self) -> bool {
        let mut phrases = self.phrases.iter();
        phrases.any(|phrase| phrase.within != Within::Passage)
    }

    /// Reduces the query to each of its exclusions and phrases in turn.
    pub fn demands(&self) -> impl Iterator<Item = (Refusal, Self)> {
        let alone = |phrases: &[Phrase], exclusions: &[Phrase]| Self {
            phrases: phrases.to_vec(),
            exclusions: exclusions.to_vec(),
            ..self.clone()
        };
        let exclusions = self.exclusions.iter().map(move |phrase| {
            let refusal = Refusal::Exclusion(phrase.clone());
            (refusal, alone(&[], std::slice::from_ref(phrase)))
        });
        let phrases = self.phrases.iter().map(move |phrase| {
            let refusal = Refusal::Phrase(phrase.clone());
            (refusal, alone(std::slice::from_ref(phrase), &[]))
        });
        exclusions.chain(phrases)
    }

    /// Returns what the user should know about how the query was read.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Tells whether there is no word that BM25 could look for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.prefixes.is_empty()
    }
}

/// Puts the chosen stretches together, with single spaces.
fn joined(segments: &[Segment<'_>], keep: impl Fn(&Segment<'_>) -> bool) -> String {
    let mut text = String::new();
    for segment in segments.iter().filter(|segment| keep(segment)) {
        let words = segment.words();
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

fn add_prefix(prefixes: &mut Vec<QueryTerm>, typed: &str) {
    let term = fold(typed);
    match prefixes.iter_mut().find(|prefix| prefix.term == term) {
        Some(prefix) => prefix.weight += 1.0,
        None if term.is_empty() => {}
        None => prefixes.push(QueryTerm {
            term,
            weight: 1.0,
            typed: typed.to_owned(),
            role: Role::Word,
        }),
    }
}

/// Counts the terms, without stop words unless there is nothing else, and says what they are as one word.
fn weighted_terms(text: &str, tokens: &[Token]) -> (Vec<QueryTerm>, Vec<JoinedTerm>) {
    let is_stop = |token: &&Token| {
        token.role != Role::Identifier && is_stop_word(&fold(&text[token.range.clone()]))
    };
    let scores = |token: &&Token| token.role != Role::Joined;
    let all_stop = tokens.iter().filter(scores).all(|token| is_stop(&token));
    let kept: Vec<&Token> = tokens
        .iter()
        .filter(scores)
        .filter(|token| all_stop || !is_stop(token))
        .collect();
    let mut terms: Vec<QueryTerm> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for token in &kept {
        let weight = match token.role {
            Role::Identifier => IDENTIFIER_WEIGHT,
            Role::Piece => PIECE_WEIGHT,
            Role::Word | Role::Joined | Role::IndexOnly => 1.0,
        };
        let pos = *places.entry(&token.term).or_insert(terms.len());
        match terms.get_mut(pos) {
            Some(term) => term.weight += weight,
            None => terms.push(QueryTerm {
                term: token.term.clone(),
                weight,
                typed: text[token.range.clone()].to_owned(),
                role: token.role,
            }),
        }
    }
    if terms.len() > MAX_TERMS {
        return (terms, Vec::new());
    }
    let joined = joined_terms(text, tokens, &kept, &places);
    (terms, joined)
}

/// What words of the query are as one word: those that a sign joins, numbers with a unit, and each two
/// neighbours with a blank between them, as some write `data base`.
fn joined_terms(
    text: &str,
    tokens: &[Token],
    kept: &[&Token],
    places: &HashMap<&str, usize>,
) -> Vec<JoinedTerm> {
    let with_sign = tokens.iter().filter(|token| token.role == Role::Joined);
    let with_sign = with_sign.map(|token| (token.term.clone(), token.range.clone()));
    let is_plain = |token: &&&Token| {
        let mut chars = text[token.range.clone()].chars();
        token.role == Role::Word && chars.all(char::is_alphanumeric)
    };
    let words: Vec<&&Token> = kept.iter().filter(is_plain).collect();
    let with_blank = words.windows(2).filter_map(|pair| {
        let (left, right) = (&pair[0].range, &pair[1].range);
        let is_blank = text.get(left.end..right.start) == Some(" ");
        let word = || fold(&text[left.clone()]) + &fold(&text[right.clone()]);
        is_blank.then(|| (stem(word()), left.start..right.end))
    });
    let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
    let mut joined: Vec<JoinedTerm> = Vec::new();
    for (term, range) in with_sign.chain(with_blank) {
        // A number and its unit come both ways.
        if seen.contains(&range) {
            continue;
        }
        let inside = kept
            .iter()
            .filter(|it| range.start <= it.range.start && it.range.end <= range.end);
        let mut stands_for: Vec<usize> = inside.map(|it| places[it.term.as_str()]).collect();
        stands_for.sort_unstable();
        stands_for.dedup();
        seen.push(range);
        match joined.iter_mut().find(|other| other.term == term) {
            Some(other) => other.weight += 1.0,
            None => joined.push(JoinedTerm {
                term,
                weight: 1.0,
                stands_for,
            }),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
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
}
