//! Flags of `reread why`.

use std::path::PathBuf;

use clap::Args;

use super::SearchingArgs;

/// Explain why a search did or did not show a place
///
/// Follows one document, or lines of it, through every stage of a search: whether it is indexed, its
/// ranks in BM25, vectors and fusion however deep they are, what the second pass made of it, and how
/// far it read. Then says what would help. Takes the options of `reread search`. The exit status is 0
/// if the place is shown and 1 if it is not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread why \"how do I restore a backup\" backup.md:40 docs
  reread why \"how do I restore a backup\" backup.md docs --depth 50 --json
  reread why \"retention\" notes/policy.pdf")]
pub(crate) struct WhyArgs {
    /// The question
    ///
    /// Written as for `reread search`.
    #[arg(value_name = "QUESTION")]
    pub(crate) question: String,

    /// The place: `a.md:10`, `a.md:10-20`, or `a.md` for its best passage
    ///
    /// Lines are numbered as in results; for HTML and PDF they are lines of the extracted text. You can
    /// also name a record of JSON Lines by its `_id`.
    #[arg(value_name = "PATH[:LINES]")]
    pub(crate) place: String,

    /// The folder to search, which PATH is relative to
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) searching: SearchingArgs,
}
