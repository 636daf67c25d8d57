//! What can be said on the command line. Parses and validates; opens nothing.

mod backup;
mod choices;
mod doctor;
mod eval;
mod judge;
mod searching;
mod settings;
mod tune;
mod values;
mod wait;
mod why;
mod worth_it;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub(crate) use backup::{BackupArgs, RestoreArgs};
pub(crate) use choices::choice;
pub(crate) use doctor::DoctorArgs;
pub(crate) use eval::{EvalArgs, JudgedArgs};
pub(crate) use judge::JudgeArgs;
pub(crate) use searching::{FilterArgs, IndexFolder, SearchingArgs};
pub(crate) use settings::{IndexFlags, ModelFlags, ReadFlags, SearchFlags, Settings, WalkFlags};
pub(crate) use tune::TuneArgs;
pub(crate) use values::{
    ColorArg, FormatArg, MAX_SHOWN, bounded, budget, calibration, condition, cpu, finite, size,
    timeout, weight,
};
pub(crate) use wait::{Wait, WaitFlags};
pub(crate) use why::WhyArgs;
pub(crate) use worth_it::WorthItArgs;

use crate::config::{Owner, names_of};

const AFTER_HELP: &str = "\
Exit status:
  0    something was found, or the command did its work
  1    nothing was found
  2    wrong usage, or an error
  130  interrupted with Ctrl-C; the index stays as it was last committed
It is not an error if a reader closes the pipe early (`reread ... | head -1`).";

/// What the long help says after the flags.
fn after_long_help() -> String {
    let (anyone, user) = (names_of(Owner::Anyone), names_of(Owner::User));
    format!(
        "{AFTER_HELP}

Configuration, first match wins:
  1. flags
  2. environment variables (REREAD_TOP_K for --top-k, and so on; each option's help names its own)
  3. reread.toml in the folder being searched
  4. reread/config.toml in $XDG_CONFIG_HOME (by default ~/.config)
  5. defaults

A configuration file holds lines such as `top_k = 20` or `mode = \"lexical\"`.
Keys that work in both files:
  {anyone}
Keys that work in the user's file only, since a folder may come from someone else:
  {user}

Models are looked for in this order: --models, REREAD_MODELS, the user's configuration, beside the
  executable, $XDG_DATA_HOME/reread/models (by default ~/.local/share), and the checkout that
  Reread was built in."
    )
}

/// Searches your own documents in two passes: a fast first search, then a careful second reading.
///
/// The first pass finds candidates by words (BM25) and by meaning (vectors). The second pass reads
/// the question together with each candidate and puts the candidates in order. Nothing leaves this
/// machine.
#[derive(Debug, Parser)]
#[command(
    name = "reread",
    version,
    arg_required_else_help = true,
    // What is said twice is meant once; of two values the last counts.
    args_override_self = true,
    max_term_width = 100,
    after_help = AFTER_HELP,
    after_long_help = after_long_help()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Search(Box<SearchArgs>),
    Index(IndexArgs),
    Watch(WatchArgs),
    Rerank(RerankArgs),
    Eval(Box<EvalArgs>),
    WorthIt(Box<WorthItArgs>),
    Tune(Box<TuneArgs>),
    Judge(Box<JudgeArgs>),
    Why(Box<WhyArgs>),
    Get(GetArgs),
    Status(StatusArgs),
    Doctor(Box<DoctorArgs>),
    Backup(BackupArgs),
    Restore(RestoreArgs),
    Models(ModelsArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct CommonArgs {
    /// Print results and errors only
    ///
    /// By default a bar shows progress on a terminal, and a line says what was done. Useful for
    /// scripts that keep standard error.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// When to use colour [default: auto]
    ///
    /// `auto` uses colour on a terminal and honours `NO_COLOR`. `always` is for pagers such as
    /// `less -R`.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_default_value = true
    )]
    pub(crate) color: ColorArg,

    /// Read no configuration file
    ///
    /// By default the folder's `reread.toml` and the user's `reread/config.toml` are read. Useful
    /// for scripts that must do the same thing everywhere.
    #[arg(long, global = true)]
    pub(crate) no_config: bool,
}

/// Ask a question and get ranked passages
///
/// The folder is indexed the first time it is searched. Later searches look for changed files first
/// and index only those.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reread search \"how do I restore a backup\" docs
  reread search --path 'src/**' --type code \"retry with backoff\"
  reread search --where 'lang = \"en\" and year >= 2020' \"data retention\" notes
  reread search --json \"data retention\" | jq -r '.hits[].path'
  reread search --queries questions.jsonl --format trec docs > run.txt
  reread search -- \"-Wall and -Wextra\"")]
