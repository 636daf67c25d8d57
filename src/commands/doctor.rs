//! `reread doctor`: checks all of an index, and mends what can be mended.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use reread_engine::doctor::{Built, Diagnosis, Loss, Mended, Remedy, Verdict, remove_leftovers};
use reread_engine::{Engine, Error, IndexError};
use reread_wire::doctor as wire;

use super::index::bring_up_to_date;
use super::raw_stdout;
use crate::args::{CommonArgs, DoctorArgs, Settings, Wait};
use crate::output::{counted, doctor, json, say};
use crate::progress::Progress;
use crate::{Outcome, folder, interrupt, resolve};

/// How many files and documents are named; the others are counted.
const MAX_NAMED: usize = 10;

pub(crate) fn run(args: &DoctorArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let engine = engine(args, common, None)?;
    let before = engine.diagnose()?;
    let (diagnosis, repairs) = if args.repair {
        let repairs = repair(&engine, args, common, &before)?;
        let after = if repairs.is_empty() {
            before
        } else {
            engine.diagnose()?
        };
        (after, Some(repairs))
    } else {
        (before, None)
    };
    let mut out = raw_stdout();
    if args.json {
        json::write_line(&mut out, &wire::Diagnosis::new(&diagnosis, repairs))?;
    } else {
        doctor::write_people(&mut out, &diagnosis, repairs.as_deref())?;
    }
    out.flush()?;
    match diagnosis.verdict() {
        Verdict::Problem => Ok(Outcome::NothingFound),
        Verdict::NotChecked => bail!("not everything could be checked"),
        _ => Ok(Outcome::Found),
    }
}

/// An engine over the folder that would build the index as it was built.
fn engine(args: &DoctorArgs, common: &CommonArgs, built: Option<&Built>) -> anyhow::Result<Engine> {
    let mut flags = Settings {
        models: args.models.clone(),
        ..Settings::default()
    };
    if let Some(built) = built {
        flags.index.passage_tokens = Some(built.max_tokens);
        flags.index.overlap_tokens = Some(built.overlap_tokens);
        flags.walk.hidden = built.hidden;
        flags.walk.no_hidden = !built.hidden;
        flags.walk.no_ignore = built.ignored;
        flags.walk.ignore = !built.ignored;
        flags.walk.follow = built.links;
        flags.walk.no_follow = !built.links;
        flags.read.max_file_size = Some(built.max_file_bytes);
    }
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    resolve::engine(&args.folder, args.index.index.as_deref(), &settings)
}

/// Mends what is wrong. Returns what was done, in sentences.
fn repair(
    engine: &Engine,
    args: &DoctorArgs,
    common: &CommonArgs,
    found: &Diagnosis,
) -> anyhow::Result<Vec<String>> {
    let mut findings = found.checks.iter().flat_map(|check| &check.findings);
    if findings.any(|finding| finding.remedy == Remedy::Permit) {
        bail!(
            "nothing was repaired, because some files cannot be read; make them readable and try again"
        );
    }
    let mut done = Vec::new();
    if found.has_leftovers() {
        for path in remove_leftovers(&found.folder)? {
            done.push(format!("removed {}", path.display()));
        }
    }
    if found.verdict() == Verdict::Problem {
        match mend(engine, args, common) {
            Ok(what) => done.extend(what),
            Err(Unmendable::Sources(reason)) => {
                done.push(rebuild(args, common, found, &reason)?);
            }
            Err(Unmendable::Failed(error)) => return Err(error),
        }
    }
    Ok(done)
}

/// Why nothing could be made from what the index stores.
enum Unmendable {
    /// What it would be made from is damaged too.
    Sources(String),
    Failed(anyhow::Error),
}

