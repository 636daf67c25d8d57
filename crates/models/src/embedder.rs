//! The bi-encoder, behind a trait.

use std::ops::Range;

use reread_encoder::{CancelToken, ModelIdentity, QueryLength, Scale};
use unicode_segmentation::UnicodeSegmentation;

/// An error of an application's own model.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A bi-encoder: turns queries and passages, each on its own, into vectors whose dot product says
/// how close they are.
///
/// Vectors are L2-normalised by the implementation; the index refuses others.
pub trait Embedder: Send + Sync {
    /// Says which model this is. An index is only opened with the model it was built with.
    fn model(&self) -> &ModelIdentity;

    /// The width of every vector.
    fn dim(&self) -> usize;

    /// Embeds one query. Returns `dim` values with an L2 norm of 1.
    ///
    /// # Errors
    /// Whatever the model fails with.
    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError>;

    /// Embeds passages. Returns `[passages.len(), dim]`, row-major, each row with an L2 norm of 1.
    ///
    /// A row must not depend on the other passages of the call. Texts beyond the model's length
    /// are cut, not refused.
    ///
    /// # Errors
    /// Whatever the model fails with.
    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError>;

    /// Embeds passages as [`embed_passages`](Self::embed_passages) does, unless `cancel` says to stop.
    ///
    /// The default asks once, before it begins. A model that takes long for a call asks in between as
    /// well.
    ///
    /// # Errors
    /// [`Cancelled`](crate::Cancelled), and whatever the model fails with.
    fn embed_passages_within(
        &self,
        passages: &[&str],
        cancel: &CancelToken,
    ) -> Result<Vec<f32>, BoxError> {
        cancel.check()?;
        self.embed_passages(passages)
    }

    /// How long a query is, and how much of it [`embed_query`](Self::embed_query) reads.
    ///
    /// `None`, the default, is for a model that does not tell; nothing is then said of a query that was
    /// cut.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    fn measure_query(&self, _query: &str) -> Result<Option<QueryLength>, BoxError> {
        Ok(None)
    }

    /// What its cosines mean, where that is known; else [`cosine_scale`](crate::cosine_scale) measures it.
    fn scale(&self) -> Option<Scale> {
        None
    }

    /// The byte ranges of the model's tokens in `text`, in order, without special tokens.
    ///
    /// Passages are cut between tokens, so this decides how long a passage of `max_tokens` is.
    /// The default takes Unicode words, which is close enough for a model without a tokenizer.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        Ok(text
            .unicode_word_indices()
            .map(|(at, word)| at..at + word.len())
            .collect())
    }
}
