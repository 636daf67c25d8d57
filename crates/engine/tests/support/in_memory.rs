//! A first pass that holds everything in memory and computes it in the plainest way: BM25 word by word,
//! cosines row by row. Any other first pass over the same passages must find what it finds.

use std::collections::{HashMap, HashSet};

use reread_engine::{
    BoxError, Cancelled, Candidate, Embedder, FirstPass, Found, LocalFirstPass, Mode,
    ModelIdentity, Passage, PassageKey, Query, Request, Retrieved, Scored,
};
use reread_retrieval::{
    DocumentWords, Facts, Lists, MAX_TERMS, Phrase, QueryTerm, Role, Token, Within, analyze, fuse,
    surface,
};

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// What a term counts in the title, the headings, the names of files, the metadata, and the text, which holds
/// title and headings too.
const WEIGHTS: [f32; 5] = [0.3, 0.3, 0.3, 0.3, 1.0];
/// The places of title, names of files and metadata among the fields.
const NAMES: [usize; 3] = [0, 2, 3];
/// The text's place among the fields.
const TEXT: usize = 4;
/// What a passage scores of a document that is asked for by title, path or tags.
const ASKED_FOR: f32 = 1e-3;

/// Passages, ascending by key, and the embedder's vectors of them.
pub(crate) struct InMemory {
    model: ModelIdentity,
    entries: Vec<Entry>,
}