/// Makes again what can be made from what the index stores.
fn mend(
    engine: &Engine,
    args: &DoctorArgs,
    common: &CommonArgs,
) -> Result<Vec<String>, Unmendable> {
    let loss = if args.discard_added {
        Loss::Accept
    } else {
        Loss::Refuse
    };
    let _orderly = interrupt::orderly();
    let progress = Progress::new(common.quiet);
    let mended = engine.mend(loss, &progress.run());
    progress.finish();
    match mended {
        Ok(mended) if mended == Mended::default() => Err(Unmendable::Sources(
            "what is damaged cannot be remade from anything else".to_owned(),
        )),
        Ok(mended) => Ok(what_was_done(&mended)),
        // Without the advice to mend it, which is what has been tried.
        Err(Error::Index(IndexError::Damaged {
            path,
            offset,
            problem,
        })) => Err(Unmendable::Sources(format!(
            "{} is damaged at byte {offset}: {problem}",
            path.display()
        ))),
        Err(Error::Index(error @ IndexError::NoIndex { .. })) => {
            Err(Unmendable::Sources(error.to_string()))
        }
        Err(error @ Error::Index(IndexError::WouldLose { .. })) => Err(Unmendable::Failed(
            anyhow::Error::from(error).context("nothing was repaired; --discard-added allows it"),
        )),
        Err(error) => Err(Unmendable::Failed(
            anyhow::Error::from(error).context("the index was left as it was"),
        )),
    }
}

fn what_was_done(mended: &Mended) -> Vec<String> {
    let mut done = Vec::new();
    if mended.n_segments > 0 {
        let segments = counted(mended.n_segments, "segment");
        done.push(format!(
            "remade the searchable form of {segments} from the stored vectors"
        ));
    }
    if mended.n_embedded > 0 {
        let passages = counted(mended.n_embedded, "passage");
        done.push(format!("embedded {passages} again from the stored texts"));
    }
    if mended.lexical {
        done.push("remade BM25 from the stored texts".to_owned());
    }
    if !mended.dropped.is_empty() {
        done.push(format!(
            "dropped {} whose stored texts are damaged; `reread index` reads them again: {}",
            counted(mended.dropped.len(), "file"),
            named(&mended.dropped)
        ));
    }
    done.push(format!("lost: {}", documents(&mended.lost)));
    done
}

/// Rebuilds the index from its folder, once it has been said what that loses.
fn rebuild(
    args: &DoctorArgs,
    common: &CommonArgs,
    found: &Diagnosis,
    reason: &str,
) -> anyhow::Result<String> {
    found.check_root(&args.folder)?;
    if args.index.index.is_some() && found.built.is_none() && args.folder == Path::new(".") {
        bail!(
            "only rebuilding the index would help ({reason}), and nothing records any more which folder it belongs to; \
             give that folder's full path"
        );
    }
    let lost = lost(found);
    match &found.added {
        Some(added) if !added.is_empty() && !args.discard_added => bail!(
            "only rebuilding the index would help ({reason}), and that would lose {lost}; \
             restore a backup, or allow it with --discard-added"
        ),
        _ => {}
    }
    say(&format!(
        "rebuilding the index from {}; this loses {lost}",
        shown(&args.folder)
    ));
    let engine = engine(args, common, found.built.as_ref())?;
    let summary = bring_up_to_date(&engine, Engine::rebuild, common.quiet, Wait::Never)
        .with_context(|| format!("cannot rebuild the index of {}", args.folder.display()))?;
    Ok(format!(
        "rebuilt the index from {}: {}, {}; lost: {lost}",
        shown(&args.folder),
        counted(summary.n_added, "file"),
        counted(summary.n_passages, "passage")
    ))
}

/// What a rebuild from the folder loses.
fn lost(found: &Diagnosis) -> String {
    match &found.added {
        None => {
            "documents that an application added, if there were any (the catalog cannot be read)"
                .to_owned()
        }
        Some(added) => documents(added),
    }
}

fn documents(added: &[String]) -> String {
    if added.is_empty() {
        return "nothing".to_owned();
    }
    format!(
        "{} that an application added ({})",
        counted(added.len(), "document"),
        named(added)
    )
}

/// The first few names, and how many more there are.
fn named(all: &[String]) -> String {
    let named: Vec<&str> = all.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = match all.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
}
