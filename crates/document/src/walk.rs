//! Finds the files of a folder, in a fixed order.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ignore::{DirEntry, WalkBuilder};

use crate::error::{Error, Result};
use crate::problem::{Problem, Reason, printable};

/// The name of the folder that holds an index. It is never walked into.
const INDEX_FOLDER: &str = ".reread";
/// The ignore file that only this program reads.
pub(crate) const IGNORE_FILE: &str = ".rereadignore";
/// Stores of version control: hidden, and of no use to a reader even when hidden files are.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// What a walk takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalkOptions {
    /// Whether files and folders whose name begins with a dot are taken in.
    pub hidden: HiddenFiles,
    /// Whether ignore files are obeyed.
    pub ignore_files: IgnoreFiles,
    /// Whether symbolic links are followed.
    pub links: Links,
    /// The size above which a file is reported and left out. 64 MiB by default: the largest
    /// manuals are a tenth of that, and a file is read into memory as a whole.
    pub max_file_bytes: u64,
    /// Folders or files that are left out, such as an index kept inside the folder.
    pub excluded: Vec<PathBuf>,
}

/// What happens to files and folders whose name begins with a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HiddenFiles {
    /// They are left out.
    #[default]
    Skip,
    /// They are walked like any other, except `.reread`, `.git`, `.hg`, `.jj` and `.svn`.
    Include,
}

/// What `.gitignore`, `.ignore` and `.rereadignore` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IgnoreFiles {
    /// What they name is left out.
    #[default]
    Obey,
    /// They do nothing.
    Disregard,
}

/// What happens to symbolic links below the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They are left out.
    #[default]
    Skip,
    /// What they lead to is taken in under their names. A folder that leads back to one around it is
    /// not entered again.
    Follow,
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// The files, sorted by `path`.
    pub files: Vec<FoundFile>,
    /// What was left out and deserves a word, sorted by path.
    pub problems: Vec<Problem>,
    /// What was left out as a matter of course.
    pub skipped: SkippedFiles,
}

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The path relative to the folder, with `/` between its parts, free of control characters.
    pub path: String,
    /// Where the file is.
    pub full_path: PathBuf,
    /// Its size when it was found.
    pub len_bytes: u64,
    /// When it was last changed; the epoch where the file system does not say.
    pub modified: SystemTime,
    /// When its content or metadata last changed, in Unix nanoseconds, which no program can set back;
    /// 0 where the system does not say.
    pub changed_ns: i64,
    /// Whether it is a symbolic link that is followed.
    pub is_link: bool,
}

/// Counts of what a walk passes over in silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkippedFiles {
    /// Symbolic links, where they are not followed.
    pub symlinks: usize,
    /// Pipes, sockets and devices.
    pub special: usize,
}

/// Finds the files under `root`, or `root` itself where it is a file.
///
/// `.gitignore`, `.ignore` and `.rereadignore` are honoured, also outside a git checkout. Ignore
/// files above `root` count only inside a checkout, and up to its top, so that a stray one in a
/// home folder hides nothing. Symbolic links are not followed, `root` itself excepted. The options may say
/// otherwise. What cannot be read is among the problems, and the walk goes on.
///
/// # Errors
/// [`Error::Io`] if `root` does not exist or cannot be looked at.
pub fn walk(root: &Path, options: &WalkOptions) -> Result<Walk> {
    let io_error = |source| Error::Io {
        path: root.to_owned(),
        source,
    };
    let root = fs::canonicalize(root).map_err(io_error)?;
    let metadata = fs::metadata(&root).map_err(io_error)?;
    let mut found = Walk::default();
    if metadata.is_dir() {
        walk_folder(&root, options, &mut found);
    } else {
        let name = Path::new(root.file_name().unwrap_or(OsStr::new("")));
        found.take(name, &root, &metadata, false, options);
    }
    found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self {
            hidden: HiddenFiles::Skip,
            ignore_files: IgnoreFiles::Obey,
            links: Links::Skip,
            max_file_bytes: 64 << 20,
            excluded: Vec::new(),
        }
    }
}

