//! Flags of `reread worth-it`.

use clap::Args;
use reread_eval::Measure;

use super::SearchFlags;
use super::eval::{JudgedArgs, measure};
use super::values::bounded;

/// Say whether the second pass pays on your questions, and with which settings
///
/// Tries depths and weights of the second pass against the first pass alone. They are chosen on one
/// half of the questions and judged on the other, many times, so that luck is not taken for gain.
/// Answers in one screen: yes, with which settings; only for short or long questions; no; or how
/// many more questions it takes to know. The cross-encoder reads each pair once.
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

    /// The depths of the second pass that are tried [default: 10,20,50]
    ///
    /// From 1 to 1,000 each. Time grows with the deepest one alone.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = bounded::<1, 1_000>,
          help_heading = "What is measured")]
    pub(crate) depths: Vec<usize>,

    /// One JSON object with every number
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
