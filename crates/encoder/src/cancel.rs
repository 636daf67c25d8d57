//! Stopping work that nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Says to long work that it should stop: because somebody asks for it, or because time is up.
///
/// Clones share one flag, so whoever keeps a clone can stop what was given another. A deadline
/// belongs to each token: a caller can give one step less time than the whole has. The default
/// token cannot be cancelled and has no deadline, and asking it costs nothing.
///
/// ```
/// use std::time::Duration;
///
/// use reread_encoder::{CancelToken, Cancelled};
///
/// let all = CancelToken::new();
/// let one_step = all.with_budget(Duration::from_secs(60));
/// assert!(!one_step.should_stop());
///
/// all.cancel();
/// assert_eq!(one_step.check(), Err(Cancelled));
/// assert!(one_step.is_cancelled() && !one_step.is_late());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    shared: Option<Arc<Shared>>,
    deadline: Option<Instant>,
}

/// What all clones of a token share.
#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// How often the answer is still no; nobody counts where it is `None`.
    asks_left: Option<AtomicUsize>,
}

/// The orders between threads do not matter: the flag goes up once and stays, it guards no other
/// memory, and a thread that sees it a moment later has done a moment's more work.
const ORDER: Ordering = Ordering::Relaxed;

impl CancelToken {
    /// Makes a token that can be cancelled by hand.
    pub fn new() -> Self {
        Self {
            shared: Some(Arc::default()),
            deadline: None,
        }
    }

    /// Makes a token that says no when it is asked whether to stop `n_asks` times, and then yes.
    ///
    /// A test can stop work with it at each place where the work asks.
    pub fn after_asks(n_asks: usize) -> Self {
        Self {
            shared: Some(Arc::new(Shared {
                asks_left: Some(AtomicUsize::new(n_asks)),
                ..Shared::default()
            })),
            deadline: None,
        }
    }

    /// Makes a token that stops together with this one, and at `deadline` at the latest.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let earlier = self.deadline.map_or(deadline, |own| own.min(deadline));
        Self {
            shared: self.shared.clone(),
            deadline: Some(earlier),
        }
    }

    /// Makes a token that stops together with this one, and when `budget` has passed from now at
    /// the latest. A budget that ends beyond what the clock can say is no deadline.
    #[must_use]
    pub fn with_budget(&self, budget: Duration) -> Self {
        match Instant::now().checked_add(budget) {
            Some(deadline) => self.with_deadline(deadline),
            None => self.clone(),
        }
    }

    /// Makes a token that stops when this one is cancelled by hand, and never for the time.
    ///
    /// For work without which there is no answer at all, late or not.
    #[must_use]
    pub fn without_deadline(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            deadline: None,
        }
    }

    /// Stops the work of this token and of all that share its flag. Does nothing to the default
    /// token.
    pub fn cancel(&self) {
        if let Some(shared) = &self.shared {
            shared.cancelled.store(true, ORDER);
        }
    }

    /// The time at which the work stops if nobody stops it before.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells whether anything can stop the work: a hand or a deadline.
    pub fn can_stop(&self) -> bool {
        self.shared.is_some() || self.deadline.is_some()
    }

    /// Tells whether the work was cancelled by hand.
    pub fn is_cancelled(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| shared.cancelled.load(ORDER))
    }

    /// Tells whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Tells whether to stop: cancelled by hand, or late.
    pub fn should_stop(&self) -> bool {
        self.count_ask();
        self.is_cancelled() || self.is_late()
    }

    /// Does nothing until the work [should stop](Self::should_stop).
    ///
    /// # Errors
    /// [`Cancelled`] from then on.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.should_stop() {
            return Err(Cancelled);
        }
        Ok(())
    }

    /// Cancels the work where the asks of [`Self::after_asks`] are used up.
    fn count_ask(&self) {
        let asks_left = self
            .shared
            .as_ref()
            .and_then(|shared| shared.asks_left.as_ref());
        if let Some(left) = asks_left
            && left
                .fetch_update(ORDER, ORDER, |n| n.checked_sub(1))
                .is_err()
        {
            self.cancel();
        }
    }
}

/// Tokens are equal that stop at the same moment, whatever happens.
impl PartialEq for CancelToken {
    fn eq(&self, other: &Self) -> bool {
        let same_flag = match (&self.shared, &other.shared) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_flag && self.deadline == other.deadline
    }
}

impl Eq for CancelToken {}

/// Work ended early because its [`CancelToken`] said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped on request")]
pub struct Cancelled;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_default_token_never_stops() {
        let token = CancelToken::default();
        token.cancel();
        assert!(!token.should_stop());
        assert_eq!(token.check(), Ok(()));
        assert_eq!(token.deadline(), None);
    }

    #[test]
    fn whoever_has_a_clone_stops_all_others_in_every_thread() {
        let token = CancelToken::new();
        let clones = [token.clone(), token.with_budget(HOUR)];
        assert!(clones.iter().all(|clone| clone.check().is_ok()));
        thread::scope(|scope| {
            scope.spawn(|| clones[0].cancel());
        });
        for token in clones.iter().chain([&token]) {
            assert!(token.is_cancelled() && token.should_stop() && !token.is_late());
        }
        assert_eq!(token.check().unwrap_err().to_string(), "stopped on request");
    }

    #[test]
    fn the_earlier_of_two_deadlines_counts() {
        let now = Instant::now();
        let (soon, late) = (now + HOUR, now + 2 * HOUR);
        let token = CancelToken::default();
        for (first, second) in [(soon, late), (late, soon)] {
            let token = token.with_deadline(first).with_deadline(second);
            assert_eq!(token.deadline(), Some(soon));
            assert!(!token.should_stop());
        }
        assert_eq!(token.deadline(), None, "each token has its own");
    }

    #[test]
    fn a_token_is_late_from_its_deadline_on_and_not_cancelled() {
        let token = CancelToken::new().with_deadline(Instant::now());
        assert!(token.is_late() && token.should_stop() && !token.is_cancelled());
        assert_eq!(token.check(), Err(Cancelled));
        assert!(CancelToken::default().with_budget(Duration::ZERO).is_late());
    }

    #[test]
    fn a_budget_beyond_the_clock_is_no_deadline() {
        let token = CancelToken::new().with_budget(Duration::MAX);
        assert_eq!(token.deadline(), None);
        assert!(!token.should_stop());
        let before = CancelToken::default().with_budget(HOUR);
        assert_eq!(before.with_budget(Duration::MAX), before);
    }

    #[test]
    fn a_counting_token_stops_after_its_asks_and_for_good() {
        let token = CancelToken::after_asks(2);
        let clone = token.clone();
        assert!(!token.should_stop() && !clone.should_stop());
        assert!(!token.is_cancelled());
        assert!(token.should_stop() && clone.should_stop() && token.is_cancelled());
    }

    #[test]
    fn tokens_are_equal_that_stop_together() {
        let token = CancelToken::new();
        assert_eq!(token, token.clone());
        assert_ne!(token, CancelToken::new());
        assert_ne!(token, CancelToken::default());
        assert_ne!(token, token.with_budget(HOUR));
        assert_eq!(CancelToken::default(), CancelToken::default());
    }

    #[test]
    fn a_token_without_its_deadline_still_stops_by_hand() {
        let all = CancelToken::new();
        let patient = all.with_deadline(Instant::now()).without_deadline();
        assert!(!patient.should_stop());
        all.cancel();
        assert!(patient.should_stop());
        assert!(!CancelToken::default().without_deadline().can_stop());
    }
}
