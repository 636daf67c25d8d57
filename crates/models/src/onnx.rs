//! ONNX models in both roles, through fastembed and ONNX Runtime.
//!
//! What the two roles share is here as well: the library ([`OnnxRuntime`]), a model's files
//! (`folder`), the models of a catalogue (`catalogue`), token positions (`token_ranges`) and sessions
//! for many threads (`sessions`).

mod catalogue;
mod cross_encoder;
mod embedder;
mod error;
mod folder;
mod library;
mod open;
mod runtime;
mod sessions;
mod token_ranges;

pub use cross_encoder::{FastembedCrossEncoder, FastembedCrossEncoderOptions};
pub use embedder::{FastembedEmbedder, FastembedEmbedderOptions};
pub use error::OnnxError;
pub use folder::Pooling;
pub use runtime::OnnxRuntime;

pub(crate) use open::{cross_encoder, cross_encoder_by_name, embedder, embedder_by_name};
