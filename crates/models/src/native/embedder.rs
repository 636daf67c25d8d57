//! The built-in bi-encoder: a BERT folder run by the encoder crate.

use std::ops::Range;
use std::path::Path;

use reread_encoder::{CancelToken, Model, ModelIdentity, ModelOptions, QueryLength, Scale};

use super::known_scale;
use crate::embedder::{BoxError, Embedder};

/// A BERT bi-encoder in pure Rust, read from a Hugging Face style folder.
#[derive(Debug)]
pub struct BertEmbedder {
    model: Model,
}

impl BertEmbedder {
    /// Opens a model folder.
    ///
    /// # Errors
    /// What the encoder refuses: a missing file, a damaged one, a model of another kind.
    pub fn open(folder: &Path) -> Result<Self, reread_encoder::Error> {
        Self::open_with(folder, &ModelOptions::default())
    }

    /// Opens a model folder as [`open`](Self::open) does, with options for the arithmetic.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and an instruction set that this machine does not have.
    pub fn open_with(folder: &Path, options: &ModelOptions) -> Result<Self, reread_encoder::Error> {
        Ok(Self {
            model: Model::open_with(folder, options)?,
        })
    }
}

impl Embedder for BertEmbedder {
    fn model(&self) -> &ModelIdentity {
        self.model.identity()
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        Ok(self.model.embed_query(query)?)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        Ok(self.model.embed(passages, self.model.max_tokens())?)
    }

    fn embed_passages_within(
        &self,
        passages: &[&str],
        cancel: &CancelToken,
    ) -> Result<Vec<f32>, BoxError> {
        let max_tokens = self.model.max_tokens();
        match self.model.embed_within(passages, max_tokens, cancel) {
            Err(reread_encoder::Error::Cancelled(cancelled)) => Err(cancelled.into()),
            done => Ok(done?),
        }
    }

    fn measure_query(&self, query: &str) -> Result<Option<QueryLength>, BoxError> {
        Ok(Some(self.model.measure_query(query)?))
    }

    fn scale(&self) -> Option<Scale> {
        known_scale(self.model.identity())
    }

    fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        Ok(self.model.tokenizer().offsets(text)?)
    }
}
