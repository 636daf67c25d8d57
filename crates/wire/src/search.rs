//! The answer to a search, and its results.

use std::path::{Path, PathBuf};

use reread_engine::{
    DenseMethod, FirstPassReport, Metadata, Mode, Passage, SearchResult, SecondPassReport, Stopped,
    Timings, Warning,
};
use serde::{Deserialize, Serialize};

use crate::{SCHEMA, milliseconds};

/// The whole answer to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The question's id, where it comes from a file of questions; else there is no such field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// The folder that was searched, as it was given; paths are relative to it.
    #[serde(default)]
    pub folder: PathBuf,
    /// The question as it was given.
    pub query: String,
    /// The results, best first.
    pub hits: Vec<Hit>,
    /// Whether the best candidate seems to answer the question; `None` where nothing was found, and after a
    /// fusion by ranks.
    #[serde(default)]
    pub seems_answered: Option<bool>,
    /// Where the time went.
    pub timing_ms: TimingMs,
    /// What the first pass did.
    pub first_pass: FirstPass,
    /// What the second pass did.
    pub second_pass: SecondPass,
    /// Words of the question that no passage holds, and what may have been meant. Empty where there are none.
    #[serde(default)]
    pub did_you_mean: Vec<Suggestion>,
    /// What the user should know, in sentences.
    pub warnings: Vec<String>,
}

/// A word that no passage holds, and one that is nearly written like it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The word as it was typed.
    pub word: String,
    /// The most frequent of the nearest words that passages hold.
    pub suggestion: String,
}

/// One result: a passage with what each pass said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The question's id, where results stand alone and come from a file of questions; else there is no
    /// such field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// Position in the answer, from 1.
    pub rank: u32,
    /// The score the answer is ordered by, from 0 to 1: `scores.final`.
    pub score: f32,
    /// What results call the document: a file's path, or a record's `_id`.
    pub doc_id: String,
    /// The file, relative to the indexed folder.
    pub path: String,
    /// The document's title; may be empty.
    pub title: String,
    /// The headings above the passage, outermost first.
    pub heading_path: Vec<String>,
    /// The passage's first line, from 1.
    pub start_line: u32,
    /// Its last line, from 1.
    pub end_line: u32,
    /// Its first byte in the document's text, from 0.
    pub start_byte: u64,
    /// The byte behind its last one.
    pub end_byte: u64,
    /// Its page, from 1, where the document has pages.
    pub page: Option<u32>,
    /// The passage.
    pub text: String,
    /// Where else the same text is found, or nearly the same, best first; the result stands for these places.
    #[serde(default)]
    pub also_at: Vec<Place>,
    /// The bytes of `text` that match words of the question: begin, and the byte behind the end.
    pub highlights: Vec<[usize; 2]>,
    /// What is known of the document beside its text, by name. Empty where nothing is.
    #[serde(default, deserialize_with = "crate::metadata::read")]
    pub metadata: Metadata,
    /// The score in each list. Scores of different lists cannot be compared.
    pub scores: Scores,
    /// The rank in each list.
    pub ranks: Ranks,
    /// Places gained from the first pass to the answer; negative when it fell.
    #[serde(rename = "move")]
    pub moved: i32,
}

/// A place that a result stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What results call the document.
    pub doc_id: String,
    /// The file, relative to the indexed folder.
    pub path: String,
    /// The document's title; may be empty.
    pub title: String,
    /// The passage's first line, from 1.
    pub start_line: u32,
    /// Its last line, from 1.
    pub end_line: u32,
    /// Its first byte in the document's text, from 0.
    pub start_byte: u64,
    /// The byte behind its last one.
    pub end_byte: u64,
    /// Its page, from 1, where the document has pages.
    pub page: Option<u32>,
}

