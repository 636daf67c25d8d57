//! A first pass that holds everything in memory and computes it in the plainest way: BM25 word by word,
//! cosines row by row. Any other first pass over the same passages must find what it finds.

use std::collections::HashMap;

use reread_engine::{
    BoxError, Cancelled, Embedder, FirstPass, Found, LocalFirstPass, Mode, ModelIdentity, Passage,
    Query, Request, Retrieved, Scored,
};
use reread_retrieval::{Facts, MAX_TERMS, Phrase, analyze};

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// What a term counts in the title, in the headings, and in the text, which holds both too.
const WEIGHTS: [f32; 3] = [0.3, 0.3, 1.0];
/// The text's place among the fields.
const TEXT: usize = 2;

/// Passages, ascending by key, and the embedder's vectors of them.
pub(crate) struct InMemory {
    model: ModelIdentity,
    entries: Vec<Entry>,
}

struct Entry {
    passage: Passage,
    modified_ns: i64,
    vector: Vec<f32>,
    /// Title, headings and text.
    fields: [Field; 3],
}

/// The terms of a field: where each of them stands, and how many there are.
#[derive(Default)]
struct Field {
    positions: HashMap<String, Vec<usize>>,
    len: usize,
}

impl InMemory {
    /// Takes over all passages of another first pass. `modified_ns` says when a file was last modified.
    pub(crate) fn of(
        other: &dyn LocalFirstPass,
        embedder: &dyn Embedder,
        modified_ns: impl Fn(&str) -> i64,
    ) -> Self {
        let passages = other
            .documents()
            .into_iter()
            .flat_map(|document| other.passages_of(document.key).expect("its passages"));
        let mut entries: Vec<Entry> = passages
            .map(|passage| {
                let text = passage.contextual_text();
                let headings = passage.heading_path.join("\n");
                let (title, body) = (passage.title.as_str(), passage.text.as_str());
                Entry {
                    modified_ns: modified_ns(&passage.path),
                    vector: embedder.embed_passages(&[&text]).expect("a vector"),
                    fields: [
                        Field::of(&[title]),
                        Field::of(&[&headings]),
                        Field::of(&[title, &headings, body]),
                    ],
                    passage,
                }
            })
            .collect();
        entries.sort_by_key(|entry| entry.passage.key);
        Self {
            model: embedder.model().clone(),
            entries,
        }
    }

    /// The two lists to their ends: by BM25 those that hold a term of the query, by vectors all.
    pub(crate) fn rank_all(&self, request: &Request<'_>) -> [Vec<Scored>; 2] {
        let Request { query, options, .. } = *request;
        let allowed: Vec<bool> = self.allowed(request);
        let ranked = |is_asked: bool, scores: Vec<f32>, least: f32| {
            let scored = self.entries.iter().zip(scores).zip(&allowed);
            let mut list: Vec<Scored> = scored
                .filter(|((_, score), allowed)| is_asked && **allowed && *score > least)
                .map(|((entry, score), _)| Scored {
                    passage: entry.passage.clone(),
                    score,
                })
                .collect();
            list.sort_by(|a, b| b.score.total_cmp(&a.score)); // Stable, so ties stay by key.
            list
        };
        let by_vectors = request
            .vector
            .map_or_else(Vec::new, |vector| self.cosines(vector));
        [
            ranked(options.mode != Mode::Dense, self.bm25(query), 0.0),
            ranked(options.mode != Mode::Lexical, by_vectors, f32::NEG_INFINITY),
        ]
    }

    /// BM25 as in Robertson and Zaragoza 2009 with Lucene's idf, in each field.
    fn bm25(&self, query: &Query) -> Vec<f32> {
        let n_passages = self.entries.len() as f64;
        let mut scores = vec![0.0; self.entries.len()];
        for (term, weight) in self.rarest_terms(query) {
            for (pos, field_weight) in WEIGHTS.into_iter().enumerate() {
                let n_with = self.n_with(term, pos) as f64;
                let idf = ((n_passages - n_with + 0.5) / (n_with + 0.5)).ln_1p() as f32;
                let total: usize = self.entries.iter().map(|it| it.fields[pos].len).sum();
                let average = (total as f64 / n_passages) as f32;
                for (entry, score) in self.entries.iter().zip(&mut scores) {
                    let field = &entry.fields[pos];
                    let count = field.positions.get(term).map_or(0, Vec::len) as f32;
                    let norm = K1 * (1.0 - B + B * rounded(field.len) as f32 / average);
                    if count > 0.0 {
                        *score +=
                            weight * field_weight * idf * (K1 + 1.0) * (count / (count + norm));
                    }
                }
            }
        }
        scores
    }

