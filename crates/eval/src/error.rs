use std::path::PathBuf;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in measuring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A search failed, or the index could not be read.
    #[error(transparent)]
    Engine(#[from] reread_engine::Error),
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
    #[error("{}:{line}: {what} is already on line {first}; remove one of them", path.display())]
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
    #[error("{}:{line}: query {query} is judged here but is not in {}", qrels.display(), queries.display())]
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
    #[error("{} has no {missing}; a collection has corpus.jsonl, queries.jsonl and qrels/<split>.tsv, each plain or as .gz", path.display())]
    NoCollection {
        /// The folder.
        path: PathBuf,
        /// The file that is missing.
        missing: String,
    },
    /// A collection's documents could not be copied to the place where they are indexed.
    #[error("cannot copy the documents of the collection to {}", path.display())]
    CannotCopy {
        /// The place.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The second pass failed where its figures were asked for.
    #[error("query {query}: the second pass failed")]
    SecondPass {
        /// The query's id.
        query: String,
        /// What went wrong.
        source: reread_engine::Failure,
    },
    /// There is no measure of this name.
    #[error(
        "there is no measure {name:?}; the measures are nDCG@k, R@k, AP, RR@k, P@k, Success@k and Judged@k, with a whole number for k"
    )]
    UnknownMeasure {
        /// The name.
        name: String,
    },
}
