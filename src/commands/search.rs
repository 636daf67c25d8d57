//! `reread search`: a question in, ranked passages out.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use reread_engine::{Engine, IndexError, SearchOptions, SearchResult};
use serde::Deserialize;

use super::index::bring_up_to_date;
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, FormatArg, SearchArgs, Settings};
use crate::output::people::{self, Layout};
use crate::output::{clean, errors, json, say, say_warnings, trec};
use crate::{Outcome, folder, resolve};

/// What is asked.
#[derive(Debug, PartialEq)]
enum Questions {
    One(String),
    File(PathBuf),
}

/// How answers are written.
struct Output {
    format: FormatArg,
    layout: Layout,
    run_name: String,
    quiet: bool,
}

/// A line of a file of questions.
#[derive(Debug, PartialEq, Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: QueryId,
    text: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum QueryId {
    Text(String),
    Number(i64),
}

pub(crate) fn run(mut args: SearchArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let (questions, folder) = questions(&mut args)?;
    folder::check(&folder)?;
    let output = Output {
        format: args.output.chosen_format().unwrap_or(match questions {
            Questions::One(_) => FormatArg::Text,
            Questions::File(_) => FormatArg::Json,
        }),
        layout: Layout::new(args.output.explain),
        run_name: args.output.run_name,
        quiet: common.quiet,
    };
    let flags = Settings {
        search: args.search,
        walk: args.walk,
        read: args.read,
        models: args.models,
        ..Settings::default()
    };
    let settings = resolve::settings(flags, Some(&folder), common)?;
    let mut options = resolve::search_options(&settings, &args.filter)?;
    if output.format == FormatArg::Trec && settings.search.by.is_none() {
        options.by = reread_engine::By::Document;
    }
    let engine = resolve::engine(&folder, args.index.index.as_deref(), &settings)?;
    if !settings.search.no_refresh {
        refresh(&engine, &folder, common.quiet)?;
    }
    let outcome = match questions {
        Questions::One(question) => answer_one(&engine, &question, &options, &output, &folder),
        Questions::File(path) => answer_file(&engine, &path, &options, &output),
    };
    // The process ends here, and gives all memory back at once: piece by piece that takes
    // milliseconds.
    std::mem::forget(engine);
    outcome
}

/// With a file of questions the only place on the command line is the folder.
fn questions(args: &mut SearchArgs) -> anyhow::Result<(Questions, PathBuf)> {
    let (question, folder) = (args.question.take(), args.folder.take());
    match (args.queries.take(), question) {
        (None, Some(question)) if question.trim().is_empty() => bail!("the question is empty"),
        (None, Some(question)) => Ok((Questions::One(question), folder::or_current(folder))),
        (None, None) => bail!("there is no question"),
        (Some(_), Some(question)) if folder.is_some() => {
            bail!("{question:?} and --queries cannot be combined; give one of them")
        }
        (Some(file), only) => Ok((
            Questions::File(file),
            folder::or_current(only.map(PathBuf::from)),
        )),
    }
}

/// Indexes what has changed. Where that is not possible now and there is an index, searches go on
/// with what it holds.
pub(super) fn refresh(engine: &Engine, folder: &Path, quiet: bool) -> anyhow::Result<()> {
    match bring_up_to_date(engine, Engine::refresh, quiet) {
        Ok(summary) => {
            if summary.changed && !quiet {
                for line in people::index_summary(&summary) {
                    say(&line);
                }
            }
            Ok(())
        }
        Err(error) if is_passing(&error) && engine.snapshot().is_ok() => {
            let error = errors::line(&anyhow::Error::new(error));
            say(&format!("warning: searching the index as it is: {error}"));
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("cannot index {}", folder.display())),
    }
}

/// Whether an index that cannot be written may still be read.
fn is_passing(error: &reread_engine::Error) -> bool {
    match error {
        reread_engine::Error::Index(IndexError::Locked { .. }) => true,
        reread_engine::Error::Index(IndexError::Io { source, .. }) => matches!(
            source.kind(),
            io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge
        ),
        _ => false,
    }
}

fn answer_one(
    engine: &Engine,
    question: &str,
    options: &SearchOptions,
    output: &Output,
    folder: &Path,
) -> anyhow::Result<Outcome> {
    let result = engine.search(question, options)?;
    output.write(&result, None, options)?;
    if output.format == FormatArg::Text && !output.quiet {
        if result.hits.is_empty() {
            say(&nothing_found(&result, options, folder));
        } else {
            say(&people::summary(&result, options));
        }
    }
    Ok(if result.hits.is_empty() {
        Outcome::NothingFound
    } else {
        Outcome::Found
    })
}

