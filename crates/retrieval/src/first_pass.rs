//! The first pass as whoever asks it sees it.

use std::path::Path;

use reread_document::ChunkOptions;
use reread_encoder::{CancelToken, ModelIdentity};

use crate::candidate::{Arms, Retrieved};
use crate::filter::Filter;
use crate::left_out::LeftOut;
use crate::options::RetrieveOptions;
use crate::passage::{DocumentKey, Passage, PassageKey};
use crate::query::Query;
use crate::refusal::Refusal;

/// An error of a first pass, whatever it is made of.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The fast and approximate search over all passages.
///
/// An implementation returns the same answer for the same state, request and options on every run: orders
/// are total (score descending, ties in an order that never changes).
pub trait FirstPass: Send + Sync {
    /// The bi-encoder whose vectors it holds: a query's vector must be one of the same model. `None`
    /// where it takes vectors of any model, or none.
    fn model(&self) -> Option<&ModelIdentity>;

    /// How many passages it can find.
    fn n_passages(&self) -> usize;

    /// Returns the best candidates for a request.
    ///
    /// # Errors
    /// Options out of bounds ([`InvalidOption`](crate::InvalidOption)), a vector that is missing or
    /// unusable, [`Cancelled`](reread_encoder::Cancelled), and whatever keeps it from answering.
    fn retrieve(&self, request: &Request<'_>) -> Result<Retrieved, BoxError>;

    /// What it can say as a local one; `None`, the default, where it waits for another machine.
    ///
    /// A local one computes and so runs on the threads of whoever asks; any other one waits and must
    /// not keep a computing thread from its work.
    fn local(&self) -> Option<&dyn LocalFirstPass> {
        None
    }
}

/// What a first pass is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The query, read: its text, terms, phrases and exclusions.
    pub query: &'a Query,
    /// Its embedding, of length 1; needed unless the mode is [`Lexical`](crate::Mode::Lexical).
    pub vector: Option<&'a [f32]>,
    /// How deep to look, in which arms, at which documents.
    pub options: &'a RetrieveOptions,
    /// When to stop. One that only computes answers after the deadline too, as without its answer
    /// there is none; one that waits gives up then.
    pub cancel: &'a CancelToken,
}

/// A document, and what it may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentNames {
    /// The document.
    pub key: DocumentKey,
    /// What results call it: a file's path, or a record's `_id`.
    pub id: String,
    /// The file it comes from.
    pub path: String,
}

/// A first pass that has all its passages at hand: it can say where each of them stands, why one may
/// not be returned, and what lies beside it. Diagnosis and evaluation need that; a search does not.
pub trait LocalFirstPass: FirstPass {
    /// The passage with this key.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    fn passage(&self, key: PassageKey) -> Result<Passage, BoxError>;

    /// Every document, in the order of indexing.
    fn documents(&self) -> Vec<DocumentNames>;

    /// The passages of a document, in the order of its text; none for a key that is not known.
    ///
    /// # Errors
    /// Where one cannot be read.
    fn passages_of(&self, document: DocumentKey) -> Result<Vec<Passage>, BoxError>;

    /// Ranks every passage that may be returned, in each arm that the mode asks: the same order as that of
    /// [`retrieve`](FirstPass::retrieve)'s lists, to its end. The depth plays no part.
    ///
    /// # Errors
    /// As for [`retrieve`](FirstPass::retrieve).
    fn rank_all(&self, request: &Request<'_>) -> Result<Arms, BoxError>;

    /// The first reason for which a search with this query and filter may not return a passage;
    /// `None` if it may.
    ///
    /// # Errors
    /// Where the passage is not known, or cannot be read.
    fn refusal(
        &self,
        passage: PassageKey,
        query: &Query,
        filter: &Filter,
    ) -> Result<Option<Refusal>, BoxError>;

    /// Why no passage of the file `path` is held. `path` is relative to `root`, with `/` between its
    /// parts; without a root it is what an application calls a document.
    ///
    /// # Errors
    /// Where the folder cannot be walked.
    fn left_out(&self, root: Option<&Path>, path: &str) -> Result<LeftOut, BoxError>;

    /// How documents were cut.
    fn chunk_options(&self) -> ChunkOptions;
}
