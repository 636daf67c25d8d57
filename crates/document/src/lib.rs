//! Files in, structured text out.
//!
//! [`walk`] finds the files of a folder, [`extract`] reads one into [`Document`]s, and [`chunk()`] cuts a
//! document into passages between the tokens of a model. A [`Cut`] says by its [`Locator`] where it
//! stands; [`Metadata`] holds what a file says about itself beside its text.
//!
//! ```
//! use reread_document::{ChunkOptions, ExtractOptions, Extraction, chunk, extract};
//!
//! let page = b"# Bread\n\nYeast makes the dough rise.\n".to_vec();
//! let Extraction::Read { documents, .. } = extract("bread.md", page, &ExtractOptions::default()) else {
//!     panic!("this is text");
//! };
//! assert_eq!(documents[0].title, "Bread");
//! let text = &documents[0].text;
//! // Any tokenizer will do; here a token is a letter.
//! let tokens: Vec<_> = text.char_indices().map(|(at, c)| at..at + c.len_utf8()).collect();
//! let passages = chunk(&documents[0], &tokens, &ChunkOptions::default());
//! assert_eq!(&text[passages[0].range.clone()], "Yeast makes the dough rise.");
//! ```
//!
//! # Guarantees
//!
//! - No file panics or hangs: what cannot be read is a [`Problem`], and the rest goes on.
//! - The outcome depends on the bytes and the options only, time limits aside.
//! - Nothing is printed and nothing is read from the environment. Panics of parsers are caught; see
//!   [`GUARD_THREAD`] for the process's panic hook.
//!
//! # Adding a format
//!
//! | step | where |
//! |---|---|
//! | a variant, at the end, as index files store its position | `DocumentKind` in `src/kind.rs` |
//! | a function from a file's name and bytes to documents and problems | a file in `src/readers/` |
//! | names, extensions, first bytes, guard and that function | a row in `src/format.rs` |
//!
//! Everything else follows from the row: which files are read so, what the command line and the
//! configuration call it, and whether the reader runs under a time limit.
#![forbid(unsafe_code)]

mod chunk;
mod document;
mod error;
mod extract;
mod facts;
mod file_name;
mod format;
mod format_names;
mod front_matter;
mod guard;
mod kind;
mod locator;
mod metadata;
mod problem;
mod readers;
mod text;
mod walk;
mod words;

pub use chunk::{ChunkOptions, Cut, chunk};
pub use document::{Document, Heading, Lines};
pub use error::{Error, Result};
pub use extract::{ExtractOptions, Extraction, extract};
pub use format_names::UnknownKind;
pub use guard::GUARD_THREAD;
pub use kind::DocumentKind;
pub use locator::Locator;
pub use metadata::{BadDate, Date, Metadata, Value};
pub use problem::{Problem, Reason};
pub use walk::{FoundFile, HiddenFiles, SkippedFiles, Walk, WalkOptions, is_store_name, walk};
pub use words::is_wordless;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
