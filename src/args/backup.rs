//! Flags of `reread backup` and `reread restore`.

use std::path::PathBuf;

use clap::Args;

use super::IndexFolder;

/// Copy the index of a folder, while it is searched and updated
///
/// The copy is one generation of the index, each file compared with its checksum on the way. It is
/// complete or not there: it is written beside DIR, as DIR.new, and renamed at the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread backup /mnt/backups/notes ~/notes
  reread doctor --index /mnt/backups/notes")]
pub(crate) struct BackupArgs {
    /// Where to: a new or empty folder, or an earlier backup, which is replaced
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
/// Each file is compared with its checksum on the way. An index that is there stays in use until
/// the restored one is complete. Documents that have changed since the backup are read again by the
/// next `reread index` or search.
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

    /// Replace an index that is there, sound or damaged
    ///
    /// By default restoring is refused where there is an index.
    #[arg(long, help_heading = "Index")]
    pub(crate) force: bool,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
}
