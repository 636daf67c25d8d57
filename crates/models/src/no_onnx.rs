//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use crate::{BoxError, CrossEncoder, Embedder, Error, Models};

pub(crate) fn embedder(_: &Models, _: &Path) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn cross_encoder(_: &Models, _: &Path) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(Error::NoFastembed.into())
}

pub(crate) fn embedder_by_name(_: &Models) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    None
}

pub(crate) fn cross_encoder_by_name(_: &Models) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    None
}
