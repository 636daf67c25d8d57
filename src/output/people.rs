//! Results for people.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use reread_engine::{
    DocumentKind, EmptyDocument, Hit, IndexSummary, SearchOptions, SearchResult, SecondPass,
    Stopped,
};
use unicode_width::UnicodeWidthStr;

use super::shorten::shorten;
use super::shown::Shown;
use super::snippet::snippet;
use super::{clean, counted, duration, explain, grouped};

/// How many problems of an indexing run are listed.
const MAX_PROBLEMS: usize = 5;
/// How many documents without a word are named.
const MAX_EMPTY: usize = 5;

/// How many more places of a result an explanation lists; JSON has all.
const MAX_PLACES: usize = 10;

/// Wider lines are harder to read.
const MAX_WIDTH: usize = 100;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const MATCH: Style = Style::new().bold().underline();
const CLIMBER: Style = AnsiColor::Green.on_default().bold();
const FALLER: Style = AnsiColor::Red.on_default().dimmed();

/// How an answer is laid out.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Columns of a line.
    pub(crate) width: usize,
    /// Whether each result comes with what each pass thought of it.
    pub(crate) explain: bool,
    /// How paths are written.
    pub(crate) shown: Shown,
}

impl Layout {
    /// Fits the terminal, where there is one.
    pub(crate) fn new(explain: bool, folder: &Path) -> Self {
        let columns = terminal_size::terminal_size().map_or(MAX_WIDTH, |(width, _)| width.0.into());
        Self {
            width: columns.clamp(40, MAX_WIDTH),
            explain,
            shown: Shown::in_folder(folder),
        }
    }
}

/// Writes the results of an answer.
pub(crate) fn write_answer(
    out: &mut impl Write,
    result: &SearchResult,
    options: &SearchOptions,
    layout: &Layout,
) -> io::Result<()> {
    let reranked = result.second_pass.scored > 0;
    let indent = result.hits.len().to_string().len() + 2;
    for (pos, hit) in result.hits.iter().enumerate() {
        if pos > 0 {
            writeln!(out)?;
        }
        write_header(out, hit, reranked, indent, layout)?;
        write_snippet(out, hit, indent, layout.width)?;
        write_places(out, hit, indent, layout.explain)?;
        if layout.explain {
            explain::write_hit(out, hit, indent)?;
            explain::write_metadata(out, &hit.passage.metadata, indent, layout.width)?;
        }
    }
    if layout.explain {
        if !result.hits.is_empty() {
            writeln!(out)?;
        }
        explain::write_search(out, result, options)?;
    }
    Ok(())
}

/// `3. path:12  Heading > Path   0.87  ▲ +13`
fn write_header(
    out: &mut impl Write,
    hit: &Hit,
    reranked: bool,
    indent: usize,
    layout: &Layout,
) -> io::Result<()> {
    let (passage, width) = (&hit.passage, layout.width);
    let path = layout.shown.path(&passage.path);
    let place = format!("{path}:{}", passage.lines().start());
    let page = passage
        .page()
        .map(|page| format!("  p. {page}"))
        .unwrap_or_default();
    let score = score(hit);
    let moved = moved(hit.moved);
    let after = score.width() + if reranked { moved.width() + 4 } else { 2 };
    let taken = indent + place.width() + page.width() + after;
    let heading = shorten(&clean(&heading(hit)), width.saturating_sub(taken + 2));

    write!(
        out,
        "{:>rank_width$}. {BOLD}{place}{BOLD:#}{page}",
        hit.rank,
        rank_width = indent - 2
    )?;
    if !heading.is_empty() {
        write!(out, "  {heading}")?;
    }
    write!(out, "  {DIM}{score}{DIM:#}")?;
    if reranked {
        let style = match hit.moved {
            1.. => CLIMBER,
            0 => DIM,
            _ => FALLER,
        };
        write!(out, "  {style}{moved}{style:#}")?;
    }
    writeln!(out)
}

/// The headings above a passage, or its document's title. A name that is the path says nothing.
fn heading(hit: &Hit) -> String {
    let passage = &hit.passage;
    if !passage.heading_path.is_empty() {
        passage.heading_path.join(" > ")
    } else if passage.path.contains(&passage.title) {
        String::new()
    } else {
        passage.title.clone()
    }
}

