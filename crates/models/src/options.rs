//! Which models are used, and where they are.

use std::path::PathBuf;

use reread_encoder::{InstructionSet, Precision};

use crate::error::{Error, Result};
use crate::find;
use crate::native::DEFAULT_PAIR_TOKENS;

/// The bi-encoder that comes with the project.
pub const DEFAULT_EMBEDDER: &str = "bge-small-en-v1.5";

/// The cross-encoder that comes with the project.
pub const DEFAULT_CROSS_ENCODER: &str = "reread-MiniLM-L12-v1";

/// Says which models are used and where they are found.
///
/// A model is a folder: one with `model.safetensors` runs in the built-in encoder, one with
/// `model.onnx` through fastembed. A plain name is looked up in the search folders; with the
/// `fastembed` feature a name that is in none of them may be one of fastembed's catalogue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Models {
    /// Folders that hold model folders, tried in order.
    pub search: Vec<PathBuf>,
    /// The bi-encoder: a folder, or a name below one of `search`.
    pub embedder: String,
    /// The cross-encoder: a folder, or a name below one of `search`.
    pub cross_encoder: String,
    /// Longest pair of query and passage in tokens; the query has
    /// [a part](crate::QueryLength::in_pair) of it at most, the passage the rest.
    pub max_pair_tokens: usize,
    /// What the built-in encoder runs on; `None` is the fastest that the machine has.
    pub cpu: Option<InstructionSet>,
    /// The arithmetic of the built-in encoder.
    pub precision: Precision,
    /// Whether the built-in encoder keeps the weights as it has packed them, in a file beside the
    /// model, for the next opening.
    pub keep_packed: bool,
    /// Where they are kept if not beside the model, in a folder that cannot be written to; `None`
    /// leaves them out then.
    pub packed_cache: Option<PathBuf>,
    /// The ONNX Runtime library, for ONNX models; `None` leaves it to the loader's path.
    pub onnx_runtime: Option<PathBuf>,
    /// Where fastembed keeps the models of its catalogue; `None` leaves the catalogue out.
    pub catalogue_cache: Option<PathBuf>,
}

impl Default for Models {
    /// The two shipped models, looked for [beside the executable](Models::beside_executable) and then
    /// [above it](Models::above_executable).
    fn default() -> Self {
        Self {
            search: Models::beside_executable()
                .into_iter()
                .chain(Models::above_executable())
                .collect(),
            embedder: DEFAULT_EMBEDDER.to_owned(),
            cross_encoder: DEFAULT_CROSS_ENCODER.to_owned(),
            max_pair_tokens: DEFAULT_PAIR_TOKENS,
            cpu: None,
            precision: Precision::default(),
            keep_packed: true,
            packed_cache: None,
            onnx_runtime: None,
            catalogue_cache: None,
        }
    }
}

impl Models {
    /// Puts folders in front of those that are searched.
    #[must_use]
    pub fn with_search_first(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.search.splice(0..0, folders);
        self
    }

    /// Sets the bi-encoder.
    #[must_use]
    pub fn with_embedder(mut self, name: impl Into<String>) -> Self {
        self.embedder = name.into();
        self
    }

    /// Sets the cross-encoder.
    #[must_use]
    pub fn with_cross_encoder(mut self, name: impl Into<String>) -> Self {
        self.cross_encoder = name.into();
        self
    }

    /// Sets the longest pair in tokens.
    #[must_use]
    pub fn with_max_pair_tokens(mut self, max_pair_tokens: usize) -> Self {
        self.max_pair_tokens = max_pair_tokens;
        self
    }

    /// Runs the built-in encoder on this instruction set instead of the fastest.
    #[must_use]
    pub fn with_cpu(mut self, set: InstructionSet) -> Self {
        self.cpu = Some(set);
        self
    }

    /// Sets the arithmetic of the built-in encoder; int8 by default.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets whether packed weights are kept for the next opening; they are by default, as a model then
    /// opens in about half the time.
    #[must_use]
    pub fn with_keep_packed(mut self, keep_packed: bool) -> Self {
        self.keep_packed = keep_packed;
        self
    }

    /// Sets the folder for packed weights of models whose own folder cannot be written to. It is
    /// made if need be.
    #[must_use]
    pub fn with_packed_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.packed_cache = Some(folder.into());
        self
    }

    /// Sets where the ONNX Runtime library is.
    #[must_use]
    pub fn with_onnx_runtime(mut self, path: impl Into<PathBuf>) -> Self {
        self.onnx_runtime = Some(path.into());
        self
    }

    /// Sets where fastembed keeps the models of its catalogue.
    #[must_use]
    pub fn with_catalogue_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.catalogue_cache = Some(folder.into());
        self
    }

    /// The folders beside this process's executable in which models are looked for: `models`, and
    /// `../share/reread/models`.
    pub fn beside_executable() -> Vec<PathBuf> {
        let executable = std::env::current_exe();
        executable.map_or_else(|_| Vec::new(), |executable| find::beside(&executable))
    }

    /// The models of the checkout that this process's executable was built in: `data/models` in the nearest
    /// folder above the executable that has it, six folders up at most.
    ///
    /// The current folder plays no part, so an answer does not depend on where a program is called.
    pub fn above_executable() -> Option<PathBuf> {
        find::above(&std::env::current_exe().ok()?)
    }

    /// The folder of a model: the path itself where it is one, else the first match below the
    /// search folders.
    ///
    /// # Errors
    /// `NoModel`.
    pub fn find(&self, role: &'static str, name: &str) -> Result<PathBuf> {
        find::find(&self.search, name).ok_or_else(|| Error::NoModel {
            role,
            name: name.to_owned(),
            searched: self.search.clone(),
        })
    }

    /// Every model folder below the search folders, each name once.
    pub fn list(&self) -> Vec<PathBuf> {
        find::list(&self.search)
    }
}
