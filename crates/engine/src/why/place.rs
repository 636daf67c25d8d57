//! Finds the passages that hold a place.

use std::ops::{Range, RangeInclusive};
use std::path::{Component, Path};

use reread_document::DocumentKind;
use reread_retrieval::{DocumentKey, LeftOut, LocalFirstPass, Passage, composed};

use super::{Place, unheld};
use crate::span;
use crate::spelled::spelled;
use crate::warning::Warning;
use crate::{Error, Result};

/// Where a place stands in an index.
pub(super) enum Location {
    /// In no passage, and why.
    Missing(LeftOut),
    /// In these.
    Found(Located),
}

/// The passages that hold a place.
pub(super) struct Located {
    /// Each holds all of the place; or, where it is cut, a part. Never empty.
    pub(super) passages: Vec<Passage>,
    /// Whether no passage holds all of it.
    pub(super) is_cut: bool,
    /// The lines that are meant, where not the whole document is.
    pub(super) lines: Option<RangeInclusive<u32>>,
    /// What the user should know about how the place was read.
    pub(super) warning: Option<Warning>,
}

impl Located {
    /// Where the place ends in the text of one of its passages, in bytes; at the beginning for a
    /// whole document, as any part of it will do.
    pub(super) fn end_in(&self, passage: &Passage) -> usize {
        let lines = self.lines.as_ref();
        let span = lines.and_then(|lines| trimmed_span(passage, lines));
        span.map_or(0, |span| span.end)
    }
}

/// Finds a place in an index of `root`.
///
/// # Errors
/// `Outside`, `IsAFolder`, `NoSuchLines`, and what reading an index can fail with.
pub(super) fn locate(
    local: &dyn LocalFirstPass,
    root: Option<&Path>,
    place: &Place,
) -> Result<Location> {
    let mut documents = named(local, &place.document);
    let mut path = place.document.clone();
    if documents.is_empty()
        && let Some(root) = root
    {
        let given = spelled(root, Path::new(&place.document));
        path = name_in(root, &given)?;
        documents = named(local, &path);
    }
    let passages = passages_of(local, &documents)?;
    if passages.is_empty() {
        if root.is_some_and(|root| root.join(&path).is_dir()) {
            let path = Path::new(&place.document).to_owned();
            return Err(Error::IsAFolder { path });
        }
        let reason = local.left_out(root, &path).map_err(Error::of_first_pass)?;
        let is_known = !documents.is_empty();
        return Ok(Location::Missing(match reason {
            // A record goes by its own name, and not by that of its file.
            LeftOut::NoSuchFile | LeftOut::NoSuchDocument if is_known => LeftOut::Empty,
            reason => reason,
        }));
    }
    // A title alone stands for the whole document.
    let is_title = passages.len() == 1 && passages[0].bytes.is_empty();
    match &place.lines {
        Some(lines) if !is_title => on_lines(passages, lines, root, &path),
        _ => Ok(Location::Found(Located {
            passages,
            is_cut: false,
            lines: None,
            warning: None,
        })),
    }
}

/// The documents that are called so, or come from the file of this name. A name with its accents
/// composed in another way is one of theirs where no other is.
fn named(local: &dyn LocalFirstPass, name: &str) -> Vec<DocumentKey> {
    let all = local.documents();
    let those = |is_it: &dyn Fn(&str) -> bool| -> Vec<DocumentKey> {
        let named = all
            .iter()
            .filter(|document| is_it(&document.id) || is_it(&document.path));
        named.map(|document| document.key).collect()
    };
    let exactly = those(&|other| other == name);
    if !exactly.is_empty() || name.is_ascii() {
        return exactly;
    }
    let name = composed(name);
    those(&|other| composed(other) == name)
}

fn passages_of(local: &dyn LocalFirstPass, documents: &[DocumentKey]) -> Result<Vec<Passage>> {
    let mut passages = Vec::new();
    for &document in documents {
        let found = local.passages_of(document);
        passages.extend(found.map_err(Error::of_first_pass)?);
    }
    Ok(passages)
}

