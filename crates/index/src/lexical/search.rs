//! BM25 over every passage that holds a term of the query.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use reread_retrieval::{MAX_TERMS, QueryTerm};
use tantivy::columnar::ColumnValues;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{TantivyError, Term};

use super::schema::Fields;
use crate::Result;

/// Saturation of a term's count. Nothing from 0.9 to 2.0 was better by more than noise on both
/// `SciFact` and Cranfield, nor was `b` from 0.4 to 0.9.
pub(super) const K1: f32 = 1.2;
/// Strength of the normalisation by length.
pub(super) const B: f32 = 0.75;
/// What a term in the title or the headings counts on top of the text, which holds both too.
///
/// nDCG@10 on `SciFact`'s test and training queries and on Cranfield with the weight 0: .687, .693,
/// .361; 0.2: .698, .694, .376; 0.3: .703, .693, .384; 0.4: .700, .691, .383; 0.6: .685, .681, .383.
/// Those documents have titles only; headings are given the same weight.
const TITLE_WEIGHT: f32 = 0.3;
const HEADINGS_WEIGHT: f32 = 0.3;

/// How many scores are compared at once with the worst that is good enough.
const SCAN: usize = 32;

/// What a search finds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Keys and scores of the best passages, best first.
    pub best: Vec<(u64, f32)>,
    /// The scores of the passages that were asked for, in the order asked; 0 without a word of the query.
    pub also: Vec<f32>,
    /// The most that BM25 could give a passage for the query, words of titles and headings aside.
    pub ceiling: f32,
}

/// One of tantivy's immutable segments, opened.
pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    pub(super) keys: Arc<dyn ColumnValues<u64>>,
    /// In the order of [`Statistics::fields`].
    fields: [SegmentField; 3],
}

struct SegmentField {
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
}

/// What BM25 has to know of the whole index.
pub(super) struct Statistics {
    /// Passages in all segments, deleted ones included as they still count in the postings.
    n_passages: u64,
    /// Title, headings and text; the text comes last.
    fields: [FieldStatistics; 3],
}

struct FieldStatistics {
    field: Field,
    weight: f32,
    /// `k1 * (1 - b + b * length / average length)` for each of tantivy's 256 rounded lengths.
    length_norms: [f32; 256],
}

/// A term in one field with its postings in every segment.
struct ScoredTerm {
    field_pos: usize,
    /// The term's weight in the query times its idf times `k1 + 1`.
    weight: f32,
    /// In the order of the segments.
    postings: Vec<Option<TermInfo>>,
}

impl Segment {
    pub(super) fn open(segment: &tantivy::Segment, fields: Fields) -> Result<Self, TantivyError> {
        let reader = SegmentReader::open(segment)?;
        let field = |field| {
            let lengths = reader.get_fieldnorms_reader(field)?;
            if lengths.num_docs() < reader.max_doc() {
                return Err(TantivyError::InternalError(
                    "lengths of passages are missing".to_owned(),
                ));
            }
            Ok(SegmentField {
                postings: reader.inverted_index(field)?,
                lengths,
            })
        };
        let fields = [
            field(fields.title)?,
            field(fields.headings)?,
            field(fields.text)?,
        ];
        let keys = reader.fast_fields().u64("key")?.first_or_default_col(0);
        Ok(Self {
            reader,
            keys,
            fields,
        })
    }

