//! The local first pass: documents in, candidates out.
//!
//! Documents are cut into passages; BM25 over their words and vectors over their meaning each find the
//! best, and fusion makes one list of candidates of them. The index is a folder on disk
//! (`docs/format.md`).
//!
//! ```
//! use std::sync::Arc;
//!
//! use reread_index::{IndexOptions, IndexRun, IndexWriter, Snapshot, update};
//! use reread_models::{BoxError, CancelToken, Embedder, ModelIdentity};
//! use reread_retrieval::{Query, Request, RetrieveOptions};
//!
//! /// A toy: tells texts apart by how often they have an `a` and an `e`.
//! struct Vowels(ModelIdentity);
//!
//! impl Embedder for Vowels {
//!     fn model(&self) -> &ModelIdentity {
//!         &self.0
//!     }
//!
//!     fn dim(&self) -> usize {
//!         2
//!     }
//!
//!     fn embed_query(&self, text: &str) -> Result<Vec<f32>, BoxError> {
//!         let count = |vowel| 1.0 + text.matches(vowel).count() as f32;
//!         let (a, e) = (count('a'), count('e'));
//!         Ok(vec![a / a.hypot(e), e / a.hypot(e)])
//!     }
//!
//!     fn embed_passages(&self, texts: &[&str]) -> Result<Vec<f32>, BoxError> {
//!         let rows: Result<Vec<_>, _> = texts.iter().map(|text| self.embed_query(text)).collect();
//!         Ok(rows?.concat())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("yeast.md"), "# Bread\nYeast makes the dough rise.")?;
//! std::fs::write(folder.path().join("steel.md"), "# Steel\nCarbon makes iron hard.")?;
//!
//! let name = || "vowels".to_owned();
//! let model = ModelIdentity { name: name(), revision: String::new(), digest: name() };
//! let embedder = Arc::new(Vowels(model));
//! let index = folder.path().join(".reread");
//! let writer =
//!     IndexWriter::open(&index, Some(folder.path()), embedder.clone(), IndexOptions::default())?;
//! let summary = update(writer, folder.path(), &IndexRun::default())?;
//! assert_eq!(summary.n_added, 2);
//!
//! let snapshot = Snapshot::open(&index)?;
//! let query = Query::parse("why does yeast make the dough rise");
//! let vector = embedder.embed_query(query.text())?;
//! let options = RetrieveOptions::default();
//! let found = snapshot.retrieve(&Request {
//!     query: &query,
//!     vector: Some(&vector),
//!     options: &options,
//!     cancel: &CancelToken::default(),
//! })?;
//! let candidates = found.found.into_candidates(&options);
//! assert_eq!(candidates[0].passage.path, "yeast.md");
//! # Ok(())
//! # }
//! ```
//!
//! # How the types fit
//!
//! [`IndexWriter`] holds the lock, changes documents and publishes a generation; [`update()`] lets it
//! follow a folder. [`Snapshot`] is one generation, open for reading: [`Snapshot::retrieve`] is the first
//! pass, as `reread_retrieval` asks for one; [`lexical`] and [`dense`] are its arms.
//! [`Embedder`](reread_models::Embedder) is the seam to the model.
//!
//! # Guarantees
//!
//! - The same snapshot, query and options give the same candidates, whatever the number of threads.
//! - A crash leaves the old generation or the new one; readers keep theirs while a writer goes on. A long run
//!   commits as it goes, and a later one goes on from there.
//! - No file, query or damaged byte panics: what cannot be read is a [`Problem`](reread_document::Problem) or an [`Error`].
//! - Nothing is printed and nothing is read from the environment.
//!
//! # Sources
//!
//! BM25: Robertson and Zaragoza 2009. HNSW: Malkov and Yashunin, arXiv:1603.09320.
#![deny(unsafe_code)]

pub mod backup;
mod crash;
pub mod dense;
pub mod doctor;
mod embed;
mod error;
mod first_pass;
mod format;
#[cfg(test)]
mod fuzz;
mod index_folder;
mod left_out;
pub mod lexical;
mod lock_holder;
mod merge;
mod next_lexical;
mod options;
mod passage_set;
mod position;
mod prepare;
mod refusal;
mod run;
mod segment;
mod simd;
mod snapshot;
mod status;
mod stored_words;
mod update;
mod writer;

pub use dense::HnswOptions;
pub use error::{Error, Result};
pub use index_folder::{check_free, remove_index};
pub use lock_holder::{Done, LockHolder};
pub use options::IndexOptions;
pub use prepare::{Prepared, prepare};
pub use run::{IndexProgress, IndexRun, Observer};
pub use snapshot::{Snapshot, check_model};
pub use status::{SourceSummary, Status};
pub use update::{EmptyDocument, IndexSummary, nothing_to_do, update};
pub use writer::{IndexWriter, WriteCounts};
