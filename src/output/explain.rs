//! What each pass thought of each result, and how the search went.

use std::io::{self, Write};

use reread_engine::{
    DenseMethod, Evidence, Fusion, Hit, Metadata, Mode, SearchOptions, SearchResult, SecondPass,
    Stopped, Value,
};

use super::shorten::shorten;
use super::{clean, counted, duration, grouped};

/// Writes a table of one result's ranks and scores.
pub(crate) fn write_hit(out: &mut impl Write, hit: &Hit, indent: usize) -> io::Result<()> {
    let (scores, ranks) = (&hit.scores, &hit.ranks);
    writeln!(out, "{:indent$}{:<14}{:>6}{:>10}", "", "", "rank", "score")?;
    let mut row = |name: &str, rank: Option<u32>, score: Option<f32>, note: &str| {
        let rank = rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string());
        let score = score.map_or_else(|| "-".to_owned(), |score| format!("{score:.4}"));
        writeln!(out, "{:indent$}{name:<14}{rank:>6}{score:>10}{note}", "")
    };
    let adds = |of: fn(&Evidence) -> f32| match &scores.evidence {
        Some(evidence) => format!("  adds {:.2}", of(evidence)),
        None => String::new(),
    };
    row("BM25", ranks.lexical, scores.bm25, "")?;
    row("vector", ranks.dense, scores.cosine, "")?;
    row(
        "first pass",
        Some(ranks.first_pass),
        Some(scores.first_pass),
        &adds(|it| it.first_pass),
    )?;
    let logit = scores.cross_encoder;
    row(
        "cross-encoder",
        ranks.cross_encoder,
        logit,
        &adds(|it| it.cross_encoder),
    )?;
    row(
        "answer",
        Some(ranks.final_rank),
        Some(scores.final_score),
        "",
    )
}

/// Writes what is known of a result's document on one line, where anything is.
pub(crate) fn write_metadata(
    out: &mut impl Write,
    metadata: &Metadata,
    indent: usize,
    width: usize,
) -> io::Result<()> {
    if metadata.is_empty() {
        return Ok(());
    }
    let facts = metadata
        .iter()
        .map(|(name, value)| format!("{name}={}", plain(value)));
    let facts = clean(&facts.collect::<Vec<_>>().join(", "));
    let label = "metadata      ";
    let facts = shorten(&facts, width.saturating_sub(indent + label.len()));
    writeln!(out, "{:indent$}{label}{facts}", "")
}

/// A value as people would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(plain).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

/// Writes how the search went: what each pass did, what was not read, and where the time went.
pub(crate) fn write_search(
    out: &mut impl Write,
    result: &SearchResult,
    options: &SearchOptions,
) -> io::Result<()> {
    writeln!(out, "first pass     {}", first_pass(result, options))?;
    writeln!(out, "second pass    {}", second_pass(result, options))?;
    writeln!(out, "not read       {}", boundary(result, options))?;
    let timings = &result.timings;
    let stages = [
        ("open", timings.open),
        ("embed", timings.embed),
        ("BM25", timings.lexical),
        ("vectors", timings.dense),
        ("cross-encoder", timings.rerank),
        ("total", timings.total),
    ];
    let stages = stages.map(|(name, time)| format!("{name} {}", duration(time)));
    writeln!(out, "time           {}", stages.join(", "))
}

fn first_pass(result: &SearchResult, options: &SearchOptions) -> String {
    let report = &result.first_pass;
    let method = match report.dense_method {
        Some(DenseMethod::Graph) => " (HNSW graph)",
        Some(DenseMethod::Scan) => " (exact scan)",
        _ => "",
    };
    let fusion = match (report.mode, options.first_pass.fusion) {
        (Mode::Lexical | Mode::Dense, _) => String::new(),
        (_, Fusion::Rrf { rrf_k }) => format!(", RRF with k {rrf_k}"),
        (_, Fusion::Blend { dense_weight }) => format!(", blend with {dense_weight} for vectors"),
    };
    let folded = match report.n_folded {
        0 => String::new(),
        n_folded => format!(", which stand for {}", counted(n_folded, "more passage")),
    };
    format!(
        "{}: {} by BM25, {} by vectors{method}{fusion}; {} from {}{folded}",
        report.mode,
        grouped(report.n_lexical),
        grouped(report.n_dense),
        counted(report.n_candidates, "candidate"),
        counted(report.n_passages, "passage")
    )
}

fn second_pass(result: &SearchResult, options: &SearchOptions) -> String {
    let report = &result.second_pass;
    if report.stopped == Some(Stopped::Off) {
        return "off".to_owned();
    }
    let weight = match options.second_pass {
        SecondPass::Rerank { weight } => format!(", {weight} of the final score"),
        SecondPass::Off => String::new(),
    };
    let model = report.model.as_ref();
    let model = model
        .map(|model| format!(" by {}", clean(&model.to_string())))
        .unwrap_or_default();
    let failed = match report.stopped {
        Some(Stopped::Failed) => ", then it failed",
        Some(Stopped::Budget) => ", then the budget ran out",
        Some(Stopped::Certain) => ", then the results were settled",
        Some(Stopped::Confident) => ", then the results were unlikely to change",
        _ => "",
    };
    format!(
        "{} of {} read{model}{weight}{failed}",
        grouped(report.scored),
        grouped(report.requested)
    )
}

/// Where the second pass could not help, as it has not looked there.
fn boundary(result: &SearchResult, options: &SearchOptions) -> String {
    let read = result.second_pass.scored;
    if options.second_pass == SecondPass::Off || read == 0 {
        return "everything: the order is the first pass's".to_owned();
    }
    if read < options.first_pass.depth && read == result.first_pass.n_candidates {
        return "nothing: every candidate was read".to_owned();
    }
    format!(
        "candidates beyond rank {}; a higher --depth reads more",
        grouped(read)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_one_line_that_fits() {
        let written = |metadata: &Metadata, width| {
            let mut out = Vec::new();
            write_metadata(&mut out, metadata, 3, width).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&Metadata::new(), 80), "");
        let metadata = Metadata::from([
            ("lang".to_owned(), "en".into()),
            ("tags".to_owned(), vec!["a\u{1b}", "b"].into()),
            ("year".to_owned(), 2021.into()),
        ]);
        let line = "   metadata      lang=en, tags=[a\u{fffd}, b], year=2021\n";
        assert_eq!(written(&metadata, 80), line);
        assert_eq!(written(&metadata, 30), "   metadata      lang=en, tag…\n");
    }
}
