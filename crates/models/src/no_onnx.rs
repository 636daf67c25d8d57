//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use crate::onnx_settings::OnnxSettings;
use crate::{BoxError, CrossEncoder, Embedder, Error};

pub(crate) fn embedder(_: &Path, _: &OnnxSettings<'_>) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn cross_encoder(
    _: &Path,
    _: &OnnxSettings<'_>,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn embedder_by_name(
    _: &str,
    _: &OnnxSettings<'_>,
) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    None
}

pub(crate) fn cross_encoder_by_name(
    _: &str,
    _: &OnnxSettings<'_>,
) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    None
}
