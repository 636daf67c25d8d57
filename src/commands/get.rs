//! `reread get`: lines of a document as the index sees them.

use std::io::{IsTerminal, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::raw_stdout;
use crate::args::{CommonArgs, GetArgs, Settings};
use crate::output::clean_lines;
use crate::{Outcome, folder, resolve};

pub(crate) fn run(args: &GetArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let flags = Settings {
        read: args.read,
        ..Settings::default()
    };
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    let (path, lines) = place(&args.place, &args.folder)?;
    let options = resolve::index_options(&settings).with_links(args.follow);
    let mut text = reread_engine::read_lines(&args.folder, &path, lines, &options)?;
    if std::io::stdout().is_terminal() {
        text = clean_lines(&text);
    }
    let mut out = raw_stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(if text.is_empty() {
        Outcome::NothingFound
    } else {
        Outcome::Found
    })
}

/// Splits `a.md:10-20`. Lines count from 1. A file whose name ends like that is meant itself.
pub(super) fn place(
    place: &str,
    folder: &Path,
) -> anyhow::Result<(PathBuf, Option<RangeInclusive<u32>>)> {
    let named = |path: &str| PathBuf::from(folder::name_in(folder, path));
    let whole = || (named(place), None);
    let Some((path, lines)) = place.rsplit_once(':') else {
        return Ok(whole());
    };
    let looks_like_lines = lines
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if path.is_empty() || !looks_like_lines {
        return Ok(whole());
    }
    let is_there = |name: &str| folder::is_there(folder, &named(name));
    if !is_there(path) && is_there(place) {
        return Ok(whole());
    }
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last => {
            Ok((named(path), Some(first..=last)))
        }
        _ => {
            bail!("{lines:?} is not a range of lines; write one such as {path}:10-20 or {path}:10")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_after_the_last_colon() {
        let folder = Path::new("nowhere");
        let parse = |text| place(text, folder).unwrap();
        assert_eq!(parse("a.md"), ("a.md".into(), None));
        assert_eq!(parse("a.md:10"), ("a.md".into(), Some(10..=10)));
        assert_eq!(parse("x:y/a.md:10-20"), ("x:y/a.md".into(), Some(10..=20)));
        assert_eq!(parse("C:\\a.md"), ("C:\\a.md".into(), None));
        for bad in [
            "a.md:0",
            "a.md:5-2",
            "a.md:1-2-3",
            "a.md:",
            "a.md:-",
            "a.md:99999999999",
        ] {
            assert!(place(bad, folder).is_err(), "{bad}");
        }
    }
}
