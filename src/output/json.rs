//! Results for programs: JSON with stable keys.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use reread_engine::{DenseMethod, FirstPassReport, Hit, SearchResult, Stopped, Timings, relevance};
use serde::Serialize;

use super::clean_char;

/// The number of this set of keys. Keys may be added to it; it changes when one is removed or
/// means something else.
pub(crate) const SCHEMA: u32 = 1;

/// Writes an answer as one object on one line.
pub(crate) fn write_answer(
    out: &mut impl Write,
    result: &SearchResult,
    query_id: Option<&str>,
) -> io::Result<()> {
    let timings = &result.timings;
    write_line(
        out,
        &Answer {
            schema: SCHEMA,
            query_id,
            query: &result.query,
            hits: result
                .hits
                .iter()
                .map(|hit| HitJson::new(hit, None))
                .collect(),
            timing_ms: TimingMs::new(timings),
            first_pass: FirstPassJson::new(&result.first_pass),
            second_pass: SecondPassJson {
                requested: result.second_pass.requested,
                scored: result.second_pass.scored,
                stopped: result.second_pass.stopped.map(Stopped::name),
                time_left_ms: result.second_pass.time_left.map(milliseconds),
            },
            warnings: &result.warnings,
        },
    )
}

/// Writes one object a result, each on a line.
pub(crate) fn write_hits(
    out: &mut impl Write,
    result: &SearchResult,
    query_id: Option<&str>,
) -> io::Result<()> {
    for hit in &result.hits {
        write_line(out, &HitJson::new(hit, query_id))?;
    }
    Ok(())
}

/// Writes a value on one line.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", to_line(value)?)
}

/// JSON leaves alone some characters that terminals obey. They occur within strings only, so their
/// escapes mean the same.
fn to_line(value: &impl Serialize) -> io::Result<String> {
    let line = serde_json::to_string(value)?;
    let obeyed = |c: char| clean_char(c) != c;
    if !line.chars().any(obeyed) {
        return Ok(line);
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        // All of them are below U+10000, where one escape is one character.
        if obeyed(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

/// Milliseconds with three decimals.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_id: Option<&'a str>,
    query: &'a str,
    hits: Vec<HitJson<'a>>,
    timing_ms: TimingMs,
    first_pass: FirstPassJson,
    second_pass: SecondPassJson,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct HitJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    query_id: Option<&'a str>,
    rank: u32,
    score: f32,
    relevance: Option<f32>,
    doc_id: &'a str,
    path: &'a str,
    title: &'a str,
    heading_path: &'a [String],
    start_line: u32,
    end_line: u32,
    start_byte: u64,
    end_byte: u64,
    page: Option<u32>,
    text: &'a str,
    highlights: Vec<[usize; 2]>,
    scores: ScoresJson,
    ranks: RanksJson,
    #[serde(rename = "move")]
    moved: i32,
}

#[derive(Serialize)]
struct ScoresJson {
    bm25: Option<f32>,
    vector: Option<f32>,
    first_pass: f32,
    cross_encoder: Option<f32>,
    probability: Option<f32>,
    #[serde(rename = "final")]
    final_score: f32,
}

#[derive(Serialize)]
struct RanksJson {
    bm25: Option<u32>,
    vector: Option<u32>,
    first_pass: u32,
    cross_encoder: Option<u32>,
    #[serde(rename = "final")]
    final_rank: u32,
}

#[derive(Serialize)]
struct TimingMs {
    open: f64,
    embed: f64,
    lexical: f64,
    vector: f64,
    rerank: f64,
    total: f64,
}

#[derive(Serialize)]
struct FirstPassJson {
    mode: &'static str,
    candidates: usize,
    lexical: usize,
    vector: usize,
    dense_method: Option<&'static str>,
    passages: usize,
}

#[derive(Serialize)]
struct SecondPassJson {
    requested: usize,
    scored: usize,
    stopped: Option<&'static str>,
    time_left_ms: Option<f64>,
}

impl<'a> HitJson<'a> {
    fn new(hit: &'a Hit, query_id: Option<&'a str>) -> Self {
        let (passage, scores, ranks) = (&hit.passage, &hit.scores, &hit.ranks);
        Self {
            query_id,
            rank: hit.rank,
            score: hit.score,
            relevance: scores.cross_encoder.map(relevance),
            doc_id: &passage.doc_id,
            path: &passage.path,
            title: &passage.title,
            heading_path: &passage.heading_path,
            start_line: *passage.lines().start(),
            end_line: *passage.lines().end(),
            start_byte: passage.bytes.start,
            end_byte: passage.bytes.end,
            page: passage.page(),
            text: &passage.text,
            highlights: hit
                .highlights
                .iter()
                .map(|range| [range.start, range.end])
                .collect(),
            scores: ScoresJson {
                bm25: scores.bm25,
                vector: scores.vector,
                first_pass: scores.first_pass,
                cross_encoder: scores.cross_encoder,
                probability: scores.probability,
                final_score: scores.final_score,
            },
            ranks: RanksJson {
                bm25: ranks.bm25,
                vector: ranks.vector,
                first_pass: ranks.first_pass,
                cross_encoder: ranks.cross_encoder,
                final_rank: ranks.final_rank,
            },
            moved: hit.moved,
        }
    }
}

impl TimingMs {
    fn new(timings: &Timings) -> Self {
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

impl FirstPassJson {
    fn new(report: &FirstPassReport) -> Self {
        Self {
            mode: report.mode.name(),
            candidates: report.n_candidates,
            lexical: report.n_lexical,
            vector: report.n_dense,
            dense_method: report.dense_method.map(DenseMethod::name),
            passages: report.n_passages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stay_the_same_text_and_reach_no_terminal() {
        let text = "a\u{9b}2Jb\u{7f}\u{1b}[0m\n\"quoted\" \u{202e}\u{1f600}";
        let line = to_line(&text).unwrap();
        assert!(line.chars().all(|c| clean_char(c) == c), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        assert!((milliseconds(Duration::from_nanos(1_234_567)) - 1.235).abs() < 1e-9);
    }
}
