//! When a long run commits what it has done.

use std::time::{Duration, Instant};

/// The share of a run's time that its commits may take: one in this many.
const CHECKPOINT_SHARE: u32 = 50;

/// Says when a run has worked long enough to commit what it has done.
pub(super) struct Pace {
    checkpoint: Duration,
    since: Instant,
    cost: Duration,
}

impl Pace {
    pub(super) fn new(checkpoint: Duration) -> Self {
        Self {
            checkpoint,
            since: Instant::now(),
            cost: Duration::ZERO,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        let dear = self.cost.saturating_mul(CHECKPOINT_SHARE);
        self.checkpoint.is_zero() || self.since.elapsed() >= self.checkpoint.max(dear)
    }

    /// Runs a commit and remembers what it took.
    pub(super) fn time<T>(&mut self, commit: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = commit();
        self.cost = started.elapsed();
        self.since = Instant::now();
        done
    }
}
