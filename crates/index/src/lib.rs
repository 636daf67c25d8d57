//! The first pass: documents in, candidates out.
#![deny(unsafe_code)]

pub mod document;
mod embed;
mod error;
mod lexical;
mod passage;

pub use document::{Document, DocumentKind, Heading, Lines};
pub use embed::{BoxError, Embedder};
pub use error::{Error, Result};
pub use lexical::{Constraint, LexicalIndex, LexicalPassage, LexicalWriter, Query, highlight};
pub use passage::{DocId, PassageId};
pub use reread_encoder::ModelIdentity;
