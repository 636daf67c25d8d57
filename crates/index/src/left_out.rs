//! Why an index does not hold a file.

use std::fs;
use std::path::Path;

use reread_document::{PassedOver, Reason};
use reread_retrieval::LeftOut;

use crate::Result;
use crate::snapshot::Snapshot;
use crate::update::{walk_options, walk_root};

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
        let scope = self.manifest.scope();
        if !scope.links && is_behind_link(root, path) {
            return Ok(LeftOut::Link);
        }
        let is_file = if scope.links {
            root.join(path).is_file()
        } else {
            metadata.is_file()
        };
        if !is_file {
            return Ok(LeftOut::Special);
        }
        let found = walk_root(root, self.folder(), scope)?;
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
        Ok(by_name(path, scope.hidden))
    }
}

impl Snapshot {
    /// Counts the files of the folder `root` that this index passes over without a word.
    ///
    /// # Errors
    /// `Document` when the folder cannot be walked.
    pub fn passed_over(&self, root: &Path) -> Result<PassedOver> {
        let options = walk_options(root, self.folder(), self.manifest.scope());
        let found = reread_document::walk(root, &options)?;
        Ok(reread_document::passed_over(root, &found, &options)?)
    }
}

/// Why a walk passes over a regular file without a word.
fn by_name(path: &str, hidden: bool) -> LeftOut {
    let mut parts = path.split('/');
    if parts.clone().any(reread_document::is_store_name) {
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
