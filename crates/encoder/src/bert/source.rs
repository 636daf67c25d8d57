//! What the layers are made from.

use crate::cancel::CancelToken;
use crate::config::Config;
use crate::kernels::Kernels;
use crate::weights::Weights;

/// A model's weights, how they are to be read, and whether to go on with it.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) weights: Weights,
    pub(crate) config: &'a Config,
    /// The kernels that the weights are packed for.
    pub(crate) kernels: Kernels,
    /// Asked before each layer.
    pub(crate) cancel: &'a CancelToken,
}
