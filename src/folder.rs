//! The folder a command works on.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Refuses what is not a folder, and says what to do instead.
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => {
            let name = folder
                .file_name()
                .unwrap_or(folder.as_os_str())
                .to_string_lossy();
            let parent = folder
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            bail!(
                "{} is a file, not a folder; search {} with --path {name:?}",
                folder.display(),
                parent.display()
            )
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no folder {}", folder.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot look into {}", folder.display())),
    }
}

/// A path that a person names, as the folder has it: relative to the folder; or, where it is not there,
/// relative to where the person stands, as results are printed. What is in neither place stays.
pub(crate) fn name_in(folder: &Path, given: &str) -> String {
    let path = Path::new(given);
    if given.is_empty() || path.is_relative() && is_there(folder, path) {
        return given.to_owned();
    }
    let Some(name) = below(folder, path) else {
        return given.to_owned();
    };
    let end = if given.ends_with('/') { "/" } else { "" };
    match name.to_str() {
        Some("") => ".".to_owned(),
        Some(name) => format!("{name}{end}"),
        None => given.to_owned(),
    }
}

/// Whether a folder has something of this name, however its accents are composed.
pub(crate) fn is_there(folder: &Path, path: &Path) -> bool {
    let full = folder.join(reread_engine::spelled(folder, path));
    full.symlink_metadata().is_ok()
}

/// What leads from a folder to a path, which is absolute or begins where the person stands. An absolute
/// one need not exist: it may be a glob.
fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let real = folder.canonicalize().ok()?;
    let shown = std::path::absolute(folder).ok()?;
    if path.is_absolute() {
        let below = path
            .strip_prefix(&shown)
            .or_else(|_| path.strip_prefix(&real));
        if let Ok(below) = below {
            return Some(below.to_owned());
        }
    }
    let path = reread_engine::spelled(Path::new(""), path);
    // The folder around it is followed; a link itself is what is named.
    let parent = || {
        path.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
    };
    let around = || parent().unwrap_or(Path::new(".")).canonicalize().ok();
    let full = match path.file_name() {
        Some(name) if path.symlink_metadata().is_ok() => around()?.join(name),
        _ => path.canonicalize().ok()?,
    };
    let full = if full == shown { real.clone() } else { full };
    full.strip_prefix(&real).map(Path::to_owned).ok()
}

/// The folder, or the current one.
pub(crate) fn or_current(folder: Option<PathBuf>) -> PathBuf {
    folder.unwrap_or_else(|| PathBuf::from("."))
}