/// A passage's scores; higher is better in each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// BM25, where words were looked for; 0 for a passage without any of them.
    pub bm25: Option<f32>,
    /// Cosine similarity of question and passage, where vectors were compared.
    pub vector: Option<f32>,
    /// The fused score that decided who became a candidate.
    pub first_pass: f32,
    /// The cross-encoder's logit; `None` for a passage it has not read.
    pub cross_encoder: Option<f32>,
    /// What the two passes add to the log-odds that the final score is made of, where the cross-encoder has
    /// read the passage.
    pub evidence: Option<Evidence>,
    /// The final score where it is a probability: the passage was read, and there is a calibration of the
    /// model.
    pub probability: Option<f32>,
    /// The score the answer is ordered by, from 0 to 1.
    #[serde(rename = "final")]
    pub final_score: f32,
}

/// What the two passes add to a passage's log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What the first pass's score adds.
    pub first_pass: f32,
    /// What the cross-encoder's logit adds.
    pub cross_encoder: f32,
}

/// A passage's ranks, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranks {
    /// In the BM25 list.
    pub bm25: Option<u32>,
    /// In the vector list.
    pub vector: Option<u32>,
    /// After fusion.
    pub first_pass: u32,
    /// By the cross-encoder alone.
    pub cross_encoder: Option<u32>,
    /// In the answer.
    #[serde(rename = "final")]
    pub final_rank: u32,
}

/// Where the time of a search went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimingMs {
    /// Opening the index and the models; zero once they are open.
    pub open: f64,
    /// Embedding the question.
    pub embed: f64,
    /// BM25.
    pub lexical: f64,
    /// Searching the vectors.
    pub vector: f64,
    /// The cross-encoder.
    pub rerank: f64,
    /// Everything.
    pub total: f64,
}

/// What the first pass did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPass {
    /// Which arms were asked: `lexical`, `vector` or `hybrid`.
    pub mode: String,
    /// Candidates it returned, those of one text counted once.
    pub candidates: usize,
    /// How many passages more have the text of one of these.
    #[serde(default)]
    pub folded: usize,
    /// The tokens of the question for the bi-encoder; `None` where it was not asked or does not tell.
    #[serde(default)]
    pub query_tokens: Option<usize>,
    /// How many of them it has embedded.
    #[serde(default)]
    pub query_tokens_read: Option<usize>,
    /// Length of the BM25 list.
    pub lexical: usize,
    /// Length of the vector list.
    pub vector: usize,
    /// How the vectors were searched: `scan` or `graph`; `None` where they were not.
    pub dense_method: Option<String>,
    /// Passages in the index.
    pub passages: usize,
}

/// What the second pass did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondPass {
    /// How many candidates it was to read.
    pub requested: usize,
    /// How many it has read.
    pub scored: usize,
    /// The tokens of the question for the cross-encoder; `None` where it was not asked or does not tell.
    #[serde(default)]
    pub query_tokens: Option<usize>,
    /// How many of them it has read.
    #[serde(default)]
    pub query_tokens_read: Option<usize>,
    /// Why it read no more: `off`, `failed`, `budget`, `certain` or `confident`; `None` where it read all.
    pub stopped: Option<String>,
    /// About how many milliseconds longer the rest would have taken, where the budget ran out.
    pub time_left_ms: Option<f64>,
}

impl Answer {
    /// An answer from this folder, with the id of its question where it has one, and the sentences of its warnings.
    pub fn new(
        result: &SearchResult,
        folder: &Path,
        query_id: Option<&str>,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            query_id: query_id.map(str::to_owned),
            folder: folder.to_owned(),
            query: result.query.clone(),
            hits: result.hits.iter().map(|hit| Hit::new(hit, None)).collect(),
            seems_answered: result.seems_answered,
            timing_ms: TimingMs::from(&result.timings),
            first_pass: FirstPass::from(&result.first_pass),
            second_pass: SecondPass::from(&result.second_pass),
            did_you_mean: suggestions(result),
            warnings,
        }
    }
}