/// Of some passages, those on these lines.
fn on_lines(
    passages: Vec<Passage>,
    lines: &RangeInclusive<u32>,
    root: Option<&Path>,
    path: &str,
) -> Result<Location> {
    let is_on = |passage: &Passage| {
        passage.lines().start() <= lines.end() && lines.start() <= passage.lines().end()
    };
    let (on, others): (Vec<_>, Vec<_>) = passages.into_iter().partition(is_on);
    if on.is_empty() {
        let nearest = others.into_iter().reduce(|a, b| next(a, b, lines));
        let nearest = nearest.expect("the document has passages");
        return off(nearest, lines, root, path);
    }
    let whole = whole(&on, lines);
    let is_cut = !whole.contains(&true);
    let held = on
        .into_iter()
        .zip(whole)
        .filter(|(_, whole)| is_cut || *whole);
    Ok(Location::Found(Located {
        passages: held.map(|(passage, _)| passage).collect(),
        is_cut,
        lines: Some(lines.clone()),
        warning: None,
    }))
}

/// Of two passages that are not on these lines the one that comes next after them; if neither comes
/// after them, the later one.
fn next(a: Passage, b: Passage, lines: &RangeInclusive<u32>) -> Passage {
    let start = |passage: &Passage| *passage.lines().start();
    let is_below = |passage: &Passage| start(passage) > *lines.end();
    let is_a = match (is_below(&a), is_below(&b)) {
        (true, true) => start(&a) <= start(&b),
        (false, false) => a.lines().end() >= b.lines().end(),
        (is_a, _) => is_a,
    };
    if is_a { a } else { b }
}

/// Lines that are in no passage: headings, records without a word, or signs alone. Of a text what stands
/// below them is meant, if anything does.
fn off(
    nearest: Passage,
    lines: &RangeInclusive<u32>,
    root: Option<&Path>,
    path: &str,
) -> Result<Location> {
    let line = *lines.start();
    if nearest.kind == DocumentKind::JsonLines {
        let record = |root| unheld::record(root, &nearest.path, line);
        return Ok(Location::Missing(root.map_or(LeftOut::NoRecord, record)));
    }
    let below = *nearest.lines().start();
    if below <= *lines.end() {
        unheld::end(root, &nearest, line)?;
        return Ok(Location::Missing(LeftOut::NoWord));
    }
    let path = path.to_owned();
    Ok(Location::Found(Located {
        passages: vec![nearest],
        is_cut: false,
        lines: None,
        warning: Some(Warning::Between { path, line, below }),
    }))
}

/// For each passage, whether it holds as much of the lines as all of them together.
fn whole(passages: &[Passage], lines: &RangeInclusive<u32>) -> Vec<bool> {
    let in_document = |passage: &Passage| -> Range<u64> {
        let span = trimmed_span(passage, lines).unwrap_or(0..0);
        let at = |byte: usize| passage.bytes.start + byte as u64;
        at(span.start)..at(span.end)
    };
    if passages.iter().any(|p| p.kind == DocumentKind::JsonLines) {
        return vec![true; passages.len()];
    }
    let spans: Vec<Range<u64>> = passages.iter().map(in_document).collect();
    let start = spans.iter().map(|span| span.start).min();
    let end = spans.iter().map(|span| span.end).max();
    spans
        .iter()
        .map(|span| Some(span.start) == start && Some(span.end) == end)
        .collect()
}

/// As [`span::of_lines`], without the blanks at both ends, which some passages lack.
fn trimmed_span(passage: &Passage, lines: &RangeInclusive<u32>) -> Option<Range<usize>> {
    let span = span::of_lines(passage, lines)?;
    let text = passage.text.get(span.clone())?;
    let start = span.start + (text.len() - text.trim_start().len());
    Some(start..start + text.trim().len())
}

/// The name of a path in a folder, with `/` between its parts, whether or not it exists.
fn name_in(root: &Path, path: &Path) -> Result<String> {
    let outside = || Error::Outside {
        path: path.to_owned(),
        root: root.to_owned(),
    };
    let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let relative = if path.is_absolute() {
        path.strip_prefix(root)
            .or_else(|_| path.strip_prefix(&real_root))
            .map_err(|_| outside())?
    } else {
        path
    };
    let mut parts = Vec::new();
    for part in relative.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy()),
            Component::ParentDir if parts.pop().is_none() => return Err(outside()),
            _ => (),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_from_its_folder() {
        let root = Path::new("/notes");
        let name = |path: &str| name_in(root, Path::new(path)).unwrap();
        assert_eq!(name("a/../b//c.md"), "b/c.md");
        assert_eq!(name("/notes/./a.md"), "a.md");
        for path in ["../a.md", "a/../../b", "/other/a.md"] {
            let error = name_in(root, Path::new(path)).unwrap_err();
            assert!(matches!(error, Error::Outside { .. }), "{path}");
        }
    }
}
