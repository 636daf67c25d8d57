//! BERT-family inference in pure Rust: texts in, embeddings or relevance logits out.
//!
//! ```no_run
//! use reread_encoder::Model;
//!
//! # fn main() -> reread_encoder::Result<()> {
//! let texts = ["Berlin has 3.7 million inhabitants.", "The oven is still warm."];
//!
//! // A bi-encoder turns each text into a vector; the dot product says how close two are.
//! let model = Model::open("models/bge-small-en-v1.5".as_ref())?;
//! let query = model.embed_query("How many people live in Berlin?")?;
//! let rows = model.embed(&texts, model.max_tokens())?;
//! let similarity = |row: &[f32]| query.iter().zip(row).map(|(a, b)| a * b).sum::<f32>();
//! let (first, second) = rows.split_at(model.dim());
//! assert!(similarity(first) > similarity(second));
//!
//! // A cross-encoder reads query and passage together; a logit says how relevant it is.
//! let model = Model::open("models/reread-MiniLM-L12-v1".as_ref())?;
//! let logits = model.score("How many people live in Berlin?", &texts, 256)?;
//! assert!(logits[0] > 0.0 && logits[1] < 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Model`] is a folder in the layout of Hugging Face, loaded; [`Tokenizer`] is its tokenizer,
//! which a chunker can ask for the offsets of the tokens; [`ModelIdentity`] says which model made
//! a vector or a logit; a [`CancelToken`] stops what takes too long.
//!
//! # Guarantees
//!
//! - An embedding or a logit is the same, bit for bit, whatever else is in the call, in whatever
//!   order, and whatever the number of threads. Between instruction sets they differ, by some
//!   hundredths of a logit where activations are bytes and by thousandths where they are words.
//! - Work is spread over the rayon pool that the call is made in; the crate makes no threads.
//! - No input panics: damaged files, texts of any length and limits of any size give typed errors
//!   or results. Texts beyond the limit are cut, not refused.
//! - Nothing is read from the network or the environment, and nothing is written unless
//!   [`ModelOptions::with_packed_kept`] asks for it.
//!
//! # How it works
//!
//! Sequences are laid end to end without padding and dealt out to the threads in chunks of some
//! hundred tokens, each of which goes through all layers on one thread; one sequence alone is dealt
//! out row by row. Linear layers are products of integers: weights are int8 as stored, or quantised
//! row by row when a model is opened (21 MB for 12 layers of 384), and activations are quantised
//! row by row, to bytes where the machine multiplies bytes (AMX, VNNI) and to words elsewhere. What
//! stands between is f32. [`Precision::F32`] does all in f32, for comparison.
//!
//! [`InstructionSet`] is picked once, at run time, from what the processor and the operating system
//! allow; [`ModelOptions`] overrides it.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")
)]

mod batch;
mod bert;
mod cancel;
mod config;
mod error;
mod identity;
mod instruction_set;
mod kernels;
mod mapped;
mod model;
mod names;
mod packed;
mod query_length;
mod scale;
mod tokenizer;
mod weights;

pub use bert::Precision;
pub use cancel::{CancelToken, Cancelled};
pub use error::{Error, Result};
pub use identity::ModelIdentity;
pub use instruction_set::{InstructionSet, UnknownInstructionSet};
pub use model::{Model, ModelOptions, PairLength};
pub use names::UnknownName;
pub use query_length::QueryLength;
pub use scale::Scale;
pub use tokenizer::Tokenizer;
pub use tokenizer::tokens::Tokens;

/// The examples in the README are compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Which arithmetic this is: another number for every change that makes one logit or embedding differ
/// in one bit. Results that are kept are good as long as it stays the same.
pub const ARITHMETIC: u32 = 2;
