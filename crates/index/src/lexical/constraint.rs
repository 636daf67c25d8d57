//! The passages that hold a query's phrases and none of what it excludes.

use reread_retrieval::{Note, Phrase, Query, Within};
use tantivy::query::{BooleanQuery, EnableScoring, PhraseQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema};
use tantivy::{TantivyError, Term};

use super::schema::Fields;
use super::segment::{Segment, each_count};
use super::words::words_with_prefix;

/// Which passages a query's phrases and exclusions leave; both arms of the first pass obey it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    keys: Keys,
    notes: Vec<Note>,
}

/// Sorted keys. Exclusions alone leave nearly everything, so then the few others are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Keys {
    Only(Vec<u64>),
    AllBut(Vec<u64>),
}

/// Where phrases are looked up.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a> {
    pub(super) segments: &'a [Segment],
    pub(super) schema: &'a Schema,
    pub(super) fields: Fields,
}

impl Constraint {
    /// Tells whether the passage with this key satisfies the constraint.
    pub fn allows(&self, key: u64) -> bool {
        match &self.keys {
            Keys::Only(keys) => keys.binary_search(&key).is_ok(),
            Keys::AllBut(keys) => keys.binary_search(&key).is_err(),
        }
    }

    /// Returns the keys of the only passages that are allowed, sorted, or `None` if the query has
    /// exclusions alone.
    pub fn only(&self) -> Option<&[u64]> {
        match &self.keys {
            Keys::Only(keys) => Some(keys),
            Keys::AllBut(_) => None,
        }
    }

    /// Returns what the user should know: which phrases no passage holds, and what an index of an
    /// earlier version cannot tell.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn new(query: &Query, lookup: Lookup<'_>) -> Result<Self, TantivyError> {
        let mut unknown = Vec::new();
        let mut excluded = Vec::new();
        for phrase in query.exclusions() {
            match lookup.keys_with(phrase)? {
                Some(keys) => excluded.extend(keys),
                None => unknown.push(format!("-{phrase}")),
            }
        }
        excluded.sort_unstable();
        excluded.dedup();

        let mut only: Option<Vec<u64>> = None;
        let (mut known, mut missing) = (Vec::new(), Vec::new());
        for phrase in query.phrases() {
            let Some(keys) = lookup.keys_with(phrase)? else {
                unknown.push(phrase.to_string());
                continue;
            };
            known.push(phrase.to_string());
            if keys.is_empty() {
                missing.push(phrase.to_string());
            }
            only = Some(match only {
                None => keys,
                Some(mut only) => {
                    only.retain(|key| keys.binary_search(key).is_ok());
                    only
                }
            });
        }
        let mut notes = Vec::new();
        if !unknown.is_empty() {
            notes.push(Note::NotKnownYet { phrases: unknown });
        }
        if !missing.is_empty() {
            notes.push(Note::PhrasesNotFound { phrases: missing });
        } else if only.as_ref().is_some_and(Vec::is_empty) {
            notes.push(Note::PhrasesNotTogether { phrases: known });
        }
        let keys = match only {
            Some(mut only) => {
                only.retain(|key| excluded.binary_search(key).is_err());
                Keys::Only(only)
            }
            None => Keys::AllBut(excluded),
        };
        Ok(Self { keys, notes })
    }
}

impl Lookup<'_> {
    /// Returns the sorted keys of the passages that hold a phrase; `None` where an index of an earlier version
    /// cannot tell.
    fn keys_with(&self, phrase: &Phrase) -> Result<Option<Vec<u64>>, TantivyError> {
        let fields = self.fields;
        let field = match (phrase.within, fields.more) {
            (Within::Passage, Some(more)) => more.surface,
            (Within::Title, Some(more)) => more.exact_title,
            (Within::Path, Some(more)) => more.exact_path,
            (Within::Tags, Some(more)) => more.exact_tags,
            (Within::Passage, None) => fields.text,
            (Within::Title, None) => fields.title,
            _ => return Ok(None),
        };
        let keys = if phrase.is_prefix {
            self.keys_with_prefix(&phrase.words[0].1, field)?
        } else if fields.more.is_some() {
            self.keys_of(phrase_query(&phrase.words, field).as_ref())?
        } else if phrase.within == Within::Title {
            // Its titles have no positions.
            let terms = phrase.stems.iter();
            let terms = terms.map(|(_, word)| term_query(word, field)).collect();
            self.keys_of(&BooleanQuery::intersection(terms))?
        } else {
            self.keys_of(phrase_query(&phrase.stems, field).as_ref())?
        };
        Ok(Some(keys))
    }

    fn keys_with_prefix(&self, prefix: &str, field: Field) -> Result<Vec<u64>, TantivyError> {
        let mut keys = Vec::new();
        for segment in self.segments {
            let mut holds = vec![false; segment.reader.max_doc() as usize];
            let postings = segment.reader.inverted_index(field)?;
            for (_, info) in words_with_prefix(&postings, prefix)? {
                each_count(&postings, &info, |doc, _| {
                    if let Some(holds) = holds.get_mut(doc as usize) {
                        *holds = true;
                    }
                })?;
            }
            let docs = (0..).zip(holds).filter(|(_, holds)| *holds);
            let alive = docs.filter(|(doc, _)| !segment.reader.is_deleted(*doc));
            keys.extend(alive.map(|(doc, _)| segment.keys.get_val(doc)));
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn keys_of(&self, query: &dyn tantivy::query::Query) -> Result<Vec<u64>, TantivyError> {
        let weight = query.weight(EnableScoring::disabled_from_schema(self.schema))?;
        let mut keys = Vec::new();
        for segment in self.segments {
            weight.for_each_no_score(&segment.reader, &mut |docs| {
                let alive = docs.iter().filter(|&&doc| !segment.reader.is_deleted(doc));
                keys.extend(alive.map(|&doc| segment.keys.get_val(doc)));
            })?;
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

fn phrase_query(words: &[(usize, String)], field: Field) -> Box<dyn tantivy::query::Query> {
    if let [(_, word)] = words {
        return term_query(word, field);
    }
    let terms = words.iter();
    let terms = terms.map(|(at, word)| (*at, Term::from_field_text(field, word)));
    Box::new(PhraseQuery::new_with_offset(terms.collect()))
}

fn term_query(word: &str, field: Field) -> Box<dyn tantivy::query::Query> {
    let term = Term::from_field_text(field, word);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}
