//! What of a query there is in an index, with its weights.

use std::collections::HashMap;

use reread_retrieval::{MAX_TERMS, Query, QueryTerm, Role};
use tantivy::TantivyError;
use tantivy::postings::TermInfo;

use super::segment::{K1, Segment, Statistics};
use super::words::{MAX_WORDS, words_with_prefix};
use crate::Result;

/// What each passage of the documents that a query asks for by title, path or tags scores: enough to be
/// found by that alone, and less than any word counts.
const ASKED_FOR: f32 = 1e-3;

/// What a query looks for in an index.
pub(super) struct Sought {
    /// Places in the query of its words, whether or not any passage holds them.
    pub(super) words: Vec<usize>,
    /// Whether any passage's text holds one of the words.
    pub(super) is_in_text: bool,
    /// Terms in one field each. Those of a query's term follow each other.
    pub(super) terms: Vec<ScoredTerm>,
    pub(super) joined: Vec<ScoredJoined>,
    pub(super) prefixes: Vec<ScoredPrefix>,
    /// What every passage scores.
    pub(super) base: f32,
    /// The most that a passage could score by the query's terms in its text: all of them without end in a
    /// passage without length. A term that no passage holds counts as much as the rarest, so that what is
    /// found answers less of the query.
    pub(super) ceiling: f32,
}

/// A term in one field with its postings in every segment.
pub(super) struct ScoredTerm {
    /// Its place in the query.
    pub(super) pos: usize,
    pub(super) field_pos: usize,
    /// The term's weight in the query times that of the field, its idf and `k1 + 1`.
    pub(super) weight: f32,
    /// In the order of the segments.
    pub(super) postings: Vec<Option<TermInfo>>,
}

/// Words as one word, which scores what it has more than they.
pub(super) struct ScoredJoined {
    pub(super) fields: Vec<ScoredTerm>,
    /// Places in the query of the terms that it stands for.
    pub(super) stands_for: Vec<usize>,
}

/// Words with one beginning, which count as one term.
pub(super) struct ScoredPrefix {
    pub(super) weight: f32,
    /// Of each of the words, in the order of the segments.
    pub(super) postings: Vec<Vec<TermInfo>>,
}

impl Sought {
    /// Looks everything up. Of more terms than [`MAX_TERMS`] the rarest are taken.
    pub(super) fn find(
        query: &Query,
        segments: &[Segment],
        statistics: &Statistics,
    ) -> Result<Self, TantivyError> {
        let (mut found, mut ceiling, mut is_in_text) = (Vec::new(), 0.0, false);
        for (pos, term) in query.terms().iter().enumerate() {
            let fields = in_fields(&term.term, term.weight, pos, segments, statistics)?;
            let idf = statistics.idf(fields.n_containing.unwrap_or(0));
            is_in_text |= term.role == Role::Word && fields.is_in_text;
            ceiling += term.weight * idf * (K1 + 1.0);
            if let Some(n_containing) = fields.n_containing {
                found.push((n_containing, pos, fields.terms));
            }
        }
        if found.len() > MAX_TERMS {
            found.sort_by_key(|&(n_containing, pos, _)| (n_containing, pos));
            found.truncate(MAX_TERMS);
            found.sort_by_key(|&(_, pos, _)| pos);
        }
        let mut joined = Vec::new();
        for (pos, word) in query.joined().iter().enumerate() {
            let fields = in_fields(&word.term, word.weight, pos, segments, statistics)?;
            if fields.n_containing.is_some() {
                joined.push(ScoredJoined {
                    fields: fields.terms,
                    stands_for: word.stands_for.clone(),
                });
            }
        }
        let prefixes = query.prefixes().iter();
        let prefixes: Result<Vec<_>, _> = prefixes
            .map(|prefix| with_prefix(prefix, segments, statistics))
            .collect();
        let prefixes = prefixes?;
        ceiling += prefixes.iter().map(|prefix| prefix.weight).sum::<f32>();
        let base = if statistics.knows_documents && query.asks_for_documents() {
            ASKED_FOR
        } else {
            0.0
        };
        let terms = query.terms().iter().enumerate();
        let words = terms.filter(|(_, term)| term.role == Role::Word);
        Ok(Self {
            words: words.map(|(pos, _)| pos).collect(),
            is_in_text,
            terms: found.into_iter().flat_map(|(.., terms)| terms).collect(),
            joined,
            prefixes,
            base,
            ceiling,
        })
    }

    /// Whether no passage can score.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            terms,
            joined,
            prefixes,
            base,
            ..
        } = self;
        terms.is_empty() && joined.is_empty() && prefixes.is_empty() && *base == 0.0
    }
}

/// A term in the fields that hold it.
struct InFields {
    /// Whether the text of any passage holds it.
    is_in_text: bool,
    terms: Vec<ScoredTerm>,
    /// In how many passages of the field that holds it most often; `None` where no field does.
    n_containing: Option<u64>,
}

/// Looks a term up in each field.
fn in_fields(
    term: &str,
    weight: f32,
    pos: usize,
    segments: &[Segment],
    statistics: &Statistics,
) -> Result<InFields, TantivyError> {
    let (mut terms, mut most) = (Vec::new(), None);
    let is_in_text = statistics.is_in_text(term, segments)?;
    for (field_pos, field) in statistics.fields.iter().enumerate() {
        // Most of what a query might mean by words as one is nowhere.
        if field.is_part_of_text && !is_in_text {
            continue;
        }
        let postings = segments
            .iter()
            .map(|segment| segment.find(field_pos, field, term))
            .collect::<Result<Vec<_>, _>>()?;
        let infos = postings.iter().flatten();
        let n_containing: u64 = infos.map(|info| u64::from(info.doc_freq)).sum();
        if n_containing > 0 {
            let idf = statistics.idf(n_containing);
            most = most.max(Some(n_containing));
            terms.push(ScoredTerm {
                pos,
                field_pos,
                weight: weight * field.weight * idf * (K1 + 1.0),
                postings,
            });
        }
    }
    Ok(InFields {
        is_in_text,
        terms,
        n_containing: most,
    })
}

/// Looks up the words with a prefix. They count as one term that is as frequent as the most frequent of
/// them, as in Lucene's `SynonymQuery`.
fn with_prefix(
    prefix: &QueryTerm,
    segments: &[Segment],
    statistics: &Statistics,
) -> Result<ScoredPrefix, TantivyError> {
    let mut words: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut of_segments = Vec::with_capacity(segments.len());
    for segment in segments {
        let found = words_with_prefix(segment.surface(), &prefix.term)?;
        for (word, info) in &found {
            *words.entry(word.clone()).or_default() += u64::from(info.doc_freq);
        }
        of_segments.push(found);
    }
    let mut words: Vec<(Vec<u8>, u64)> = words.into_iter().collect();
    words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(MAX_WORDS);
    let n_containing = words.first().map_or(0, |word| word.1);
    let kept: HashMap<&[u8], u64> = words.iter().map(|(word, n)| (&word[..], *n)).collect();
    let postings = of_segments.into_iter().map(|found| {
        let found = found.into_iter();
        let kept = found.filter(|(word, _)| kept.contains_key(&word[..]));
        kept.map(|(_, info)| info).collect()
    });
    Ok(ScoredPrefix {
        weight: prefix.weight * statistics.idf(n_containing) * (K1 + 1.0),
        postings: postings.collect(),
    })
}
