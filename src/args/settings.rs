//! Flags that have a twin in the configuration files. What is `None` or empty was not given.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use reread_engine::{
    By, Calibration, Condition, DocumentKind, Fold, Fusion, InstructionSet, Mode, Precision, Stop,
};

use super::choices::one_of;
use super::values::{
    bounded, budget, calibration, condition, cpu, finite, pause, size, timeout, weight,
};

/// Everything that flags, environment and configuration files can set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Settings {
    pub(crate) search: SearchFlags,
    pub(crate) index: IndexFlags,
    pub(crate) walk: WalkFlags,
    pub(crate) read: ReadFlags,
    pub(crate) models: ModelFlags,
}

impl Settings {
    /// Fills in from `other` what is not set here.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            search: self.search.or(other.search),
            index: self.index.or(other.index),
            walk: self.walk.or(other.walk),
            read: self.read.or(other.read),
            models: self.models.or(other.models),
        }
    }
}

/// How a search is done.
#[allow(clippy::struct_excessive_bools)] // Each is a switch of the command line.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchFlags {
    /// How many results to print [default: 10]
    ///
    /// From 1 to 1,000. Beyond `--depth`, results are candidates that only the first pass has ranked.
    #[arg(long, short = 'k', value_name = "N", env = "REREAD_TOP_K", hide_env_values = true,
          value_parser = bounded::<1, 1_000>)]
    pub(crate) top_k: Option<usize>,

    /// How many candidates the second pass reads [default: 20]
    ///
    /// From 1 to 10,000. The time grows with it. Raise it when the right passage exists but does not
    /// appear: what the first pass ranks below this depth is not read.
    #[arg(long, short = 'n', value_name = "N", env = "REREAD_DEPTH", hide_env_values = true,
          value_parser = bounded::<1, 10_000>)]
    pub(crate) depth: Option<usize>,

    /// How the first pass searches [default: hybrid]
    ///
    /// `lexical` for exact names and error codes, `dense` for questions in different words from the
    /// documents', `hybrid` for both.
    #[arg(long, env = "REREAD_MODE", hide_env_values = true, value_parser = one_of::<Mode>())]
    pub(crate) mode: Option<Mode>,

    /// How the two lists of a hybrid search are combined [default: blend]
    ///
    /// `blend` adds scaled scores. `rrf` looks only at ranks, which helps when another embedder's
    /// scores are badly scaled.
    #[arg(long, env = "REREAD_FUSION", hide_env_values = true, value_parser = one_of::<Fusion>())]
    pub(crate) fusion: Option<Fusion>,

    /// The vectors' share of the blend, from 0 to 1 [default: 0.6]
    ///
    /// Lower it where exact words matter, as in code. Raise it where documents put things in words of
    /// their own.
    #[arg(long, value_name = "WEIGHT", env = "REREAD_DENSE_WEIGHT", hide_env_values = true,
          value_parser = weight)]
    pub(crate) dense_weight: Option<f32>,

    /// The constant that `--fusion rrf` adds to each rank [default: 60]
    ///
    /// Smaller values favour what is at the very top of either list.
    #[arg(long, value_name = "K", env = "REREAD_RRF_K", hide_env_values = true,
          value_parser = finite)]
    pub(crate) rrf_k: Option<f32>,

    /// Skip the second pass
    ///
    /// Off by default. Answers within milliseconds, in the order of the first pass.
    #[arg(long, overrides_with = "rerank")]
    pub(crate) no_rerank: bool,

    /// Do the second pass even if a configuration file turns it off
    #[arg(long, overrides_with = "no_rerank")]
    pub(crate) rerank: bool,

    /// How much the second pass counts, from 0 to 1 [default: 0.5]
    ///
    /// 1 is the cross-encoder's order alone, 0 the first pass's. Lower it where the cross-encoder's
    /// order is worse, as happens with text that is unlike what it was trained on.
    #[arg(long, value_name = "WEIGHT", env = "REREAD_RERANK_WEIGHT", hide_env_values = true,
          value_parser = weight)]
    pub(crate) rerank_weight: Option<f32>,

    /// How long a search may take [default: as long as it needs]
    ///
    /// Such as `150ms` or `2s`. Candidates are read from the first pass's best downwards; when time
    /// is up, the answer uses what has been read. `0` means the first pass alone. Looking for changed
    /// files is not counted.
    #[arg(long, value_name = "TIME", env = "REREAD_BUDGET", hide_env_values = true,
          value_parser = budget)]
    pub(crate) budget: Option<Duration>,

    /// When to stop reading candidates early [default: certain]
    ///
    /// `certain` stops when the unread candidates cannot change the results or their order, which
    /// takes a small `--top-k` or a small `--rerank-weight`. `confident` stops when they are unlikely
    /// to. `never` reads all of them.
    #[arg(long, env = "REREAD_STOP", hide_env_values = true, value_parser = one_of::<Stop>())]
    pub(crate) stop: Option<Stop>,

    /// Leave out results with a lower final score [default: leave none out]
    ///
    /// Scores go from 0 to 1, and what a passage scores depends on the question and that passage alone
    /// (`docs/ranking.md`). Where `reread tune` has fitted a calibration they are probabilities.
    #[arg(long, value_name = "SCORE", env = "REREAD_MIN_SCORE", hide_env_values = true,
          value_parser = finite, allow_negative_numbers = true)]
    pub(crate) min_score: Option<f32>,

    /// What scores mean as probabilities
    ///
    /// A slope, an intercept and a model, as `reread tune` writes them to `reread.toml`. The scores of
    /// results are probabilities then.
    #[arg(long, value_name = "NUMBERS", env = "REREAD_CALIBRATION", hide_env_values = true,
          value_parser = calibration)]
    pub(crate) calibration: Option<Calibration>,

    /// Compare the question with every vector
    ///
    /// By default the engine chooses: small indexes are scanned anyway; large ones are searched
    /// through a graph, which is faster but may miss a passage.
    #[arg(long)]
    pub(crate) exact: bool,

    /// How widely the graph is searched [default: chosen by depth]
    ///
    /// A higher value finds more and takes longer. It matters only if the index is large enough to
    /// have a graph, which `reread status` tells you.
    #[arg(long, value_name = "N", env = "REREAD_EF_SEARCH", hide_env_values = true,
          value_parser = bounded::<1, 100_000>)]
    pub(crate) ef_search: Option<usize>,

    /// What a result stands for [default: passage]
    ///
    /// `document` shows each document once, represented by its best passage.
    #[arg(long, env = "REREAD_BY", hide_env_values = true, value_parser = one_of::<By>())]
    pub(crate) by: Option<By>,

    /// Which passages are shown as one result [default: equal]
    ///
    /// The best one is shown, with the number of other places; `--json` lists them. The second pass reads
    /// a text once, so copies do not use up `--depth`. With `--by document` nothing is folded.
    #[arg(long, env = "REREAD_FOLD", hide_env_values = true, value_parser = one_of::<Fold>())]
    pub(crate) fold: Option<Fold>,

    /// How many passages of one document may be results [default: any number]
    ///
    /// The best ones stay; what they leave goes to other documents. Use it when one long document
    /// fills the answer. From 1 to 1,000.
    #[arg(long, value_name = "N", env = "REREAD_PER_DOCUMENT", hide_env_values = true,
          value_parser = bounded::<1, 1_000>)]
    pub(crate) per_document: Option<usize>,

    /// Search the index as it is
    ///
    /// By default changed files are indexed first. Useful for read-only or very large folders.
    #[arg(long, overrides_with = "refresh")]
    pub(crate) no_refresh: bool,

    /// Look for changed files even if a configuration file turns that off
    #[arg(long, overrides_with = "no_refresh")]
    pub(crate) refresh: bool,

    /// Only documents with this path, or in this folder [default: all]
    ///
    /// A path relative to the folder, or as results print it. If there is no such file or folder, a glob
    /// such as `docs/**` or `*.md`; without a slash, it matches names in every folder. Upper and lower
    /// case differ. Repeat the option to allow several.
    #[arg(
        long = "path",
        value_name = "PATH|GLOB",
        help_heading = "Which documents"
    )]
    pub(crate) paths: Vec<String>,

    /// Only documents of this type [default: all]
    ///
    /// To allow several, repeat the option or separate them with commas.
    #[arg(
        long = "type",
        value_parser = one_of::<DocumentKind>(),
        value_name = "TYPE",
        value_delimiter = ',',
        help_heading = "Which documents"
    )]
    pub(crate) types: Vec<DocumentKind>,

    /// Only documents whose metadata meets a condition [default: all]
    ///
    /// Such as `lang = "en" and year >= 2020`, `tags in ("draft", "old")`, `author contains "love"`,
    /// `not has author`. Put texts in quotes; write numbers and days such as 2024-03-01 as they are. If a
    /// value is a list, one of its items must fit. If you repeat the option, all conditions must hold.
    /// `docs/filters.md` describes the whole language.
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition,
          help_heading = "Which documents")]
    pub(crate) conditions: Vec<Condition>,
}

