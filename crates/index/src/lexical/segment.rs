//! One of tantivy's segments, opened, and what BM25 has to know of all of them.

use std::sync::Arc;

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
/// What a term counts among the names of file and folders, and among metadata. All passages of a document
/// share these, so they find the document, and the passages' own words decide between them.
const NAMES_WEIGHT: f32 = 0.3;
const FACTS_WEIGHT: f32 = 0.3;

/// One of tantivy's immutable segments, opened.
pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    pub(super) keys: Arc<dyn ColumnValues<u64>>,
    /// In the order of [`Statistics::fields`].
    fields: Vec<SegmentField>,
    /// The words as they are written, or what comes nearest to them in an earlier version.
    surface: Arc<InvertedIndexReader>,
}

struct SegmentField {
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
}

/// What BM25 has to know of the whole index.
pub(super) struct Statistics {
    /// Passages in all segments, deleted ones included as they still count in the postings.
    n_passages: u64,
    /// The text, which holds every word of the passage, comes last.
    pub(super) fields: Vec<FieldStatistics>,
    /// Whether documents can be asked for by title, path and tags.
    pub(super) knows_documents: bool,
}

pub(super) struct FieldStatistics {
    field: Field,
    pub(super) weight: f32,
    /// Whether its words say what the document is called or is about: the title, the names of file and folders,
    /// the facts.
    pub(super) is_name: bool,
    /// Whether the text holds its words too, or is this field.
    pub(super) is_part_of_text: bool,
    /// `k1 * (1 - b + b * length / average length)` for each of tantivy's 256 rounded lengths.
    length_norms: [f32; 256],
}

/// The fields that terms score in, each with its weight; the text comes last.
fn scored_fields(fields: Fields) -> Vec<(Field, f32)> {
    let mut scored = vec![
        (fields.title, TITLE_WEIGHT),
        (fields.headings, HEADINGS_WEIGHT),
    ];
    if let Some(more) = fields.more {
        scored.extend([(more.names, NAMES_WEIGHT), (more.facts, FACTS_WEIGHT)]);
    }
    scored.push((fields.text, 1.0));
    scored
}

impl Segment {
    pub(super) fn open(segment: &tantivy::Segment, fields: Fields) -> Result<Self, TantivyError> {
        let reader = SegmentReader::open(segment)?;
        let open = |(field, _)| {
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
        let opened: Result<Vec<_>, _> = scored_fields(fields).into_iter().map(open).collect();
        let surface = fields.more.map_or(fields.text, |more| more.surface);
        let keys = reader.fast_fields().u64("key")?.first_or_default_col(0);
        Ok(Self {
            surface: reader.inverted_index(surface)?,
            fields: opened?,
            keys,
            reader,
        })
    }

    /// The position of the passage with this key. Keys ascend but for what merges have moved, so a
    /// binary search nearly always finds it.
    pub(super) fn position_of(&self, key: u64) -> Option<u32> {
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

    /// Where a term of a field is.
    pub(super) fn find(
        &self,
        field_pos: usize,
        field: &FieldStatistics,
        term: &str,
    ) -> Result<Option<TermInfo>, TantivyError> {
        let term = Term::from_field_text(field.field, term);
        Ok(self.fields[field_pos].postings.get_term_info(&term)?)
    }

    /// The words of the passages as they are written.
    pub(super) fn surface(&self) -> &InvertedIndexReader {
        &self.surface
    }

    /// Gives each passage that holds a term of a field, in the order of the segment, and what it scores
    /// there by a weight of 1.
    pub(super) fn each_score(
        &self,
        field_pos: usize,
        info: &TermInfo,
        statistics: &Statistics,
        mut each: impl FnMut(u32, f32),
    ) -> Result<(), TantivyError> {
        let field = &self.fields[field_pos];
        let norms = &statistics.fields[field_pos].length_norms;
        each_count(&field.postings, info, |doc, count| {
            let norm = norms[usize::from(field.lengths.fieldnorm_id(doc))];
            each(doc, count / (count + norm));
        })
    }

    /// What a count of words in the text of a passage scores by a weight of 1.
    pub(super) fn score_in_text(&self, doc: u32, count: f32, statistics: &Statistics) -> f32 {
        let text = self.fields.len() - 1;
        let norm_of = self.fields[text].lengths.fieldnorm_id(doc);
        let norm = statistics.fields[text].length_norms[usize::from(norm_of)];
        count / (count + norm)
    }
}

/// Gives each passage of a term's postings and how often it holds the term.
pub(super) fn each_count(
    postings: &InvertedIndexReader,
    info: &TermInfo,
    mut each: impl FnMut(u32, f32),
) -> Result<(), TantivyError> {
    let option = IndexRecordOption::WithFreqs;
    let mut block = postings.read_block_postings_from_terminfo(info, option)?;
    while !block.docs().is_empty() {
        for (&doc, &count) in block.docs().iter().zip(block.freqs()) {
            each(doc, count as f32);
        }
        block.advance();
    }
    Ok(())
}

impl Statistics {
    pub(super) fn new(segments: &[Segment], fields: Fields) -> Self {
        let n_passages: u64 = segments
            .iter()
            .map(|segment| u64::from(segment.reader.max_doc()))
            .sum();
        let field = |(pos, (field, weight)): (usize, (Field, f32))| {
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
                is_name: field != fields.text && field != fields.headings,
                is_part_of_text: [fields.title, fields.headings, fields.text].contains(&field),
                length_norms: std::array::from_fn(norm),
            }
        };
        let scored = scored_fields(fields).into_iter().enumerate();
        Self {
            n_passages,
            fields: scored.map(field).collect(),
            knows_documents: fields.more.is_some(),
        }
    }

    /// Whether the text of any passage holds a term.
    pub(super) fn is_in_text(
        &self,
        term: &str,
        segments: &[Segment],
    ) -> Result<bool, TantivyError> {
        let pos = self.fields.len() - 1;
        for segment in segments {
            if segment.find(pos, &self.fields[pos], term)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How much a term says that `n` of `N` passages hold: `ln(1 + (N + 0.5) / (n + 0.5)) ^ (3/4)`.
    ///
    /// Flatter than Lucene's `ln(1 + (N - n + 0.5) / (n + 0.5))`, so that copies of a passage, which make its words
    /// common, take little from what these count. nDCG@10 of both passes on the sample, Cranfield and `SciFact` with
    /// Lucene's: .394, .430, .750; without `- n`: .401, .429, .750; to the power of 3/4: .399, .430, .748; of 1/2:
    /// .388, .426, .746.
    pub(super) fn idf(&self, n_containing: u64) -> f32 {
        let n_passages = self.n_passages as f64 + 0.5;
        let idf = (n_passages / (n_containing as f64 + 0.5)).ln_1p();
        idf.powf(0.75) as f32
    }
}
