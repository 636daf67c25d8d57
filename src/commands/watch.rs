//! `reread watch`: keeps the index of a folder up to date.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use jiff::ZonedDateTime;
use reread_engine::{Engine, IndexError, IndexSummary, Problem};
use reread_wire::index::Summary;

use super::index::bring_up_to_date;
use super::raw_stdout;
use crate::args::{CommonArgs, Wait, WatchArgs};
use crate::changes::{Changes, Woken};
use crate::output::shown::Shown;
use crate::output::{clean, duration, errors, json, people, say};
use crate::{Outcome, folder, interrupt, resolve};

/// How soon to try again after another process was writing.
const RETRY: Duration = Duration::from_secs(1);

/// What is watched, and what has been said of it.
struct Watch<'a> {
    engine: Engine,
    args: &'a WatchArgs,
    quiet: bool,
    /// The problems that have been named, by path and line.
    named: HashSet<(String, Option<u32>)>,
    /// Whether the last look could not index because another process was writing.
    waiting: bool,
}

pub(crate) fn run(args: &WatchArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let flags = args.indexing.settings();
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    let index = args.indexing.index.index.as_deref();
    let engine = resolve::engine(&args.folder, index, &settings)?;
    let _orderly = interrupt::orderly_while_waiting();
    // Watching begins before the first look, so that nothing falls between the two.
    let (changes, problem) = Changes::of(&args.folder, engine.index_folder(), args.poll);
    let watch = Watch {
        engine,
        args,
        quiet: common.quiet,
        named: HashSet::new(),
        waiting: false,
    };
    watch.go_on(changes, problem)
}

impl Watch<'_> {
    fn go_on(mut self, mut changes: Changes, problem: Option<String>) -> anyhow::Result<Outcome> {
        if let Some(problem) = problem {
            say_polling(&changes, &problem);
        }
        let mut first = true;
        loop {
            if !self.look(first)? {
                return Ok(Outcome::Found);
            }
            if first && !self.quiet {
                say(&format!(
                    "watching {}; press Ctrl-C to stop",
                    clean(&self.args.folder.display().to_string())
                ));
            }
            first = false;
            loop {
                match changes.wait(self.waiting.then_some(RETRY), interrupt::requested) {
                    Woken::Look => break,
                    Woken::Polling(problem) => say_polling(&changes, &problem),
                    Woken::Stop => return Ok(Outcome::Found),
                }
            }
        }
    }

    /// Indexes what has changed and says so. Returns whether to go on.
    fn look(&mut self, first: bool) -> anyhow::Result<bool> {
        match bring_up_to_date(&self.engine, Engine::update_with, self.quiet, Wait::Never) {
            Ok(summary) => {
                self.waiting = false;
                self.report(&summary, first)?;
                Ok(true)
            }
            Err(reread_engine::Error::Cancelled(_)) => Ok(false),
            // The next look does it; the other process most likely does the same work.
            Err(error @ reread_engine::Error::Index(IndexError::Locked { .. })) => {
                if !self.waiting {
                    let error = errors::line(&anyhow::Error::new(error));
                    say(&format!("waiting: {error}"));
                }
                self.waiting = true;
                Ok(true)
            }
            // A full disk or a folder without permission may pass.
            Err(error @ reread_engine::Error::Index(IndexError::Io { .. })) if !first => {
                let error = errors::line(&anyhow::Error::new(error));
                say(&format!(
                    "cannot index now, and will try again at the next change or in a minute: {error}"
                ));
                Ok(true)
            }
            Err(error) => {
                let what = || format!("cannot index {}", self.args.folder.display());
                Err(error).with_context(what)
            }
        }
    }

    fn report(&mut self, summary: &IndexSummary, first: bool) -> anyhow::Result<()> {
        let new = self.new_problems(&summary.problems);
        if !first && !summary.changed && new.is_empty() {
            return Ok(());
        }
        if self.args.json {
            let mut out = raw_stdout();
            let line = Summary::new(summary, &self.args.folder, self.engine.index_folder());
            json::write_line(&mut out, &line)?;
            out.flush()?;
        } else if !self.quiet {
            let time = ZonedDateTime::now().strftime("%H:%M:%S");
            say(&format!("{time} {}", people::index_line(summary)));
            for problem in new {
                let problem = Shown::in_folder(&self.args.folder).problem(problem);
                say(&format!("  {problem}"));
            }
        }
        Ok(())
    }

    /// The problems that have not been named yet. What is mended may be named again.
    fn new_problems<'p>(&mut self, problems: &'p [Problem]) -> Vec<&'p Problem> {
        let name = |problem: &Problem| (problem.path.clone(), problem.line);
        let before = std::mem::take(&mut self.named);
        self.named = problems.iter().map(name).collect();
        let is_new = |problem: &&Problem| !before.contains(&name(problem));
        problems.iter().filter(is_new).collect()
    }
}

fn say_polling(changes: &Changes, problem: &str) {
    let every = changes
        .interval()
        .expect("what cannot be watched is polled");
    let every = duration(every);
    say(&format!(
        "warning: looking for changes every {every}: {}",
        clean(problem)
    ));
}
