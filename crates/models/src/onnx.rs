//! ONNX models in both roles, through fastembed and ONNX Runtime.
//!
//! What the two roles share is here as well: the library ([`OnnxRuntime`]), a model's files
//! (`folder`), the models of fastembed's catalogues (`catalogue`, `hub`), token positions (`token_ranges`)
//! and sessions (`session`) for many threads (`sessions`).

mod catalogue;
mod cross_encoder;
mod cross_encoder_catalogue;
mod embedder;
mod embedder_catalogue;
mod error;
mod files;
mod folder;
mod hub;
mod library;
mod open;
mod options;
mod runtime;
mod session;
mod sessions;
mod token_ranges;

pub use cross_encoder::FastembedCrossEncoder;
pub use embedder::FastembedEmbedder;
pub use error::OnnxError;
pub use options::{FastembedCrossEncoderOptions, FastembedEmbedderOptions, Pooling};
pub use runtime::OnnxRuntime;

pub(crate) use open::{cross_encoder, cross_encoder_by_name, embedder, embedder_by_name};
