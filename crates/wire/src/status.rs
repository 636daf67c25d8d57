//! What an index holds, and which models a search of it would use.

use std::path::{Path, PathBuf};

use reread_engine::{InstructionSet, ModelIdentity};
use serde::{Deserialize, Serialize};

use crate::SCHEMA;

/// What an index holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The number of this set of fields: [`SCHEMA`].
    pub schema: u32,
    /// The indexed folder, as it was given.
    pub folder: PathBuf,
    /// The folder of the index.
    pub index: PathBuf,
    /// How many commits the index has seen.
    pub generation: u64,
    /// Whether an indexing run is at work, or was stopped before its end.
    pub unfinished: bool,
    /// When it was last written, in UTC: `2026-03-01T12:00:00Z`. `None` for a time beyond the calendar.
    pub written: Option<String>,
    /// The embedder it was built with.
    pub model: Identity,
    /// Values of a vector.
    pub dim: usize,
    /// The longest passage, in tokens.
    pub passage_tokens: usize,
    /// Tokens that a passage repeats of the one before it.
    pub overlap_tokens: usize,
    /// Files, and documents of an application.
    pub files: usize,
    /// Documents; a file of records holds many.
    pub documents: usize,
    /// Passages that can be found.
    pub passages: usize,
    /// Deleted passages that still take up room.
    pub deleted_passages: usize,
    /// Parts of the index that are never changed, only replaced.
    pub segments: usize,
    /// Passages in segments with an HNSW graph; the others are scanned.
    pub graph_passages: usize,
    /// Passages that no walk through a graph finds; they are scanned as well.
    pub graph_lost: usize,
    /// Files that hold no text.
    pub binary_files: usize,
    /// Files that could not be read.
    pub failed: Vec<Failed>,
    /// Bytes of the index folder.
    pub size_bytes: u64,
    /// Whether every file was compared with its checksum. One that does not match is an error.
    pub verified: bool,
    /// The models that a search would use.
    pub models: Models,
}

/// Says which model made the vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What people call it.
    pub name: String,
    /// The publisher's revision; empty where the model's folder does not say.
    pub revision: String,
    /// The blake3 digest, in hex, of everything that decides the output.
    pub digest: String,
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The file, relative to the indexed folder.
    pub path: String,
    /// Why, in a few words.
    pub reason: String,
}

/// The models that a search would use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The embedder's folder; `None` where it is in none of the places searched.
    pub embedder: Option<PathBuf>,
    /// The cross-encoder's folder; `None` where it is in none of the places searched.
    pub cross_encoder: Option<PathBuf>,
    /// The instruction set that models run on; `None` where nothing can run them.
    pub cpu: Option<String>,
    /// Those that this machine has, fastest first.
    pub cpus: Vec<String>,
    /// The numbers that models run in: `int8` or `f32`.
    pub precision: String,
    /// The library of ONNX Runtime, where one was given.
    pub onnxruntime: Option<PathBuf>,
}

impl Status {
    /// What the index of this folder holds. `written` is when it was last written, `verified` whether it
    /// was compared with its checksums.
    pub fn new(
        status: &reread_engine::Status,
        folder: &Path,
        written: Option<String>,
        verified: bool,
        models: Models,
    ) -> Self {
        Self {
            schema: SCHEMA,
            folder: folder.to_owned(),
            index: status.folder.clone(),
            generation: status.generation,
            unfinished: status.unfinished,
            written,
            model: Identity::from(&status.model),
            dim: status.dim,
            passage_tokens: status.max_tokens,
            overlap_tokens: status.overlap_tokens,
            files: status.n_sources,
            documents: status.n_documents,
            passages: status.n_passages,
            deleted_passages: status.n_deleted,
            segments: status.n_segments,
            graph_passages: status.n_graph_passages,
            graph_lost: status.n_graph_lost,
            binary_files: status.n_binary,
            failed: status.failed.iter().map(Failed::from).collect(),
            size_bytes: status.size_bytes,
            verified,
            models,
        }
    }
}

impl Models {
    /// Looks for the models in their places on the disk; nothing of them is read.
    pub fn find(models: &reread_engine::Models) -> Self {
        let available = InstructionSet::available();
        let used = models.cpu.or(available.first().copied());
        Self {
            embedder: models.find("embedder", &models.embedder).ok(),
            cross_encoder: models.find("cross-encoder", &models.cross_encoder).ok(),
            cpu: used.map(|set| set.name().to_owned()),
            cpus: available.iter().map(|set| set.name().to_owned()).collect(),
            precision: models.precision.name().to_owned(),
            onnxruntime: models.onnx_runtime.clone(),
        }
    }
}

impl From<&ModelIdentity> for Identity {
    fn from(model: &ModelIdentity) -> Self {
        Self {
            name: model.name.clone(),
            revision: model.revision.clone(),
            digest: model.digest.clone(),
        }
    }
}

impl From<&(String, String)> for Failed {
    fn from((path, reason): &(String, String)) -> Self {
        Self {
            path: path.clone(),
            reason: reason.clone(),
        }
    }
}
