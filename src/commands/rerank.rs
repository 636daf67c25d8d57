//! `reread rerank`: the second pass alone, as a filter for pipes.

mod lines;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read as _, Write};
use std::path::Path;

use anyhow::{Context, bail};
use reread_engine::Reranked;
use reread_wire::rerank as wire;

use self::lines::{Line, Read, lines, read};
use super::raw_stdout;
use crate::args::{CommonArgs, RerankArgs, Settings};
use crate::output::{clean, counted, json, say, say_warnings};
use crate::{Outcome, resolve};

/// How many lines a warning names.
const NAMED: usize = 5;

pub(crate) fn run(args: &RerankArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    if args.question.trim().is_empty() {
        bail!("the question is empty");
    }
    let flags = Settings {
        models: args.models.clone(),
        ..Settings::default()
    };
    let settings = resolve::settings(flags, None, common)?;
    let input = bytes_of(&args.file)?;
    let lines = lines(&input);
    if lines.is_empty() {
        return Ok(Outcome::NothingFound);
    }
    // The model reads what it can of bytes that are no text; the output has them as they were.
    let texts: Vec<_> = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.bytes))
        .collect();
    let field = args.field.as_deref();
    let read: Vec<Read<'_>> = texts.iter().map(|text| read(text, field)).collect();
    if !common.quiet {
        say_without_field(&lines, &read, field);
    }
    let texts: Vec<&str> = read.iter().map(|read| read.text.as_ref()).collect();
    let engine = resolve::engine_without_index(&settings)?;
    say_warnings(engine.long_query(&args.question)?.as_slice());
    let reranked = engine.rerank(&args.question, &texts)?;
    if !common.quiet {
        say_in_pieces(&lines, &reranked);
    }
    write(args, &lines, &read, &reranked)?;
    Ok(Outcome::Found)
}

fn write(
    args: &RerankArgs,
    lines: &[Line<'_>],
    read: &[Read<'_>],
    reranked: &[Reranked],
) -> io::Result<()> {
    let mut out = raw_stdout();
    let on_terminal = io::stdout().is_terminal();
    let top_k = args.top_k.unwrap_or(usize::MAX);
    for (found, rank) in reranked.iter().zip(1..).take(top_k) {
        let line = &lines[found.position];
        let text = String::from_utf8_lossy(line.bytes);
        let text = text.trim_end_matches('\r');
        if args.json {
            let field = read[found.position].field;
            let line = wire::Line::new(found, rank, line.number, text, field);
            json::write_line(&mut out, &line)?;
            continue;
        }
        if args.scores {
            write!(out, "{:.4}\t", found.relevance)?;
        }
        if on_terminal {
            writeln!(out, "{}", clean(text))?;
        } else {
            out.write_all(line.bytes)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

/// Says which lines do not have the field that was asked for.
fn say_without_field(lines: &[Line<'_>], read: &[Read<'_>], field: Option<&str>) {
    let Some(field) = field else { return };
    let without = lines
        .iter()
        .zip(read)
        .filter(|(_, read)| read.field.is_none());
    let without: Vec<usize> = without.map(|(line, _)| line.number).collect();
    if let Some(named) = named(&without) {
        say(&format!(
            "warning: no text in the field {field:?} of {named}, which {} read as a whole",
            if without.len() == 1 { "was" } else { "were" }
        ));
    }
}

/// Says which lines were too long to be read at once.
fn say_in_pieces(lines: &[Line<'_>], reranked: &[Reranked]) {
    let long = reranked.iter().filter(|found| found.n_windows > 1);
    let mut long: Vec<usize> = long.map(|found| lines[found.position].number).collect();
    long.sort_unstable();
    if let Some(named) = named(&long) {
        say(&format!(
            "note: too long to be read at once, so that the best of several pieces counts: {named}; --pair-tokens reads more at once"
        ));
    }
}

/// `2 lines (3, 9)`; `None` for no lines.
fn named(numbers: &[usize]) -> Option<String> {
    if numbers.is_empty() {
        return None;
    }
    let mut shown: Vec<String> = numbers.iter().take(NAMED).map(usize::to_string).collect();
    if numbers.len() > NAMED {
        shown.push("…".to_owned());
    }
    Some(format!(
        "{} ({})",
        counted(numbers.len(), "line"),
        shown.join(", ")
    ))
}

fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut input = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .read_to_end(&mut input)
            .context("cannot read standard input")?;
    } else {
        File::open(path)
            .and_then(|file| BufReader::new(file).read_to_end(&mut input))
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(input)
}
