//! Why an index does not hold a file.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::document::Reason;
use crate::folder::walk_root;
use crate::snapshot::Snapshot;

/// Why an index holds no passage of a file. Its `Display` is meant for people, after the file's
/// name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// There is no such file.
    #[error("there is no such file")]
    NoSuchFile,
    /// The index has no folder, and the application has added no document of this name.
    #[error("no document of this name was added")]
    NoSuchDocument,
    /// The file holds no text.
    #[error("it is of a kind that is not read: it holds no text")]
    NoText,
    /// The file was read, and there is not a word in it.
    #[error("it is empty")]
    Empty,
    /// The file could not be read; this is what the index or the walk says.
    #[error("it {0}")]
    Failed(String),
    /// The file is larger than the limit.
    #[error("it is too large: {len_bytes} bytes, and the limit is {limit_bytes}")]
    TooLarge {
        /// The file's size.
        len_bytes: u64,
        /// The limit in force.
        limit_bytes: u64,
    },
    /// It is a symbolic link, or lies behind one; these are not followed.
    #[error("it is a symbolic link or lies behind one, and these are not followed")]
    Link,
    /// It is a pipe, a socket or a device.
    #[error("it is no regular file")]
    Special,
    /// Its name or a folder's begins with a dot.
    #[error("it is hidden: a name that begins with a dot")]
    Hidden,
    /// A `.gitignore`, `.ignore` or `.rereadignore` names it.
    #[error("a .gitignore, .ignore or .rereadignore leaves it out")]
    Ignored,
    /// It is part of an index or of a store of version control.
    #[error("it is part of an index or of version control")]
    Store,
    /// It could be indexed, and was not there or was different when the index was last brought up
    /// to date.
    #[error("the index has not been brought up to date since it came")]
    NotYet,
    /// No record of the JSON Lines file stands on this line.
    #[error("no record with `text` stands on this line")]
    NoRecord,
}

impl Snapshot {
    /// Why the index holds no passage of the file `path`, relative to `root` with `/` between its
    /// parts. Asks the catalog first, then walks the folder.
    ///
    /// # Errors
    /// `Io` when the folder cannot be walked.
    pub fn left_out(&self, root: Option<&Path>, path: &str) -> Result<LeftOut> {
        if let Some(source) = self.sources().find(|source| source.path == path) {
            return Ok(match source.failure {
                Some(reason) => LeftOut::Failed(reason),
                None if source.is_binary => LeftOut::NoText,
                None => LeftOut::Empty,
            });
        }
        let Some(root) = root else {
            return Ok(LeftOut::NoSuchDocument);
        };
        let Ok(metadata) = fs::symlink_metadata(root.join(path)) else {
            return Ok(LeftOut::NoSuchFile);
        };
        if is_behind_link(root, path) {
            return Ok(LeftOut::Link);
        }
        if !metadata.is_file() {
            return Ok(LeftOut::Special);
        }
        let found = walk_root(root, self.folder(), self.manifest.scope)?;
        if found.files.iter().any(|file| file.path == path) {
            return Ok(LeftOut::NotYet);
        }
        let problem = found
            .problems
            .into_iter()
            .find(|problem| problem.path == path);
        if let Some(problem) = problem {
            return Ok(match problem.reason {
                Reason::TooLarge {
                    len_bytes,
                    limit_bytes,
                } => LeftOut::TooLarge {
                    len_bytes,
                    limit_bytes,
                },
                reason => LeftOut::Failed(reason.to_string()),
            });
        }
        Ok(by_name(path, self.manifest.scope.hidden))
    }
}

/// Why a walk passes over a regular file without a word.
fn by_name(path: &str, hidden: bool) -> LeftOut {
    let mut parts = path.split('/');
    if parts.clone().any(crate::document::is_store_name) {
        LeftOut::Store
    } else if !hidden && parts.any(|part| part.starts_with('.')) {
        LeftOut::Hidden
    } else {
        LeftOut::Ignored
    }
}

fn is_behind_link(root: &Path, path: &str) -> bool {
    let mut at = root.to_owned();
    path.split('/').any(|part| {
        at.push(part);
        at.is_symlink()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_about_a_file_is_told_by_its_name() {
        assert_eq!(by_name("a/.git/config", false), LeftOut::Store);
        assert_eq!(by_name("a/.notes/b.md", false), LeftOut::Hidden);
        assert_eq!(by_name("a/.notes/b.md", true), LeftOut::Ignored);
        assert_eq!(by_name("a/b.md", false), LeftOut::Ignored);
    }
}
