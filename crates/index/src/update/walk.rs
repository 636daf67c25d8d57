//! Which files an index follows.

use std::path::Path;

use reread_document::{HiddenFiles, IgnoreFiles, Links, Walk, WalkOptions, walk};

use crate::Result;
use crate::options::Scope;

/// Says in a folder how it is searched; it is no document.
const CONFIGURATION: &str = "reread.toml";

/// Walks the folder that an index follows.
///
/// # Errors
/// `Document` when it cannot be walked.
pub(crate) fn walk_root(root: &Path, index_folder: &Path, scope: Scope) -> Result<Walk> {
    Ok(walk(root, &walk_options(root, index_folder, scope))?)
}

/// How the folder is walked that an index follows.
pub(crate) fn walk_options(root: &Path, index_folder: &Path, scope: Scope) -> WalkOptions {
    WalkOptions::default()
        .with_hidden(if scope.hidden {
            HiddenFiles::Include
        } else {
            HiddenFiles::Skip
        })
        .with_ignore_files(if scope.ignored {
            IgnoreFiles::Disregard
        } else {
            IgnoreFiles::Obey
        })
        .with_links(if scope.links {
            Links::Follow
        } else {
            Links::Skip
        })
        .with_max_file_bytes(scope.max_file_bytes)
        .with_excluded(root.join(CONFIGURATION))
        .with_excluded(index_folder)
}
