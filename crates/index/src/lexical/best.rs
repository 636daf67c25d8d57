//! The best of many scores.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A scored passage; the better one is the greater.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) score: f32,
    pub(super) key: u64,
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.key.cmp(&self.key))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` best so far, the worst of them on top of the heap.
pub(super) struct Best {
    k: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

impl Best {
    pub(super) fn of(k: usize) -> Self {
        Self {
            k,
            heap: BinaryHeap::new(),
        }
    }

    /// The least score with which a passage may get in: that of the worst of `k`, and before there are
    /// that many, just above 0, which is the score of one without any term.
    pub(super) fn least_score(&self) -> f32 {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() >= self.k => worst.score,
            _ => f32::MIN_POSITIVE,
        }
    }

    /// Whether a passage is among the `k` best so far; of equal scores the lower key is better.
    pub(super) fn takes(&self, ranked: &Ranked) -> bool {
        self.heap.len() < self.k
            || self
                .heap
                .peek()
                .is_some_and(|Reverse(worst)| ranked > worst)
    }

    pub(super) fn push(&mut self, ranked: Ranked) {
        if self.heap.len() >= self.k {
            self.heap.pop();
        }
        self.heap.push(Reverse(ranked));
    }

    pub(super) fn into_sorted(self) -> Vec<(u64, f32)> {
        let best = self.heap.into_sorted_vec();
        best.into_iter()
            .map(|Reverse(ranked)| (ranked.key, ranked.score))
            .collect()
    }
}
