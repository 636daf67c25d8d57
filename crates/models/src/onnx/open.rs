//! ONNX models through fastembed.

use std::path::Path;
use std::sync::Arc;

use super::cross_encoder::{FastembedCrossEncoder, FastembedCrossEncoderOptions};
use super::embedder::{FastembedEmbedder, FastembedEmbedderOptions};
use super::error::OnnxError;
use super::runtime::OnnxRuntime;
use crate::onnx_settings::OnnxSettings;
use crate::{BoxError, CrossEncoder, Embedder};

pub(crate) fn embedder(
    folder: &Path,
    settings: &OnnxSettings<'_>,
) -> Result<Arc<dyn Embedder>, BoxError> {
    let options = FastembedEmbedderOptions::default();
    Ok(Arc::new(FastembedEmbedder::open(
        folder,
        &runtime(settings)?,
        &options,
    )?))
}

pub(crate) fn cross_encoder(
    folder: &Path,
    settings: &OnnxSettings<'_>,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Ok(Arc::new(FastembedCrossEncoder::open(
        folder,
        &runtime(settings)?,
        &pair_options(settings),
    )?))
}

/// A bi-encoder of fastembed's catalogue, or `None` if it has none of this name.
pub(crate) fn embedder_by_name(
    name: &str,
    settings: &OnnxSettings<'_>,
) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    let cache = settings.cache?;
    may_be_in(&FastembedEmbedder::catalogue_names(), name)?;
    let open = || {
        let options = FastembedEmbedderOptions::default();
        FastembedEmbedder::from_catalogue(name, &runtime(settings)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn Embedder>))
}

/// A cross-encoder of fastembed's catalogue, or `None` if it has none of this name.
pub(crate) fn cross_encoder_by_name(
    name: &str,
    settings: &OnnxSettings<'_>,
) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    let cache = settings.cache?;
    may_be_in(&FastembedCrossEncoder::catalogue_names(), name)?;
    let open = || {
        let options = pair_options(settings);
        FastembedCrossEncoder::from_catalogue(name, &runtime(settings)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn CrossEncoder>))
}

fn runtime(settings: &OnnxSettings<'_>) -> Result<OnnxRuntime, OnnxError> {
    OnnxRuntime::load(settings.runtime)
}

fn pair_options(settings: &OnnxSettings<'_>) -> FastembedCrossEncoderOptions {
    FastembedCrossEncoderOptions::default().with_max_tokens(settings.max_pair_tokens)
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
