//! What can go wrong with an ONNX model.

use std::io;
use std::path::PathBuf;

use crate::embedder::BoxError;

/// A `Result` with [`OnnxError`].
pub(super) type Result<T, E = OnnxError> = std::result::Result<T, E>;

const HOW_TO_GET_IT: &str = "install it (`pip install onnxruntime`), then give its library: \
    onnxruntime/capi/libonnxruntime.so.* in the folder that pip installs to";

/// Everything that can go wrong between asking for an ONNX model and its results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// There is nothing at the path given, or a folder without the library.
    #[error("there is no ONNX Runtime library at {}; {HOW_TO_GET_IT}", path.display())]
    LibraryNotFound {
        /// The path given.
        path: PathBuf,
    },
    /// The system's loader could not load the library.
    #[error("cannot load ONNX Runtime from {}; {HOW_TO_GET_IT}", path.display())]
    LibraryNotLoaded {
        /// The file, or the bare name that the loader looked for.
        path: PathBuf,
        /// What the loader said.
        source: BoxError,
    },
    /// The library is another one.
    #[error("{} is a library, but not ONNX Runtime; {HOW_TO_GET_IT}", path.display())]
    NotOnnxRuntime {
        /// The library.
        path: PathBuf,
    },
    /// The library is too old.
    #[error(
        "{} is ONNX Runtime {found}, but {needed} or newer is needed; \
         upgrade it (`pip install -U onnxruntime`)",
        path.display()
    )]
    LibraryTooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest version that will do.
        needed: String,
    },
    /// This process runs another ONNX Runtime, and there can be only one.
    #[error(
        "cannot load ONNX Runtime from {}: this process has already loaded {}",
        asked.display(),
        loaded.display()
    )]
    AlreadyLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// The library loaded and would not start.
    #[error("ONNX Runtime did not start")]
    NotStarted {
        /// What it said.
        source: BoxError,
    },
    /// The operating system refused to read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// The folder is not a whole model.
    #[error("{} is not an ONNX model folder: there is no {file} in it", folder.display())]
    MissingFile {
        /// The model folder.
        folder: PathBuf,
        /// The file that is missing.
        file: &'static str,
    },
    /// A file beside the model cannot be used.
    #[error("cannot use {}: {problem}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// ONNX Runtime refuses the model.
    #[error("ONNX Runtime rejects {}: {problem}", path.display())]
    BadModel {
        /// The model file.
        path: PathBuf,
        /// What it said.
        problem: String,
    },
    /// The model returns something else than its role asks for.
    #[error("{} returns {found}, but this needs {needed}", path.display())]
    UnexpectedOutput {
        /// The model file.
        path: PathBuf,
        /// What it returns.
        found: String,
        /// What was expected.
        needed: &'static str,
    },
    /// The model's file is no longer the one that was opened.
    #[error("{} has changed since it was opened; open it again", path.display())]
    Changed {
        /// The model file.
        path: PathBuf,
    },
    /// An option lies outside its bounds.
    #[error("{option} is {value}, but must be {bound}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        bound: String,
    },
    /// The model failed on a text.
    #[error("the model {model} failed")]
    Failed {
        /// The model's name.
        model: String,
        /// What went wrong.
        source: BoxError,
    },
    /// The catalogue has no model of this name.
    #[error("the catalogue has no model {name:?}; did you mean {}?", close.join(", "))]
    UnknownModel {
        /// The name given.
        name: String,
        /// Names in the catalogue, the closest first.
        close: Vec<String>,
    },
    /// The model is not on this machine, and this build cannot download it.
    #[error(
        "the model {name} is not in {}, and this build lacks the feature `hub` to download it; \
         give the folder of an ONNX model",
        cache.display()
    )]
    NotDownloaded {
        /// The model's repository.
        name: String,
        /// The folder of downloaded models.
        cache: PathBuf,
    },
    /// The download failed.
    #[error("cannot download the model {name}; try again, or give the folder of an ONNX model")]
    Download {
        /// The model's repository.
        name: String,
        /// What went wrong.
        source: BoxError,
    },
}
