//! The generation that searches use.

use std::sync::{Arc, PoisonError, RwLock};

use reread_index::Snapshot;

/// The snapshot that an engine searches, shared with its writers. A lock is held for no longer than
/// it takes to copy a pointer.
#[derive(Clone, Default)]
pub(crate) struct Current(Arc<RwLock<Option<Arc<Snapshot>>>>);

impl Current {
    pub(crate) fn get(&self) -> Option<Arc<Snapshot>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    pub(crate) fn set(&self, snapshot: Arc<Snapshot>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(snapshot);
    }
}
