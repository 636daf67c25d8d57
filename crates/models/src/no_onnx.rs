//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use crate::cross_encoder::CrossEncoder;
use crate::embedder::{BoxError, Embedder};
use crate::error::Error;

pub(crate) fn embedder(_: &Path, _: Option<&Path>) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn cross_encoder(
    _: &Path,
    _: Option<&Path>,
    _: usize,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn embedder_by_name(
    _: &str,
    _: &Path,
    _: Option<&Path>,
) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    None
}

pub(crate) fn cross_encoder_by_name(
    _: &str,
    _: &Path,
    _: Option<&Path>,
    _: usize,
) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    None
}
