//! ONNX models through fastembed.

use std::path::Path;
use std::sync::Arc;

use super::cross_encoder::{FastembedCrossEncoder, FastembedCrossEncoderOptions};
use super::embedder::{FastembedEmbedder, FastembedEmbedderOptions};
use super::error::OnnxError;
use super::runtime::OnnxRuntime;
use crate::{BoxError, CrossEncoder, Embedder, Models};

pub(crate) fn embedder(models: &Models, folder: &Path) -> Result<Arc<dyn Embedder>, BoxError> {
    let options = FastembedEmbedderOptions::default();
    Ok(Arc::new(FastembedEmbedder::open(
        folder,
        &runtime(models)?,
        &options,
    )?))
}

pub(crate) fn cross_encoder(
    models: &Models,
    folder: &Path,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Ok(Arc::new(FastembedCrossEncoder::open(
        folder,
        &runtime(models)?,
        &pair_options(models),
    )?))
}

/// A bi-encoder of fastembed's catalogue, or `None` if it has none of this name.
pub(crate) fn embedder_by_name(models: &Models) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    let cache = models.catalogue_cache.as_deref()?;
    may_be_in(&FastembedEmbedder::catalogue_names(), &models.embedder)?;
    let open = || {
        let options = FastembedEmbedderOptions::default();
        FastembedEmbedder::from_catalogue(&models.embedder, &runtime(models)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn Embedder>))
}

/// A cross-encoder of fastembed's catalogue, or `None` if it has none of this name.
pub(crate) fn cross_encoder_by_name(
    models: &Models,
) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    let cache = models.catalogue_cache.as_deref()?;
    may_be_in(
        &FastembedCrossEncoder::catalogue_names(),
        &models.cross_encoder,
    )?;
    let open = || {
        let options = pair_options(models);
        let name = &models.cross_encoder;
        FastembedCrossEncoder::from_catalogue(name, &runtime(models)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn CrossEncoder>))
}

fn runtime(models: &Models) -> Result<OnnxRuntime, OnnxError> {
    OnnxRuntime::load(models.onnx_runtime.as_deref())
}

fn pair_options(models: &Models) -> FastembedCrossEncoderOptions {
    FastembedCrossEncoderOptions::default().with_max_tokens(models.max_pair_tokens)
}

/// A repository on the hub has a `/` in its name; other names are in the catalogue or unknown, and
/// then ONNX Runtime is not asked for.
fn may_be_in(catalogue: &[String], name: &str) -> Option<()> {
    (name.contains('/') || catalogue.iter().any(|known| known == name)).then_some(())
}

fn known<T>(opened: Result<T, OnnxError>) -> Option<Result<T, OnnxError>> {
    match opened {
        Err(OnnxError::UnknownModel { .. }) => None,
        other => Some(other),
    }
}
