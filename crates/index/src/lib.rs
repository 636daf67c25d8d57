//! The first pass: documents in, candidates out.
#![deny(unsafe_code)]

mod chunk;
pub mod dense;
pub mod document;
mod embed;
mod error;
mod filter;
mod first_pass;
mod folder;
mod format;
pub mod fusion;
pub mod lexical;
mod merge;
mod options;
mod passage;
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
pub use first_pass::{Candidate, Fusion, Mode, Placed, RetrieveOptions, Retrieved};
pub use folder::{IndexProgress, IndexSummary, Observer, index_folder, nothing_to_do};
pub use lexical::Query;
pub use options::IndexOptions;
pub use passage::{DocId, Passage, PassageId};
pub use reread_encoder::ModelIdentity;
pub use snapshot::{Snapshot, SourceSummary, Status};
pub use writer::{IndexWriter, Prepared, WriteCounts, prepare, remove_index};
