//! Flags of `reread judge`.

use std::path::PathBuf;

use clap::Args;

use super::SearchingArgs;
use super::values::bounded;

/// Judge a few candidates for your own questions, to learn whether the second pass pays
///
/// Shows, for each question, the candidates on which the two passes disagree most, and asks whether
/// they answer it: y(es), n(o), s(kip), u(ndo), q(uit). Each answer is written to the file of
/// judgements at once, and you are not asked again about what is already there. After every question
/// it says how the second pass is doing, and whether that is enough to decide. `reread eval --qrels`
/// reads the file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread judge --queries questions.jsonl --qrels qrels.tsv ~/notes
  reread eval --queries questions.jsonl --qrels qrels.tsv ~/notes")]
pub(crate) struct JudgeArgs {
    /// The folder to search
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// The questions
    ///
    /// JSON Lines such as `{"_id": "q1", "text": "..."}`, or id, tab, text; may be gzipped.
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    pub(crate) queries: PathBuf,

    /// The file of judgements: a new one, or one to continue
    ///
    /// Tab-separated `query-id`, `corpus-id`, `score` with a header line.
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    pub(crate) qrels: PathBuf,

    /// How many candidates to show for a question, at most [default: 4]
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true,
          value_parser = bounded::<1, 100>, help_heading = "What is judged")]
    pub(crate) per_question: usize,

    /// The seed of the random test [default: 1]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        hide_default_value = true,
        help_heading = "What is judged"
    )]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) searching: SearchingArgs,
}