impl SearchFlags {
    fn or(self, other: Self) -> Self {
        let no_word = !self.rerank && !self.no_rerank;
        let no_refresh_word = !self.refresh && !self.no_refresh;
        Self {
            top_k: self.top_k.or(other.top_k),
            depth: self.depth.or(other.depth),
            mode: self.mode.or(other.mode),
            fusion: self.fusion.or(other.fusion),
            dense_weight: self.dense_weight.or(other.dense_weight),
            rrf_k: self.rrf_k.or(other.rrf_k),
            no_rerank: self.no_rerank || (no_word && other.no_rerank),
            rerank: self.rerank || (no_word && other.rerank),
            rerank_weight: self.rerank_weight.or(other.rerank_weight),
            budget: self.budget.or(other.budget),
            stop: self.stop.or(other.stop),
            min_score: self.min_score.or(other.min_score),
            calibration: self.calibration.or(other.calibration),
            exact: self.exact || other.exact,
            ef_search: self.ef_search.or(other.ef_search),
            by: self.by.or(other.by),
            fold: self.fold.or(other.fold),
            per_document: self.per_document.or(other.per_document),
            no_refresh: self.no_refresh || (no_refresh_word && other.no_refresh),
            refresh: self.refresh || (no_refresh_word && other.refresh),
            paths: first_given(self.paths, other.paths),
            types: first_given(self.types, other.types),
            conditions: first_given(self.conditions, other.conditions),
        }
    }
}

