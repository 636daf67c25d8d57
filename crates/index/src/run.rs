//! What is said of a run while it goes on, and what stops it.

use reread_models::CancelToken;
use std::fmt;

use crate::Result;

/// Is told how far a run is.
pub trait Observer: Sync {
    /// Is told how far the run is, often.
    fn progress(&self, progress: &IndexProgress);
}

/// Who watches a run over an index, and what may stop it: by default nobody and nothing.
///
/// A run that is stopped fails with [`Error::Cancelled`](crate::Error::Cancelled), and the index is as the
/// last commit made it.
#[derive(Clone, Default)]
pub struct IndexRun<'a> {
    observer: Option<&'a dyn Observer>,
    cancel: CancelToken,
}

impl fmt::Debug for IndexRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexRun")
            .field("is_observed", &self.observer.is_some())
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

impl<'a> IndexRun<'a> {
    /// Sets who is told how far the run is.
    #[must_use]
    pub fn with_observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets what stops the run. It is asked between files, between batches of passages and inside
    /// them, and while a graph is built.
    #[must_use]
    pub fn with_cancel(mut self, cancel: &CancelToken) -> Self {
        self.cancel = cancel.clone();
        self
    }

    pub(crate) fn tell(&self, progress: &IndexProgress) {
        if let Some(observer) = self.observer {
            observer.progress(progress);
        }
    }

    /// What stops the run.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Does nothing until the run is stopped.
    pub(crate) fn check(&self) -> Result<()> {
        Ok(self.cancel.check()?)
    }
}

/// How far an indexing run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IndexProgress {
    /// Files to look at.
    pub n_files: usize,
    /// Files looked at.
    pub n_files_done: usize,
    /// Bytes of the files that must be read.
    pub n_bytes: u64,
    /// Bytes of these that are indexed.
    pub n_bytes_done: u64,
    /// Passages written so far.
    pub n_passages: usize,
    /// Steps of building a graph, which comes last: each vector is put in, then looked up. 0 before.
    pub n_graph_steps: usize,
    /// Steps of these that are done.
    pub n_graph_steps_done: usize,
}
