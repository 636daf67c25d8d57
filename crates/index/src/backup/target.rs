//! The place of a backup: what may stand there, and how a complete copy takes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::format::atomic::{io_error, sync_folder, write_marker};
use crate::index_folder::{
    ASIDE, ASIDE_MARKER, BACKUP, IGNORE, LOCK, MARKER, backup_around, is_aside, is_backup,
    is_locked, names, open_lock, real,
};
use crate::{Error, Result};

/// Where a backup goes, and the names beside it that it takes on the way.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) new: PathBuf,
    pub(super) old: PathBuf,
}

impl Target {
    /// Ends what an interrupted backup has begun, and refuses a place that holds something else.
    pub(super) fn settle(index: &Path, to: &Path) -> Result<Self> {
        let (place, index) = (real(to), real(index));
        let around = place.parent().and_then(backup_around);
        if place.starts_with(&index) || index.starts_with(&place) || around.is_some() {
            return Err(Error::NotABackup {
                path: to.to_owned(),
            });
        }
        let target = Self::beside(to)?;
        target.recover()?;
        if !is_free(&target.path)? {
            return Err(Error::NotABackup { path: target.path });
        }
        for path in [&target.new, &target.old] {
            if fs::symlink_metadata(path).is_ok() && !is_aside(path) {
                return Err(Error::InTheWay {
                    path: path.clone(),
                    problem: "a backup needs this name while it is made, and no backup left what is there",
                });
            }
        }
        Ok(target)
    }

    pub(super) fn beside(to: &Path) -> Result<Self> {
        let absolute = std::path::absolute(to).map_err(|source| io_error("find", to, source))?;
        let path = match fs::canonicalize(&absolute) {
            Ok(path) => path,
            Err(_) => absolute,
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::NotABackup { path });
        };
        fs::create_dir_all(parent).map_err(|source| io_error("create", parent, source))?;
        let parent = fs::canonicalize(parent).map_err(|source| io_error("read", parent, source))?;
        let sibling = |ending: &str| {
            let mut name = name.to_owned();
            name.push(ending);
            parent.join(name)
        };
        Ok(Self {
            new: sibling(".new"),
            old: sibling(".old"),
            path: parent.join(name),
        })
    }

    /// Puts an earlier backup back, or away, that a crash has left under its second name.
    pub(super) fn recover(&self) -> Result<()> {
        if !is_aside(&self.old) {
            return Ok(());
        }
        if is_locked(&self.new)? {
            // It is no crash: another backup is just being put in place.
            return Err(Error::Locked {
                path: self.path.clone(),
                holder: None,
            });
        }
        if is_backup(&self.path) {
            return remove(&self.old);
        }
        if fs::symlink_metadata(&self.path).is_ok() {
            return Ok(());
        }
        rename(&self.old, &self.path)?;
        self.unmark();
        Ok(())
    }

    /// Makes the folder that is written to, and takes its lock.
    pub(super) fn stage(&self, index: &Path) -> Result<File> {
        match fs::create_dir(&self.new) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io_error("create", &self.new, error));
            }
            _ => {}
        }
        let like = if self.path.exists() {
            &self.path
        } else {
            index
        };
        close_as(&self.new, like).map_err(|source| io_error("protect", &self.new, source))?;
        write_marker(&self.new.join(ASIDE), ASIDE_MARKER)?;
        let path = self.new.join(LOCK);
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            remove(&path)?;
        }
        let lock = open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(Error::Locked {
                path: self.path.clone(),
                holder: None,
            }),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
        }
    }

    /// Leaves nothing in the folder that is written to but what marks it as a backup that is begun.
    pub(super) fn prepare(&self) -> Result<()> {
        self.clear()?;
        write_marker(&self.new.join(BACKUP), MARKER)?;
        write_marker(&self.new.join(IGNORE), "*\n")
    }

    pub(super) fn clear(&self) -> Result<()> {
        let kept = [ASIDE, LOCK, BACKUP, IGNORE];
        for name in names(&self.new)? {
            if !kept.contains(&name.as_str()) {
                remove(&self.new.join(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn put_in_place(&self, lock: File) -> Result<()> {
        sync_folder(&self.new)?;
        // The lock goes with the folder, but Windows renames none with an open file in it.
        let _lock = (!cfg!(windows)).then_some(lock);
        if !self.path.exists() {
            rename(&self.new, &self.path)?;
        } else if is_backup(&self.path) {
            write_marker(&self.path.join(ASIDE), ASIDE_MARKER)?;
            rename(&self.path, &self.old)?;
            if let Err(error) = rename(&self.new, &self.path) {
                rename(&self.old, &self.path)?;
                self.unmark();
                return Err(error);
            }
            remove(&self.old)?;
        } else {
            // It is empty, or this fails.
            fs::remove_dir(&self.path).map_err(|source| io_error("replace", &self.path, source))?;
            rename(&self.new, &self.path)?;
        }
        self.unmark();
        sync_folder(
            self.path
                .parent()
                .expect("it was made from a folder and a name"),
        )
    }

    /// The folder has its own name. Where it cannot be said, nothing depends on it.
    fn unmark(&self) {
        let _: io::Result<()> = fs::remove_file(self.path.join(ASIDE));
    }
}

/// Whether a backup may be written there: there is nothing, or a backup.
fn is_free(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(io_error("read", path, error)),
        Ok(metadata) if !metadata.is_dir() => return Ok(false),
        Ok(_) => {}
    }
    Ok(names(path)?.is_empty() || is_backup(path))
}

/// Lets nobody but the owner into a folder who is not let into another one.
#[cfg(unix)]
fn close_as(folder: &Path, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let others = fs::metadata(like)?.permissions().mode() & 0o077;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700 | others))
}

#[cfg(not(unix))]
fn close_as(_folder: &Path, _like: &Path) -> io::Result<()> {
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|source| io_error("rename", from, source))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|source| io_error("remove", path, source))
}