/// How documents are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Args)]
#[command(next_help_heading = "Index")]
pub(crate) struct IndexFlags {
    /// How long passages are, in tokens [default: 200, or as the index was built]
    ///
    /// From 16 to 4,096. Shorter passages are found more precisely, longer ones say more. The second
    /// pass reads only `--pair-tokens`, so raise that too for passages longer than the default.
    #[arg(long, value_name = "N", env = "REREAD_PASSAGE_TOKENS", hide_env_values = true,
          value_parser = bounded::<16, 4_096>)]
    pub(crate) passage_tokens: Option<usize>,

    /// How much of the previous passage each one repeats [default: 30, or as the index was built]
    ///
    /// In tokens, less than half of `--passage-tokens`. Raise it where facts straddle paragraphs; use
    /// 0 for records that stand alone.
    #[arg(long, value_name = "N", env = "REREAD_OVERLAP_TOKENS", hide_env_values = true,
          value_parser = bounded::<0, 2_047>)]
    pub(crate) overlap_tokens: Option<usize>,

    /// How long a run works before it commits what it has done [default: 15s]
    ///
    /// Such as `5s` or `10m`. If a run is killed, the next one continues from the last commit. With a
    /// shorter time less is lost, but commits take a larger share of the time, though never more than
    /// about a fiftieth. `0s` commits after every file.
    #[arg(long, value_name = "TIME", env = "REREAD_COMMIT_EVERY", hide_env_values = true,
          hide_short_help = true, value_parser = pause)]
    pub(crate) commit_every: Option<Duration>,
}

