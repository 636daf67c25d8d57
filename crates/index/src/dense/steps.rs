//! Watching work over the rows of a graph.

use reread_models::CancelToken;

use crate::Result;

/// Is told how far the building or the check of a graph is, and may stop it.
pub struct Steps<'a> {
    told: &'a dyn Fn(usize),
    cancel: CancelToken,
}

impl<'a> Steps<'a> {
    /// Tells `told` now and then how many rows are done, until `cancel` stops the work.
    pub fn new(told: &'a dyn Fn(usize), cancel: &CancelToken) -> Self {
        Self {
            told,
            cancel: cancel.clone(),
        }
    }

    /// Tells nobody, and goes on to the end.
    pub fn unwatched() -> Steps<'static> {
        Steps {
            told: &|_| {},
            cancel: CancelToken::default(),
        }
    }

    /// Says how many rows are done.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) where the work is to stop.
    pub(super) fn reach(&self, n_done: usize) -> Result<()> {
        (self.told)(n_done);
        Ok(self.cancel.check()?)
    }

    /// Runs a part of the work whose own steps come behind `n_before` others.
    pub(super) fn behind<T>(&self, n_before: usize, part: impl FnOnce(&Steps<'_>) -> T) -> T {
        part(&Steps {
            told: &|n_done| (self.told)(n_before + n_done),
            cancel: self.cancel.clone(),
        })
    }
}
