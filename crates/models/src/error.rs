//! What can go wrong in finding and opening a model.

use std::path::PathBuf;

use reread_encoder::Cancelled;

use crate::embedder::BoxError;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in finding and opening a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model could not be opened.
    #[error("cannot open the {role} in {}", path.display())]
    Model {
        /// What it was to be: `embedder` or `cross-encoder`.
        role: &'static str,
        /// Its folder.
        path: PathBuf,
        /// Why not.
        source: BoxError,
    },
    /// A model of this name is in none of the folders searched.
    #[error("there is no {role} {name:?} in {}", list(searched))]
    NoModel {
        /// What it was to be: `embedder` or `cross-encoder`.
        role: &'static str,
        /// The name or path asked for.
        name: String,
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// The model is for ONNX Runtime, and this crate was built without its feature `fastembed`. It is the
    /// source of [`Model`](Self::Model).
    #[error("this is an ONNX model, but this build has no fastembed")]
    NoFastembed,
    /// The caller asked to stop, or time was up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
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
