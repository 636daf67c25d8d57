//! Length, header and digest of every file that a manifest names.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::check::{Check, Finding, Remedy, Subject};
use crate::format::checked;
use crate::format::manifest::Manifest;
use crate::{Error, Result};

/// Names of files that are not as they were written, or cannot be read.
pub(super) type Unsound = HashSet<String>;

/// What is known of the files of a generation.
pub(super) struct Checked {
    pub(super) check: Check,
    pub(super) unsound: Unsound,
    /// Why a file cannot be read that may be sound.
    pub(super) unreadable: Option<Error>,
}

/// Checks every file that the manifest names.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> Checked {
    let named = manifest.files();
    let results: Vec<Result<()>> = named
        .par_iter()
        .map(|(file, kind)| checked::verify(&folder.join(&file.name), file, *kind))
        .collect();
    let mut check = Check::new(Subject::Files);
    let mut unsound = Unsound::new();
    let mut unreadable = None;
    for ((file, _), result) in named.iter().zip(results) {
        let Err(error) = result else { continue };
        unsound.insert(file.name.clone());
        let Error::Io { path, source, .. } = &error else {
            check.fail(&error);
            continue;
        };
        let problem = format!("it cannot be read: {source}");
        if is_lost(source) {
            check.find(path, None, problem);
            continue;
        }
        check.not_checked = Some("a file cannot be read".to_owned());
        check.note(Finding {
            path: path.clone(),
            offset: None,
            problem,
            remedy: Remedy::Permit,
        });
        unreadable = Some(error);
    }
    let len_bytes: u64 = named.iter().map(|(file, _)| file.len_bytes).sum();
    check.extent = format!("{} files, {len_bytes} bytes", named.len());
    Checked {
        check,
        unsound,
        unreadable,
    }
}

/// Whether it is the disk that cannot read, and not a right or a limit that this process lacks.
fn is_lost(error: &io::Error) -> bool {
    // EIO, and ERROR_CRC.
    let code = if cfg!(windows) { 23 } else { 5 };
    error.raw_os_error() == Some(code)
}