    /// The terms that some passage holds; of more than enough the rarest, in the query's order.
    fn rarest_terms<'q>(&self, query: &'q Query) -> Vec<(&'q str, f32)> {
        let mut terms: Vec<(usize, usize, &str, f32)> = query
            .terms()
            .iter()
            .enumerate()
            .map(|(pos, it)| {
                (
                    self.n_with(&it.term, TEXT),
                    pos,
                    it.term.as_str(),
                    it.weight,
                )
            })
            .filter(|(n_with, ..)| *n_with > 0)
            .collect();
        terms.sort_by_key(|&(n_with, pos, ..)| (n_with, pos));
        terms.truncate(MAX_TERMS);
        terms.sort_by_key(|&(_, pos, ..)| pos);
        terms
            .into_iter()
            .map(|(.., term, weight)| (term, weight))
            .collect()
    }

    /// How many passages hold a term in a field.
    fn n_with(&self, term: &str, field: usize) -> usize {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.fields[field].positions.contains_key(term))
            .count()
    }

    fn cosines(&self, vector: &[f32]) -> Vec<f32> {
        let product = |row: &[f32]| -> f32 { row.iter().zip(vector).map(|(a, b)| a * b).sum() };
        self.entries.iter().map(|it| product(&it.vector)).collect()
    }

    /// Which passages may be returned: the filter lets them pass, they hold every phrase, if any passage
    /// does, and nothing that is excluded.
    fn allowed(&self, request: &Request<'_>) -> Vec<bool> {
        let Request { query, options, .. } = *request;
        let with_phrases: Vec<bool> = self
            .entries
            .iter()
            .map(|entry| {
                query
                    .phrases()
                    .iter()
                    .all(|it| entry.fields[TEXT].holds(it))
            })
            .collect();
        let no_phrase = !with_phrases.contains(&true);
        let passes = |entry: &Entry| {
            let facts = Facts {
                path: &entry.passage.path,
                kind: entry.passage.kind,
                modified_ns: entry.modified_ns,
                metadata: &entry.passage.metadata,
            };
            let excluded = query
                .exclusions()
                .iter()
                .any(|it| entry.fields[TEXT].holds(it));
            options.filter.refusal(&facts).is_none() && !excluded
        };
        let entries = self.entries.iter().zip(with_phrases);
        entries
            .map(|(entry, with_phrases)| passes(entry) && (with_phrases || no_phrase))
            .collect()
    }
}

impl FirstPass for InMemory {
    fn model(&self) -> Option<&ModelIdentity> {
        Some(&self.model)
    }

    fn n_passages(&self) -> usize {
        self.entries.len()
    }

    fn retrieve(&self, request: &Request<'_>) -> Result<Retrieved, BoxError> {
        request.options.check()?;
        if request.cancel.is_cancelled() {
            return Err(Cancelled.into());
        }
        let [mut lexical, mut dense] = self.rank_all(request);
        lexical.truncate(request.options.list_len());
        dense.truncate(request.options.list_len());
        let mut retrieved = Retrieved::new(Found::Lists { lexical, dense });
        retrieved.notes = request.query.notes().to_vec();
        Ok(retrieved)
    }
}

impl Field {
    /// Analyses the values of a field. They stand a word apart, so no phrase reaches from one to the next.
    fn of(values: &[&str]) -> Self {
        let mut field = Self::default();
        let mut start = 0;
        for value in values {
            let tokens = analyze(value);
            field.len += tokens.len();
            let end = tokens.iter().map(|token| start + token.position + 1).max();
            for token in tokens {
                let positions = field.positions.entry(token.term).or_default();
                positions.push(start + token.position);
            }
            start = end.unwrap_or(start) + 1;
        }
        field
    }

    fn holds(&self, phrase: &Phrase) -> bool {
        let stands_at = |(distance, word): &(usize, String), start: usize| {
            let positions = self.positions.get(word);
            positions.is_some_and(|it| it.contains(&(start + distance)))
        };
        let first = phrase
            .words
            .first()
            .and_then(|(_, word)| self.positions.get(word));
        let mut starts = first.into_iter().flatten();
        starts.any(|&start| phrase.words.iter().all(|word| stands_at(word, start)))
    }
}

/// A length as an index keeps it, in one byte: exact up to 40, then with four significant bits beyond 24
/// (Lucene's `SmallFloat.intToByte4`).
fn rounded(len: usize) -> usize {
    let beyond = len.saturating_sub(24);
    let n_bits = usize::BITS - beyond.leading_zeros();
    let dropped = n_bits.saturating_sub(4);
    len.min(24) + (beyond >> dropped << dropped)
}
