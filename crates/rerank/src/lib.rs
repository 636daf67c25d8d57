//! The second pass: candidates in, read by a cross-encoder within a budget, and put into their final order.
//!
//! A [`CrossEncoder`] reads the query together with each passage, which is slow and careful where the first
//! pass is fast and rough. A [`Reader`] has it read [`Candidate`]s from the first on, as far as time and need
//! go; [`FinalOrder`] joins what both passes say. This crate knows nothing of an
//! index: texts and numbers come in, logits and an order go out.
//!
//! ```
//! use reread_rerank::{BoxError, Candidate, CrossEncoder, ModelIdentity, ReadOptions, Reader};
//! use reread_rerank::{FinalOrder, final_order, logit_scale};
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
//! // The first pass has put them in this order, with these scores.
//! let candidates = [
//!     Candidate::new("Berlin has many bridges.", 0.6),
//!     Candidate::new("3.7 million people live in Berlin.", 0.5),
//! ];
//! let read = Reader::new(&model).read("people in Berlin", &candidates, &ReadOptions::default())?;
//! // What logits mean is measured on a dozen questions and their answers.
//! let scale = logit_scale(&model)?.ok_or("a model that tells nothing apart")?;
//! let both = FinalOrder::new(0.5, scale);
//! let passages = candidates.iter().zip(&read.logits);
//! let log_odds: Vec<f32> = passages.map(|(it, &logit)| both.log_odds(it.first_pass, logit)).collect();
//! assert_eq!(final_order(&log_odds, candidates.len()), [1, 0]);
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
pub use final_order::{
    FinalOrder, final_order, first_pass_log_odds, neutral_logit, seems_to_answer,
};
pub use options::{ReadOptions, Stop, Stopped};
pub use order::{logistic, rank};
pub use reader::{Outcome, Reader, check_logits};
pub use reread_models::{
    BoxError, CancelToken, CrossEncoder, ModelIdentity, PairLength, Scale, logit_scale,
};
pub use score_cache::ScoreCache;

/// The example in the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
