//! The built-in encoder in both roles.

mod cross_encoder;
mod embedder;

pub use cross_encoder::{BertCrossEncoder, DEFAULT_PAIR_TOKENS};
pub use embedder::BertEmbedder;
