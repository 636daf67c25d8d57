use std::io;
use std::path::PathBuf;

use reread_encoder::ModelIdentity;

use crate::embed::BoxError;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the first pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// A file of the index does not hold what was written to it.
    #[error("{} is damaged at byte {offset}: {problem}; rebuild the index", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file the damage shows.
        offset: u64,
        /// What was found there.
        problem: String,
    },
    /// The index was written by a version that this one does not read.
    #[error(
        "{} has format version {found}, and this version reads {supported}; build the index anew \
         with `reread index --rebuild`",
        path.display()
    )]
    UnsupportedVersion {
        /// The file that says so.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The version that can be read.
        supported: u32,
    },
    /// There is no index in this folder.
    #[error("there is no index in {}; build one with `reread index`", path.display())]
    NoIndex {
        /// The index folder.
        path: PathBuf,
    },
    /// The index was built with another model.
    #[error(
        "the index was built with {built_with}, not with {given}; use that model or rebuild the index"
    )]
    WrongModel {
        /// The model of the index.
        built_with: Box<ModelIdentity>,
        /// The model that was to be used.
        given: Box<ModelIdentity>,
    },
    /// A folder with other things in it was given as the index folder.
    #[error(
        "{} holds other files and is no index; give a new or empty folder outside the indexed files",
        path.display()
    )]
    NotAnIndex {
        /// The folder.
        path: PathBuf,
    },
    /// The index belongs to another folder.
    #[error(
        "the index in {} was built for {built_for}, not for {given}; give that folder or another index",
        path.display()
    )]
    OtherFolder {
        /// The index folder.
        path: PathBuf,
        /// The folder it was built for.
        built_for: String,
        /// The folder that was given.
        given: String,
    },
    /// Another process or thread is writing to this index.
    #[error("another process is writing to the index in {}; wait until it is done", path.display())]
    Locked {
        /// The index folder.
        path: PathBuf,
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
    /// The model failed.
    #[error("the embedding model failed")]
    Embedder(#[source] BoxError),
    /// The model returned vectors that cannot be used.
    #[error("the embedding model {model} returned unusable vectors: {problem}")]
    BadEmbedding {
        /// The model.
        model: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The lexical index failed.
    #[error("the lexical index in {} failed while trying to {action}", path.display())]
    Lexical {
        /// What was tried.
        action: &'static str,
        /// The lexical index's folder.
        path: PathBuf,
        /// What it said.
        source: BoxError,
    },
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
}
