//! Whether catalog, stored passages and BM25 speak of the same passages.

use std::path::Path;

use super::check::{Check, Closed, Subject, blocked};
use super::files::Unsound;
use crate::format::catalog::{self, Catalog, DocumentRecord};
use crate::format::manifest::{Manifest, SegmentRef};
use crate::lexical::LexicalIndex;
use crate::segment::{PassageStore, Record, Segment, split_headings, text_digest};
use reread_retrieval::contextual_text;

/// The catalog, or the check that says why it cannot be read.
pub(super) fn catalog(
    folder: &Path,
    manifest: &Manifest,
    unsound: &Unsound,
) -> Result<Catalog, Check> {
    if unsound.contains(&manifest.catalog.name) {
        return Err(blocked(Subject::Catalog, "its file is damaged"));
    }
    catalog::read_catalog(folder, manifest).map_err(|error| {
        let mut check = Check::new(Subject::Catalog);
        check.fail(&error);
        check
    })
}

/// The checks of catalog, passages and BM25.
pub(super) fn check(
    folder: &Path,
    manifest: &Manifest,
    catalog: &Catalog,
    unsound: &Unsound,
) -> Vec<Check> {
    vec![
        check_catalog(folder, manifest, catalog),
        check_passages(folder, manifest, catalog, unsound),
        check_lexical(folder, manifest, catalog, unsound),
    ]
}

pub(super) fn documents(catalog: &Catalog) -> impl Iterator<Item = &DocumentRecord> {
    catalog.iter().flat_map(|source| &source.documents)
}

pub(super) fn check_catalog(folder: &Path, manifest: &Manifest, catalog: &Catalog) -> Check {
    let mut check = Check::new(Subject::Catalog);
    let path = folder.join(&manifest.catalog.name);
    let n_documents = documents(catalog).count();
    check.extent = format!("{} sources, {n_documents} documents", catalog.len());
    for pair in catalog.windows(2) {
        if pair[0].path >= pair[1].path {
            check.find(&path, None, format!("{:?} is out of order", pair[1].path));
        }
    }
    let mut keys: Vec<(u64, u64, &str)> = documents(catalog)
        .map(|d| {
            (
                d.key,
                d.key.saturating_add(u64::from(d.n_passages.max(1))),
                d.id.as_str(),
            )
        })
        .collect();
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if pair[1].0 < pair[0].1 {
            check.find(
                &path,
                None,
                format!("{:?} and {:?} share keys", pair[0].2, pair[1].2),
            );
        }
    }
    if let Some(&(_, end, id)) = keys.last()
        && end > manifest.next_key
    {
        check.find(
            &path,
            None,
            format!("{id:?} has keys that were never handed out"),
        );
    }
    for document in documents(catalog).filter(|d| d.n_passages > 0) {
        let known = |segment: &SegmentRef| segment.number == document.segment;
        if !manifest.segments.iter().any(known) {
            let problem = format!(
                "{:?} is in segment {}, which is not there",
                document.id, document.segment
            );
            check.find(&path, None, problem);
        }
    }
    for segment in &manifest.segments {
        check_positions(&mut check, &path, catalog, segment);
    }
    check
}

/// Every position of a segment is part of one document, or deleted.
fn check_positions(check: &mut Check, path: &Path, catalog: &Catalog, segment: &SegmentRef) {
    let inside = documents(catalog).filter(|d| d.segment == segment.number && d.n_passages > 0);
    let live = inside.map(|d| (d.first, d.first.saturating_add(d.n_passages)));
    let mut ranges: Vec<(u32, u32)> = live.chain(segment.deleted.iter().copied()).collect();
    ranges.sort_unstable();
    let mut at = 0;
    for (start, end) in ranges {
        if start != at || end <= start {
            let problem = format!(
                "positions around {} of segment {} belong to no document or to two",
                at.min(start),
                segment.number
            );
            check.find(path, None, problem);
        }
        at = at.max(end);
    }
    if at != segment.n_passages {
        let problem = format!(
            "segment {} has {} passages, but {at} are accounted for",
            segment.number, segment.n_passages
        );
        check.find(path, None, problem);
    }
}

fn check_passages(
    folder: &Path,
    manifest: &Manifest,
    catalog: &Catalog,
    unsound: &Unsound,
) -> Check {
    let mut check = Check::new(Subject::Passages);
    let mut n_checked = 0;
    for described in &manifest.segments {
        match check_segment(&mut check, folder, catalog, described, unsound) {
            Ok(n_passages) => n_checked += n_passages,
            Err(closed) => check.close(closed),
        }
    }
    check.extent = format!("{n_checked} passages");
    check
}

