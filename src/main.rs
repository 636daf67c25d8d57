//! The command line of Reread: two-pass retrieval on your own documents.
//!
//! Two steps: `args` only parses and validates, `resolve` joins flags with the configuration files
//! and turns them into the engine's options. The `commands` then do the work; results go to the
//! standard output, everything else to the standard error.

mod args;
mod changes;
mod commands;
mod config;
mod folder;
mod interrupt;
mod output;
mod panics;
mod progress;
mod resolve;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use crate::args::{Cli, ColorArg, Command, MAX_SHOWN};
use crate::output::{clean, errors, say};

/// Something was found, or done.
const EXIT_FOUND: u8 = 0;
/// The search went well and found nothing.
const EXIT_NOTHING: u8 = 1;
/// A usage error, or something failed.
const EXIT_ERROR: u8 = 2;

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Found,
    NothingFound,
}

fn main() -> ExitCode {
    interrupt::ignore_file_size_signal();
    panics::keep_caught_ones_quiet();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut error) => {
            shorten(&mut error);
            // Help on a closed pipe is no error either.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EXIT_ERROR));
        }
    };
    match cli.common.color {
        ColorArg::Auto => anstream::ColorChoice::Auto,
        ColorArg::Always => anstream::ColorChoice::AlwaysAnsi,
        ColorArg::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    ExitCode::from(match run(cli) {
        Ok(Outcome::Found) => EXIT_FOUND,
        Ok(Outcome::NothingFound) => EXIT_NOTHING,
        Err(error) => exit_status(&error),
    })
}

/// Leaves out what would fill the screen of a value that is refused.
fn shorten(error: &mut clap::Error) {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return;
    };
    if value.chars().count() > MAX_SHOWN {
        let shown: String = value.chars().take(MAX_SHOWN).collect();
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown + "…"));
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let common = &cli.common;
    match cli.command {
        Command::Search(args) => commands::search::run(*args, common),
        Command::Index(args) => commands::index::run(&args, common),
        Command::Watch(args) => commands::watch::run(&args, common),
        Command::Rerank(args) => commands::rerank::run(&args, common),
        Command::Eval(args) => commands::eval::run(&args, common),
        Command::WorthIt(args) => commands::worth_it::run(&args, common),
        Command::Judge(args) => commands::judge::run(&args, common),
        Command::Tune(args) => commands::tune::run(&args, common),
        Command::Why(args) => commands::why::run(&args, common),
        Command::Get(args) => commands::get::run(&args, common),
        Command::Status(args) => commands::status::run(&args, common),
        Command::Doctor(args) => commands::doctor::run(&args, common),
        Command::Backup(args) => commands::backup::backup(&args, common),
        Command::Restore(args) => commands::backup::restore(&args, common),
        Command::Models(args) => commands::models::run(args, common),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    }
}

/// Reports an error and returns the status to end with.
fn exit_status(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return EXIT_FOUND;
    }
    say(&format!("reread: {}", clean(&errors::line(error))));
    if is_cancelled(error) {
        interrupt::EXIT_INTERRUPTED
    } else {
        EXIT_ERROR
    }
}

/// Whether the reader of our output has gone away, as `head` does when it has enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<reread_engine::Error>(),
            Some(reread_engine::Error::Cancelled(_))
        )
    })
}
