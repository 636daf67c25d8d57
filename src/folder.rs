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

/// The folder, or the current one.
pub(crate) fn or_current(folder: Option<PathBuf>) -> PathBuf {
    folder.unwrap_or_else(|| PathBuf::from("."))
}
