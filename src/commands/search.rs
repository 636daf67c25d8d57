//! `reread search`: a question in, ranked passages out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use reread_engine::{Engine, IndexError, Note, SearchOptions, SearchResult, Warning};
use reread_eval::{Error as EvalError, QueryLines};

use super::index::{bring_up_to_date, cannot_index, emptiness};
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, FormatArg, SearchArgs, Settings, Wait};
use crate::output::people::{self, Layout};
use crate::output::shown::Shown;
use crate::output::{clean, counted, errors, json, say, say_warnings, trec};
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
    folder: PathBuf,
    quiet: bool,
}

pub(crate) fn run(mut args: SearchArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let (questions, folder) = questions(&mut args)?;
    folder::check(&folder)?;
    let output = Output {
        format: args.output.chosen_format().unwrap_or(match questions {
            Questions::One(_) => FormatArg::Text,
            Questions::File(_) => FormatArg::Json,
        }),
        layout: Layout::new(args.output.explain, &folder),
        run_name: args.output.run_name,
        folder: folder.clone(),
        quiet: common.quiet,
    };
    let wait = args.wait.when();
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
    if output.format == FormatArg::Trec && settings.search.fold.is_none() {
        // Judgements may name any of the passages.
        options.fold = reread_engine::Fold::Never;
    }
    let engine = resolve::engine(&folder, args.index.index.as_deref(), &settings)?;
    if !settings.search.no_refresh {
        refresh(&engine, &folder, common.quiet, wait)?;
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
pub(super) fn refresh(
    engine: &Engine,
    folder: &Path,
    quiet: bool,
    wait: Wait,
) -> anyhow::Result<()> {
    // An index that can be searched is not waited for, unless the user asks for it.
    let wait = match wait {
        Wait::IfNeeded if engine.snapshot().is_ok() => Wait::Never,
        wait => wait,
    };
    match bring_up_to_date(engine, Engine::refresh, quiet, wait) {
        Ok(summary) => {
            if summary.changed && !quiet {
                for line in people::index_summary(&summary, &Shown::in_folder(folder)) {
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
        Err(error) => {
            let doing = cannot_index(folder, &error);
            Err(error).context(doing)
        }
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
            for line in nothing_found(engine, &result, options, folder) {
                say(&line);
            }
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

/// Answers each question as soon as it is read. A line that is none is reported, and the others are
/// answered all the same.
fn answer_file(
    engine: &Engine,
    path: &Path,
    options: &SearchOptions,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let questions = if path == Path::new("-") {
        QueryLines::of(Path::new("standard input"), Box::new(io::stdin().lock()))
    } else {
        QueryLines::open(path)
    };
    let mut outcome = Outcome::NothingFound;
    let mut n_bad = 0;
    for question in questions.context("cannot read the questions")? {
        let question = match question {
            Ok(question) => question,
            Err(error @ (EvalError::BadLine { .. } | EvalError::RepeatedLine { .. })) => {
                say(&format!("reread: {}", clean(&error.to_string())));
                n_bad += 1;
                continue;
            }
            Err(error) => return Err(error).context("cannot read the questions"),
        };
        let result = engine.search(&question.text, options)?;
        output.write(&result, Some(&question.id), options)?;
        if !result.hits.is_empty() {
            outcome = Outcome::Found;
        }
    }
    if n_bad > 0 {
        bail!(
            "{} left out; all other questions are answered",
            if n_bad == 1 {
                "one line was".to_owned()
            } else {
                format!("{} were", counted(n_bad, "line"))
            }
        );
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
            people::write_answer(&mut out, result, options, &self.layout)?;
            out.flush()?;
            let is_in_doubt = result.seems_answered == Some(false) && !result.hits.is_empty();
            if is_in_doubt && !self.quiet {
                say("nothing here seems to answer this; these are the nearest passages");
            }
            return Ok(());
        }
        let mut out = raw_stdout();
        match self.format {
            FormatArg::Jsonl => json::write_hits(&mut out, result, query_id)?,
            FormatArg::Trec => {
                let query_id = query_id.unwrap_or(trec::ONLY_QUERY);
                trec::write_run(&mut out, result, query_id, options.by, &self.run_name)?;
            }
            FormatArg::Json | FormatArg::Text => {
                json::write_answer(&mut out, result, &self.folder, query_id)?;
            }
        }
        out.flush()
    }
}

/// What to do about it, a line or more.
fn nothing_found(
    engine: &Engine,
    result: &SearchResult,
    options: &SearchOptions,
    folder: &Path,
) -> Vec<String> {
    let empty = emptiness(engine, folder);
    if let [first, rest @ ..] = &empty[..] {
        return [&[format!("nothing found: {first}")], rest].concat();
    }
    let hint = if result.first_pass.n_passages == 0 {
        "the index holds no passage"
    } else if result.warnings.iter().any(is_about_demands) {
        "leave that out to see what else there is"
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
    vec![format!("nothing found; {hint}")]
}

/// Whether this says that no passage has what the question demands.
fn is_about_demands(warning: &Warning) -> bool {
    matches!(
        warning,
        Warning::FirstPass(Note::PhrasesNotFound { .. } | Note::PhrasesNotTogether { .. })
    )
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
}