impl Hit {
    /// A result, with the id of its question where it stands alone and the question has one.
    pub fn new(hit: &reread_engine::Hit, query_id: Option<&str>) -> Self {
        let passage = &hit.passage;
        let range = |range: &std::ops::Range<usize>| [range.start, range.end];
        Self {
            query_id: query_id.map(str::to_owned),
            rank: hit.rank,
            score: hit.score,
            doc_id: passage.doc_id.clone(),
            path: passage.path.clone(),
            title: passage.title.clone(),
            heading_path: passage.heading_path.clone(),
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
            start_byte: passage.bytes.start,
            end_byte: passage.bytes.end,
            page: passage.page(),
            text: passage.text.clone(),
            also_at: hit.also_at.iter().map(Place::from).collect(),
            highlights: hit.highlights.iter().map(range).collect(),
            metadata: passage.metadata.clone(),
            scores: Scores::from(hit.scores),
            ranks: Ranks::from(hit.ranks),
            moved: hit.moved,
        }
    }
}

impl From<&Passage> for Place {
    fn from(passage: &Passage) -> Self {
        Self {
            doc_id: passage.doc_id.clone(),
            path: passage.path.clone(),
            title: passage.title.clone(),
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
            start_byte: passage.bytes.start,
            end_byte: passage.bytes.end,
            page: passage.page(),
        }
    }
}

impl From<reread_engine::Scores> for Scores {
    fn from(scores: reread_engine::Scores) -> Self {
        Self {
            bm25: scores.bm25,
            vector: scores.cosine,
            first_pass: scores.first_pass,
            cross_encoder: scores.cross_encoder,
            evidence: scores.evidence.map(|evidence| Evidence {
                first_pass: evidence.first_pass,
                cross_encoder: evidence.cross_encoder,
            }),
            probability: scores.probability,
            final_score: scores.final_score,
        }
    }
}

impl From<reread_engine::Ranks> for Ranks {
    fn from(ranks: reread_engine::Ranks) -> Self {
        Self {
            bm25: ranks.lexical,
            vector: ranks.dense,
            first_pass: ranks.first_pass,
            cross_encoder: ranks.cross_encoder,
            final_rank: ranks.final_rank,
        }
    }
}

impl From<&Timings> for TimingMs {
    fn from(timings: &Timings) -> Self {
        Self {
            open: milliseconds(timings.open),
            embed: milliseconds(timings.embed),
            lexical: milliseconds(timings.lexical),
            vector: milliseconds(timings.dense),
            rerank: milliseconds(timings.rerank),
            total: milliseconds(timings.total),
        }
    }
}

/// What programs read of a mode. They know the dense one as `vector`, which was its name once and is
/// still that of the fields about it.
fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Dense => "vector",
        Mode::Lexical | Mode::Hybrid => mode.name(),
    }
}

impl From<&FirstPassReport> for FirstPass {
    fn from(report: &FirstPassReport) -> Self {
        Self {
            mode: mode_name(report.mode).to_owned(),
            candidates: report.n_candidates,
            folded: report.n_folded,
            query_tokens: report.query_length.map(|length| length.n_tokens),
            query_tokens_read: report.query_length.map(|length| length.n_read()),
            lexical: report.n_lexical,
            vector: report.n_dense,
            dense_method: report
                .dense_method
                .map(DenseMethod::name)
                .map(str::to_owned),
            passages: report.n_passages,
        }
    }
}

impl From<&SecondPassReport> for SecondPass {
    fn from(report: &SecondPassReport) -> Self {
        Self {
            requested: report.requested,
            scored: report.scored,
            query_tokens: report.query_length.map(|length| length.n_tokens),
            query_tokens_read: report.query_length.map(|length| length.n_read()),
            stopped: report.stopped.map(Stopped::name).map(str::to_owned),
            time_left_ms: report.time_left.map(milliseconds),
        }
    }
}

fn suggestions(result: &SearchResult) -> Vec<Suggestion> {
    let suggested = result.warnings.iter().filter_map(Warning::suggestion);
    suggested
        .map(|(word, suggestion)| Suggestion {
            word: word.to_owned(),
            suggestion: suggestion.to_owned(),
        })
        .collect()
}
