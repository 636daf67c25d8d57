use std::path::PathBuf;

use reread_models::{BoxError, Cancelled};
use reread_retrieval::InvalidOption;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first pass or the index failed.
    #[error(transparent)]
    Index(reread_index::Error),
    /// A first pass that is not an index on this machine failed.
    #[error("the first pass failed")]
    FirstPass(#[source] BoxError),
    /// A model could not be found or opened.
    #[error(transparent)]
    Models(reread_models::Error),
    /// The second pass failed.
    #[error(transparent)]
    Rerank(#[from] reread_rerank::Error),
    /// What was asked for can only be said by a first pass that has its passages at hand.
    #[error("the first pass is on another machine and cannot say that")]
    NotLocal,
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The engine was built without a place for an index.
    #[error("the engine has no index; give it a folder or an index folder")]
    NoIndexFolder,
    /// The engine was built without a folder to index.
    #[error("the engine has no folder to index; give it one when it is built")]
    NoRoot,
    /// What was to be indexed is not a folder.
    #[error("{} is not a folder; give the folder, and use a path filter for a single file in it", path.display())]
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
        source: BoxError,
    },
    /// A document to be read is not in the folder it is to be read from.
    #[error("{} is outside {}; only documents in that folder can be read", path.display(), root.display())]
    Outside {
        /// What was given.
        path: PathBuf,
        /// The folder.
        root: PathBuf,
    },
    /// What should be a document is a folder.
    #[error("{path:?} is a folder; name a file in it")]
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
    /// An option lies outside its bounds.
    #[error("{option} is {value}, but must be {bound}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        bound: &'static str,
    },
}

impl Error {
    /// What a first pass failed with, as the type it is.
    pub fn of_first_pass(error: BoxError) -> Self {
        let error = match error.downcast::<reread_index::Error>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        let error = match error.downcast::<InvalidOption>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        match error.downcast::<Cancelled>() {
            Ok(cancelled) => Self::Cancelled(*cancelled),
            Err(error) => Self::FirstPass(error),
        }
    }
}

impl From<reread_index::Error> for Error {
    /// Keeps apart what failed and what was stopped.
    fn from(error: reread_index::Error) -> Self {
        match error {
            reread_index::Error::Cancelled => Self::Cancelled(Cancelled),
            error => Self::Index(error),
        }
    }
}

impl From<reread_models::Error> for Error {
    /// Keeps apart what failed and what was stopped.
    fn from(error: reread_models::Error) -> Self {
        match error {
            reread_models::Error::Cancelled(cancelled) => cancelled.into(),
            error => Self::Models(error),
        }
    }
}

impl From<InvalidOption> for Error {
    fn from(error: InvalidOption) -> Self {
        Self::InvalidOption {
            option: error.option,
            value: error.value,
            bound: error.bound,
        }
    }
}
