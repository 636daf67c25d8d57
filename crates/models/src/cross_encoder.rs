//! The cross-encoder, behind a trait.

use reread_encoder::{CancelToken, ModelIdentity, PairLength, QueryLength, Scale};

use crate::embedder::BoxError;

/// How pairs are cut, as fingerprints say it: logits that were kept from before pairs were cut so are not
/// those of today.
pub(crate) const QUERY_PART: &str = "64 tokens of a query or 32 of its ends";

/// A cross-encoder: reads a query together with each passage and says how relevant the passage is.
///
/// Nogueira and Cho, "Passage Re-ranking with BERT", arXiv:1901.04085.
pub trait CrossEncoder: Send + Sync {
    /// Says which model this is.
    fn model(&self) -> &ModelIdentity;

    /// Scores each passage against the query. Returns one logit a passage, in the order given;
    /// higher is more relevant.
    ///
    /// A passage's logit must not depend on the other passages of the call. Pairs beyond the
    /// model's length are cut, not refused: the query has a part of the pair at
    /// most ([`QueryLength::in_pair`]), the passage the rest.
    ///
    /// # Errors
    /// Whatever the model fails with.
    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError>;

    /// How long a pair is, and how much of the passage [`score`](Self::score) reads beside the query.
    ///
    /// `None`, the default, is for a model that does not tell; nothing is then said of what was
    /// cut off.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    fn measure_pair(&self, _query: &str, _passage: &str) -> Result<Option<PairLength>, BoxError> {
        Ok(None)
    }

    /// How long a query is, and how much of it [`score`](Self::score) reads.
    ///
    /// `None`, the default, is for a model that does not tell; nothing is then said of a query that was
    /// cut.
    ///
    /// # Errors
    /// Whatever the tokenizer fails with.
    fn measure_query(&self, _query: &str) -> Result<Option<QueryLength>, BoxError> {
        Ok(None)
    }

    /// Names everything beside the texts that decides a logit to its last bit: the model, its
    /// settings, the arithmetic. Two that say the same give the same logits.
    ///
    /// `None`, the default, is for a model that cannot promise it; its logits are never kept.
    fn fingerprint(&self) -> Option<String> {
        None
    }

    /// A logit that no pair can exceed, if there is one that is known. It lets a search stop when
    /// what it has not read cannot change the answer.
    fn greatest_logit(&self) -> Option<f32> {
        None
    }

    /// What its logits mean, where that is known; else [`logit_scale`](crate::logit_scale) measures it.
    fn scale(&self) -> Option<Scale> {
        None
    }

    /// Scores passages as [`score`](Self::score) does, the first ones first, until `cancel` says to
    /// stop. Returns a logit for each passage that was scored by then, and `None` for the others.
    ///
    /// The default asks before each passage, unless nothing can stop it; the built-in model asks every
    /// few milliseconds.
    ///
    /// # Errors
    /// Whatever the model fails with. That it was stopped is no error.
    fn score_within(
        &self,
        query: &str,
        passages: &[&str],
        cancel: &CancelToken,
    ) -> Result<Vec<Option<f32>>, BoxError> {
        if !cancel.can_stop() {
            return Ok(self.score(query, passages)?.into_iter().map(Some).collect());
        }
        let mut logits = vec![None; passages.len()];
        for (logit, passage) in logits.iter_mut().zip(passages) {
            if cancel.should_stop() {
                break;
            }
            *logit = self.score(query, &[passage])?.first().copied();
        }
        Ok(logits)
    }
}
