//! The second pass: a query and candidate texts in, relevance scores out.
#![forbid(unsafe_code)]

mod cross_encoder;

pub use cross_encoder::{BoxError, CrossEncoder};
#[cfg(feature = "fastembed")]
pub use cross_encoder::{FastembedCrossEncoder, FastembedCrossEncoderOptions};
pub use reread_encoder::ModelIdentity;
