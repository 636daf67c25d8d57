//! BERT-family inference in pure Rust: texts in, embeddings or relevance logits out.

mod identity;
#[cfg(feature = "onnx-runtime")]
pub mod onnx_runtime;

pub use identity::ModelIdentity;
