//! Sessions for many threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::error::{OnnxError, Result};

type Open<S> = Box<dyn Fn() -> Result<S> + Send + Sync>;

/// Sessions of one model, one for each thread that is at work, opened when first needed.
///
/// A session runs one text at a time on the thread that asks, so a text's result depends neither
/// on other texts nor on the number of threads. No call waits for another's session, as waiting
/// inside a thread pool can lock it up: one more is opened instead, and closed after use when
/// there are already as many idle ones as threads.
pub(super) struct SessionPool<S> {
    model: String,
    open: Open<S>,
    idle: Mutex<Vec<S>>,
}

impl<S: Send> SessionPool<S> {
    /// A pool that holds `first`. `model` is the name to complain about.
    pub(super) fn new(
        model: String,
        first: S,
        open: impl Fn() -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        Self {
            model,
            open: Box::new(open),
            idle: Mutex::new(vec![first]),
        }
    }

    /// Runs `work` with a session that is its own meanwhile.
    ///
    /// # Errors
    /// Those of `work` and of opening a session; [`OnnxError::Failed`] if `work` panics, which
    /// also ends that session.
    pub(super) fn run<R>(&self, work: impl FnOnce(&mut S) -> Result<R>) -> Result<R> {
        let idle = self.idle().pop();
        let mut session = idle.map_or_else(|| (self.open)(), Ok)?;
        // The session is dropped when this unwinds, so nothing sees it half-changed.
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut session))).map_err(|_| {
            let source = "an array did not have the expected shape".into();
            OnnxError::Failed {
                model: self.model.clone(),
                source,
            }
        })?;
        let mut idle = self.idle();
        if idle.len() < rayon::current_num_threads() {
            idle.push(session);
        }
        result
    }

    /// Runs `work` on each of `items`, spread over the current rayon pool. Returns the results in
    /// the items' order, or one of the errors.
    ///
    /// # Errors
    /// As [`SessionPool::run`].
    pub(super) fn map<I: Sync, R: Send>(
        &self,
        items: &[I],
        work: impl Fn(&mut S, &I) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        if let [item] = items {
            return Ok(vec![self.run(|session| work(session, item))?]);
        }
        items
            .par_iter()
            .map(|item| self.run(|session| work(session, item)))
            .collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<S>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counting_pool() -> (SessionPool<usize>, Arc<AtomicUsize>) {
        let opened = Arc::new(AtomicUsize::new(1));
        let counter = Arc::clone(&opened);
        let open = move || Ok(counter.fetch_add(1, Ordering::Relaxed));
        (SessionPool::new("test".to_owned(), 0, open), opened)
    }

    #[test]
    fn one_thread_opens_one_session() {
        let (pool, opened) = counting_pool();
        for _ in 0..5 {
            pool.run(|_| Ok(())).unwrap();
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn many_threads_open_at_most_one_session_each() {
        let (pool, opened) = counting_pool();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let items: Vec<u32> = (0..200).collect();
        let doubled = threads
            .install(|| pool.map(&items, |_, &item| Ok(item * 2)))
            .unwrap();
        assert_eq!(
            doubled,
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(opened.load(Ordering::Relaxed) <= 3);
        assert!(pool.idle().len() <= 3);
    }

    #[test]
    fn a_panic_is_an_error_and_ends_its_session() {
        let (pool, opened) = counting_pool();
        let result = pool.run(|_| -> Result<()> { panic!("expected by this test") });
        assert!(matches!(result, Err(OnnxError::Failed { .. })));
        assert!(pool.idle().is_empty());
        pool.run(|_| Ok(())).unwrap();
        assert_eq!(opened.load(Ordering::Relaxed), 2);
    }
}
