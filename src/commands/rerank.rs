//! `reread rerank`: the second pass alone, as a filter for pipes.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use reread_wire::rerank as wire;

use super::raw_stdout;
use crate::args::{CommonArgs, RerankArgs, Settings};
use crate::output::{clean, json, say_warnings};
use crate::{Outcome, resolve};

/// A line of the input that is not empty.
struct Line<'a> {
    number: usize,
    bytes: &'a [u8],
}

pub(crate) fn run(args: RerankArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    if args.question.trim().is_empty() {
        bail!("the question is empty");
    }
    let flags = Settings {
        models: args.models,
        ..Settings::default()
    };
    let settings = resolve::settings(flags, None, common)?;
    let input = read(&args.file)?;
    let lines = lines(&input);
    if lines.is_empty() {
        return Ok(Outcome::NothingFound);
    }
    // The model reads what it can of bytes that are no text; the output has them as they were.
    let texts: Vec<_> = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.bytes))
        .collect();
    let texts: Vec<&str> = texts
        .iter()
        .map(|text| text.trim_end_matches('\r'))
        .collect();
    let engine = resolve::engine_without_index(&settings)?;
    say_warnings(engine.long_query(&args.question)?.as_slice());
    let reranked = engine.rerank(&args.question, &texts)?;
    let mut out = raw_stdout();
    let on_terminal = io::stdout().is_terminal();
    let top_k = args.top_k.unwrap_or(usize::MAX);
    for (found, rank) in reranked.iter().zip(1..).take(top_k) {
        let (line, text) = (&lines[found.position], texts[found.position]);
        if args.json {
            json::write_line(&mut out, &wire::Line::new(found, rank, line.number, text))?;
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
    out.flush()?;
    Ok(Outcome::Found)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
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

fn lines(input: &[u8]) -> Vec<Line<'_>> {
    input
        .split(|&byte| byte == b'\n')
        .zip(1..)
        .map(|(bytes, number)| Line { number, bytes })
        .filter(|line| !line.bytes.trim_ascii().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_left_out_and_still_counted() {
        let found: Vec<_> = lines(b"a\n\n \t\r\nb\xff\nc")
            .iter()
            .map(|l| (l.number, l.bytes))
            .collect();
        assert_eq!(found, [(1, &b"a"[..]), (4, b"b\xff"), (5, b"c")]);
    }
}
