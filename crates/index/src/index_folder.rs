//! The index folder: its lock, its removal and what interrupted runs leave in it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use crate::crash::step;
use crate::format::atomic::{io_error, open_file, refuse_no_folder, sync_folder, write_marker};
use crate::format::header::MAGIC;
use crate::format::manifest::{MANIFEST, Manifest};
use crate::lock_holder::{Done, LockHolder};
use crate::{Error, Result};

/// The writer's lock file.
pub(crate) const LOCK: &str = "LOCK";

/// Is there from the first commit of a long run to its last one.
const UNFINISHED: &str = "UNFINISHED";

/// The engine's measured scores, which lie in the folder and are no part of the index.
const SCORES: &str = "scores.cache";

/// Keeps the index out of git.
pub(crate) const IGNORE: &str = ".gitignore";

/// Marks a folder as a backup, which no writer changes.
pub(crate) const BACKUP: &str = "BACKUP";

/// What the marker says to who opens it. A backup is known by these very bytes, so they stay as they are,
/// though they name a command.
pub(crate) const MARKER: &str = "A backup of an index of Reread. `reread restore` puts it back.\n";

/// Is in a backup that stands under another name than its own, for as long as it takes to put it in
/// place.
pub(crate) const ASIDE: &str = "ASIDE";

/// What that says to who opens it.
pub(crate) const ASIDE_MARKER: &str =
    "Left by a backup that was interrupted. The next one to the same place puts it right.\n";

/// Whether a folder is a backup and holds nothing else.
pub(crate) fn is_backup(folder: &Path) -> bool {
    is_marked(folder) && holds_only_a_backup(folder)
}

/// Whether a folder is one that a backup has begun or put aside, and holds nothing else. A link to
/// one is not.
pub(crate) fn is_aside(folder: &Path) -> bool {
    let is = |path: &Path, is_kind: fn(&fs::Metadata) -> bool| {
        fs::symlink_metadata(path).is_ok_and(|found| is_kind(&found))
    };
    is(folder, fs::Metadata::is_dir)
        && is(&folder.join(ASIDE), fs::Metadata::is_file)
        && holds_only_a_backup(folder)
}

fn holds_only_a_backup(folder: &Path) -> bool {
    let others = [ASIDE, BACKUP, IGNORE, LOCK, MANIFEST, UNFINISHED];
    let own = |name: &String| is_ours(name) || others.contains(&name.as_str());
    names(folder).is_ok_and(|names| names.iter().all(own))
}

/// Refuses to write to a backup, or into one: what it is kept for could not be restored any more, and
/// with other things in it it would not be replaced.
pub(crate) fn refuse_backup(folder: &Path) -> Result<()> {
    match backup_around(folder) {
        Some(path) => Err(Error::IsBackup { path }),
        None => Ok(()),
    }
}

/// The backup that a folder is or lies in.
pub(crate) fn backup_around(folder: &Path) -> Option<PathBuf> {
    let real = real(folder);
    let backup = real.ancestors().find(|folder| is_marked(folder));
    backup.map(Path::to_owned)
}

fn is_marked(folder: &Path) -> bool {
    small_file(&folder.join(BACKUP)).is_some_and(|text| text == MARKER)
}

/// The text of a file of a few words. What is larger, or no file, is none of ours.
fn small_file(path: &Path) -> Option<String> {
    const MAX_BYTES: u64 = 100;
    let found = fs::symlink_metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    let file = open_file(path).ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Who says in a lock's file that it holds the lock.
fn lock_holder(path: &Path) -> Option<LockHolder> {
    LockHolder::parse(&small_file(path)?)
}

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
    clear_unfinished(folder);
    Ok(())
}

/// The writer's lock on an index folder, held while this lives. The file says who holds it, and how far
/// that is.
pub(crate) struct Lock {
    file: File,
    holder: LockHolder,
    /// When the file was written to last.
    told: Instant,
}

/// How often a run says how far it is; who waits for it looks no more often.
const TELL_EVERY: Duration = Duration::from_millis(200);

impl Lock {
    fn new(file: File) -> Self {
        let mut lock = Self {
            file,
            holder: LockHolder::here(),
            told: Instant::now(),
        };
        // A lock that cannot say whose it is still keeps others out.
        let _ = lock.file.set_len(0);
        lock.write();
        lock
    }

    /// Says how far the run is, now and then.
    pub(crate) fn tell(&mut self, done: Done) {
        let is_first = self.holder.done.is_none();
        self.holder.done = Some(done);
        if is_first || self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            self.write();
        }
    }

    /// Says how many passages a run has written that is at one file for long.
    pub(crate) fn tell_passages(&mut self, n_passages: usize) {
        if let Some(done) = self.holder.done {
            let n_passages = n_passages as u64;
            self.tell(Done { n_passages, ..done });
        }
    }

    fn write(&mut self) {
        let line = self.holder.line();
        // Nothing depends on what it says.
        let _ = self.file.rewind();
        let _ = self.file.write_all(line.as_bytes());
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What is left after a crash is not believed: it counts only while the file is locked.
        let _ = self.file.set_len(0);
        // Closing the file is not enough where another thread is just starting a process: until that
        // runs its program, it holds the file open as well.
        let _ = self.file.unlock();
    }
}

/// Refuses an index folder that a writer is at work in now. Takes no lock for longer than a moment.
///
/// # Errors
/// `Locked`; `Io` when the lock's file cannot be opened. A folder without one has no writer.
pub fn check_free(folder: &Path) -> Result<()> {
    if is_locked(folder)? {
        return Err(Error::Locked {
            path: folder.to_owned(),
            holder: lock_holder(&folder.join(LOCK)),
        });
    }
    Ok(())
}

