//! What the scores of an engine's models mean: known, or measured once.

use std::sync::OnceLock;

use reread_models::{CrossEncoder, Embedder, Scale, cosine_scale, logit_scale};

use crate::Result;

/// The scales that had to be measured.
#[derive(Debug, Default)]
pub(crate) struct Scales {
    cosines: OnceLock<Scale>,
    logits: OnceLock<Scale>,
}

impl Scales {
    /// What the cosines of the bi-encoder mean.
    pub(crate) fn of_cosines(&self, embedder: &dyn Embedder) -> Result<Scale> {
        let measure = || cosine_scale(embedder).map_err(reread_index::Error::Embedder);
        Ok(scale(&self.cosines, embedder.scale(), measure)?)
    }

    /// What the logits of the cross-encoder mean.
    pub(crate) fn of_logits(&self, cross_encoder: &dyn CrossEncoder) -> Result<Scale> {
        let measure = || logit_scale(cross_encoder).map_err(reread_rerank::Error::CrossEncoder);
        Ok(scale(&self.logits, cross_encoder.scale(), measure)?)
    }
}

/// The scale that is known, or was measured before, or is measured now. Scores of a model that tells
/// nothing apart count as they are.
fn scale<E>(
    measured: &OnceLock<Scale>,
    known: Option<Scale>,
    measure: impl FnOnce() -> Result<Option<Scale>, E>,
) -> Result<Scale, E> {
    if let Some(scale) = known.or_else(|| measured.get().copied()) {
        return Ok(scale);
    }
    let scale = measure()?.unwrap_or(Scale::AS_IS);
    Ok(*measured.get_or_init(|| scale))
}
