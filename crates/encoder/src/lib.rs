//! BERT-family inference in pure Rust: texts in, embeddings or relevance logits out.

mod identity;

pub use identity::ModelIdentity;
