//! `reread backup` and `reread restore`: an index copied, and put back.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use reread_engine::Engine;
use reread_engine::backup::{Copied, Overwrite};
use reread_wire::backup as wire;

use super::raw_stdout;
use crate::args::{BackupArgs, CommonArgs, RestoreArgs, Settings};
use crate::output::{bytes, counted, json, say};
use crate::{Outcome, folder, resolve};

pub(crate) fn backup(args: &BackupArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let engine = engine(&args.folder, args.index.index.as_deref(), common)?;
    let failed = || format!("cannot back up to {}", args.to.display());
    let copied = engine.backup(&args.to).with_context(failed)?;
    report("backed up to", &copied, args.json, common)
}

pub(crate) fn restore(args: &RestoreArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let engine = engine(&args.folder, args.index.index.as_deref(), common)?;
    let overwrite = if args.force {
        Overwrite::Allow
    } else {
        Overwrite::Refuse
    };
    let index = engine.index_folder().unwrap_or(&args.folder).display();
    let failed = || format!("cannot restore {} to {index}", args.from.display());
    let copied = engine.restore(&args.from, overwrite).with_context(failed)?;
    report("restored to", &copied, args.json, common)
}

fn engine(root: &Path, index: Option<&Path>, common: &CommonArgs) -> anyhow::Result<Engine> {
    folder::check(root)?;
    let settings = resolve::settings(Settings::default(), Some(root), common)?;
    resolve::engine(root, index, &settings)
}

fn report(
    done: &str,
    copied: &Copied,
    as_json: bool,
    common: &CommonArgs,
) -> anyhow::Result<Outcome> {
    if as_json {
        let mut out = raw_stdout();
        json::write_line(&mut out, &wire::Copied::from(copied))?;
        out.flush()?;
    } else if !common.quiet {
        say(&format!(
            "{done} {}: generation {}, {}, {}",
            copied.folder.display(),
            copied.generation,
            counted(copied.n_files, "file"),
            bytes(copied.n_bytes)
        ));
    }
    Ok(Outcome::Found)
}
