//! Stands in for ONNX models where the feature `fastembed` is off.

use std::path::Path;
use std::sync::Arc;

use crate::{BoxError, CrossEncoder, Embedder, Models};

const WAY_OUT: &str =
    "this is an ONNX model, and this build has no fastembed; build with `--features fastembed`";

pub(crate) fn embedder(_: &Models, _: &Path) -> Result<Arc<dyn Embedder>, BoxError> {
    Err(WAY_OUT.into())
}

pub(crate) fn cross_encoder(_: &Models, _: &Path) -> Result<Arc<dyn CrossEncoder>, BoxError> {
    Err(WAY_OUT.into())
}

pub(crate) fn embedder_by_name(_: &Models) -> Option<Result<Arc<dyn Embedder>, BoxError>> {
    None
}

pub(crate) fn cross_encoder_by_name(_: &Models) -> Option<Result<Arc<dyn CrossEncoder>, BoxError>> {
    None
}
