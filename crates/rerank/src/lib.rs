//! The second pass: candidates in, read by a cross-encoder within a budget, and put into their final order.
//!
//! A [`CrossEncoder`] reads the query together with each passage, which is slow and careful where the first
//! pass is fast and rough. A [`Reader`] has it read [`Candidate`]s from the first on, as far as time and need
//! go; [`blend_passes`] and [`final_order`] join what both passes say. This crate knows nothing of an
//! index: texts and numbers come in, logits and an order go out.
//!
//! ```
//! use reread_rerank::{BoxError, Candidate, CrossEncoder, ModelIdentity, ReadOptions, Reader};
//! use reread_rerank::{blend_passes, final_order};
//!
//! /// Stands in for a model: counts the words that query and passage share.
//! struct SharedWords(ModelIdentity);
//!
//! impl CrossEncoder for SharedWords {
//!     fn model(&self) -> &ModelIdentity {
//!         &self.0
//!     }
//!
//!     fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
//!         let shared = |passage: &&str| query.split(' ').filter(|word| passage.contains(word)).count();
//!         Ok(passages.iter().map(|passage| 5.0 * shared(passage) as f32).collect())
//!     }
//! }
//!
//! # fn main() -> Result<(), BoxError> {
//! # let identity = ModelIdentity { name: "words".into(), revision: String::new(), digest: "1".into() };
//! let model = SharedWords(identity);
//! // The first pass has put them in this order, with these scores, scaled to [0, 1].
//! let candidates = [
//!     Candidate::new("Berlin has many bridges.", 1.0),
//!     Candidate::new("3.7 million people live in Berlin.", 0.8),
//! ];
//! let read = Reader::new(&model).read("people in Berlin", &candidates, &ReadOptions::default())?;
//! let scores = blend_passes(&[1.0, 0.8], &read.logits, 0.75);
//! assert_eq!(final_order(&scores, read.logits.len()), [1, 0]);
//! # Ok(())
//! # }
//! ```
//!
//! Guarantees: a passage's logit does not depend on the other passages of the call; equal input
//! gives equal output; nothing is printed and nothing is read from the environment.
//!
//! Sources: Nogueira and Cho, "Passage Re-ranking with BERT", arXiv:1901.04085; those of each decision
//! stand where it is made.
#![forbid(unsafe_code)]

mod calibration;
mod candidate;
mod early_stop;
mod error;
mod final_order;
mod options;
mod order;
mod reader;
mod score_cache;

pub use calibration::{BadCalibration, Calibration};
pub use candidate::Candidate;
pub use error::{Error, Result};
pub use final_order::{blend_passes, final_order, shares};
pub use options::{ReadOptions, Stop, Stopped};
pub use order::{rank, relevance};
pub use reader::{Outcome, Reader, check_logits};
pub use reread_models::{BoxError, CancelToken, CrossEncoder, ModelIdentity, PairLength};
pub use score_cache::ScoreCache;

/// The example in the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
