//! What lies in an index folder and belongs to no generation.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::check::{Check, Finding, Remedy, Subject};
use crate::Result;
use crate::format::atomic::io_error;
use crate::format::manifest::Manifest;
use crate::index_folder::{is_locked, is_ours, lock, names, refuse_backup};

/// Looks for what no manifest names. While a writer is at work, what it writes looks the same, so
/// nothing can be said.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> Check {
    let mut check = Check::new(Subject::Leftovers);
    let found = match list(folder, manifest) {
        Ok(found) => found,
        Err(error) => {
            check.fail(&error);
            return check;
        }
    };
    if !found.is_empty() && is_locked(folder).unwrap_or(false) {
        "a writer is at work".clone_into(&mut check.extent);
        return check;
    }
    check.extent = format!("{} found", found.len());
    for path in found {
        check.note(Finding {
            path,
            offset: None,
            problem: "it belongs to no generation of the index".to_owned(),
            remedy: Remedy::Remove,
        });
    }
    check
}

/// Removes what no manifest names, and nothing that a writer cannot have written. Returns what was
/// removed.
///
/// # Errors
/// `IsBackup`; `Locked` while a writer is at work; `Io`; `Damaged` where the manifest cannot be read, as it is
/// then not known what belongs to it.
pub fn remove_leftovers(folder: &Path) -> Result<Vec<PathBuf>> {
    refuse_backup(folder)?;
    // Taking the lock would make a folder of what is none.
    Manifest::read(folder)?;
    let lock = lock(folder)?;
    let found = list(folder, &Manifest::read(folder)?)?;
    for path in &found {
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.map_err(|source| io_error("remove", path, source))?;
    }
    drop(lock);
    Ok(found)
}

/// Entries with a writer's name that this generation does not need, and files inside its folders
/// that it does not name.
fn list(folder: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>> {
    let needed = manifest.entries();
    let files: HashSet<&str> = manifest
        .files()
        .into_iter()
        .map(|(file, _)| file.name.as_str())
        .collect();
    let mut found = Vec::new();
    for name in names(folder)? {
        if !is_ours(&name) {
            continue;
        }
        if needed.contains(&name) {
            list_inside(folder, &name, &files, &mut found)?;
        } else {
            found.push(folder.join(&name));
        }
    }
    found.sort();
    Ok(found)
}

fn list_inside(
    folder: &Path,
    name: &str,
    files: &HashSet<&str>,
    found: &mut Vec<PathBuf>,
) -> Result<()> {
    let path = folder.join(name);
    if !path.is_dir() {
        return Ok(());
    }
    for inside in names(&path)? {
        let inside = format!("{name}/{inside}");
        let is_lock = Path::new(&inside)
            .extension()
            .is_some_and(|extension| extension == "lock");
        if folder.join(&inside).is_dir() {
            list_inside(folder, &inside, files, found)?;
        } else if !is_lock && !files.contains(inside.as_str()) {
            found.push(folder.join(&inside));
        }
    }
    Ok(())
}
