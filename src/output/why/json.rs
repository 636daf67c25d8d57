//! A diagnosis as one JSON object.

use std::io::{self, Write};

use reread_engine::{Cause, Effect, Hit, Placed, Reading, Remedy, Why};
use serde::Serialize;

use super::sentences::{change, place};
use crate::output::json::{SCHEMA, write_line};

#[derive(Serialize)]
struct WhyJson<'a> {
    schema: u32,
    query: &'a str,
    place: String,
    shown: bool,
    /// One word, as evaluations name it.
    cause: &'static str,
    /// What is behind the cause, where there is more to say.
    reason: Option<String>,
    passage: Option<PassageJson<'a>>,
    stages: StagesJson,
    above: Vec<AboveJson<'a>>,
    remedies: Vec<RemedyJson>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct PassageJson<'a> {
    doc_id: &'a str,
    path: &'a str,
    start_line: u32,
    end_line: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct StagesJson {
    bm25: Option<PlacedJson>,
    vector: Option<PlacedJson>,
    first_pass: Option<PlacedJson>,
    cross_encoder: Option<PlacedJson>,
    answer: Option<PlacedJson>,
    depth: usize,
    depth_needed: Option<usize>,
    reading: Option<ReadingJson>,
}

#[derive(Serialize)]
struct PlacedJson {
    rank: u32,
    score: f32,
}

#[derive(Serialize)]
struct ReadingJson {
    tokens: usize,
    max_tokens: usize,
    bytes_read: usize,
}

#[derive(Serialize)]
struct AboveJson<'a> {
    rank: u32,
    path: &'a str,
    start_line: u32,
    end_line: u32,
    logit: Option<f32>,
    score: f32,
}

#[derive(Serialize)]
struct RemedyJson {
    option: String,
    rank: Option<u32>,
    candidate_rank: Option<u32>,
}

/// Writes the diagnosis as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, why: &Why) -> io::Result<()> {
    let stages = &why.stages;
    let object = WhyJson {
        schema: SCHEMA,
        query: &why.query,
        place: place(why),
        shown: why.cause == Cause::Shown,
        cause: why.cause.fate().id(),
        reason: reason(&why.cause),
        passage: why.passage.as_ref().map(|passage| PassageJson {
            doc_id: &passage.doc_id,
            path: &passage.path,
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
            text: &passage.text,
        }),
        stages: StagesJson {
            bm25: stages.bm25.map(PlacedJson::from),
            vector: stages.vector.map(PlacedJson::from),
            first_pass: stages.first_pass.map(PlacedJson::from),
            cross_encoder: stages.cross_encoder.map(PlacedJson::from),
            answer: stages.answer.map(PlacedJson::from),
            depth: stages.depth,
            depth_needed: stages.depth_needed,
            reading: stages.reading.map(ReadingJson::from),
        },
        above: why.above.iter().map(AboveJson::from).collect(),
        remedies: why.remedies.iter().map(RemedyJson::from).collect(),
        warnings: &why.warnings,
    };
    write_line(out, &object)
}

fn reason(cause: &Cause) -> Option<String> {
    match cause {
        Cause::NotIndexed(reason) => Some(reason.to_string()),
        Cause::FilteredOut(refusal) => Some(super::sentences::refused(refusal)),
        Cause::BelowMinScore(score, least) => Some(format!("a score of {score}, below {least}")),
        Cause::BelowMinProbability(probability, least) => {
            Some(format!("a probability of {probability}, below {least}"))
        }
        Cause::CutApart(pieces) => {
            let pieces: Vec<String> = pieces.iter().map(super::sentences::range).collect();
            Some(format!("lines {}", pieces.join(", ")))
        }
        _ => None,
    }
}

impl From<Placed> for PlacedJson {
    fn from(placed: Placed) -> Self {
        Self {
            rank: placed.rank,
            score: placed.score,
        }
    }
}

impl From<Reading> for ReadingJson {
    fn from(reading: Reading) -> Self {
        Self {
            tokens: reading.n_tokens,
            max_tokens: reading.max_tokens,
            bytes_read: reading.bytes_read,
        }
    }
}

impl<'a> From<&'a Hit> for AboveJson<'a> {
    fn from(hit: &'a Hit) -> Self {
        Self {
            rank: hit.rank,
            path: &hit.passage.path,
            start_line: *hit.passage.lines().start(),
            end_line: *hit.passage.lines().end(),
            logit: hit.scores.cross_encoder,
            score: hit.score,
        }
    }
}

impl From<&Remedy> for RemedyJson {
    fn from(remedy: &Remedy) -> Self {
        let (rank, candidate_rank) = match remedy.effect {
            Effect::Rank(rank) => (Some(rank), None),
            Effect::Candidate(rank) => (None, Some(rank)),
            _ => (None, None),
        };
        Self {
            option: change(&remedy.change),
            rank,
            candidate_rank,
        }
    }
}
