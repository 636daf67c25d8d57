//! What to do while another process writes to the index.

use std::io::IsTerminal;

use clap::Args;

/// What to do while another process writes to the index.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Index")]
pub(crate) struct WaitFlags {
    /// Wait while another process writes to the index
    ///
    /// On a terminal this is the default as long as there is no index to search yet, such as when two
    /// first searches of a folder begin together: the second one uses the index that the first one
    /// builds.
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,

    /// Do not wait: search the index as it is, or say how far the other process is
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
}

/// When to wait for another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Always,
    /// Where nothing can be done otherwise.
    IfNeeded,
    Never,
}

impl WaitFlags {
    /// When to wait. Only who looks on waits without being asked to.
    pub(crate) fn when(self) -> Wait {
        if self.wait {
            Wait::Always
        } else if self.no_wait || !std::io::stderr().is_terminal() {
            Wait::Never
        } else {
            Wait::IfNeeded
        }
    }
}
