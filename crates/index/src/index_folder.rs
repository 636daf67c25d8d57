//! The index folder: its lock, its removal and what interrupted runs leave in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::format::atomic::io_error;
use crate::format::manifest::MANIFEST;
use crate::{Error, Result};

/// The writer's lock file.
const LOCK: &str = "LOCK";

/// Removes an index: all that was ever written to it, but nothing else in its folder.
///
/// # Errors
/// `Locked` while a writer is at work, `Io`.
pub fn remove_index(folder: &Path) -> Result<()> {
    if !folder.join(MANIFEST).exists() {
        return Ok(());
    }
    let _lock = lock(folder)?;
    let path = folder.join(MANIFEST);
    fs::remove_file(&path).map_err(|source| io_error("remove", &path, source))?;
    remove_rubbish(folder, &[]);
    Ok(())
}

/// Creates the folder if need be and takes the writer's lock.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(|source| io_error("write", &ignore, source))?;
    }
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| io_error("create", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
    }
}

/// What the manifest says of the root: nothing when the index lies inside it, so that both can be
/// moved together.
pub(crate) fn stored_root(folder: &Path, root: &Path) -> String {
    let absolute = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (folder, root) = (absolute(folder), absolute(root));
    if folder.parent() == Some(root.as_path()) {
        String::new()
    } else {
        root.to_string_lossy().into_owned()
    }
}

/// Removes what interrupted runs and older generations have left. What cannot be removed now is
/// left for the next writer.
pub(crate) fn remove_rubbish(folder: &Path, needed: &[String]) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = ["catalog-", "segment-", "lexical-"]
            .iter()
            .any(|p| name.starts_with(p))
            || name == format!("{MANIFEST}.new");
        if ours && !needed.contains(&name) {
            let removed = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
                _ => fs::remove_file(entry.path()),
            };
            let _: io::Result<()> = removed;
        }
    }
}