impl IndexFlags {
    fn or(self, other: Self) -> Self {
        Self {
            passage_tokens: self.passage_tokens.or(other.passage_tokens),
            overlap_tokens: self.overlap_tokens.or(other.overlap_tokens),
            commit_every: self.commit_every.or(other.commit_every),
        }
    }
}

/// Which files are looked at.
#[allow(clippy::struct_excessive_bools)] // Each is a switch of the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct WalkFlags {
    /// Include hidden files and folders
    ///
    /// Off by default, as in other search tools. The index remembers it for later runs.
    #[arg(long, overrides_with = "no_hidden")]
    pub(crate) hidden: bool,

    /// Leave out hidden files even if the index or a configuration file says otherwise
    #[arg(long, overrides_with = "hidden")]
    pub(crate) no_hidden: bool,

    /// Include files that a .gitignore, .ignore or .rereadignore names
    ///
    /// Off by default, as in other search tools. The index remembers it for later runs.
    #[arg(long, overrides_with = "ignore")]
    pub(crate) no_ignore: bool,

    /// Leave out ignored files even if the index includes them
    #[arg(long, overrides_with = "no_ignore")]
    pub(crate) ignore: bool,

    /// Follow symbolic links
    ///
    /// Off by default, because a link may lead out of the folder. What it leads to is indexed under the
    /// link's name. The index remembers it for later runs.
    #[arg(long, overrides_with = "no_follow")]
    pub(crate) follow: bool,

    /// Do not follow symbolic links even if the index does
    #[arg(long, overrides_with = "follow")]
    pub(crate) no_follow: bool,
}

impl WalkFlags {
    fn or(self, other: Self) -> Self {
        let no_word = !self.hidden && !self.no_hidden;
        // Only hidden files have a key in the configuration files.
        Self {
            hidden: self.hidden || (no_word && other.hidden),
            no_hidden: self.no_hidden || (no_word && other.no_hidden),
            ..self
        }
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct ReadFlags {
    /// Leave out larger files [default: 64M]
    ///
    /// Such as `500K`, `64M` or `1G`. Larger files are mostly logs and dumps; each one left out is
    /// reported. To make another limit permanent, write it into `reread.toml`.
    #[arg(long, value_name = "SIZE", env = "REREAD_MAX_FILE_SIZE", hide_env_values = true,
          value_parser = size)]
    pub(crate) max_file_size: Option<u64>,

    /// How long one PDF, HTML or Markdown file may take [default: 30s]
    ///
    /// Such as `90s` or `2m`. Raise it for very long books on slow machines.
    #[arg(long, value_name = "TIME", env = "REREAD_PDF_TIMEOUT", hide_env_values = true,
          value_parser = timeout)]
    pub(crate) pdf_timeout: Option<Duration>,
}

impl ReadFlags {
    fn or(self, other: Self) -> Self {
        Self {
            max_file_size: self.max_file_size.or(other.max_file_size),
            pdf_timeout: self.pdf_timeout.or(other.pdf_timeout),
        }
    }
}

