//! Flags of `reread why`.

use std::path::PathBuf;

use clap::Args;

use super::SearchingArgs;

/// Say why a search did or did not show a place
///
/// Follows one document, or lines of it, through every stage of a search: whether it is indexed, its
/// ranks in BM25, vectors and fusion however deep, what the second pass made of it and how far it
/// read. Then says what would help. Takes the options of `reread search`; ends with status 0 if the
/// place is shown and 1 if not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread why \"how do I restore a backup\" backup.md:40 docs
  reread why \"how do I restore a backup\" backup.md docs --depth 50 --json
  reread why \"retention\" notes/policy.pdf")]
pub(crate) struct WhyArgs {
    /// The question
    ///
    /// As `reread search` takes it.
    #[arg(value_name = "QUESTION")]
    pub(crate) question: String,

    /// The place: `a.md:10`, `a.md:10-20`, or `a.md` for its best passage
    ///
    /// Lines are those that results name: of HTML and PDF the extracted text's. A record of JSON Lines
    /// can be named by its `_id` too.
    #[arg(value_name = "PATH[:LINES]")]
    pub(crate) place: String,

    /// The folder that is searched and that PATH is relative to
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// One JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) searching: SearchingArgs,
}
