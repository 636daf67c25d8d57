//! The first pass: documents in, candidates out.
#![deny(unsafe_code)]

pub mod chunk;
pub mod document;
mod embed;
mod error;
mod passage;

pub use chunk::{ChunkOptions, Cut, chunk};
pub use document::{Document, DocumentKind, Heading, Lines};
pub use embed::{BoxError, Embedder};
pub use error::{Error, Result};
pub use passage::{DocId, PassageId};
pub use reread_encoder::ModelIdentity;
