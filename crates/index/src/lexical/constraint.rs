//! The passages that hold a query's phrases and none of what it excludes.

use reread_retrieval::{Note, Phrase, Query};
use tantivy::query::{EnableScoring, PhraseQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema};
use tantivy::{TantivyError, Term};

use super::search::Segment;

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

impl Constraint {
    /// Tells whether the passage with this key satisfies the constraint.
    pub fn allows(&self, key: u64) -> bool {
        match &self.keys {
            Keys::Only(keys) => keys.binary_search(&key).is_ok(),
            Keys::AllBut(keys) => keys.binary_search(&key).is_err(),
        }
    }

    /// Returns the keys of the only passages that are allowed, sorted, or `None` if the query has
    /// exclusions alone, or phrases that no passage holds.
    pub fn only(&self) -> Option<&[u64]> {
        match &self.keys {
            Keys::Only(keys) => Some(keys),
            Keys::AllBut(_) => None,
        }
    }

    /// Returns what the user should know: that no passage holds the phrases, so that their words
    /// were searched for one by one.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn new(
        query: &Query,
        segments: &[Segment],
        schema: &Schema,
        field: Field,
    ) -> Result<Self, TantivyError> {
        let mut excluded = Vec::new();
        for phrase in query.exclusions() {
            excluded.extend(keys_with(phrase, segments, schema, field)?);
        }
        excluded.sort_unstable();
        excluded.dedup();

        let mut only: Option<Vec<u64>> = None;
        for phrase in query.phrases() {
            let keys = keys_with(phrase, segments, schema, field)?;
            only = Some(match only {
                None => keys,
                Some(mut only) => {
                    only.retain(|key| keys.binary_search(key).is_ok());
                    only
                }
            });
        }
        let mut notes = Vec::new();
        let keys = match only {
            Some(mut only) if !only.is_empty() => {
                only.retain(|key| excluded.binary_search(key).is_err());
                Keys::Only(only)
            }
            Some(_) => {
                let phrases = query.phrases().iter();
                notes.push(Note::PhrasesNotFound {
                    phrases: phrases.map(|phrase| phrase.text.clone()).collect(),
                });
                Keys::AllBut(excluded)
            }
            None => Keys::AllBut(excluded),
        };
        Ok(Self { keys, notes })
    }
}

/// Returns the sorted keys of the passages that hold a phrase.
fn keys_with(
    phrase: &Phrase,
    segments: &[Segment],
    schema: &Schema,
    field: Field,
) -> Result<Vec<u64>, TantivyError> {
    let mut terms: Vec<(usize, Term)> = phrase
        .words
        .iter()
        .map(|(at, word)| (*at, Term::from_field_text(field, word)))
        .collect();
    let query: Box<dyn tantivy::query::Query> = match terms.pop() {
        Some((_, term)) if terms.is_empty() => {
            Box::new(TermQuery::new(term, IndexRecordOption::Basic))
        }
        Some(last) => {
            terms.push(last);
            Box::new(PhraseQuery::new_with_offset(terms))
        }
        None => return Ok(Vec::new()),
    };
    let weight = query.weight(EnableScoring::disabled_from_schema(schema))?;
    let mut keys = Vec::new();
    for segment in segments {
        weight.for_each_no_score(&segment.reader, &mut |docs| {
            let alive = docs.iter().filter(|&&doc| !segment.reader.is_deleted(doc));
            keys.extend(alive.map(|&doc| segment.keys.get_val(doc)));
        })?;
    }
    keys.sort_unstable();
    Ok(keys)
}
