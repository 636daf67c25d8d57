//! The first pass: documents in, candidates out.
//!
//! Documents are cut into passages; BM25 over their words and vectors over their meaning each find the
//! best, and fusion makes one list of candidates of them. The index is a folder on disk
//! (`docs/format.md`).
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use reread_index::{
//!     BertEmbedder, Embedder, IndexOptions, IndexWriter, Query, RetrieveOptions, Snapshot, index_folder,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("yeast.md"), "# Bread\nYeast makes the dough rise.")?;
//! std::fs::write(folder.path().join("steel.md"), "# Steel\nCarbon makes iron hard.")?;
//!
//! let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/bge-small-en-v1.5");
//! let embedder = Arc::new(BertEmbedder::open(&model)?);
//! let index = folder.path().join(".reread");
//! let writer =
//!     IndexWriter::open(&index, Some(folder.path()), embedder.clone(), IndexOptions::default())?;
//! let summary = index_folder(writer, folder.path(), &())?;
//! assert_eq!(summary.n_added, 2);
//!
//! let snapshot = Snapshot::open(&index)?;
//! let query = Query::parse("why does a loaf get bigger");
//! let vector = embedder.embed_query(query.text())?;
//! let found = snapshot.retrieve(&query, Some(&vector), &RetrieveOptions::default())?;
//! let best = snapshot.passage(found.candidates[0].passage)?;
//! assert_eq!(best.path, "yeast.md");
//! # Ok(())
//! # }
//! ```
//!
//! # How the types fit
//!
//! [`document`] reads files into [`Document`]s and [`chunk()`] cuts these into passages.
//! [`IndexWriter`] holds the lock, changes documents and publishes a generation; [`index_folder`] lets it
//! follow a folder. [`Snapshot`] is one generation, open for reading: [`Snapshot::retrieve`] is the first
//! pass, [`lexical`], [`dense`] and [`fusion`] are its parts. [`Embedder`] is the seam to the model.
//!
//! # Guarantees
//!
//! - The same snapshot, query and options give the same candidates, whatever the number of threads.
//! - A crash leaves the old generation or the new one; readers keep theirs while a writer goes on. A long run
//!   commits as it goes, and a later one goes on from there.
//! - No file, query or damaged byte panics: what cannot be read is a [`Problem`] or an [`Error`].
//! - Nothing is printed and nothing is read from the environment.
//!
//! # Features
//!
//! `fastembed` (on by default) adds [`FastembedEmbedder`] for ONNX models; `hub` lets it download the
//! models of its catalogue.
//!
//! # Sources
//!
//! BM25: Robertson and Zaragoza 2009. HNSW: Malkov and Yashunin, arXiv:1603.09320. Convex blend: Bruch,
//! Gai and Ingber, arXiv:2210.11934. RRF: Cormack, Clarke and Buettcher 2009.
#![deny(unsafe_code)]

pub mod backup;
mod chunk;
mod crash;
pub mod dense;
pub mod doctor;
pub mod document;
mod embed;
mod error;
mod filter;
mod first_pass;
mod folder;
mod format;
pub mod fusion;
#[cfg(test)]
mod fuzz;
mod index_folder;
mod left_out;
pub mod lexical;
mod merge;
mod names;
mod options;
mod passage;
mod refusal;
mod segment;
mod simd;
mod snapshot;
mod writer;

pub use chunk::{ChunkOptions, Cut, chunk};
pub use dense::{DenseMethod, HnswOptions};
pub use document::{Document, DocumentKind, Heading, Lines, Problem};
pub use embed::bert::BertEmbedder;
pub use embed::{BoxError, Embedder};
#[cfg(feature = "fastembed")]
pub use embed::{FastembedEmbedder, FastembedEmbedderOptions};
pub use error::{Error, Result};
pub use filter::Filter;
pub use first_pass::{
    Arms, Candidate, Fusion, MAX_DEPTH, Mode, Placed, RetrieveOptions, Retrieved,
};
pub use folder::{IndexProgress, IndexSummary, Observer, index_folder, nothing_to_do};
pub use index_folder::{LockHolder, remove_index};
pub use left_out::LeftOut;
pub use lexical::Query;
pub use names::UnknownName;
pub use options::IndexOptions;
pub use passage::{DocId, Passage, PassageId};
pub use refusal::Refusal;
pub use reread_encoder::ModelIdentity;
pub use snapshot::{Snapshot, SourceSummary, Status};
pub use writer::{IndexWriter, Prepared, WriteCounts, prepare};