    /// The position of the passage with this key. Keys ascend but for what merges have moved, so a
    /// binary search nearly always finds it.
    fn position_of(&self, key: u64) -> Option<u32> {
        let n = self.keys.num_vals();
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.keys.get_val(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let is_there = |at: u32| self.keys.get_val(at) == key && !self.reader.is_deleted(at);
        if low < n && is_there(low) {
            return Some(low);
        }
        let may_hold = self.keys.min_value() <= key && key <= self.keys.max_value();
        (0..n).filter(|_| may_hold).find(|&at| is_there(at))
    }

    /// Returns the score of each passage of the segment; 0 for those without any term.
    ///
    /// The scores of a passage are added up in the order of `terms`, so it scores the same whatever
    /// segment it is in.
    fn scores(
        &self,
        segment_pos: usize,
        terms: &[ScoredTerm],
        statistics: &Statistics,
    ) -> Result<Vec<f32>, TantivyError> {
        let mut scores = vec![0.0; self.reader.max_doc() as usize];
        for term in terms {
            let Some(Some(info)) = term.postings.get(segment_pos) else {
                continue;
            };
            let field = &self.fields[term.field_pos];
            let norms = &statistics.fields[term.field_pos].length_norms;
            let option = IndexRecordOption::WithFreqs;
            let mut block = field
                .postings
                .read_block_postings_from_terminfo(info, option)?;
            while !block.docs().is_empty() {
                for (&doc, &count) in block.docs().iter().zip(block.freqs()) {
                    if let Some(score) = scores.get_mut(doc as usize) {
                        let norm = norms[usize::from(field.lengths.fieldnorm_id(doc))];
                        let count = count as f32;
                        *score += term.weight * (count / (count + norm));
                    }
                }
                block.advance();
            }
        }
        Ok(scores)
    }
}

impl Statistics {
    pub(super) fn new(segments: &[Segment], fields: Fields) -> Self {
        let n_passages: u64 = segments
            .iter()
            .map(|segment| u64::from(segment.reader.max_doc()))
            .sum();
        let field = |pos: usize, field, weight| {
            let n_terms: u64 = segments
                .iter()
                .map(|segment| segment.fields[pos].postings.total_num_tokens())
                .sum();
            // An empty field has no postings, so its average is never used.
            let average = (n_terms as f64 / n_passages.max(1) as f64).max(1e-3) as f32;
            let norm = |id: usize| {
                let length = FieldNormReader::id_to_fieldnorm(id as u8) as f32;
                K1 * (1.0 - B + B * length / average)
            };
            FieldStatistics {
                field,
                weight,
                length_norms: std::array::from_fn(norm),
            }
        };
        let fields = [
            field(0, fields.title, TITLE_WEIGHT),
            field(1, fields.headings, HEADINGS_WEIGHT),
            field(2, fields.text, 1.0),
        ];
        Self { n_passages, fields }
    }

