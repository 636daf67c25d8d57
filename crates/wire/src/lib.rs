//! What results look like to other programs: one set of serde types for every JSON.
//!
//! A type is made from what the engine or an evaluation returns, and is data from then on:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use reread_engine::{Engine, SearchOptions};
//! use reread_wire::search::Answer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder().root("my/documents").build()?;
//! engine.update()?;
//! let result = engine.search("why does dough rise", &SearchOptions::default())?;
//!
//! let json = serde_json::to_string(&Answer::new(&result, Path::new("my/documents"), None, Vec::new()))?;
//! let read: Answer = serde_json::from_str(&json)?;
//! assert_eq!(read.hits.len(), result.hits.len());
//! # Ok(())
//! # }
//! ```
//!
//! Each topic has its module: [`search`], [`rerank`], [`why`], [`index`], [`status`], [`doctor`],
//! [`backup`], [`models`], [`eval`] and [`worth_it`].
//!
//! # Guarantees
//!
//! - A field has its place and its name for good within a [`SCHEMA`]; new ones may come between. Readers
//!   skip what they do not know.
//! - No sentence for people is made here: who makes a value hands in the words that it carries.
//! - Everything is owned, so that a value outlives what it was made from.
//! - Times are milliseconds with three decimals, ranks and lines count from 1, bytes from 0.

#![forbid(unsafe_code)]

pub mod backup;
pub mod doctor;
pub mod eval;
pub mod index;
pub mod models;
pub mod rerank;
pub mod search;
pub mod status;
pub mod why;
pub mod worth_it;

mod metadata;
mod milliseconds;

pub use milliseconds::milliseconds;

/// The number of this set of fields, which whole objects have as their `schema`; a [`search::Hit`] or
/// [`rerank::Line`] on a line of its own goes without. Adding a field does not raise it; removing one
/// does, and so does giving one another meaning.
pub const SCHEMA: u32 = 2;

/// The examples in the README are compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
