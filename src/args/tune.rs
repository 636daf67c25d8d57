//! Flags of `reread tune`.

use clap::Args;
use reread_eval::Measure;

use super::SearchFlags;
use super::eval::{JudgedArgs, measure};

/// Choose the settings that suit your documents, using judged questions
///
/// Tries weights for the vectors in the first pass, then depths and weights for the second pass, and
/// writes its choice to the folder's `reread.toml`, which every search of the folder reads. It moves
/// away from the defaults only as far as the questions justify. If the second pass is shown not to
/// pay, it is turned off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread tune --qrels qrels.tsv --queries questions.jsonl ~/notes
  reread tune --qrels qrels.tsv --queries questions.jsonl ~/notes --dry-run")]
pub(crate) struct TuneArgs {
    #[command(flatten)]
    pub(crate) judged: JudgedArgs,

    /// The measure that decides, named as in the tool ir-measures
    #[arg(long, value_name = "NAME", value_parser = measure, default_value = "nDCG@10", help_heading = "What is measured")]
    pub(crate) measure: Measure,

    /// Say what would be written, but write nothing
    #[arg(long, help_heading = "Output")]
    pub(crate) dry_run: bool,
}

impl TuneArgs {
    /// The second pass is tried whatever a configuration file says.
    pub(crate) fn search() -> SearchFlags {
        SearchFlags {
            rerank: true,
            ..SearchFlags::default()
        }
    }
}
