//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use reread_index::{BoxError, Embedder};
use reread_rerank::CrossEncoder;

use super::Models;

const WAY_OUT: &str =
    "this is an ONNX model, and this build has no fastembed; build with `--features fastembed`";

pub(super) fn embedder(_: &Models, _: &Path) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(WAY_OUT.into())
}

pub(super) fn cross_encoder(_: &Models, _: &Path) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(WAY_OUT.into())
}

pub(super) fn embedder_by_name(_: &Models) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    None
}

pub(super) fn cross_encoder_by_name(_: &Models) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    None
}
