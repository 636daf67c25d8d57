//! The two roles that models play in retrieval, and who plays them.
//!
//! An [`Embedder`] (bi-encoder) turns a query and passages, each on its own, into vectors: the dense arm
//! of a first pass. A [`CrossEncoder`] reads a query together with a passage and says how relevant it
//! is: the second pass. Both are traits, so an application can bring its own. This crate brings two
//! players for each: the built-in encoder ([`BertEmbedder`], [`BertCrossEncoder`]), and ONNX models
//! through fastembed. [`Models`] finds and opens them by name.
//!
//! # Guarantees
//!
//! - A row or a logit does not depend on the other texts of the call.
//! - Nothing is printed and no environment variable is read, but for `HF_HOME`, where fastembed keeps a
//!   model that it has just downloaded.
//!
//! # Features
//!
//! `fastembed` (on by default): ONNX models through ONNX Runtime, which is loaded when first needed.
//! `hub`: fastembed may download the models of its catalogue.
//!
//! # Sources
//!
//! Bi-encoders: Reimers and Gurevych, arXiv:1908.10084. Cross-encoders: Nogueira and Cho,
//! arXiv:1901.04085.
#![forbid(unsafe_code)]

mod cross_encoder;
mod embedder;
mod error;
mod find;
mod native;
#[cfg(not(feature = "fastembed"))]
#[path = "no_onnx.rs"]
mod onnx;
#[cfg(feature = "fastembed")]
mod onnx;
mod open;
mod options;
mod token_blocks;
mod yardstick;

pub use cross_encoder::CrossEncoder;
pub use embedder::{BoxError, Embedder};
pub use error::{Error, Result};
pub use native::{BertCrossEncoder, BertEmbedder, DEFAULT_PAIR_TOKENS};
#[cfg(feature = "fastembed")]
pub use onnx::{
    FastembedCrossEncoder, FastembedCrossEncoderOptions, FastembedEmbedder,
    FastembedEmbedderOptions, OnnxError, OnnxRuntime, Pooling,
};
pub use options::{DEFAULT_CROSS_ENCODER, DEFAULT_EMBEDDER, Models};
pub use reread_encoder::{
    CancelToken, Cancelled, InstructionSet, ModelIdentity, ModelOptions, PairLength, Precision,
    QueryLength, Scale, UnknownName,
};
pub use token_blocks::token_offsets_in_blocks;
pub use yardstick::{cosine_scale, logit_scale};

/// The example in the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