/// Creates the folder if need be and takes the writer's lock.
///
/// A folder that holds other things is refused: an index removes files of its own, and asks git to
/// ignore its folder.
pub(crate) fn lock(folder: &Path) -> Result<Lock> {
    refuse_no_folder(folder)?;
    fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
    let names = names(folder)?;
    refuse_other_kinds(folder)?;
    if !is_index(folder, &names) && names.iter().any(|name| name != IGNORE) {
        return Err(Error::NotAnIndex {
            path: folder.to_owned(),
        });
    }
    if names.is_empty() {
        write_marker(&folder.join(IGNORE), "*\n")?;
    }
    let path = folder.join(LOCK);
    let file = open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock::new(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: folder.to_owned(),
            holder: lock_holder(&path),
        }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
    }
}

/// Whether a folder with these names in it is an index, perhaps a damaged one or one that was only begun. A
/// file of the user's may be called LOCK or MANIFEST, too.
fn is_index(folder: &Path, names: &[String]) -> bool {
    let mut magic = [0; MAGIC.len()];
    let manifest = open_file(&folder.join(MANIFEST));
    if manifest.is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) && magic == MAGIC {
        return true;
    }
    let lock = folder.join(LOCK);
    let locked =
        small_file(&lock).is_some_and(|text| text.is_empty()) || lock_holder(&lock).is_some();
    let others = [IGNORE, LOCK, MANIFEST, UNFINISHED, SCORES];
    let own = |name: &String| is_ours(name) || others.contains(&name.as_str());
    locked && names.iter().all(own)
}

/// Refuses a folder in the place of a file that a writer replaces or removes: it would fail at that
/// after all its work. A link in the place of LOCK would lead to a file of somebody else's, which
/// the lock would empty.
fn refuse_other_kinds(folder: &Path) -> Result<()> {
    let new = format!("{MANIFEST}.new");
    for name in [LOCK, MANIFEST, &new, UNFINISHED] {
        let path = folder.join(name);
        let is_other = |found: fs::Metadata| found.is_dir() || name == LOCK && !found.is_file();
        if fs::symlink_metadata(&path).is_ok_and(is_other) {
            return Err(Error::InTheWay {
                path,
                problem: "it is not a file",
            });
        }
    }
    Ok(())
}

/// Opens the lock's file to write, and creates it if need be.
pub(crate) fn open_lock(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    options
        .open(path)
        .map_err(|source| io_error("create", path, source))
}

/// Whether a writer is at work in the folder now.
///
/// # Errors
/// `Io` when the lock's file cannot be opened; a folder without one has no writer.
pub(crate) fn is_locked(folder: &Path) -> Result<bool> {
    let path = folder.join(LOCK);
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(false);
    }
    let file = open_file(&path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
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
    let unneeded = |name: &String| is_ours(name) && !needed.contains(name);
    for name in names(folder)
        .unwrap_or_default()
        .iter()
        .filter(|name| unneeded(name))
    {
        let path = folder.join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        let _: io::Result<()> = removed;
        step("rubbish removed");
    }
}

/// Removes what was written for a commit that did not come. `before` is what was in the folder when
/// its writing began. Only for who holds the lock.
pub(crate) fn remove_uncommitted(folder: &Path, before: &[String]) {
    match Manifest::read(folder) {
        // It may be the new one, although what followed has failed.
        Ok(manifest) => remove_rubbish(folder, &manifest.entries()),
        Err(Error::NoIndex { .. } | Error::Damaged { .. }) => remove_rubbish(folder, before),
        Err(_) => {}
    }
}

/// Records that the next commits do not complete what was begun.
pub(crate) fn mark_unfinished(folder: &Path) -> Result<()> {
    let path = folder.join(UNFINISHED);
    if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    write_marker(&path, "")?;
    sync_folder(folder)
}

/// Records that all that was begun is done. Where that fails, the next run does it.
pub(crate) fn clear_unfinished(folder: &Path) {
    let _ = fs::remove_file(folder.join(UNFINISHED));
}

/// Whether a run is at work that has committed a part of what it does, or was stopped then.
pub(crate) fn is_unfinished(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(UNFINISHED)).is_ok()
}

/// The highest number in the name of a catalog, segment or lexical folder that `needed` does not hold.
pub(crate) fn highest_left(folder: &Path, needed: &[String]) -> u64 {
    let names = names(folder).unwrap_or_default();
    let left = names.iter().filter(|name| !needed.contains(name));
    left.filter_map(|name| number(name)).max().unwrap_or(0)
}

pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let read_error = |source| io_error("read", folder, source);
    let entries = fs::read_dir(folder).map_err(read_error)?;
    entries
        .map(|entry| {
            Ok(entry
                .map_err(read_error)?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect()
}

/// Whether a name can only be one that a writer has given.
pub(crate) fn is_ours(name: &str) -> bool {
    number(name).is_some() || name.strip_suffix(".new") == Some(MANIFEST)
}

/// The number behind `catalog-`, `segment-` or `lexical-`.
fn number(name: &str) -> Option<u64> {
    let (kind, number) = name.split_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (["catalog", "segment", "lexical"].contains(&kind) && digits)
        .then(|| number.parse().ok())
        .flatten()
}

/// Refuses an index folder that is the indexed folder or holds it.
pub(crate) fn check_apart(folder: &Path, root: &Path) -> Result<()> {
    if real(root).starts_with(real(folder)) {
        return Err(Error::NotAnIndex {
            path: folder.to_owned(),
        });
    }
    Ok(())
}

/// A path with every link in it followed, as far as it exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut real = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
        if real.has_root()
            && let Ok(found) = fs::canonicalize(&real)
        {
            real = found;
        }
    }
    real
}

#[cfg(test)]
mod tests;
