//! Flags of `reread doctor`.

use std::path::PathBuf;

use clap::Args;

use super::IndexFolder;
use super::settings::ModelFlags;

/// Check everything in the index of a folder, and repair what can be repaired
///
/// Reads every file and checks checksums, the list of documents, each passage in both arms, each
/// vector and its 8-bit copy, whether graphs reach every vector, and, on a sample, whether searches
/// find what is nearest. Says what is wrong, in which file, and what to do about it. Changes nothing
/// unless you give `--repair`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status:
  0  everything is sound; leftovers of an interrupted run do not count
  1  something is wrong
  2  not everything could be checked, or a repair failed
Examples:
  reread doctor ~/notes
  reread doctor --json ~/notes | jq '.checks[] | select(.verdict != \"ok\")'
  reread doctor --repair ~/notes")]
pub(crate) struct DoctorArgs {
    /// The indexed folder
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Repair what is wrong, then check again
    ///
    /// Remakes what is damaged from what is sound: vectors and BM25 from the stored texts, 8-bit vectors
    /// and graphs from the vectors. Files whose stored texts are damaged are dropped, and the next
    /// `reread index` or search reads them again. Without a sound manifest and catalog, the index is
    /// rebuilt from the folder with the settings it had before. The old index stays until the new one
    /// is complete. Also removes what interrupted runs have left behind. Off by default.
    #[arg(long, help_heading = "Repair")]
    pub(crate) repair: bool,

    /// Let a repair lose the documents that an application has added
    ///
    /// These documents are in no file, so they are lost if their stored texts or the catalog are
    /// damaged. By default such a repair is refused, and the documents are named.
    #[arg(long, requires = "repair", help_heading = "Repair")]
    pub(crate) discard_added: bool,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}
