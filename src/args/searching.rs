//! What decides what a search of a folder finds.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::settings::{ModelFlags, ReadFlags, SearchFlags, Settings, WalkFlags};
use super::values;
use super::wait::WaitFlags;

#[derive(Debug, Args)]
#[command(next_help_heading = "Index")]
pub(crate) struct IndexFolder {
    /// Where the index is [default: .reread in the folder]
    ///
    /// Use it for a folder that cannot be written to, or to keep several indexes of one folder.
    #[arg(long, value_name = "DIR", env = "REREAD_INDEX", hide_env_values = true)]
    pub(crate) index: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which documents")]
pub(crate) struct FilterArgs {
    /// Only documents modified since this time [default: any time]
    ///
    /// A date (`2025-03-01`), a time (`2025-03-01T12:00:00Z`), or how long ago (`7d`, `2 weeks`).
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    pub(crate) since: Option<SystemTime>,
}

/// Everything but the output that decides what a search of a folder finds.
#[derive(Debug, Args)]
pub(crate) struct SearchingArgs {
    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) search: SearchFlags,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) read: ReadFlags,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

impl SearchingArgs {
    /// What these flags set.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            search: self.search.clone(),
            walk: self.walk,
            read: self.read,
            models: self.models.clone(),
            ..Settings::default()
        }
    }
}