pub(crate) struct SearchArgs {
    /// The question
    ///
    /// Plain words. `"quoted words"` must appear in a result as they are, `-word` and `-"quoted
    /// words"` must not. `word*` stands for all words that begin so. `title:word`, `path:word` and
    /// `tag:word` must be in the title, in the names of the file and its folders, or among the tags;
    /// `title:"quoted words"`, `title:word*` and `-title:word` work too. Case and accents make no
    /// difference, other forms of a word do.
    ///
    /// It may be long: BM25 uses all of its words. The bi-encoder embeds the first 500 tokens or so, and
    /// the cross-encoder reads up to 64, about 50 words; of a longer question it reads the first 16 and the last
    /// 16, because it can no longer tell passages apart otherwise. A warning says what was not read.
    #[arg(value_name = "QUESTION", required_unless_present = "queries")]
    pub(crate) question: Option<String>,

    /// The folder to search [default: the current one]
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// Answer many questions in one process
    ///
    /// A file of JSON Lines such as `{"_id": "q1", "text": "..."}`, or of id, tab, text, as for `reread
    /// eval`; may be gzipped; `-` reads standard input. Each answer is written as soon as it is known, by
    /// default as one line of JSON with its `query_id`; `--jsonl` and `--format trec` work too. A line
    /// that is no question is reported, the others are answered, and the exit status is 2.
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) wait: WaitFlags,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) search: SearchFlags,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) read: ReadFlags,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Show what each pass thought of each result
    ///
    /// One table per result with its ranks and scores in BM25, vectors, fusion and cross-encoder,
    /// then how the search went and where the time was spent. Off by default.
    #[arg(long)]
    pub(crate) explain: bool,

    /// Print one JSON object for the whole answer; the same as `--format json`
    #[arg(long, group = "format_choice")]
    pub(crate) json: bool,

    /// Print one JSON object per result, each on its own line; the same as `--format jsonl`
    #[arg(long, group = "format_choice")]
    pub(crate) jsonl: bool,

    /// How results are written [default: text; with --queries: json]
    ///
    /// `trec` writes `query Q0 document rank score run` for evaluation tools. It ranks documents
    /// unless you give `--by passage`, which adds `#` and the passage's first byte to the name.
    #[arg(long, value_enum, group = "format_choice")]
    pub(crate) format: Option<FormatArg>,

    /// The last column of `--format trec` [default: reread]
    ///
    /// Change it to tell several runs apart.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "reread",
        hide_default_value = true
    )]
    pub(crate) run_name: String,
}

impl OutputArgs {
    /// The format that was asked for, if one was.
    pub(crate) fn chosen_format(&self) -> Option<FormatArg> {
        let shorthand = || match (self.json, self.jsonl) {
            (true, _) => Some(FormatArg::Json),
            (_, true) => Some(FormatArg::Jsonl),
            _ => None,
        };
        self.format.or_else(shorthand)
    }
}

/// Index a folder, or bring its index up to date
///
/// `reread search` does this by itself. Run it separately to choose how documents are cut into
/// passages, or to have the index ready before the first search. Only changed files are read again.
#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// The folder to index
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Build the index from scratch
    ///
    /// By default only changed files are read. Use it for an index that is damaged or was built with
    /// another model.
    #[arg(long, help_heading = "Index")]
    pub(crate) rebuild: bool,

    /// Print what was done as one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) wait: WaitFlags,
    #[command(flatten)]
    pub(crate) indexing: IndexingArgs,
}

/// Keep the index of a folder up to date until Ctrl-C
///
/// Indexes what has changed so far, then keeps indexing further changes as soon as the folder has
/// been quiet for a moment. Reports each update in one line. Searches made meanwhile see the last
/// complete update.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  reread watch notes &
  reread search --no-refresh \"where did I put the key\" notes")]
pub(crate) struct WatchArgs {
    /// The folder to watch
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Look for changes at this interval [default: wait for the system to report them]
    ///
    /// Such as `5s`. Use it for network drives: the system does not report changes that other
    /// machines make there.
    #[arg(long, value_name = "TIME", value_parser = values::timeout, help_heading = "Files")]
    pub(crate) poll: Option<Duration>,

    /// Print each update as one JSON object on a line, as `reread index --json` does
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) indexing: IndexingArgs,
}

