//! How much of a passage the cross-encoder reads.

use reread_models::QueryLength;
use reread_retrieval::Passage;

use crate::Result;
use crate::engine::Engine;
use crate::warning::{Reads, Warning};

/// How long a query and a passage are together, and how much of the passage is read. Tokens count
/// the title and headings that are read with the text, and the model's special ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The tokens of query and passage.
    pub n_tokens: usize,
    /// The most that are read.
    pub max_tokens: usize,
    /// The most that the model could be made to read.
    pub model_max_tokens: usize,
    /// The bytes at the beginning of the passage's text that are read.
    pub bytes_read: usize,
}

impl Reading {
    /// Whether the text is read up to this byte.
    pub fn reaches(&self, end: usize) -> bool {
        self.bytes_read >= end
    }
}

impl Engine {
    /// How much of a query the cross-encoder reads; `None` if it does not tell.
    ///
    /// # Errors
    /// `Models`, `Rerank`.
    pub fn query_length(&self, query: &str) -> Result<Option<QueryLength>> {
        let measured = self.cross_encoder()?.measure_query(query);
        Ok(measured.map_err(reread_rerank::Error::CrossEncoder)?)
    }

    /// What the user should know of a query before [`rerank`](Self::rerank) reads it: that its end is
    /// not read, if it is not.
    ///
    /// # Errors
    /// `Models`, `Rerank`.
    pub fn long_query(&self, query: &str) -> Result<Option<Warning>> {
        let length = self.query_length(query)?;
        Ok(Warning::of_length(Reads::CrossEncoder, length))
    }

    /// How much of a passage is read beside a query; `None` if the cross-encoder does not tell.
    ///
    /// # Errors
    /// `Models`, `Rerank`.
    pub fn pair_length(&self, query: &str, passage: &Passage) -> Result<Option<Reading>> {
        let contextual = passage.contextual_text();
        let n_before = contextual.len() - passage.text.len();
        let measured = self.cross_encoder()?.measure_pair(query, &contextual);
        let measured = measured.map_err(reread_rerank::Error::CrossEncoder)?;
        Ok(measured.map(|length| Reading {
            n_tokens: length.n_tokens,
            max_tokens: length.max_tokens,
            model_max_tokens: length.model_max_tokens,
            bytes_read: length.bytes_read.saturating_sub(n_before),
        }))
    }
}
