//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use crate::cross_encoder::CrossEncoder;
use crate::embedder::{BoxError, Embedder};

const WAY_OUT: &str =
    "this is an ONNX model, and this build has no fastembed; build with `--features fastembed`";

pub(crate) fn embedder(_: &Path, _: Option<&Path>) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(WAY_OUT.into())
}

pub(crate) fn cross_encoder(
    _: &Path,
    _: Option<&Path>,
    _: usize,
) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(WAY_OUT.into())
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
