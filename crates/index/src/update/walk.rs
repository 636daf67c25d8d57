//! Which files an index follows.

use std::path::Path;

use reread_document::{HiddenFiles, Walk, WalkOptions, walk};

use crate::Result;
use crate::options::Scope;

/// Says in a folder how it is searched; it is no document.
const CONFIGURATION: &str = "reread.toml";

/// Walks the folder that an index follows.
///
/// # Errors
/// `Document` when it cannot be walked.
pub(crate) fn walk_root(root: &Path, index_folder: &Path, scope: Scope) -> Result<Walk> {
    let walk_options = WalkOptions::default()
        .with_hidden(if scope.hidden {
            HiddenFiles::Include
        } else {
            HiddenFiles::Skip
        })
        .with_max_file_bytes(scope.max_file_bytes)
        .with_excluded(root.join(CONFIGURATION))
        .with_excluded(index_folder);
    Ok(walk(root, &walk_options)?)
}
