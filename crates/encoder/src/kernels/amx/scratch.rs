//! The memory of attention in tiles.

use super::tiles::{Counted, Scores};
use crate::kernels::aligned::Aligned;

/// The memory that attention in tiles works in, kept from one head to the next.
#[derive(Debug, Default)]
pub(in crate::kernels) struct TileScratch {
    pub(super) queries: Aligned<i32>,
    pub(super) offered: Aligned<i32>,
    pub(super) keys: Aligned<i32>,
    pub(super) values: Aligned<i32>,
    pub(super) counted: Counted,
    pub(super) scores: Scores,
    pub(super) weights: Aligned<i32>,
}