impl WalkOptions {
    /// Sets whether hidden files are taken in.
    #[must_use]
    pub fn with_hidden(mut self, hidden: HiddenFiles) -> Self {
        self.hidden = hidden;
        self
    }

    /// Sets whether ignore files are obeyed.
    #[must_use]
    pub fn with_ignore_files(mut self, ignore_files: IgnoreFiles) -> Self {
        self.ignore_files = ignore_files;
        self
    }

    /// Sets whether symbolic links are followed.
    #[must_use]
    pub fn with_links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// Sets the size above which a file is left out.
    #[must_use]
    pub fn with_max_file_bytes(mut self, max_file_bytes: u64) -> Self {
        self.max_file_bytes = max_file_bytes;
        self
    }

    /// Leaves out one more folder or file.
    #[must_use]
    pub fn with_excluded(mut self, path: impl Into<PathBuf>) -> Self {
        self.excluded.push(path.into());
        self
    }
}

#[cfg(unix)]
fn changed_ns(metadata: &fs::Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    let seconds = metadata.ctime().saturating_mul(1_000_000_000);
    seconds.saturating_add(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed_ns(_: &fs::Metadata) -> i64 {
    0
}

impl FoundFile {
    /// Reads the file.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be read, or has grown beyond `max_file_bytes` since it was found.
    pub fn read(&self, max_file_bytes: u64) -> Result<Vec<u8>, Problem> {
        let unreadable =
            |error: io::Error| Problem::of_file(&self.path, Reason::Unreadable(error.to_string()));
        let file = open_plain(&self.full_path, self.is_link).map_err(unreadable)?;
        let mut bytes = Vec::with_capacity(self.len_bytes.min(max_file_bytes) as usize);
        file.take(max_file_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        let len_bytes = bytes.len() as u64;
        if len_bytes > max_file_bytes {
            let reason = Reason::TooLarge {
                len_bytes,
                limit_bytes: max_file_bytes,
            };
            return Err(Problem::of_file(&self.path, reason));
        }
        Ok(bytes)
    }
}

/// Opens a file, and nothing else that has come into its place since it was found: a link may lead
/// anywhere, unless it is one that is to be followed, and opening a pipe would wait forever.
fn open_plain(path: &Path, is_link: bool) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let follow = if is_link { 0 } else { libc::O_NOFOLLOW };
        options.custom_flags(libc::O_NONBLOCK | follow);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no longer a regular file"))
    }
}

impl Walk {
    /// Takes one file that is no folder: into the files, the problems or the counts.
    fn take(
        &mut self,
        name: &Path,
        full: &Path,
        metadata: &fs::Metadata,
        is_link: bool,
        options: &WalkOptions,
    ) {
        if metadata.is_symlink() {
            self.skipped.symlinks += 1;
            return;
        }
        if !metadata.is_file() {
            self.skipped.special += 1;
            return;
        }
        let path = match plain_name(name) {
            Ok(path) => path,
            Err(problem) => return self.problems.push(problem),
        };
        let len_bytes = metadata.len();
        if len_bytes > options.max_file_bytes {
            let reason = Reason::TooLarge {
                len_bytes,
                limit_bytes: options.max_file_bytes,
            };
            return self.problems.push(Problem::of_file(path, reason));
        }
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        self.files.push(FoundFile {
            path,
            full_path: full.to_owned(),
            len_bytes,
            modified,
            changed_ns: changed_ns(metadata),
            is_link,
        });
    }
}

fn walk_folder(root: &Path, options: &WalkOptions, found: &mut Walk) {
    let bad_folders = Arc::new(Mutex::new(Vec::new()));
    for entry in walker(root, options, &bad_folders).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                if !is_round(&error) {
                    report(root, &error, &mut found.problems);
                }
                continue;
            }
        };
        if let Some(error) = entry.error() {
            report(root, error, &mut found.problems);
        }
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = relative(root, entry.path());
        match entry.metadata() {
            Ok(metadata) => {
                let is_link = entry.path_is_symlink();
                found.take(name, entry.path(), &metadata, is_link, options);
            }
            Err(error) => report(root, &error, &mut found.problems),
        }
    }
    found
        .problems
        .append(&mut bad_folders.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Whether a link leads back to a folder around it, whose files are found anyway.
fn is_round(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => is_round(err),
        _ => false,
    }
}

