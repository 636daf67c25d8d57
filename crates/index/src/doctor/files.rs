//! Length, header and digest of every file that a manifest names.

use std::collections::HashSet;
use std::path::Path;

use rayon::prelude::*;

use super::{Check, Finding, Remedy, Subject};
use crate::format::checked;
use crate::format::manifest::Manifest;
use crate::{Error, Result};

/// Names of files that are not as they were written, or cannot be read.
pub(super) type Unsound = HashSet<String>;

/// Checks every file that the manifest names. Returns also those that are unsound.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> (Check, Unsound) {
    let named = manifest.files();
    let results: Vec<Result<()>> = named
        .par_iter()
        .map(|(file, kind)| checked::verify(&folder.join(&file.name), file, *kind))
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
