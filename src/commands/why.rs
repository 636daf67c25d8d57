//! `reread why`: what became of one place in a search.

use std::io::Write;

use anyhow::bail;
use reread_engine::{Cause, Place};

use super::search::refresh;
use super::{get, raw_stdout, styled_stdout};
use crate::args::{CommonArgs, WhyArgs};
use crate::output::shown::Shown;
use crate::output::{say_warnings, why};
use crate::{Outcome, folder, resolve};

pub(crate) fn run(args: &WhyArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    if args.question.trim().is_empty() {
        bail!("the question is empty");
    }
    folder::check(&args.folder)?;
    let (path, lines) = get::place(&args.place, &args.folder)?;
    let place = Place {
        document: path.to_string_lossy().into_owned(),
        lines,
    };
    let searching = &args.searching;
    let settings = resolve::settings(searching.settings(), Some(&args.folder), common)?;
    let options = resolve::search_options(&settings, &searching.filter)?;
    let engine = resolve::engine(&args.folder, searching.index.index.as_deref(), &settings)?;
    if !settings.search.no_refresh {
        refresh(&engine, &args.folder, common.quiet, searching.wait.when())?;
    }
    let found = engine.why(&args.question, &place, &options)?;
    if args.json {
        let mut out = raw_stdout();
        why::write_json(&mut out, &found)?;
        out.flush()?;
    } else {
        say_warnings(&found.warnings);
        let mut out = styled_stdout();
        why::write_text(&mut out, &found, &options, &Shown::in_folder(&args.folder))?;
        out.flush()?;
    }
    Ok(match found.cause {
        Cause::Shown => Outcome::Found,
        _ => Outcome::NothingFound,
    })
}
