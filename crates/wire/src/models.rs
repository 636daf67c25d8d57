//! The models that can be used, and where they were looked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SCHEMA;

/// The models that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// Those that were found.
    pub models: Vec<Model>,
    /// The folders in which models are looked for; the first match wins.
    pub searched: Vec<PathBuf>,
    /// The embedder in use: a name or a folder.
    pub embedder: String,
    /// The cross-encoder in use: a name or a folder.
    pub cross_encoder: String,
}

/// A folder of a model, by what its files say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The folder's name, by which the model is chosen.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// `embedder`, `cross-encoder` or `unknown`.
    pub role: String,
    /// What its publisher calls it.
    pub upstream: Option<String>,
    /// The publisher's revision.
    pub revision: Option<String>,
    /// `safetensors` or `ONNX`.
    pub format: String,
    /// Bytes of its files.
    pub size_bytes: u64,
    /// The file of its licence.
    pub licence: Option<PathBuf>,
    /// Whether it is in use where no other is chosen.
    pub default: bool,
}

impl Models {
    /// These models, found where `searched` says.
    pub fn new(found: Vec<Model>, searched: &reread_engine::Models) -> Self {
        Self {
            schema: SCHEMA,
            models: found,
            searched: searched.search.clone(),
            embedder: searched.embedder.clone(),
            cross_encoder: searched.cross_encoder.clone(),
        }
    }
}
