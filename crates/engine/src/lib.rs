//! Two-pass retrieval as a library: retrieve, rerank, explain.
//!
//! A first pass casts a wide net over passages with BM25 and vectors; a second pass reads the
//! query together with each candidate and reorders them. [`Engine`] joins the two.
//!
//! ```no_run
//! use reread_engine::{Engine, SearchOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In it, `yeast.md` says on its second line that yeast makes the dough rise.
//! let engine = Engine::builder().root("my/documents").build()?;
//! engine.update()?;
//! let result = engine.search("why does bread get bigger in the oven", &SearchOptions::default())?;
//! let best = &result.hits[0];
//! assert_eq!(best.passage.path, "yeast.md");
//! assert_eq!(best.passage.locator.to_string(), "line 2");
//! # Ok(())
//! # }
//! ```
//!
//! # How the types fit
//!
//! [`Engine::builder`] takes a folder to index, an index folder, [`Models`] and [`IndexOptions`].
//! [`Engine::update`] brings the index in step with the folder; an application without one adds
//! each [`Document`] itself, all at once or with a [`Writer`] that it keeps. [`Engine::search`] takes
//! [`SearchOptions`] and returns a [`SearchResult`] whose [`Hit`]s say what each pass thought of them; [`Engine::why`] says what became of one [`Place`].
//! [`Engine::rerank`] is the second pass alone.
//! Other models come in through the traits [`Embedder`] and [`CrossEncoder`].
//!
//! # Guarantees
//!
//! - The same index, query and options give the same answer, whatever the number of threads.
//! - Many readers and one writer: a search sees one generation of the index, whole.
//! - A second pass that fails costs the reordering, not the answer.
//! - Nothing is printed, no environment variable is read (but for `HF_HOME` with the feature `hub`), and no
//!   thread pool is made unless it is asked for; else work goes to rayon's. A parser that panics over a damaged file is caught, but the process's panic hook hears of it first: an
//!   application that wants silence there sets one that passes over threads named [`GUARD_THREAD`].
//!
//! # Features
//!
//! `fastembed` (on by default): ONNX models through ONNX Runtime, which is loaded when first needed.
//! `hub`: fastembed may download the models of its catalogue.
#![forbid(unsafe_code)]

mod current;
mod distinct;
mod engine;
mod error;
mod fate;
mod fold;
mod hits;
mod options;
mod per_document;
mod pipeline;
mod read_lines;
mod reading;
mod rerank;
mod result;
mod scales;
pub mod span;
mod spelled;
mod warning;
mod why;
mod windows;
mod words_first;
mod writer;

pub use engine::{Engine, EngineBuilder, remove_index};
pub use error::{Error, Result};
pub use fate::{Fate, Losses, Part};
pub use fold::Fold;
pub use options::{By, SearchOptions, SecondPass};
pub use read_lines::read_lines;
pub use reading::Reading;
pub use rerank::Reranked;
pub use reread_document::{
    ChunkOptions, Date, Document, DocumentKind, GUARD_THREAD, Heading, Lines, Locator, Metadata,
    PassedOver, Problem, Reason, UnknownKind, Value,
};
pub use reread_index::{
    Done, EmptyDocument, Error as IndexError, HnswOptions, IndexOptions, IndexProgress, IndexRun,
    IndexSummary, LockHolder, Observer, Snapshot, SourceSummary, Status, backup, doctor,
};
#[cfg(feature = "fastembed")]
pub use reread_models::OnnxError;
pub use reread_models::{
    BoxError, CancelToken, Cancelled, CrossEncoder, DEFAULT_CROSS_ENCODER, DEFAULT_EMBEDDER,
    DEFAULT_PAIR_TOKENS, Embedder, Error as ModelsError, InstructionSet, ModelIdentity, Models,
    PairLength, Precision, QueryLength, Scale, UnknownName,
};
pub use reread_rerank::{
    BadCalibration, Calibration, FinalOrder, ScoreCache, Stop, Stopped, final_order,
    first_pass_log_odds, logistic,
};
pub use reread_retrieval::{
    BadCondition, Candidate, Condition, DenseMethod, DocumentKey, Filter, FirstPass, Found, Fusion,
    LIST_LEN, LeftOut, LocalFirstPass, Mode, Note, Passage, PassageKey, Phrase, Placed, Query,
    Refusal, Request, RetrieveOptions, Retrieved, Scored, Within, composed, fusion,
    is_bare_heading,
};
pub use result::{
    Evidence, FirstPassReport, Hit, Ranks, Scores, SearchResult, SecondPassReport, Timings,
};
pub use spelled::spelled;
pub use warning::{Failure, Reads, Warning};
pub use why::{Cause, Change, Effect, Place, Remedy, Stages, Why};
pub use writer::Writer;

/// The example in the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
