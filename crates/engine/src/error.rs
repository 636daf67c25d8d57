use std::path::PathBuf;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first pass or the index failed.
    #[error(transparent)]
    Index(#[from] reread_index::Error),
    /// A model could not be opened.
    #[error("cannot open the {role} in {}", path.display())]
    Model {
        /// What it was to be: `embedder` or `cross-encoder`.
        role: &'static str,
        /// Its folder.
        path: PathBuf,
        /// Why not.
        source: reread_index::BoxError,
    },
    /// A model of this name is in none of the folders searched.
    #[error(
        "there is no {role} {name:?} in {}; give a model's folder, or say where models are with --models or REREAD_MODELS",
        list(searched)
    )]
    NoModel {
        /// What it was to be: `embedder` or `cross-encoder`.
        role: &'static str,
        /// The name or path asked for.
        name: String,
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// The cross-encoder failed while scoring.
    #[error("the cross-encoder failed")]
    CrossEncoder(#[source] reread_index::BoxError),
    /// The engine was built without a place for an index.
    #[error("the engine has no index; give it a folder or an index folder")]
    NoIndexFolder,
    /// The engine was built without a folder to index.
    #[error("the engine has no folder to index; give it one when it is built")]
    NoRoot,
    /// What was to be indexed is not a folder.
    #[error("{} is not a folder; give the folder, and a path filter for one file of it", path.display())]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// The threads could not be started.
    #[error("cannot start {n_threads} threads")]
    Threads {
        /// How many were asked for.
        n_threads: usize,
        /// Why not.
        source: reread_index::BoxError,
    },
    /// A document to be read is not in the folder it is to be read from.
    #[error("{} is outside {}; only documents of that folder can be read", path.display(), root.display())]
    Outside {
        /// What was given.
        path: PathBuf,
        /// The folder.
        root: PathBuf,
    },
    /// What should be a document is a folder.
    #[error("{path:?} is a folder; name a file of it")]
    IsAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// A document cannot be read.
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable {
        /// The document.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A document does not have these lines.
    #[error("{} ends at line {last}, before line {first}", path.display())]
    NoSuchLines {
        /// The document.
        path: PathBuf,
        /// The first line asked for.
        first: u32,
        /// The document's last line.
        last: u32,
    },
    /// A file of judgements, queries or results cannot be read.
    #[error("cannot read {}", path.display())]
    CannotRead {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of judgements, queries or results is not what it should be.
    #[error("{}:{line}: expected {expected}, found {found}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What should stand there.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// A line of judgements, queries or results says again what an earlier one says.
    #[error("{}:{line}: {what} stands on line {first} already; remove one of them", path.display())]
    RepeatedLine {
        /// The file.
        path: PathBuf,
        /// The later line, from 1.
        line: u64,
        /// The earlier line, from 1.
        first: u64,
        /// What is said twice.
        what: String,
    },
    /// A file of judgements, queries or results holds none.
    #[error("{} holds no {expected}", path.display())]
    NothingRead {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A judged query has no text.
    #[error("{}:{line}: query {query} is judged here and is not in {}", qrels.display(), queries.display())]
    QueryWithoutText {
        /// The judgements.
        qrels: PathBuf,
        /// The first judgement of the query, from 1.
        line: u64,
        /// The file of queries.
        queries: PathBuf,
        /// The query's id.
        query: String,
    },
    /// A folder is not a collection in BEIR layout.
    #[error("{} has no {missing}; a collection has corpus.jsonl, queries.jsonl and qrels/<split>.tsv, each plain or with .gz", path.display())]
    NoCollection {
        /// The folder.
        path: PathBuf,
        /// The file that is missing.
        missing: String,
    },
    /// A collection's documents could not be copied to the place where they are indexed.
    #[error("cannot copy the documents of the collection to {}; choose another place with --index", path.display())]
    CannotCopy {
        /// The place.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The second pass failed where its figures were asked for.
    #[error("query {query}: {problem}")]
    SecondPass {
        /// The query's id.
        query: String,
        /// What went wrong.
        problem: String,
    },
    /// There is no measure of this name.
    #[error(
        "there is no measure {name:?}; there are nDCG@k, R@k, AP, RR@k, P@k, Success@k and Judged@k, with a whole number for k"
    )]
    UnknownMeasure {
        /// The name.
        name: String,
    },
    /// An option lies outside its bounds.
    #[error("{option} is {value}, and must be {bound}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        bound: &'static str,
    },
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "any known place".to_owned();
    }
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}