/// The score that people see, which is the one that results are ordered by.
fn score(hit: &Hit) -> String {
    match hit.scores.probability {
        Some(probability) => format!("{:.0} %", probability * 100.0),
        None => format!("{:.2}", hit.score),
    }
}

fn moved(places: i32) -> String {
    match places {
        1.. => format!("▲ +{places}"),
        0 => "=".to_owned(),
        _ => format!("▼ {places}"),
    }
}

fn write_snippet(out: &mut impl Write, hit: &Hit, indent: usize, width: usize) -> io::Result<()> {
    let is_code = hit.passage.kind == DocumentKind::Code;
    let room = width.saturating_sub(indent);
    for line in snippet(&hit.passage.text, &hit.highlights, room, is_code) {
        write!(out, "{:indent$}", "")?;
        for piece in line {
            if piece.marked {
                write!(out, "{MATCH}{}{MATCH:#}", piece.text)?;
            } else {
                write!(out, "{}", piece.text)?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// In how many more places a result is found, and in an explanation the first of them.
fn write_places(out: &mut impl Write, hit: &Hit, indent: usize, explain: bool) -> io::Result<()> {
    if hit.also_at.is_empty() {
        return Ok(());
    }
    let n_more = counted(hit.also_at.len(), "more place");
    writeln!(out, "{:indent$}{DIM}and {n_more}{DIM:#}", "")?;
    let n_listed = if explain { MAX_PLACES } else { 0 };
    for passage in hit.also_at.iter().take(n_listed) {
        let path = clean(&passage.path);
        writeln!(out, "{:indent$}  {path}:{}", "", passage.lines().start())?;
    }
    Ok(())
}

/// One line on how an answer came about.
pub(crate) fn summary(result: &SearchResult, options: &SearchOptions) -> String {
    let report = &result.first_pass;
    let timings = &result.timings;
    let first = timings.embed + timings.lexical + timings.dense;
    let mut parts = vec![format!(
        "{} from {} in {}",
        counted(report.n_candidates, "candidate"),
        counted(report.n_passages, "passage"),
        duration(first)
    )];
    if options.second_pass == SecondPass::Off {
        parts.push("not reread".to_owned());
    } else if result.second_pass.requested > 0 {
        parts.push(reread(result));
    }
    parts.push(format!("{} in all", duration(timings.total)));
    parts.join("; ")
}

/// What the second pass has read, and what the budget kept it from.
fn reread(result: &SearchResult) -> String {
    let (report, time) = (&result.second_pass, duration(result.timings.rerank));
    let scored = grouped(report.scored);
    let requested = grouped(report.requested);
    match report.stopped {
        Some(Stopped::Budget) => (),
        Some(Stopped::Certain) => {
            return format!("{scored} of {requested} reread in {time}, which settled the results");
        }
        Some(Stopped::Confident) => {
            return format!(
                "{scored} of {requested} reread in {time}, which most likely settled the results"
            );
        }
        _ => return format!("{scored} reread in {time}"),
    }
    let left = report
        .time_left
        .map(|left| format!(", {} too early", duration(left)));
    if report.scored == 0 {
        return format!("{scored} of {requested} reread, because the budget had run out");
    }
    format!(
        "{scored} of {requested} reread in {time}, then the budget ran out{}",
        left.unwrap_or_default()
    )
}

/// What an indexing run did, a line or more.
pub(crate) fn index_summary(summary: &IndexSummary, shown: &Shown) -> Vec<String> {
    let mut lines = vec![index_line(summary)];
    lines.extend(empty_line(&summary.empty));
    for problem in summary.problems.iter().take(MAX_PROBLEMS) {
        lines.push(format!("  {}", shown.problem(problem)));
    }
    let more = summary.problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        lines.push(format!(
            "  and {} more; `reread index --rebuild --json` lists them all",
            grouped(more)
        ));
    }
    lines
}

/// The first names of documents without a word.
fn empty_line(empty: &[EmptyDocument]) -> Option<String> {
    let name = |document: &EmptyDocument| match &document.id {
        Some(id) if !id.starts_with(&document.path) => {
            clean(&format!("{} of {}", id, document.path))
        }
        Some(id) => clean(id),
        None => clean(&document.path),
    };
    let mut names: Vec<String> = empty.iter().take(MAX_EMPTY).map(name).collect();
    let more = empty.len().saturating_sub(MAX_EMPTY);
    if more > 0 {
        names.push(format!("and {} more", grouped(more)));
    }
    (!names.is_empty()).then(|| format!("  without a word: {}", names.join(", ")))
}

/// What an indexing run did, in one line.
pub(crate) fn index_line(summary: &IndexSummary) -> String {
    let mut parts = Vec::new();
    let n_read = summary.n_added + summary.n_changed;
    let time = duration(summary.elapsed);
    let removed = counted(summary.n_removed, "file");
    if !summary.changed {
        parts.push(format!(
            "nothing has changed in {}",
            counted(summary.n_unchanged, "file")
        ));
    } else if n_read == 0 && summary.n_removed > 0 {
        parts.push(format!("removed {removed} in {time}"));
    } else {
        parts.push(format!(
            "indexed {}, {} in {time}",
            counted(n_read, "file"),
            counted(summary.n_passages, "passage")
        ));
        if summary.n_removed > 0 {
            parts.push(format!("removed {removed}"));
        }
    }
    if summary.n_binary > 0 {
        parts.push(format!(
            "left out {} without text",
            counted(summary.n_binary, "file")
        ));
    }
    if !summary.empty.is_empty() {
        parts.push(format!(
            "left out {} without a word",
            counted(summary.empty.len(), "document")
        ));
    }
    if !summary.problems.is_empty() {
        parts.push(counted(summary.problems.len(), "problem"));
    }
    if summary.resumed {
        parts.push("finished a run that had been stopped".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_say_their_direction() {
        assert_eq!(moved(13), "▲ +13");
        assert_eq!(moved(0), "=");
        assert_eq!(moved(-2), "▼ -2");
    }

    #[test]
    fn an_indexing_run_is_summed_up() {
        let index_summary =
            |run: &IndexSummary| index_summary(run, &Shown::in_folder(Path::new(".")));
        let mut run = IndexSummary::default();
        run.changed = true;
        run.n_added = 100;
        run.n_passages = 2_311;
        run.elapsed = std::time::Duration::from_secs(41);
        assert_eq!(
            index_summary(&run),
            ["indexed 100 files, 2,311 passages in 41 s"]
        );
        run.n_removed = 1;
        assert_eq!(
            index_summary(&run),
            ["indexed 100 files, 2,311 passages in 41 s; removed 1 file"]
        );
        run.n_added = 0;
        assert_eq!(index_summary(&run), ["removed 1 file in 41 s"]);
        run.changed = false;
        run.n_unchanged = 1;
        assert_eq!(index_summary(&run), ["nothing has changed in 1 file"]);
    }

    #[test]
    fn documents_without_a_word_are_named() {
        let document = |path: &str, id: Option<&str>| {
            let mut document = EmptyDocument::default();
            document.path = path.to_owned();
            document.id = id.map(str::to_owned);
            document
        };
        let mut empty = vec![
            document("a.md", Some("a.md")),
            document("c.jsonl", Some("7")),
            document("c.jsonl", Some("c.jsonl:3")),
            document("d.jsonl", None),
        ];
        assert_eq!(empty_line(&[]), None);
        assert_eq!(
            empty_line(&empty).unwrap(),
            "  without a word: a.md, 7 of c.jsonl, c.jsonl:3, d.jsonl"
        );
        empty.extend((0..1_000).map(|_| document("e", Some("e"))));
        let line = empty_line(&empty).unwrap();
        assert!(line.ends_with("d.jsonl, e, and 999 more"), "{line}");
        let mut run = IndexSummary::default();
        (run.n_unchanged, run.empty) = (9, empty);
        assert_eq!(
            index_summary(&run, &Shown::in_folder(Path::new(".")))[0],
            "nothing has changed in 9 files; left out 1,004 documents without a word"
        );
    }
}