/// Where the index of a folder is and how it is brought up to date.
#[derive(Debug, Args)]
pub(crate) struct IndexingArgs {
    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) cut: IndexFlags,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) read: ReadFlags,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

impl IndexingArgs {
    /// What these flags set.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            index: self.cut,
            walk: self.walk,
            read: self.read,
            models: self.models.clone(),
            ..Settings::default()
        }
    }
}

/// Order lines by their relevance to a question, best first
///
/// The second pass on its own, as a filter for pipes: lines go in, the same lines come out in order. Of
/// JSON Lines it reads one field. Empty lines are left out. A line that is too long for the model is read
/// in pieces, and the best counts. It needs no index.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rg --no-heading timeout src | reread rerank --top-k 5 \"where is the retry limit set\"
  reread rerank --field abstract \"who discovered it\" papers.jsonl")]
pub(crate) struct RerankArgs {
    /// The question
    #[arg(value_name = "QUESTION")]
    pub(crate) question: String,

    /// The file whose lines are put in order; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// How many lines to print [default: all]
    ///
    /// Fewer lines are easier to read, for a person or a language model.
    #[arg(long, short = 'k', value_name = "N", value_parser = bounded::<1, 1_000_000>)]
    pub(crate) top_k: Option<usize>,

    /// The field of JSON Lines that is read [default: text, contents, content, body, passage or title]
    ///
    /// The lines come out whole. Of the default's fields the first with a text is read; `a.b` is the field
    /// `b` inside `a`. A line without the field, or without JSON, is read as it stands.
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,

    /// Put the relevance, from 0 to 1, and a tab before each line
    ///
    /// Off by default, so that lines come out exactly as they went in.
    #[arg(long, conflicts_with = "json")]
    pub(crate) scores: bool,

    /// Print one JSON object per line, with the raw score
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

/// Print lines of a document as the index sees them
///
/// For HTML and PDF this is the extracted text, which is what line numbers in results refer to.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The document and its lines: `a.md:10-20`, `a.md:10`, or `a.md` for the whole document
    #[arg(value_name = "PATH[:LINES]")]
    pub(crate) place: String,

    /// The folder that PATH is relative to
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Read also what symbolic links in the folder lead to
    ///
    /// Off by default, because a link may lead out of the folder. Use it where the index was built with
    /// --follow.
    #[arg(long, help_heading = "Files")]
    pub(crate) follow: bool,

    #[command(flatten)]
    pub(crate) read: ReadFlags,
}

/// Show what the index of a folder holds
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The indexed folder
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Check every file of the index against its checksum
    ///
    /// Off by default, because it reads the whole index.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) index: IndexFolder,
    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

/// List the models that can be used, and where they were looked for
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) models: ModelFlags,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write one page per command into this folder [default: print the main page]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_a_long_help_that_names_its_default_or_says_when_to_use_it() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{}: {}",
                    command.get_name(),
                    arg.get_id()
                );
            }
        }
    }

    #[test]
    fn a_question_or_a_file_of_questions_is_needed() {
        assert!(Cli::try_parse_from(["reread", "search"]).is_err());
        assert!(Cli::try_parse_from(["reread", "search", "q"]).is_ok());
        assert!(Cli::try_parse_from(["reread", "search", "--queries", "f"]).is_ok());
    }

    #[test]
    fn what_is_said_twice_is_meant_once() {
        let parse =
            |args: &[&str]| Cli::try_parse_from([&["reread", "search", "q"], args].concat());
        for flag in [
            "--no-rerank",
            "--rerank",
            "--hidden",
            "--json",
            "--explain",
            "--quiet",
            "--exact",
        ] {
            assert!(parse(&[flag, flag]).is_ok(), "{flag}");
        }
        let Command::Search(args) =
            parse(&["--no-rerank", "--rerank", "--top-k", "3", "--top-k", "5"])
                .unwrap()
                .command
        else {
            panic!("a search")
        };
        assert!(args.search.rerank && !args.search.no_rerank);
        assert_eq!(args.search.top_k, Some(5));
        let Command::Search(args) = parse(&["--path", "a", "--path", "b"]).unwrap().command else {
            panic!("a search")
        };
        assert_eq!(args.search.paths, ["a", "b"]);
    }

    #[test]
    fn two_formats_are_refused() {
        assert!(Cli::try_parse_from(["reread", "search", "q", "--json", "--jsonl"]).is_err());
        let format = ["reread", "search", "q", "--format", "trec", "--json"];
        assert!(Cli::try_parse_from(format).is_err());
    }
}
