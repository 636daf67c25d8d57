//! Length, header and digest of every file that a manifest names.
//!
//! Files are read, not mapped: a sector that the disk cannot read is then an error of this check
//! and not the end of the process.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;

use super::{Check, Finding, Remedy, Subject};
use crate::format::atomic::read_error;
use crate::format::header::{self, FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, Manifest};
use crate::{Error, Result};

/// Names of files that are not as they were written, or cannot be read.
pub(super) type Unsound = HashSet<String>;

/// Checks every file that the manifest names. Returns also those that are unsound.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> (Check, Unsound) {
    let named = named(manifest);
    let results: Vec<Result<()>> = named
        .par_iter()
        .map(|(file, kind)| verify(&folder.join(&file.name), file, *kind))
        .collect();
    let mut check = Check::new(Subject::Files);
    let mut unsound = Unsound::new();
    for ((file, _), result) in named.iter().zip(results) {
        let Err(error) = result else { continue };
        unsound.insert(file.name.clone());
        if let Error::Io { path, source, .. } = &error {
            check.not_checked = Some("a file cannot be read".to_owned());
            check.note(Finding {
                path: path.clone(),
                offset: None,
                problem: format!("it cannot be read: {source}"),
                remedy: Remedy::Permit,
            });
        } else {
            check.fail(&error);
        }
    }
    let len_bytes: u64 = named.iter().map(|(file, _)| file.len_bytes).sum();
    check.extent = format!("{} files, {len_bytes} bytes", named.len());
    (check, unsound)
}

/// Every file of a generation but MANIFEST; foreign ones have no kind.
pub(crate) fn named(manifest: &Manifest) -> Vec<(&FileRef, Option<FileKind>)> {
    let mut named = vec![(&manifest.catalog, Some(FileKind::Catalog))];
    for segment in &manifest.segments {
        named.push((&segment.passages, Some(FileKind::Passages)));
        named.push((&segment.vectors, Some(FileKind::Vectors)));
        named.push((&segment.quantised, Some(FileKind::Quantised)));
        let graph = segment.graph.iter().flat_map(|graph| &graph.files);
        named.extend(graph.map(|file| (file, None)));
    }
    named.extend(manifest.lexical_files.iter().map(|file| (file, None)));
    named
}

/// Compares a file with what the manifest says of it.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn verify(path: &Path, file: &FileRef, kind: Option<FileKind>) -> Result<()> {
    let damaged = |offset: u64, problem: &str| Error::Damaged {
        path: path.to_owned(),
        offset,
        problem: problem.to_owned(),
    };
    let unreadable = |source| read_error(path, source);
    let mut open = File::open(path).map_err(unreadable)?;
    let found_len = open.metadata().map_err(unreadable)?.len();
    let front_len = if kind.is_some() {
        HEADER_BYTES as u64
    } else {
        0
    };
    let len_bytes = file.len_bytes.saturating_add(front_len);
    if found_len != len_bytes {
        let problem = format!("it has {found_len} bytes and had {len_bytes}");
        return Err(damaged(found_len.min(len_bytes), &problem));
    }
    if let Some(kind) = kind {
        let mut front = [0; HEADER_BYTES];
        open.read_exact(&mut front).map_err(unreadable)?;
        let header = header::decode_front(path, &front, found_len, kind)?;
        if header.digest != file.digest {
            return Err(damaged(
                32,
                "its header has another digest than the manifest",
            ));
        }
    }
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut open, &mut hasher).map_err(unreadable)?;
    if *hasher.finalize().as_bytes() == file.digest {
        return Ok(());
    }
    Err(damaged(front_len, "the content does not match its digest"))
}
