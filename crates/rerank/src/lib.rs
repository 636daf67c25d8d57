//! The second pass: a query and candidate texts in, relevance scores out.
//!
//! A cross-encoder reads the query together with each passage, which is slow and careful where the
//! first pass is fast and rough. This crate knows nothing of an index: texts come in, one logit a
//! text goes out, and [`rank`] orders them.
//!
//! ```
//! use std::path::Path;
//! use reread_rerank::{BertCrossEncoder, CrossEncoder, DEFAULT_PAIR_TOKENS, rank, relevance};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/ms-marco-MiniLM-L-12-v2");
//! let model = BertCrossEncoder::open(&folder, DEFAULT_PAIR_TOKENS)?;
//! let passages = ["Bread rises because of yeast.", "Berlin has 3.7 million inhabitants."];
//! let logits = model.score("how many people live in Berlin", &passages)?;
//! let order = rank(&logits);
//! assert_eq!(order, [1, 0]);
//! assert!(relevance(logits[1]) > 0.9);
//! # Ok(())
//! # }
//! ```
//!
//! Guarantees: a passage's logit does not depend on the other passages of the call; equal input
//! gives equal output; nothing is printed and nothing is read from the environment.
//!
//! Source: Nogueira and Cho, "Passage Re-ranking with BERT", arXiv:1901.04085.
//!
//! Features: `fastembed` (on by default) adds [`FastembedCrossEncoder`] for ONNX models, `hub` lets
//! it download the models of its catalogue.
#![forbid(unsafe_code)]

mod cross_encoder;
mod order;

pub use cross_encoder::bert::{BertCrossEncoder, DEFAULT_PAIR_TOKENS};
pub use cross_encoder::{BoxError, CrossEncoder};
#[cfg(feature = "fastembed")]
pub use cross_encoder::{FastembedCrossEncoder, FastembedCrossEncoderOptions};
pub use order::{rank, relevance};
pub use reread_encoder::{InstructionSet, ModelIdentity, ModelOptions, PairLength, Precision};