    /// The idf of Lucene, `ln(1 + (N - n + 0.5) / (n + 0.5))`, which is never negative.
    fn idf(&self, n_containing: u64) -> f32 {
        let rest = self.n_passages.saturating_sub(n_containing) as f64 + 0.5;
        (rest / (n_containing as f64 + 0.5)).ln_1p() as f32
    }
}

/// Returns the keys and scores of the `k` best passages that `allowed` lets through, best first,
/// equal scores by key; and the scores of the passages `also`, whatever they are.
pub(super) fn search(
    segments: &[Segment],
    statistics: &Statistics,
    terms: &[QueryTerm],
    k: usize,
    allowed: Option<&(dyn Fn(u64) -> bool + Sync)>,
    also: &[u64],
) -> Result<Found, TantivyError> {
    let ceiling = ceiling(segments, statistics, terms)?;
    let terms = scored_terms(segments, statistics, terms)?;
    let mut best = Best {
        k,
        heap: BinaryHeap::new(),
    };
    let mut found = Found {
        best: Vec::new(),
        also: vec![0.0; also.len()],
        ceiling,
    };
    if terms.is_empty() {
        return Ok(found);
    }
    for (pos, segment) in segments.iter().enumerate() {
        let scores = segment.scores(pos, &terms, statistics)?;
        for (key, score) in also.iter().zip(&mut found.also) {
            let doc = segment.position_of(*key);
            *score = doc
                .and_then(|doc| scores.get(doc as usize))
                .map_or(*score, |it| *it);
        }
        for (first, scores) in (0..).step_by(SCAN).zip(scores.chunks(SCAN)) {
            // Most passages hold no term of the query, or none that matters.
            let least = best.least_score();
            if scores.iter().all(|&score| score < least) {
                continue;
            }
            for (doc, &score) in (first..).zip(scores) {
                if score < best.least_score() || segment.reader.is_deleted(doc) {
                    continue;
                }
                let ranked = Ranked {
                    score,
                    key: segment.keys.get_val(doc),
                };
                if best.takes(&ranked) && allowed.is_none_or(|allowed| allowed(ranked.key)) {
                    best.push(ranked);
                }
            }
        }
    }
    found.best = best.into_sorted();
    Ok(found)
}

/// The most that BM25 could give a passage for these terms: all of them without end in a passage without
/// length. Words of the title and the headings count beyond that.
///
/// A term that no passage holds counts like one that the rarest does: what is found then answers less of
/// the query.
fn ceiling(
    segments: &[Segment],
    statistics: &Statistics,
    terms: &[QueryTerm],
) -> Result<f32, TantivyError> {
    let text = statistics.fields.len() - 1;
    let mut ceiling = 0.0;
    for term in terms {
        let wanted = Term::from_field_text(statistics.fields[text].field, &term.term);
        let mut n_containing = 0;
        for segment in segments {
            let info = segment.fields[text].postings.get_term_info(&wanted)?;
            n_containing += info.map_or(0, |info| u64::from(info.doc_freq));
        }
        ceiling += term.weight * statistics.idf(n_containing) * (K1 + 1.0);
    }
    Ok(ceiling)
}

/// Looks the terms up in text, title and headings. Of more than [`MAX_TERMS`] the rarest are taken.
fn scored_terms(
    segments: &[Segment],
    statistics: &Statistics,
    terms: &[QueryTerm],
) -> Result<Vec<ScoredTerm>, TantivyError> {
    let mut found = Vec::new();
    for (pos, term) in terms.iter().enumerate() {
        let mut fields = Vec::new();
        let mut n_containing = 0;
        for (field_pos, field) in statistics.fields.iter().enumerate() {
            let wanted = Term::from_field_text(field.field, &term.term);
            let postings = segments
                .iter()
                .map(|segment| segment.fields[field_pos].postings.get_term_info(&wanted))
                .collect::<Result<Vec<_>, _>>()?;
            n_containing = postings
                .iter()
                .flatten()
                .map(|info| u64::from(info.doc_freq))
                .sum();
            if n_containing > 0 {
                let weight = term.weight * field.weight * statistics.idf(n_containing) * (K1 + 1.0);
                fields.push(ScoredTerm {
                    field_pos,
                    weight,
                    postings,
                });
            }
        }
        // The last field is the text, which holds every word of the passage.
        found.push((n_containing, pos, fields));
    }
    found.retain(|(n_containing, ..)| *n_containing > 0);
    if found.len() > MAX_TERMS {
        found.sort_by_key(|&(n_containing, pos, _)| (n_containing, pos));
        found.truncate(MAX_TERMS);
        found.sort_by_key(|&(_, pos, _)| pos);
    }
    Ok(found.into_iter().flat_map(|(.., fields)| fields).collect())
}

/// A scored passage; the better one is the greater.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked {
    score: f32,
    key: u64,
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.key.cmp(&self.key))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` best so far, the worst of them on top of the heap.
struct Best {
    k: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

impl Best {
    /// The least score with which a passage may get in: that of the worst of `k`, and before there are
    /// that many, just above 0, which is the score of one without any term.
    fn least_score(&self) -> f32 {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() >= self.k => worst.score,
            _ => f32::MIN_POSITIVE,
        }
    }

    /// Whether a passage is among the `k` best so far; of equal scores the lower key is better.
    fn takes(&self, ranked: &Ranked) -> bool {
        self.heap.len() < self.k
            || self
                .heap
                .peek()
                .is_some_and(|Reverse(worst)| ranked > worst)
    }

    fn push(&mut self, ranked: Ranked) {
        if self.heap.len() >= self.k {
            self.heap.pop();
        }
        self.heap.push(Reverse(ranked));
    }

    fn into_sorted(self) -> Vec<(u64, f32)> {
        let best = self.heap.into_sorted_vec();
        best.into_iter()
            .map(|Reverse(ranked)| (ranked.key, ranked.score))
            .collect()
    }
}
