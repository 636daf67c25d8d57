//! The first pass: documents in, candidates out.
#![deny(unsafe_code)]

pub mod document;
mod embed;
mod error;
mod passage;

pub use document::{Document, DocumentKind, Heading, Lines};
pub use embed::{BoxError, Embedder};
#[cfg(feature = "fastembed")]
pub use embed::{FastembedEmbedder, FastembedEmbedderOptions};
pub use error::{Error, Result};
pub use passage::{DocId, PassageId};
pub use reread_encoder::ModelIdentity;
