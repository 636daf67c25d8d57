//! Flags of `reread backup` and `reread restore`.

use std::path::PathBuf;

use clap::Args;

use super::IndexFolder;

/// Copy the index of a folder, while it is searched and updated
///
/// The copy is one generation of the index; each file is checked against its checksum as it is
/// copied. The backup is either complete or not there at all: it is written beside DIR, as DIR.new,
/// and renamed at the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread backup /mnt/backups/notes ~/notes
  reread doctor --index /mnt/backups/notes")]
pub(crate) struct BackupArgs {
    /// Where to put it: a new or empty folder, or an earlier backup, which is replaced
    #[arg(value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// The indexed folder
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
}

/// Put a backup of an index back
///
/// Each file is checked against its checksum as it is copied. An existing index stays in use until
/// the restored one is complete. The next `reread index` or search reads documents that have changed
/// since the backup again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread restore /mnt/backups/notes ~/notes
  reread restore --force /mnt/backups/notes ~/notes && reread index ~/notes")]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "DIR")]
    pub(crate) from: PathBuf,

    /// The folder that was indexed
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Replace an existing index, sound or damaged
    ///
    /// By default nothing is restored where there is already an index.
    #[arg(long, help_heading = "Index")]
    pub(crate) force: bool,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
}
