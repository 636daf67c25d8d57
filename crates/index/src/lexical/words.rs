//! The words that an index holds: those with a beginning, and those near another.

use std::collections::{HashMap, HashSet};

use reread_retrieval::{Note, Query, QueryTerm, Role, surface};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::query::FuzzyTermQuery;
use tantivy::{TantivyError, Term};

use super::schema::MoreFields;
use super::segment::{Segment, Statistics};
use crate::Result;

/// Words that begin with a prefix and are looked for, at most.
pub(super) const MAX_WORDS: usize = 1024;

/// Shorter words have too many neighbours.
const MIN_CHARS: usize = 4;
/// Words of so many letters may differ by two.
const MIN_CHARS_FOR_TWO: usize = 8;
/// Longer words are no words, and the automaton of a word grows with it.
const MAX_CHARS: usize = 40;
/// A query with more unknown words than this is in a language that the index does not speak.
const MAX_SUGGESTIONS: usize = 3;

/// The words of a field that begin so, in the order of their bytes.
pub(super) fn words_with_prefix(
    postings: &InvertedIndexReader,
    prefix: &str,
) -> Result<Vec<(Vec<u8>, TermInfo)>, TantivyError> {
    let mut words = Vec::new();
    let mut stream = postings.terms().range().ge(prefix).into_stream()?;
    while let Some((word, info)) = stream.next() {
        if !word.starts_with(prefix.as_bytes()) {
            break;
        }
        words.push((word.to_vec(), info.clone()));
    }
    Ok(words)
}

/// What the user should know of the query's words: those that no passage holds and that are nearly written
/// like another, and beginnings of too many words.
pub(super) fn notes(
    query: &Query,
    more: MoreFields,
    segments: &[Segment],
    statistics: &Statistics,
) -> Result<Vec<Note>, TantivyError> {
    let mut notes = Vec::new();
    for prefix in query.prefixes() {
        let mut words = HashSet::new();
        for segment in segments {
            let found = words_with_prefix(segment.surface(), &prefix.term)?;
            words.extend(found.into_iter().map(|(word, _)| word));
        }
        if words.len() > MAX_WORDS {
            notes.push(Note::TooManyWords {
                prefix: prefix.typed.clone(),
                n_words: words.len(),
                n_used: MAX_WORDS,
            });
        }
    }
    let mut n_suggested = 0;
    for (pos, term) in query.terms().iter().enumerate() {
        if n_suggested == MAX_SUGGESTIONS {
            break;
        }
        let Some(word) = plain_word(term) else {
            continue;
        };
        if is_held(pos, query, segments, statistics)? {
            continue;
        }
        if let Some(suggestion) = nearest(&word, more, segments)? {
            n_suggested += 1;
            notes.push(Note::DidYouMean {
                word: term.typed.clone(),
                suggestion,
            });
        }
    }
    Ok(notes)
}

/// The word of a term as it is written, where it is one of letters alone and of a length to be misspelled.
fn plain_word(term: &QueryTerm) -> Option<String> {
    let n_chars = term.typed.chars().take(MAX_CHARS + 1).count();
    let is_plain = term.role == Role::Word
        && (MIN_CHARS..=MAX_CHARS).contains(&n_chars)
        && term.typed.chars().all(char::is_alphabetic)
        // Capitals inside are a name or an abbreviation.
        && !term.typed.chars().skip(1).any(char::is_uppercase);
    let mut tokens = surface(&term.typed).into_iter().filter(|_| is_plain);
    let word = tokens.next()?.term;
    tokens.next().is_none().then_some(word)
}

/// Whether a passage holds a term, or what it makes up with its neighbours as one word.
fn is_held(
    pos: usize,
    query: &Query,
    segments: &[Segment],
    statistics: &Statistics,
) -> Result<bool, TantivyError> {
    let joined = query
        .joined()
        .iter()
        .filter(|it| it.stands_for.contains(&pos));
    let joined = joined.map(|it| it.term.as_str());
    for term in std::iter::once(query.terms()[pos].term.as_str()).chain(joined) {
        // Nearly every word that is held at all is in a text.
        if statistics.is_in_text(term, segments)? {
            return Ok(true);
        }
        for (field_pos, field) in statistics.fields.iter().enumerate() {
            for segment in segments.iter().filter(|_| !field.is_part_of_text) {
                if segment.find(field_pos, field, term)?.is_some() {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// The most frequent of the words that are nearest to one, those with its first letter before others: a letter more, less or other, or two
/// neighbours exchanged; of long words, two such differences.
fn nearest(
    word: &str,
    more: MoreFields,
    segments: &[Segment],
) -> Result<Option<String>, TantivyError> {
    let most = if word.chars().count() < MIN_CHARS_FOR_TWO {
        1
    } else {
        2
    };
    for distance in 1..=most {
        let term = Term::from_field_text(more.surface, word);
        let mut near: HashMap<String, u64> = HashMap::new();
        for segment in segments {
            let automaton = FuzzyTermQuery::new(term.clone(), distance, true).automaton()?;
            let words = segment.surface().terms();
            let mut stream = words.search(automaton).into_stream()?;
            while let Some((other, info)) = stream.next() {
                let other = String::from_utf8_lossy(other);
                if other.chars().all(char::is_alphabetic) {
                    *near.entry(other.into_owned()).or_default() += u64::from(info.doc_freq);
                }
            }
        }
        // The first letter is seldom wrong.
        let first = word.chars().next();
        let rank = |(other, n): &(String, u64)| (other.chars().next() == first, *n);
        let mut near: Vec<(String, u64)> = near.into_iter().collect();
        near.sort_unstable_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.0.cmp(&b.0)));
        if let Some((best, _)) = near.into_iter().next() {
            return Ok(Some(best));
        }
    }
    Ok(None)
}
