//! ONNX models in their roles, from a folder or by a name of the catalogue.

use std::path::Path;
use std::sync::Arc;

use super::cross_encoder::FastembedCrossEncoder;
use super::embedder::FastembedEmbedder;
use super::error::OnnxError;
use super::options::{FastembedCrossEncoderOptions, FastembedEmbedderOptions};
use super::runtime::OnnxRuntime;
use crate::cross_encoder::CrossEncoder;
use crate::embedder::{BoxError, Embedder};

/// Opens the bi-encoder in `folder`. `runtime` is where ONNX Runtime is, if that is known.
///
/// # Errors
/// Those of loading ONNX Runtime and of opening the model.
pub(crate) fn embedder(
    folder: &Path,
    runtime: Option<&Path>,
) -> Result<Arc<dyn Embedder>, BoxError> {
    let options = FastembedEmbedderOptions::default();
    let runtime = OnnxRuntime::load(runtime)?;
    Ok(Arc::new(FastembedEmbedder::open(
        folder, &runtime, &options,
    )?))
}

/// Opens the cross-encoder in `folder`. `runtime` is where ONNX Runtime is, if that is known.
///
/// # Errors
/// Those of loading ONNX Runtime and of opening the model.
pub(crate) fn cross_encoder(
    folder: &Path,
    runtime: Option<&Path>,
    max_tokens: usize,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    let options = FastembedCrossEncoderOptions::default().with_max_tokens(max_tokens);
    let runtime = OnnxRuntime::load(runtime)?;
    Ok(Arc::new(FastembedCrossEncoder::open(
        folder, &runtime, &options,
    )?))
}

/// A bi-encoder of fastembed's catalogue, or `None` if it has none of this name. `cache` is the folder of
/// downloaded models.
pub(crate) fn embedder_by_name(
    name: &str,
    cache: &Path,
    runtime: Option<&Path>,
) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    may_be_in(&FastembedEmbedder::catalogue_names(), name)?;
    let open = || {
        let options = FastembedEmbedderOptions::default();
        FastembedEmbedder::from_catalogue(name, &OnnxRuntime::load(runtime)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn Embedder>))
}

/// A cross-encoder of fastembed's catalogue, or `None` if it has none of this name. `cache` is the folder
/// of downloaded models.
pub(crate) fn cross_encoder_by_name(
    name: &str,
    cache: &Path,
    runtime: Option<&Path>,
    max_tokens: usize,
) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    may_be_in(&FastembedCrossEncoder::catalogue_names(), name)?;
    let open = || {
        let options = FastembedCrossEncoderOptions::default().with_max_tokens(max_tokens);
        FastembedCrossEncoder::from_catalogue(name, &OnnxRuntime::load(runtime)?, cache, &options)
    };
    known(open()).map(|model| Ok(Arc::new(model?) as Arc<dyn CrossEncoder>))
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