/// The walker. Folders whose names cannot be used are put into `bad_folders` and not entered.
fn walker(
    root: &Path,
    options: &WalkOptions,
    bad_folders: &Arc<Mutex<Vec<Problem>>>,
) -> WalkBuilder {
    let has_store = |folder: &Path| folder.join(".git").exists() || folder.join(".jj").exists();
    // The walker then finds the top of the checkout, and looks no further up.
    let in_checkout = root.ancestors().any(has_store);
    let excluded: Vec<PathBuf> = options.excluded.iter().map(|path| settled(path)).collect();
    let bad_folders = Arc::clone(bad_folders);
    let top = root.to_owned();
    let mut walker = WalkBuilder::new(root);
    if options.ignore_files == IgnoreFiles::Obey {
        walker
            .parents(in_checkout)
            .require_git(in_checkout)
            .git_global(false)
            .add_custom_ignore_filename(IGNORE_FILE);
    } else {
        walker.standard_filters(false);
    }
    walker
        .hidden(options.hidden == HiddenFiles::Skip)
        .follow_links(options.links == Links::Follow)
        .filter_entry(move |entry| {
            let left_out = is_store(entry) || excluded.iter().any(|path| path == entry.path());
            !left_out && !is_bad_folder(&top, entry, &bad_folders)
        });
    walker
}

/// Whether this is an index or a store of version control, below the top.
fn is_store(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().to_str().is_some_and(is_store_name)
}

/// Whether a folder of this name holds an index or is a store of version control.
pub fn is_store_name(name: &str) -> bool {
    name == INDEX_FOLDER || VERSION_CONTROL.contains(&name)
}

fn is_bad_folder(root: &Path, entry: &DirEntry, bad_folders: &Mutex<Vec<Problem>>) -> bool {
    if entry.depth() == 0 || !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return false;
    }
    let Err(problem) = plain_name(relative(root, entry.path())) else {
        return false;
    };
    bad_folders
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(problem);
    true
}

/// The `/`-separated form of a relative path, or why there is none.
fn plain_name(path: &Path) -> Result<String, Problem> {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    let name = parts.join("/");
    if path.to_str().is_none() {
        return Err(Problem::of_file(printable(&name), Reason::NameNotUtf8));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::of_file(printable(&name), Reason::NameWithControl));
    }
    Ok(name)
}

fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// The canonical form of a path of which only the folder needs to exist.
fn settled(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match (
            full.parent()
                .and_then(|folder| fs::canonicalize(folder).ok()),
            full.file_name(),
        ) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => full,
        }
    })
}

/// Turns what the walker reports into problems: one for each bad line of an ignore file.
fn report(root: &Path, error: &ignore::Error, problems: &mut Vec<Problem>) {
    let (mut path, mut line, mut inner) = (root, None, error);
    loop {
        match inner {
            ignore::Error::WithPath { path: at, err } => (path, inner) = (at, err),
            ignore::Error::WithLineNumber { line: at, err } => {
                (line, inner) = (Some(*at as u32), err);
            }
            ignore::Error::WithDepth { err, .. } => inner = err,
            ignore::Error::Partial(errors) => {
                return errors
                    .iter()
                    .for_each(|error| report(root, error, problems));
            }
            _ => break,
        }
    }
    let reason = match inner {
        ignore::Error::Glob { .. } => Reason::IgnorePattern(inner.to_string()),
        _ => Reason::Unreadable(inner.to_string()),
    };
    let name = relative(root, path).to_string_lossy();
    let name = if name.is_empty() { ".".into() } else { name };
    problems.push(Problem {
        path: printable(&name),
        line,
        reason,
    });
}

#[cfg(test)]
mod tests;
