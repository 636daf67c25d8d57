//! What became of a place in a search.

use reread_engine::{Cause, Change, Effect};
use serde::{Deserialize, Serialize};

use crate::SCHEMA;

/// A diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The question as it was given.
    pub query: String,
    /// The place as it was given.
    pub place: String,
    /// Whether the place is among the results.
    pub shown: bool,
    /// What kept it from being shown, or `found`: one word, as evaluations name it; `folded` where its text
    /// is shown by another passage.
    pub cause: String,
    /// What is behind the cause, where there is more to say: a few words.
    pub reason: Option<String>,
    /// The passage that was followed: of those that hold the place the one that came furthest.
    pub passage: Option<Passage>,
    /// The passage of the same text that stood for it from fusion on, where it is another.
    pub stand_in: Option<StandIn>,
    /// Where this passage stood after each stage.
    pub stages: Stages,
    /// The results that stand above it, best first; all that are shown if it is not in the answer.
    pub above: Vec<Above>,
    /// What would help, the most promising first.
    pub remedies: Vec<Remedy>,
    /// What the user should know, in sentences.
    pub warnings: Vec<String>,
}

/// The passage that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// What results call the document.
    pub doc_id: String,
    /// The file, relative to the indexed folder.
    pub path: String,
    /// Its first line, from 1.
    pub start_line: u32,
    /// Its last line, from 1.
    pub end_line: u32,
    /// The passage.
    pub text: String,
}

/// A passage that stands for another one of the same text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// What results call its document.
    pub doc_id: String,
    /// Its file, relative to the indexed folder.
    pub path: String,
    /// Its first line, from 1.
    pub start_line: u32,
    /// Its last line, from 1.
    pub end_line: u32,
}

/// Where a passage stood after each stage; `None` where a stage did not have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// By BM25 in the whole index.
    pub bm25: Option<Placed>,
    /// By vectors in the whole index; the score is the cosine similarity.
    pub vector: Option<Placed>,
    /// After fusion.
    pub first_pass: Option<Placed>,
    /// Among what the cross-encoder read; the score is its logit.
    pub cross_encoder: Option<Placed>,
    /// In the answer, beyond what is shown too.
    pub answer: Option<Placed>,
    /// How many candidates the second pass was to read.
    pub depth: usize,
    /// The least depth found to reach it, where the first pass reaches it at all.
    pub depth_needed: Option<usize>,
    /// How much of the passage the cross-encoder reads; `None` without a second pass.
    pub reading: Option<Reading>,
}

/// A rank and what it was given for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// The rank, from 1.
    pub rank: u32,
    /// The score; higher is better.
    pub score: f32,
}

/// How much of a passage the cross-encoder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The tokens of question and passage.
    pub tokens: usize,
    /// The most that are read.
    pub max_tokens: usize,
    /// The bytes at the beginning of the passage's text that are read.
    pub bytes_read: usize,
}

/// A result that stands above the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Above {
    /// Its position in the answer, from 1.
    pub rank: u32,
    /// Its file, relative to the indexed folder.
    pub path: String,
    /// Its first line, from 1.
    pub start_line: u32,
    /// Its last line, from 1.
    pub end_line: u32,
    /// The cross-encoder's logit; `None` for a passage it has not read.
    pub logit: Option<f32>,
    /// The score the answer is ordered by.
    pub score: f32,
}

/// Something that would help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What to change, in the words of whoever asked.
    pub option: String,
    /// The place's rank in the answer after the change, where that was tried.
    pub rank: Option<u32>,
    /// Its rank as a candidate after the change, where only that was tried.
    pub candidate_rank: Option<u32>,
}

/// The words of a diagnosis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The place as it was given.
    pub place: String,
    /// What is behind the cause.
    pub reason: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Why {
    /// A diagnosis in these words. `option` says how a change is made.
    pub fn new(why: &reread_engine::Why, words: Words, option: impl Fn(&Change) -> String) -> Self {
        let remedy =
            |remedy: &reread_engine::Remedy| Remedy::new(option(&remedy.change), remedy.effect);
        Self {
            schema: SCHEMA,
            query: why.query.clone(),
            place: words.place,
            shown: why.cause == Cause::Shown,
            cause: why.cause.name().to_owned(),
            reason: words.reason,
            passage: why.passage.as_ref().map(Passage::from),
            stand_in: why.stand_in.as_ref().map(StandIn::from),
            stages: Stages::from(&why.stages),
            above: why.above.iter().map(Above::from).collect(),
            remedies: why.remedies.iter().map(remedy).collect(),
            warnings: words.warnings,
        }
    }
}

impl Remedy {
    fn new(option: String, effect: Effect) -> Self {
        let (rank, candidate_rank) = match effect {
            Effect::Rank(rank) => (Some(rank), None),
            Effect::Candidate(rank) => (None, Some(rank)),
            _ => (None, None),
        };
        Self {
            option,
            rank,
            candidate_rank,
        }
    }
}

impl From<&reread_engine::Passage> for Passage {
    fn from(passage: &reread_engine::Passage) -> Self {
        Self {
            doc_id: passage.doc_id.clone(),
            path: passage.path.clone(),
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
            text: passage.text.clone(),
        }
    }
}

impl From<&reread_engine::Passage> for StandIn {
    fn from(passage: &reread_engine::Passage) -> Self {
        Self {
            doc_id: passage.doc_id.clone(),
            path: passage.path.clone(),
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
        }
    }
}

impl From<&reread_engine::Stages> for Stages {
    fn from(stages: &reread_engine::Stages) -> Self {
        Self {
            bm25: stages.lexical.map(Placed::from),
            vector: stages.dense.map(Placed::from),
            first_pass: stages.first_pass.map(Placed::from),
            cross_encoder: stages.cross_encoder.map(Placed::from),
            answer: stages.answer.map(Placed::from),
            depth: stages.depth,
            depth_needed: stages.depth_needed,
            reading: stages.reading.map(Reading::from),
        }
    }
}

impl From<reread_engine::Placed> for Placed {
    fn from(placed: reread_engine::Placed) -> Self {
        Self {
            rank: placed.rank,
            score: placed.score,
        }
    }
}

impl From<reread_engine::Reading> for Reading {
    fn from(reading: reread_engine::Reading) -> Self {
        Self {
            tokens: reading.n_tokens,
            max_tokens: reading.max_tokens,
            bytes_read: reading.bytes_read,
        }
    }
}

impl From<&reread_engine::Hit> for Above {
    fn from(hit: &reread_engine::Hit) -> Self {
        Self {
            rank: hit.rank,
            path: hit.passage.path.clone(),
            start_line: *hit.passage.lines().start(),
            end_line: *hit.passage.lines().end(),
            logit: hit.scores.cross_encoder,
            score: hit.score,
        }
    }
}
