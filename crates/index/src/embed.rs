//! Embedding, and the check of what a model returns.

use reread_models::{CancelToken, Cancelled, Embedder};

use crate::{Error, Result};

/// How many passages are embedded in one call: enough to keep every core busy, and few enough to
/// stop within seconds.
pub(crate) const EMBED_BATCH: usize = 64;

/// Embeds texts and checks what the model returns: shape, finiteness, norm.
///
/// # Errors
/// `Embedder`, `BadEmbedding`, `Cancelled`.
pub(crate) fn embed(
    embedder: &dyn Embedder,
    texts: &[&str],
    dim: usize,
    cancel: &CancelToken,
) -> Result<Vec<f32>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let bad = |problem| Error::BadEmbedding {
        model: embedder.model().to_string(),
        problem,
    };
    let rows = embedder.embed_passages_within(texts, cancel);
    let vectors = rows.map_err(|error| match error.downcast::<Cancelled>() {
        Ok(cancelled) => Error::from(*cancelled),
        Err(error) => Error::Embedder(error),
    })?;
    if vectors.len() != texts.len() * dim {
        let n = vectors.len();
        return Err(bad(format!(
            "{n} values for {} passages of width {dim}",
            texts.len()
        )));
    }
    crate::dense::validate_rows(&embedder.model().to_string(), &vectors, dim)?;
    Ok(vectors)
}
