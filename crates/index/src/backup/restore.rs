//! Putting a backup back.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::held::{Copied, Held};
use super::target::Target;
use crate::format::atomic::{self, io_error};
use crate::format::catalog::write_catalog;
use crate::format::manifest::{MANIFEST, Manifest};
use crate::index_folder::{
    BACKUP, check_apart, clear_unfinished, highest_left, lock, mark_unfinished, names, real,
    refuse_backup, remove_rubbish, remove_uncommitted, stored_root,
};
use crate::{Error, Result};

/// Whether an index may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// It may not: restoring fails with `IndexExists`.
    #[default]
    Refuse,
    /// It may, also a damaged one.
    Allow,
}

/// Puts a backup into an index folder, which is created if need be. `root` is the folder that is
/// indexed there, if there is one.
///
/// It is published as the next generation of that folder: files are written under new names, each
/// compared with its digest, and what was there stays until the manifest is renamed. Open readers
/// keep what they have.
///
/// # Errors
/// For the backup: `NoBackup`, `DamagedBackup`, `UnreadableBackup`, `UnsupportedVersion`. For the
/// index: `IndexExists`; `Locked`; `NotAnIndex` where the folder holds other things; `InTheWay`;
/// `IsBackup` where it is a backup or lies in one; `Io`. `NotApart` where one is inside the other.
pub fn restore(
    from: &Path,
    folder: &Path,
    root: Option<&Path>,
    overwrite: Overwrite,
) -> Result<Copied> {
    put_back(from, folder, root, overwrite).map_err(|error| of_backup(error, from))
}

/// Says of an error that it is the backup's, where it is.
fn of_backup(error: Error, from: &Path) -> Error {
    match error {
        Error::Damaged {
            path,
            offset,
            problem,
        } if path.starts_with(from) => Error::DamagedBackup {
            path,
            offset,
            problem,
        },
        Error::Io { path, source, .. } if path.starts_with(from) => {
            Error::UnreadableBackup { path, source }
        }
        error => error,
    }
}

fn put_back(
    from: &Path,
    folder: &Path,
    root: Option<&Path>,
    overwrite: Overwrite,
) -> Result<Copied> {
    let held = hold(from)?;
    if let Some(root) = root {
        check_apart(folder, root)?;
    }
    refuse_backup(folder)?;
    let (backup, index) = (real(from), real(folder));
    if backup.starts_with(&index) || index.starts_with(&backup) {
        return Err(Error::NotApart {
            path: from.to_owned(),
            index: folder.to_owned(),
        });
    }
    let refused = || {
        let exists = fs::symlink_metadata(folder.join(MANIFEST)).is_ok();
        exists && overwrite == Overwrite::Refuse
    };
    let exists = || Error::IndexExists {
        path: folder.to_owned(),
    };
    if refused() {
        return Err(exists());
    }
    let lock = lock(folder)?;
    if refused() {
        return Err(exists());
    }
    let current = Manifest::read(folder).ok();
    let mut manifest = renumbered(&held, folder, root, current.as_ref())?;
    let before = names(folder)?;
    let written = write(&held, folder, &mut manifest).and_then(|()| {
        if held.unfinished {
            mark_unfinished(folder)?;
        }
        manifest.publish(folder)
    });
    if let Err(error) = written {
        remove_uncommitted(folder, &before);
        return Err(error);
    }
    if !held.unfinished {
        clear_unfinished(folder);
    }
    remove_rubbish(folder, &manifest.entries());
    drop(lock);
    Ok(held.copied(folder, manifest.generation))
}

fn hold(from: &Path) -> Result<Held> {
    let absolute = std::path::absolute(from).map_err(|source| io_error("find", from, source))?;
    // A crash while this backup was replaced has left it under its second name.
    if !from.exists() && absolute.parent().is_some_and(Path::exists) {
        Target::beside(from)?.recover()?;
    }
    let no_backup = || Error::NoBackup {
        path: from.to_owned(),
    };
    Held::take(from).map_err(|error| match error {
        Error::NoIndex { .. } if from.join(BACKUP).exists() => Error::Damaged {
            path: from.join(MANIFEST),
            offset: 0,
            problem: "the file is missing".to_owned(),
        },
        Error::NoIndex { .. } | Error::InTheWay { .. } => no_backup(),
        error => error,
    })
}

/// The manifest of a backup with numbers behind all that the folder has, so that no name meets
/// another. In an empty folder they stay as they are.
fn renumbered(
    held: &Held,
    folder: &Path,
    root: Option<&Path>,
    current: Option<&Manifest>,
) -> Result<Manifest> {
    let mut manifest = held.manifest.clone();
    let generation = current.map_or(0, |current| current.generation);
    let behind = highest_left(folder, &[]).max(generation);
    let too_many = || Error::Damaged {
        path: folder.join(MANIFEST),
        offset: 0,
        problem: "its numbers are used up".to_owned(),
    };
    let next = behind.checked_add(1).ok_or_else(too_many)?;
    let numbers = manifest.segments.iter().map(|segment| segment.number);
    let first = numbers.min().unwrap_or(manifest.next_segment);
    let shift = next.saturating_sub(u64::from(first));
    let moved = |number: u32| {
        let moved = u64::from(number).checked_add(shift);
        let moved = moved.and_then(|moved| u32::try_from(moved).ok());
        moved.ok_or_else(too_many)
    };
    manifest.generation = manifest.generation.max(next);
    manifest.next_segment = moved(manifest.next_segment)?;
    manifest.next_key = manifest
        .next_key
        .max(current.map_or(0, |current| current.next_key));
    if let Some(root) = root {
        manifest.root = stored_root(folder, root);
    }
    manifest.catalog.name = format!("catalog-{}", manifest.generation);
    let lexical = format!("lexical-{}", manifest.generation);
    for file in &mut manifest.lexical_files {
        file.move_to(&manifest.lexical, &lexical);
    }
    manifest.lexical = lexical;
    for segment in &mut manifest.segments {
        segment.renumber(moved(segment.number)?);
    }
    Ok(manifest)
}

/// Writes all files but the manifest, under their new names.
fn write(held: &Held, folder: &Path, manifest: &mut Manifest) -> Result<()> {
    let names: HashMap<String, String> = {
        let (old, new) = (held.manifest.files(), manifest.files());
        let pairs = old.into_iter().zip(new);
        pairs
            .map(|((old, _), (new, _))| (old.name.clone(), new.name.clone()))
            .collect()
    };
    let catalog_name = &held.manifest.catalog.name;
    held.copy_to(folder, &|name| {
        (name != catalog_name).then(|| names.get(name).cloned())?
    })?;
    let mut catalog = held.catalog()?;
    let pairs = held.manifest.segments.iter().zip(&manifest.segments);
    let numbers: HashMap<u32, u32> = pairs.map(|(old, new)| (old.number, new.number)).collect();
    for document in catalog.iter_mut().flat_map(|source| &mut source.documents) {
        // A document without passages may name a segment that is gone.
        document.segment = numbers.get(&document.segment).copied().unwrap_or(0);
    }
    manifest.catalog = write_catalog(folder, manifest.generation, &catalog)?;
    atomic::sync_folder(folder)
}
