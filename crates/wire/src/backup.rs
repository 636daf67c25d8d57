//! An index that was copied, as a backup or back from one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SCHEMA;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The folder that holds the copy.
    pub folder: PathBuf,
    /// The generation that the copy has.
    pub generation: u64,
    /// Its files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl From<&reread_engine::backup::Copied> for Copied {
    fn from(copied: &reread_engine::backup::Copied) -> Self {
        Self {
            schema: SCHEMA,
            folder: copied.folder.clone(),
            generation: copied.generation,
            files: copied.n_files,
            bytes: copied.n_bytes,
        }
    }
}