/// Which models are used, and with how many threads.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct ModelFlags {
    /// Look for models here first [default: see `reread models`]
    ///
    /// A folder of model folders. Repeat the option for several; `REREAD_MODELS` holds a list, like
    /// `PATH`.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Vec<PathBuf>,

    /// The embedder (bi-encoder) of the first pass, by name or folder [default: bge-small-en-v1.5]
    ///
    /// Choose another for other languages or better recall. An index belongs to its embedder: to
    /// change it, run `reread index --rebuild`.
    #[arg(
        long,
        value_name = "NAME|DIR",
        env = "REREAD_EMBEDDER",
        hide_env_values = true
    )]
    pub(crate) embedder: Option<String>,

    /// The cross-encoder of the second pass, by name or folder [default: reread-MiniLM-L12-v1]
    ///
    /// Choose another for other languages, or to trade speed for quality. You may use a different one
    /// for each search.
    #[arg(
        long,
        value_name = "NAME|DIR",
        env = "REREAD_CROSS_ENCODER",
        hide_env_values = true
    )]
    pub(crate) cross_encoder: Option<String>,

    /// How many tokens of question and passage the second pass reads [default: 256]
    ///
    /// At least 16. The question gets at most 64 of them, and never more than half; the passage gets the
    /// rest. A passage is cut at its end; of a longer question the first 16 and the last 16 tokens
    /// are read, and a warning says so. Raise it for long passages; the time grows with it.
    #[arg(long, value_name = "N", env = "REREAD_PAIR_TOKENS", hide_env_values = true,
          value_parser = bounded::<16, 8_192>)]
    pub(crate) pair_tokens: Option<usize>,

    /// The instruction set the models use [default: the fastest that this machine has]
    ///
    /// `reread status` lists what there is, such as `avx512-vnni`, `avx2` or `portable`. Useful for
    /// comparisons, and on machines that slow down when they run wide instructions.
    #[arg(long, value_name = "NAME", env = "REREAD_CPU", hide_env_values = true,
          value_parser = cpu)]
    pub(crate) cpu: Option<InstructionSet>,

    /// The arithmetic of the models [default: int8]
    ///
    /// `f32` is exact and several times slower: it is for checking, not for everyday use.
    #[arg(long, env = "REREAD_PRECISION", hide_env_values = true, value_parser = one_of::<Precision>())]
    pub(crate) precision: Option<Precision>,

    /// The ONNX Runtime library [default: the system's, if it has one]
    ///
    /// Needed only for models in ONNX form.
    #[arg(
        long,
        value_name = "PATH",
        env = "ORT_DYLIB_PATH",
        hide_env_values = true
    )]
    pub(crate) onnxruntime: Option<PathBuf>,

    /// How many threads to use [default: one per core]
    ///
    /// Use fewer to leave room for other work. Results do not depend on it.
    #[arg(long, value_name = "N", env = "REREAD_THREADS", hide_env_values = true,
          value_parser = bounded::<1, 1_024>)]
    pub(crate) threads: Option<usize>,
}

impl ModelFlags {
    fn or(mut self, other: Self) -> Self {
        // Later places are still searched, after those that are nearer to the user.
        self.models.extend(other.models);
        Self {
            models: self.models,
            embedder: self.embedder.or(other.embedder),
            cross_encoder: self.cross_encoder.or(other.cross_encoder),
            pair_tokens: self.pair_tokens.or(other.pair_tokens),
            cpu: self.cpu.or(other.cpu),
            precision: self.precision.or(other.precision),
            onnxruntime: self.onnxruntime.or(other.onnxruntime),
            threads: self.threads.or(other.threads),
        }
    }
}

fn first_given<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    if first.is_empty() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_first_stays() {
        let flags = SearchFlags {
            top_k: Some(3),
            rerank: true,
            ..SearchFlags::default()
        };
        let file = SearchFlags {
            top_k: Some(9),
            depth: Some(50),
            no_rerank: true,
            no_refresh: true,
            ..SearchFlags::default()
        };
        let joined = flags.or(file);
        assert_eq!((joined.top_k, joined.depth), (Some(3), Some(50)));
        assert!(joined.rerank && !joined.no_rerank);
        assert!(joined.no_refresh && !joined.refresh);
    }

    #[test]
    fn a_list_replaces_a_list() {
        let flags = SearchFlags {
            paths: vec!["a".into()],
            ..SearchFlags::default()
        };
        let file = SearchFlags {
            paths: vec!["b".into()],
            ..SearchFlags::default()
        };
        assert_eq!(flags.or(file.clone()).paths, ["a"]);
        assert_eq!(SearchFlags::default().or(file).paths, ["b"]);
    }

    #[test]
    fn model_folders_add_up_in_order() {
        let flags = ModelFlags {
            models: vec!["a".into()],
            ..ModelFlags::default()
        };
        let file = ModelFlags {
            models: vec!["b".into()],
            ..ModelFlags::default()
        };
        assert_eq!(
            flags.or(file).models,
            [PathBuf::from("a"), PathBuf::from("b")]
        );
    }
}
