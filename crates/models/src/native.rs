//! The built-in encoder in both roles.

mod cross_encoder;
mod embedder;

use reread_encoder::{ModelIdentity, Scale};

pub use cross_encoder::{BertCrossEncoder, DEFAULT_PAIR_TOKENS};
pub use embedder::BertEmbedder;

/// Models whose scales are known, so that they need not be measured whenever one is opened: the
/// beginning of each one's digest, and what [`cosine_scale`](crate::cosine_scale) and
/// [`logit_scale`](crate::logit_scale) say of it.
const SCALES: [(&str, Scale); 3] = [
    ("ad9267366e89c703", Scale::BGE_SMALL_EN),
    ("01093c64d6e1", Scale::MS_MARCO_MINI_LM_L12),
    ("acdac44e98a9", Scale::REREAD_MINI_LM_L12),
];

/// The scale of a model, if it is one of those that are known.
fn known_scale(model: &ModelIdentity) -> Option<Scale> {
    let known = SCALES
        .iter()
        .find(|(digest, _)| model.digest.starts_with(digest));
    known.map(|(_, scale)| *scale)
}
