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
        let Operators {
            phrases,
            mut exclusions,
            prefixes,
        } = Operators::of(&segments);
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

/// What the operators of a query stand before.
#[derive(Default)]
struct Operators {
    phrases: Vec<Phrase>,
    exclusions: Vec<Phrase>,
    prefixes: Vec<QueryTerm>,
}

impl Operators {
    fn of(segments: &[Segment<'_>]) -> Self {
        let mut all = Self::default();
        for segment in segments {
            match segment {
                Segment::Text(_) => {}
                Segment::Phrase(operand) => all.phrases.extend(operand.phrase()),
                Segment::Exclusion(operand) => all.exclusions.extend(operand.phrase()),
                Segment::Prefix(words) => add_prefix(&mut all.prefixes, words),
            }
        }
        all
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
mod tests;