struct Entry {
    passage: Passage,
    modified_ns: i64,
    vector: Vec<f32>,
    /// Those of [`WEIGHTS`].
    fields: [Field; 5],
    /// Title, headings and text as they are written.
    surface: Field,
    title: Field,
    path: Field,
    tags: Field,
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
                let (id, path) = (&passage.doc_id, &passage.path);
                let words = DocumentWords::of(id, path, title, &passage.metadata);
                Entry {
                    modified_ns: modified_ns(&passage.path),
                    vector: embedder.embed_passages(&[&text]).expect("a vector"),
                    fields: [
                        Field::of(&[title], analyze),
                        Field::of(&[&headings], analyze),
                        Field::of(&[&words.names], analyze),
                        Field::of(&[&words.facts], analyze),
                        Field::of(&[title, &headings, body], analyze),
                    ],
                    surface: Field::of(&[title, &headings, body], surface),
                    title: Field::of(&[title], surface),
                    path: Field::of(&[path], surface),
                    tags: Field::of(&words.tags.lines().collect::<Vec<_>>(), surface),
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

    /// What every passage scores by a query.
    fn bm25(&self, query: &Query) -> Vec<f32> {
        let is_asked_for = |phrase: &Phrase| phrase.within != Within::Passage;
        let base = if query.phrases().iter().any(is_asked_for) {
            ASKED_FOR
        } else {
            0.0
        };
        let mut scores = vec![base; self.entries.len()];
        let mut by_term: HashMap<usize, Vec<f32>> = HashMap::new();
        for (pos, term) in self.rarest_terms(query) {
            let by_this = self.scores_by_term(&term.term, term.weight);
            add(&mut scores, by_this.iter().copied());
            by_term.insert(pos, by_this);
        }
        // Words as one score what they score more than the words that they stand for.
        for joined in query.joined() {
            let mut more = self.scores_by_term(&joined.term, joined.weight);
            for by_term in joined.stands_for.iter().filter_map(|pos| by_term.get(pos)) {
                add(&mut more, by_term.iter().map(|score| -score));
            }
            add(&mut scores, more.into_iter().map(|score| score.max(0.0)));
        }
        for prefix in query.prefixes() {
            add(&mut scores, self.scores_by_prefix(prefix).into_iter());
        }
        // A document that is called what the query says.
        let words: Vec<&QueryTerm> = query
            .terms()
            .iter()
            .filter(|it| it.role == Role::Word)
            .collect();
        let is_in_text = words.iter().any(|word| self.n_with(&word.term, TEXT) > 0);
        let more = if is_in_text { 0.25 } else { 0.6 } * self.ceiling(query);
        let is_named = |entry: &Entry| {
            let is_held = |word: &&QueryTerm| {
                NAMES
                    .iter()
                    .any(|&field| entry.fields[field].count(&word.term) > 0.0)
            };
            (1..=8).contains(&words.len()) && words.iter().all(is_held)
        };
        let named = self.entries.iter().map(is_named);
        add(
            &mut scores,
            named.map(|is_named| if is_named { more } else { 0.0 }),
        );
        scores
    }

    /// BM25 as in Robertson and Zaragoza 2009 with Lucene's idf, in each field.
    fn scores_by_term(&self, term: &str, weight: f32) -> Vec<f32> {
        let mut scores = vec![0.0; self.entries.len()];
        for (pos, field_weight) in WEIGHTS.into_iter().enumerate() {
            let idf = self.idf(self.n_with(term, pos));
            let entries = self.entries.iter().zip(&mut scores);
            for (entry, score) in entries {
                let count = entry.fields[pos].count(term);
                if count > 0.0 {
                    let norm = self.norm(entry, pos);
                    *score += weight * field_weight * idf * (K1 + 1.0) * (count / (count + norm));
                }
            }
        }
        scores
    }

    /// All words that begin so are one word, as frequent as the most frequent of them.
    fn scores_by_prefix(&self, prefix: &QueryTerm) -> Vec<f32> {
        let words = self
            .entries
            .iter()
            .flat_map(|it| it.surface.positions.keys());
        let begun = words.filter(|word| word.starts_with(&prefix.term));
        let words: HashSet<&String> = begun.collect();
        let n_with = |word: &&String| {
            let entries = self.entries.iter();
            entries.filter(|it| it.surface.count(word) > 0.0).count()
        };
        let idf = self.idf(words.iter().map(n_with).max().unwrap_or(0));
        let score = |entry: &Entry| {
            let count: f32 = words.iter().map(|word| entry.surface.count(word)).sum();
            prefix.weight * idf * (K1 + 1.0) * (count / (count + self.norm(entry, TEXT)))
        };
        self.entries.iter().map(score).collect()
    }

    /// The most that the words of a query could score in a text.
    fn ceiling(&self, query: &Query) -> f32 {
        let terms = query.terms().iter().map(|term| {
            let fields = (0..WEIGHTS.len()).map(|field| self.n_with(&term.term, field));
            term.weight * self.idf(fields.max().unwrap_or(0)) * (K1 + 1.0)
        });
        let prefixes = query.prefixes().iter().map(|prefix| {
            let words = self
                .entries
                .iter()
                .flat_map(|it| it.surface.positions.keys());
            let n_with = |word: &String| {
                let entries = self.entries.iter();
                entries.filter(|it| it.surface.count(word) > 0.0).count()
            };
            let begun = words.filter(|word| word.starts_with(&prefix.term));
            prefix.weight * self.idf(begun.map(n_with).max().unwrap_or(0)) * (K1 + 1.0)
        });
        terms.sum::<f32>() + prefixes.sum::<f32>()
    }

    fn idf(&self, n_with: usize) -> f32 {
        let (n_passages, n_with) = (self.entries.len() as f64, n_with as f64);
        let idf = ((n_passages + 0.5) / (n_with + 0.5)).ln_1p();
        idf.powf(0.75) as f32
    }

    fn norm(&self, entry: &Entry, field: usize) -> f32 {
        let total: usize = self.entries.iter().map(|it| it.fields[field].len).sum();
        let average = (total as f64 / self.entries.len() as f64) as f32;
        K1 * (1.0 - B + B * rounded(entry.fields[field].len) as f32 / average)
    }

    /// The terms that some passage holds, with their places; of more than enough the rarest, in the query's
    /// order.
    fn rarest_terms<'q>(&self, query: &'q Query) -> Vec<(usize, &'q QueryTerm)> {
        let n_with = |term: &QueryTerm| {
            let fields = (0..WEIGHTS.len()).map(|field| self.n_with(&term.term, field));
            fields.max().unwrap_or(0)
        };
        let terms = query.terms().iter().enumerate();
        let mut terms: Vec<(usize, usize, &QueryTerm)> = terms
            .map(|(pos, term)| (n_with(term), pos, term))
            .filter(|(n_with, ..)| *n_with > 0)
            .collect();
        terms.sort_by_key(|&(n_with, pos, _)| (n_with, pos));
        terms.truncate(MAX_TERMS);
        terms.sort_by_key(|&(_, pos, _)| pos);
        terms
            .into_iter()
            .map(|(_, pos, term)| (pos, term))
            .collect()
    }

