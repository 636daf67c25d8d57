//! Flags of `reread worth-it`.

use clap::Args;
use reread_eval::Measure;

use super::SearchFlags;
use super::eval::{JudgedArgs, measure};
use super::values::bounded;

/// Say whether the second pass pays on your questions, and with which settings
///
/// Compares several depths and weights of the second pass with the first pass alone. Settings are
/// chosen on one half of the questions and judged on the other, many times, so that luck is not
/// mistaken for gain. The answer fits on one screen: yes, and with which settings; only for short or
/// long questions; no; or how many questions it would take to know. The cross-encoder reads each pair
/// once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread worth-it scifact --index /tmp/scifact
  reread worth-it --qrels data/sample/qrels.tsv --queries data/sample/questions.jsonl data/sample/docs
  reread worth-it scifact --limit 50 --depths 10,20 --json")]
pub(crate) struct WorthItArgs {
    #[command(flatten)]
    pub(crate) judged: JudgedArgs,

    /// The measure that decides, named as in the tool ir-measures
    #[arg(long, value_name = "NAME", value_parser = measure, default_value = "nDCG@10", help_heading = "What is measured")]
    pub(crate) measure: Measure,

    /// The depths of the second pass to try [default: 10,20,50]
    ///
    /// From 1 to 1,000 each. Only the deepest one determines the time.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = bounded::<1, 1_000>,
          help_heading = "What is measured")]
    pub(crate) depths: Vec<usize>,

    /// Print one JSON object with every number
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Measure the index as it is
    #[arg(long, help_heading = "Search")]
    no_refresh: bool,
}

impl WorthItArgs {
    /// A search as it is set up, but with the second pass, whatever a configuration file says.
    pub(crate) fn search(&self) -> SearchFlags {
        SearchFlags {
            rerank: true,
            no_refresh: self.no_refresh,
            ..SearchFlags::default()
        }
    }
}
