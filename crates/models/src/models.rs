//! Finds and opens the two models.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reread_encoder::{InstructionSet, ModelOptions, Precision};

use crate::native::{BertCrossEncoder, BertEmbedder, DEFAULT_PAIR_TOKENS};
use crate::onnx_settings::OnnxSettings;
use crate::{CrossEncoder, Embedder, Error, Result, onnx};

/// The bi-encoder that comes with the project.
pub const DEFAULT_EMBEDDER: &str = "bge-small-en-v1.5";

/// The cross-encoder that comes with the project.
pub const DEFAULT_CROSS_ENCODER: &str = "ms-marco-MiniLM-L-12-v2";

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
    /// Longest pair of query and passage in tokens; the passage is cut, never the query.
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
    /// The two shipped models, looked for beside the executable and in the source tree this was
    /// built from.
    fn default() -> Self {
        Self {
            search: default_search(),
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

    /// The folders beside this process's executable in which models are looked for.
    pub fn beside_executable() -> Vec<PathBuf> {
        let Ok(executable) = std::env::current_exe() else {
            return Vec::new();
        };
        let beside =
            |folder: &Path| vec![folder.join("models"), folder.join("../share/reread/models")];
        executable.parent().map(beside).unwrap_or_default()
    }

    /// The models of the source tree this was built from, which may be gone.
    pub fn source_tree() -> PathBuf {
        let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = engine.parent().and_then(Path::parent).unwrap_or(engine);
        root.join("data/models")
    }

    /// Opens the bi-encoder.
    ///
    /// # Errors
    /// `NoModel`, `Model`.
    pub fn open_embedder(&self) -> Result<Arc<dyn Embedder>> {
        let failed = |path: &Path, source| Error::Model {
            role: "embedder",
            path: path.to_owned(),
            source,
        };
        match self.find("embedder", &self.embedder) {
            Ok(folder) if is_native(&folder) => {
                let model = BertEmbedder::open_with(&folder, &self.options());
                Ok(Arc::new(
                    model.map_err(|error| failed(&folder, error.into()))?,
                ))
            }
            Ok(folder) => {
                onnx::embedder(&folder, &self.onnx()).map_err(|error| failed(&folder, error))
            }
            Err(missing) => match onnx::embedder_by_name(&self.embedder, &self.onnx()) {
                Some(model) => model.map_err(|error| failed(Path::new(&self.embedder), error)),
                None => Err(missing),
            },
        }
    }

    /// Opens the cross-encoder.
    ///
    /// # Errors
    /// `NoModel`, `Model`, `InvalidOption`.
    pub fn open_cross_encoder(&self) -> Result<Arc<dyn CrossEncoder>> {
        if self.max_pair_tokens < 16 {
            return Err(Error::InvalidOption {
                option: "pair tokens",
                value: self.max_pair_tokens.to_string(),
                bound: "at least 16",
            });
        }
        let failed = |path: &Path, source| Error::Model {
            role: "cross-encoder",
            path: path.to_owned(),
            source,
        };
        match self.find("cross-encoder", &self.cross_encoder) {
            Ok(folder) if is_native(&folder) => {
                let (max_tokens, options) = (self.max_pair_tokens, self.options());
                let model = BertCrossEncoder::open_with(&folder, max_tokens, &options);
                Ok(Arc::new(
                    model.map_err(|error| failed(&folder, error.into()))?,
                ))
            }
            Ok(folder) => {
                onnx::cross_encoder(&folder, &self.onnx()).map_err(|error| failed(&folder, error))
            }
            Err(missing) => match onnx::cross_encoder_by_name(&self.cross_encoder, &self.onnx()) {
                Some(model) => model.map_err(|error| failed(Path::new(&self.cross_encoder), error)),
                None => Err(missing),
            },
        }
    }

    fn onnx(&self) -> OnnxSettings<'_> {
        OnnxSettings {
            runtime: self.onnx_runtime.as_deref(),
            cache: self.catalogue_cache.as_deref(),
            max_pair_tokens: self.max_pair_tokens,
        }
    }

    fn options(&self) -> ModelOptions {
        let mut options = ModelOptions::default().with_precision(self.precision);
        if self.keep_packed {
            options = options.with_packed_kept(self.packed_cache.clone());
        }
        match self.cpu {
            None => options,
            Some(set) => options.with_instruction_set(set),
        }
    }

    /// The folder of a model: the path itself where it is one, else the first match below the
    /// search folders.
    ///
    /// # Errors
    /// `NoModel`.
    pub fn find(&self, role: &'static str, name: &str) -> Result<PathBuf> {
        let path = Path::new(name);
        if path.is_dir() && is_model_folder(path) {
            return Ok(path.to_owned());
        }
        let candidates = self.search.iter().map(|folder| folder.join(name));
        candidates
            .into_iter()
            .find(|path| is_model_folder(path))
            .ok_or_else(|| Error::NoModel {
                role,
                name: name.to_owned(),
                searched: self.search.clone(),
            })
    }

    /// Every model folder below the search folders, each name once.
    pub fn list(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in &self.search {
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            let mut here: Vec<PathBuf> = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|p| is_model_folder(p))
                .collect();
            here.sort();
            for path in here {
                if found
                    .iter()
                    .all(|known| known.file_name() != path.file_name())
                {
                    found.push(path);
                }
            }
        }
        found
    }
}

/// Whether the built-in encoder runs this folder.
fn is_native(path: &Path) -> bool {
    path.join("model.safetensors").is_file()
}

fn is_model_folder(path: &Path) -> bool {
    ["model.safetensors", "model.onnx", "onnx/model.onnx"]
        .iter()
        .any(|file| path.join(file).is_file())
}

/// Beside the executable, and in the source tree this was built from.
fn default_search() -> Vec<PathBuf> {
    let mut folders = Models::beside_executable();
    folders.push(Models::source_tree());
    folders
}