    /// How many passages hold a term in a field.
    fn n_with(&self, term: &str, field: usize) -> usize {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.fields[field].count(term) > 0.0)
            .count()
    }

    fn cosines(&self, vector: &[f32]) -> Vec<f32> {
        let product = |row: &[f32]| -> f32 { row.iter().zip(vector).map(|(a, b)| a * b).sum() };
        self.entries.iter().map(|it| product(&it.vector)).collect()
    }

    /// Which passages may be returned: the filter lets them pass, they hold every phrase and nothing that is
    /// excluded.
    fn allowed(&self, request: &Request<'_>) -> Vec<bool> {
        let Request { query, options, .. } = *request;
        let passes = |entry: &Entry| {
            let facts = Facts {
                path: &entry.passage.path,
                kind: entry.passage.kind,
                modified_ns: entry.modified_ns,
                metadata: &entry.passage.metadata,
            };
            options.filter.refusal(&facts).is_none()
                && query.phrases().iter().all(|phrase| entry.holds(phrase))
                && !query.exclusions().iter().any(|phrase| entry.holds(phrase))
        };
        self.entries.iter().map(passes).collect()
    }
}

impl Entry {
    fn holds(&self, phrase: &Phrase) -> bool {
        match phrase.within {
            Within::Title => self.title.holds(phrase),
            Within::Path => self.path.holds(phrase),
            Within::Tags => self.tags.holds(phrase),
            _ => self.surface.holds(phrase),
        }
    }
}

/// Adds scores up, passage by passage.
fn add(scores: &mut [f32], more: impl Iterator<Item = f32>) {
    for (score, more) in scores.iter_mut().zip(more) {
        *score += more;
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
        let [lexical, dense] = self.rank_all(request);
        let len = request.options.list_len();
        let passages: HashMap<PassageKey, &Passage> = lexical
            .iter()
            .chain(&dense)
            .map(|it| (it.passage.key, &it.passage))
            .collect();
        let keyed = |list: &[Scored]| -> Vec<(PassageKey, f32)> {
            list.iter().map(|it| (it.passage.key, it.score)).collect()
        };
        let (lexical, dense) = (keyed(&lexical), keyed(&dense));
        let lists = Lists {
            // What the other list holds is scored wherever it stands; without a word of the query by 0.
            more_lexical: dense
                .iter()
                .map(|&(key, _)| (key, 0.0))
                .chain(lexical.iter().copied())
                .collect(),
            more_dense: dense.iter().copied().collect(),
            lexical: lexical[..lexical.len().min(len)].to_vec(),
            dense: dense[..dense.len().min(len)].to_vec(),
            lexical_ceiling: Some(self.ceiling(request.query)),
        };
        let candidates = fuse(&lists, request.options).into_iter();
        let candidates = candidates.map(|fused| Candidate {
            passage: passages[&fused.id].clone(),
            score: fused.score,
            rank: fused.rank,
            lexical: fused.lexical,
            dense: fused.dense,
            bm25: fused.bm25,
            lexical_share: fused.lexical_share,
            cosine: fused.cosine,
        });
        let mut retrieved = Retrieved::new(Found::Fused(candidates.collect()));
        (retrieved.n_lexical, retrieved.n_dense) = (lists.lexical.len(), lists.dense.len());
        retrieved.notes = request.query.notes().to_vec();
        Ok(retrieved)
    }
}

impl Field {
    /// Analyses the values of a field. They stand a word apart, so no phrase reaches from one to the next.
    fn of(values: &[&str], words: fn(&str) -> Vec<Token>) -> Self {
        let mut field = Self::default();
        let mut start = 0;
        for value in values {
            let tokens = words(value);
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

    fn count(&self, term: &str) -> f32 {
        self.positions.get(term).map_or(0, Vec::len) as f32
    }

    fn holds(&self, phrase: &Phrase) -> bool {
        if phrase.is_prefix {
            let mut words = self.positions.keys();
            return words.any(|word| word.starts_with(&phrase.words[0].1));
        }
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
