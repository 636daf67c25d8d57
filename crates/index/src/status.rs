//! What an index holds, for people.

use std::path::{Path, PathBuf};

use reread_document::DocumentKind;
use reread_models::ModelIdentity;

use crate::format::catalog::{Origin, Outcome};
use crate::snapshot::Snapshot;

/// What an index holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The index folder.
    pub folder: PathBuf,
    /// How many commits it has seen.
    pub generation: u64,
    /// Unix time of the last commit in nanoseconds.
    pub written_ns: u64,
    /// Whether a run that has committed a part of the folder is at work, or was stopped before its
    /// end. The next run goes on from there.
    pub unfinished: bool,
    /// The embedder it was built with.
    pub model: ModelIdentity,
    /// Width of its vectors.
    pub dim: usize,
    /// Longest passage in tokens.
    pub max_tokens: usize,
    /// Tokens that a passage repeats of the one before it.
    pub overlap_tokens: usize,
    /// Files and application documents, those that hold no text or could not be read among them.
    pub n_sources: usize,
    /// Documents (a JSON Lines file holds many).
    pub n_documents: usize,
    /// Passages that can be found.
    pub n_passages: usize,
    /// Deleted passages that still take up room.
    pub n_deleted: usize,
    /// Immutable parts.
    pub n_segments: usize,
    /// Passages in segments with an HNSW graph; the others are scanned.
    pub n_graph_passages: usize,
    /// Passages that no walk through a graph finds, none so far; they are scanned as well, so none
    /// is out of reach.
    pub n_graph_lost: usize,
    /// Files skipped because they hold no text.
    pub n_binary: usize,
    /// Files that could not be read, with the reason.
    pub failed: Vec<(String, String)>,
    /// Bytes of the index folder.
    pub size_bytes: u64,
}

/// A file or an application's document, as [`Snapshot::sources`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceSummary {
    /// The path relative to the indexed folder, or an application's document id.
    pub path: String,
    /// Its kind.
    pub kind: DocumentKind,
    /// Whether an application handed it in.
    pub from_application: bool,
    /// Its documents.
    pub n_documents: usize,
    /// Its passages.
    pub n_passages: usize,
    /// Why it could not be read, if it could not.
    pub failure: Option<String>,
    /// Whether it holds no text, and so was left out.
    pub is_binary: bool,
}

impl Snapshot {
    /// What the index holds.
    pub fn status(&self) -> Status {
        let graphs = self
            .manifest
            .segments
            .iter()
            .filter(|segment| segment.graph.is_some());
        let n_stored: u32 = self
            .manifest
            .segments
            .iter()
            .map(|segment| segment.n_passages)
            .sum();
        let lost = self
            .manifest
            .segments
            .iter()
            .filter_map(|segment| segment.graph.as_ref());
        let failed = self
            .catalog
            .iter()
            .filter_map(|source| match &source.outcome {
                Outcome::Failed(reason) => Some((source.path.clone(), reason.clone())),
                _ => None,
            });
        Status {
            folder: self.folder().to_owned(),
            generation: self.manifest.generation,
            written_ns: self.manifest.written_ns,
            unfinished: self.is_unfinished(),
            model: self.model().clone(),
            dim: self.manifest.dim as usize,
            max_tokens: self.manifest.max_tokens as usize,
            overlap_tokens: self.manifest.overlap_tokens as usize,
            n_sources: self.catalog.len(),
            n_documents: self.n_documents(),
            n_passages: self.n_passages(),
            n_deleted: n_stored as usize - self.n_passages().min(n_stored as usize),
            n_segments: self.manifest.segments.len(),
            n_graph_passages: graphs.map(|segment| segment.n_passages as usize).sum(),
            n_graph_lost: lost.map(|graph| graph.n_lost as usize).sum(),
            n_binary: self
                .catalog
                .iter()
                .filter(|s| s.outcome == Outcome::Binary)
                .count(),
            failed: failed.collect(),
            size_bytes: folder_size(self.folder()),
        }
    }

    /// Lists the files and application documents that the index knows.
    pub fn sources(&self) -> impl Iterator<Item = SourceSummary> {
        self.catalog.iter().map(|source| SourceSummary {
            path: source.path.clone(),
            kind: source.kind.into(),
            from_application: source.origin == Origin::Application,
            n_documents: source.documents.len(),
            n_passages: source.documents.iter().map(|d| d.n_passages as usize).sum(),
            failure: match &source.outcome {
                Outcome::Failed(reason) => Some(reason.clone()),
                _ => None,
            },
            is_binary: source.outcome == Outcome::Binary,
        })
    }
}

fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
