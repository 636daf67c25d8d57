//! Flags of `reread eval`.

use std::path::PathBuf;

use clap::Args;
use reread_engine::Fusion;
use reread_eval::Measure;

use super::IndexFolder;
use super::choices::one_of;
use super::settings::{IndexFlags, ModelFlags, ReadFlags, SearchFlags, Settings};
use super::values::{bounded, finite, weight};
use super::wait::WaitFlags;

/// Measure how well each pass ranks, and whether the second one pays
///
/// Puts every judged question to every system (BM25, vectors, both, and the second pass at several
/// depths) and says how good the rankings are, how certain that is, and what it costs. The
/// cross-encoder reads each pair once. `docs/evaluation.md` explains every number.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread eval scifact --index /tmp/scifact --report scifact.html
  reread eval --qrels data/sample/qrels.tsv --queries data/sample/questions.jsonl data/sample/docs
  reread eval scifact --limit 20 --depths 10,20 --json")]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) judged: JudgedArgs,

    /// The measures, named as in the tool ir-measures
    ///
    /// nDCG@k, R@k, AP, RR@k, P@k, Success@k, Judged@k. Systems are compared by the first one.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = measure,
          default_value = "nDCG@10,R@100,RR@10,AP,Judged@10", help_heading = "What is measured")]
    pub(crate) measures: Vec<Measure>,

    /// The depths of the second pass to compare [default: 10,20,50]
    ///
    /// From 1 to 1,000 each. Only the deepest one determines the time.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = bounded::<1, 1_000>,
          help_heading = "What is measured")]
    pub(crate) depths: Vec<usize>,

    /// Print one JSON object with every number, including those of each question
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Write a ranking in TREC format
    ///
    /// The ranking is that of --run-system; it is meant for evaluation tools.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) run: Option<PathBuf>,

    /// Whose ranking --run writes [default: the deepest second pass]
    ///
    /// `bm25`, `vector`, `hybrid`, or `depth-20` and so on.
    #[arg(long, value_name = "NAME", requires = "run", help_heading = "Output")]
    pub(crate) run_system: Option<String>,

    /// Write a page with tables and plots
    ///
    /// A single self-contained file without JavaScript.
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) search: EvalSearchFlags,
}

/// Questions, their judgements, and how the documents that are judged are indexed.
#[derive(Debug, Args)]
pub(crate) struct JudgedArgs {
    /// A collection in BEIR layout, or the folder that the judgements are about [default: .]
    ///
    /// A collection has corpus.jsonl, queries.jsonl and qrels/test.tsv, each plain or as .gz. Any
    /// other folder needs --qrels and --queries.
    #[arg(value_name = "DATASET|FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// The judgements [default: qrels/test.tsv of the collection]
    ///
    /// Tab-separated `query-id`, `corpus-id`, `score` with a header line, or TREC format; may be
    /// gzipped. `corpus-id` is a document's id, its path, or `path:10-20` for lines of it; a fourth
    /// column `quote` holds words of the judged passage.
    #[arg(long, value_name = "FILE", help_heading = "What is measured")]
    pub(crate) qrels: Option<PathBuf>,

    /// The questions [default: queries.jsonl of the collection]
    ///
    /// JSON Lines such as `{"_id": "q1", "text": "..."}`, or id, tab, text; may be gzipped.
    #[arg(long, value_name = "FILE", help_heading = "What is measured")]
    pub(crate) queries: Option<PathBuf>,

    /// Ask questions made from the documents themselves [default number: 100]
    ///
    /// For when you have no judgements. The questions are headings, and the most telling words of
    /// sentences; the only answer to each is the passage it comes from. They are easier than real
    /// questions and favour BM25, so they say little about the second pass. `reread judge` helps you
    /// judge real ones.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true,
          default_missing_value = "100", value_parser = bounded::<1, 100_000>,
          conflicts_with_all = ["qrels", "queries"], help_heading = "What is measured")]
    pub(crate) known_item: Option<usize>,

    /// Which of a collection's judgements to use [default: test]
    #[arg(
        long,
        value_name = "NAME",
        default_value = "test",
        hide_default_value = true,
        conflicts_with_all = ["qrels", "known_item"],
        help_heading = "What is measured"
    )]
    pub(crate) split: String,

    /// Ask only the first judged questions [default: all]
    ///
    /// For a quick look: the intervals are then wide.
    #[arg(long, value_name = "N", value_parser = bounded::<1, 10_000_000>,
          help_heading = "What is measured")]
    pub(crate) limit: Option<usize>,

    /// The seed of the random tests [default: 1]
    ///
    /// The same seed gives the same p-values.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        hide_default_value = true,
        help_heading = "What is measured"
    )]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
    #[command(flatten)]
    pub(crate) cut: IndexFlags,
    #[command(flatten)]
    pub(crate) read: ReadFlags,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

/// Those of a search's flags that a comparison of systems leaves open.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Search")]
pub(crate) struct EvalSearchFlags {
    /// How the two lists of a hybrid search are combined [default: blend]
    #[arg(long, env = "REREAD_FUSION", hide_env_values = true, value_parser = one_of::<Fusion>())]
    fusion: Option<Fusion>,

    /// The vectors' share of the blend, from 0 to 1 [default: 0.5]
    #[arg(long, value_name = "WEIGHT", env = "REREAD_DENSE_WEIGHT", hide_env_values = true,
          value_parser = weight)]
    dense_weight: Option<f32>,

    /// The constant that `--fusion rrf` adds to each rank [default: 60]
    #[arg(long, value_name = "K", env = "REREAD_RRF_K", hide_env_values = true,
          value_parser = finite)]
    rrf_k: Option<f32>,

    /// Measure the first pass only
    #[arg(long)]
    no_rerank: bool,

    /// The second pass's share of the final score, from 0 to 1 [default: 0.75]
    #[arg(long, value_name = "WEIGHT", env = "REREAD_RERANK_WEIGHT", hide_env_values = true,
          value_parser = weight)]
    rerank_weight: Option<f32>,

    /// Compare the question with every vector
    #[arg(long)]
    exact: bool,

    /// Measure the index as it is
    #[arg(long)]
    no_refresh: bool,
}

impl JudgedArgs {
    /// What these flags and those of the search set.
    pub(crate) fn settings(&self, search: SearchFlags) -> Settings {
        Settings {
            search,
            index: self.cut,
            read: self.read,
            models: self.models.clone(),
            ..Settings::default()
        }
    }
}

impl From<EvalSearchFlags> for SearchFlags {
    fn from(flags: EvalSearchFlags) -> Self {
        Self {
            fusion: flags.fusion,
            dense_weight: flags.dense_weight,
            rrf_k: flags.rrf_k,
            no_rerank: flags.no_rerank,
            // Whoever measures wants to see the second pass, whatever a configuration file says.
            rerank: !flags.no_rerank,
            rerank_weight: flags.rerank_weight,
            exact: flags.exact,
            no_refresh: flags.no_refresh,
            ..Self::default()
        }
    }
}

pub(super) fn measure(name: &str) -> Result<Measure, String> {
    name.parse()
        .map_err(|error: reread_eval::Error| error.to_string())
}