fn answer_file(
    engine: &Engine,
    path: &Path,
    options: &SearchOptions,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let (name, reader): (Cow<'_, str>, Box<dyn BufRead>) = if path == Path::new("-") {
        ("standard input".into(), Box::new(io::stdin().lock()))
    } else {
        let file = File::open(path)
            .with_context(|| format!("cannot read the questions in {}", path.display()))?;
        (path.to_string_lossy(), Box::new(BufReader::new(file)))
    };
    let mut outcome = Outcome::NothingFound;
    for (line, number) in reader.split(b'\n').zip(1u64..) {
        let line = line.with_context(|| format!("cannot read the questions in {name}"))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let query: QueryLine = serde_json::from_slice(&line).with_context(|| {
            format!(
                "{name}:{number} is not a question such as {{\"_id\": \"1\", \"text\": \"...\"}}"
            )
        })?;
        let result = engine.search(&query.text, options)?;
        output.write(&result, Some(&query.id.into_string()), options)?;
        if !result.hits.is_empty() {
            outcome = Outcome::Found;
        }
    }
    Ok(outcome)
}

impl Output {
    /// Writes an answer to its end: whoever asks one question at a time waits for it.
    fn write(
        &self,
        result: &SearchResult,
        query_id: Option<&str>,
        options: &SearchOptions,
    ) -> io::Result<()> {
        if self.format != FormatArg::Json {
            say_warnings(&result.warnings);
        }
        if self.format == FormatArg::Text {
            let mut out = styled_stdout();
            if let Some(id) = query_id {
                writeln!(out, "{}: {}", clean(id), clean(&result.query))?;
            }
            people::write_answer(&mut out, result, options, self.layout)?;
            return out.flush();
        }
        let mut out = raw_stdout();
        match self.format {
            FormatArg::Jsonl => json::write_hits(&mut out, result, query_id)?,
            FormatArg::Trec => {
                let query_id = query_id.unwrap_or(trec::ONLY_QUERY);
                trec::write_run(&mut out, result, query_id, options.by, &self.run_name)?;
            }
            FormatArg::Json | FormatArg::Text => json::write_answer(&mut out, result, query_id)?,
        }
        out.flush()
    }
}

impl QueryId {
    fn into_string(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

fn nothing_found(result: &SearchResult, options: &SearchOptions, folder: &Path) -> String {
    let hint = if result.first_pass.n_passages == 0 {
        return format!(
            "nothing found: {} holds no document that can be read; run `reread status` to see more",
            folder.display()
        );
    } else if options.min_score.is_some() {
        if result.first_pass.n_candidates > 0 {
            "all candidates are below --min-score"
        } else {
            "other words may help"
        }
    } else if !options.first_pass.filter.is_empty() {
        "fewer filters may help"
    } else if options.first_pass.mode == reread_engine::Mode::Lexical {
        "--mode hybrid finds other words for the same thing"
    } else {
        "other words may help"
    };
    format!("nothing found; {hint}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn parsed(args: &[&str]) -> anyhow::Result<(Questions, PathBuf)> {
        let cli = Cli::try_parse_from([&["reread", "search"], args].concat())?;
        let Command::Search(mut args) = cli.command else {
            bail!("not a search")
        };
        questions(&mut args)
    }

    #[test]
    fn with_a_file_of_questions_the_only_place_is_the_folder() {
        let one = Questions::One("why".to_owned());
        assert_eq!(parsed(&["why"]).unwrap(), (one, ".".into()));
        let file = || Questions::File("q.jsonl".into());
        assert_eq!(
            parsed(&["--queries", "q.jsonl", "docs"]).unwrap(),
            (file(), "docs".into())
        );
        assert_eq!(
            parsed(&["--queries", "q.jsonl"]).unwrap(),
            (file(), ".".into())
        );
        assert!(parsed(&["--queries", "q.jsonl", "why", "docs"]).is_err());
        assert!(parsed(&["  "]).is_err());
    }

    #[test]
    fn ids_of_questions_are_strings_or_numbers() {
        let read = |line| serde_json::from_str::<QueryLine>(line).map(|q| q.id.into_string());
        assert_eq!(
            read(r#"{"_id": "q1", "text": "a", "more": 1}"#).unwrap(),
            "q1"
        );
        assert_eq!(read(r#"{"_id": 7, "text": "a"}"#).unwrap(), "7");
        assert!(read(r#"{"text": "a"}"#).is_err());
    }
}
