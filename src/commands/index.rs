//! `reread index`: brings the index of a folder up to date.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use reread_engine::{Engine, IndexRun, IndexSummary};
use serde::Serialize;

use super::raw_stdout;
use crate::args::{CommonArgs, IndexArgs};
use crate::output::{json, people, say};
use crate::progress::Progress;
use crate::{Outcome, folder, interrupt, resolve};

#[derive(Serialize)]
pub(super) struct SummaryJson<'a> {
    schema: u32,
    folder: &'a Path,
    index: Option<&'a Path>,
    changed: bool,
    resumed: bool,
    files: FilesJson,
    passages: PassagesJson,
    problems: Vec<ProblemJson<'a>>,
    elapsed_ms: f64,
}

#[derive(Serialize)]
struct FilesJson {
    added: usize,
    changed: usize,
    removed: usize,
    unchanged: usize,
    binary: usize,
    symlinks: usize,
    special: usize,
}

#[derive(Serialize)]
struct PassagesJson {
    written: usize,
    embedded: usize,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    path: &'a str,
    line: Option<u32>,
    reason: String,
}

pub(crate) fn run(args: &IndexArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let flags = args.indexing.settings();
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    let index = args.indexing.index.index.as_deref();
    let engine = resolve::engine(&args.folder, index, &settings)?;
    let way: Way = if args.rebuild {
        Engine::rebuild_folder
    } else {
        Engine::index_folder_with
    };
    let summary = bring_up_to_date(&engine, way, common.quiet)
        .with_context(|| format!("cannot index {}", args.folder.display()))?;
    if args.json {
        let mut out = raw_stdout();
        json::write_line(
            &mut out,
            &summary_json(&summary, &args.folder, engine.folder()),
        )?;
        out.flush()?;
    } else if !common.quiet {
        for line in people::index_summary(&summary) {
            say(&line);
        }
    }
    Ok(Outcome::Found)
}

/// One of the engine's ways to bring an index in step with its folder.
pub(crate) type Way = fn(&Engine, &IndexRun<'_>) -> reread_engine::Result<IndexSummary>;

/// Indexes a folder in one way, with a progress bar, until it is done or the user stops it.
pub(crate) fn bring_up_to_date(
    engine: &Engine,
    way: Way,
    quiet: bool,
) -> reread_engine::Result<IndexSummary> {
    let _orderly = interrupt::orderly();
    let progress = Progress::new(quiet);
    let summary = way(engine, &progress.run());
    progress.finish();
    summary
}

pub(super) fn summary_json<'a>(
    summary: &'a IndexSummary,
    folder: &'a Path,
    index: Option<&'a Path>,
) -> SummaryJson<'a> {
    let problem = |problem: &'a reread_engine::Problem| ProblemJson {
        path: &problem.path,
        line: problem.line,
        reason: problem.reason.to_string(),
    };
    SummaryJson {
        schema: json::SCHEMA,
        folder,
        index,
        changed: summary.changed,
        resumed: summary.resumed,
        files: FilesJson {
            added: summary.n_added,
            changed: summary.n_changed,
            removed: summary.n_removed,
            unchanged: summary.n_unchanged,
            binary: summary.n_binary,
            symlinks: summary.n_symlinks,
            special: summary.n_special,
        },
        passages: PassagesJson {
            written: summary.n_passages,
            embedded: summary.n_embedded,
        },
        problems: summary.problems.iter().map(problem).collect(),
        elapsed_ms: json::milliseconds(summary.elapsed),
    }
}