/// Compares the stored passages of a segment with the catalog. Returns how many there are.
pub(super) fn check_segment(
    check: &mut Check,
    folder: &Path,
    catalog: &Catalog,
    described: &SegmentRef,
    unsound: &Unsound,
) -> Result<usize, Closed> {
    if unsound.contains(&described.passages.name) {
        return Err(Closed::of_segment(described));
    }
    let store = PassageStore::open(folder, described)?;
    let path = folder.join(&described.passages.name);
    let inside = documents(catalog).filter(|d| d.segment == described.number);
    let n_checked = inside.map(|document| check_document(check, &path, &store, document));
    Ok(n_checked.sum())
}

/// Compares the records of a document with the catalog and reads their strings. Returns how many
/// there are.
fn check_document(
    check: &mut Check,
    path: &Path,
    store: &PassageStore,
    document: &DocumentRecord,
) -> usize {
    for i in 0..document.n_passages {
        if check.is_full() {
            break;
        }
        let position = document.first.saturating_add(i);
        let key = document.key.saturating_add(u64::from(i));
        let problem = match store.record(position) {
            Ok(record) => wrong_with(store, &record, document, key),
            Err(error) => {
                check.fail(&error);
                continue;
            }
        };
        if let Some(problem) = problem {
            let id = &document.id;
            let problem = format!("passage {position}, of {id:?}, {problem}");
            check.find(path, Some(store.record_offset(position)), problem);
        }
    }
    document.n_passages as usize
}

/// What is wrong with the stored passage of a document, if anything is.
fn wrong_with(
    store: &PassageStore,
    record: &Record,
    document: &DocumentRecord,
    key: u64,
) -> Option<String> {
    if record.key != key {
        let found = record.key;
        return Some(format!("has key {found}, but the catalog says {key}"));
    }
    if record.start_byte > record.end_byte || record.start_line > record.end_line {
        return Some("ends before it begins".to_owned());
    }
    let Ok((headings, text)) = store.strings(record) else {
        return Some("points to strings that are not there".to_owned());
    };
    let embedded = contextual_text(&document.title, &split_headings(headings), text);
    (text_digest(&embedded) != record.text_digest)
        .then(|| "is not the text that was embedded: its digest differs".to_owned())
}

pub(super) fn check_lexical(
    folder: &Path,
    manifest: &Manifest,
    catalog: &Catalog,
    unsound: &Unsound,
) -> Check {
    if manifest
        .lexical_files
        .iter()
        .any(|file| unsound.contains(&file.name))
    {
        return blocked(Subject::Lexical, "one of its files is damaged");
    }
    let mut check = Check::new(Subject::Lexical);
    let path = folder.join(&manifest.lexical);
    let stored = match LexicalIndex::open(&path).and_then(|lexical| lexical.keys()) {
        Ok(stored) => stored,
        Err(error) => {
            check.fail(&error);
            return check;
        }
    };
    check.extent = format!("{} passages", stored.len());
    compare_keys(&mut check, &path, &stored, catalog);
    check
}

/// Compares the keys that BM25 has, ascending, with those that documents own.
fn compare_keys(check: &mut Check, path: &Path, stored: &[u64], catalog: &Catalog) {
    let extra = |key: u64| {
        format!("it holds passage key {key}, which belongs to no document or occurs twice")
    };
    let mut owners: Vec<&DocumentRecord> = documents(catalog).collect();
    owners.sort_unstable_by_key(|document| document.key);
    let mut stored = stored.iter().copied().peekable();
    let owned = owners.into_iter().flat_map(|document| {
        let keys = 0..u64::from(document.n_passages);
        keys.map(|i| (document.key.saturating_add(i), document.id.as_str()))
    });
    for (key, id) in owned {
        if check.is_full() {
            return;
        }
        while let Some(stored) = stored.next_if(|&stored| stored < key) {
            check.find(path, None, extra(stored));
        }
        if stored.next_if_eq(&key).is_none() {
            let problem = format!("passage key {key} of {id:?} is not in it");
            check.find(path, None, problem);
        }
    }
    for stored in stored {
        check.find(path, None, extra(stored));
    }
}

/// Opens a segment of which no file is damaged, or says why not.
pub(super) fn open_sound(
    folder: &Path,
    manifest: &Manifest,
    segment: &SegmentRef,
    unsound: &Unsound,
) -> Result<Segment, Closed> {
    let mut files = segment.files().into_iter();
    if files.any(|(file, _)| unsound.contains(&file.name)) {
        return Err(Closed::of_segment(segment));
    }
    let model = manifest.model().to_string();
    Ok(Segment::open(
        folder,
        segment,
        &model,
        manifest.dim as usize,
    )?)
}
