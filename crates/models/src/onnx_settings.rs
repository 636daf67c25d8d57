//! What opening an ONNX model depends on beside the model.

use std::path::Path;

/// Where ONNX Runtime and the catalogue's models are, and how a pair is cut.
#[cfg_attr(
    not(feature = "fastembed"),
    expect(dead_code, reason = "what stands in for ONNX models opens none")
)]
pub(crate) struct OnnxSettings<'m> {
    /// The library, or a folder that holds it; `None` leaves it to the system's loader.
    pub(crate) runtime: Option<&'m Path>,
    /// The folder of downloaded models; without it no name of the catalogue is known.
    pub(crate) cache: Option<&'m Path>,
    /// The most tokens of a question and a passage that are read together.
    pub(crate) max_pair_tokens: usize,
}
