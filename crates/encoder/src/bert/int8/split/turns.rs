//! Work in steps, each of which is dealt to threads in parts; a step begins when the one before is
//! done.
//!
//! A step of a short query takes 20 us, and waking a sleeping thread takes longer. So the threads
//! are called once, and wait for each other awake. Each keeps to one part, whose memory is near it,
//! but whoever is free does what nobody has begun: a thread that comes late, or never, delays
//! nobody.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::cancel::CancelToken;

/// How often a thread looks whether the others are done before it offers its core to others.
const SPINS: usize = 2_000;

/// Deals out the steps, each to all parts before the next.
pub(super) struct Turns {
    n_steps: usize,
    /// The steps of each part that somebody has begun.
    begun: Vec<Line<AtomicUsize>>,
    /// The turns that are done, of all parts.
    done: Line<AtomicUsize>,
    stopped: AtomicBool,
}

/// A value that shares its cache line with no other: who takes a turn does not disturb those who
/// wait.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// One step of one part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) step: usize,
    pub(super) part: usize,
}

/// Counts a turn as done when dropped, even by a panic.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Turns {
    pub(super) fn new(n_steps: usize, n_parts: usize) -> Self {
        Self {
            n_steps,
            begun: std::iter::repeat_with(Line::default)
                .take(n_parts)
                .collect(),
            done: Line::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Does all turns on the threads of the current pool: at any time those of one step, and each
    /// once.
    ///
    /// Asks `cancel` before each turn, and returns `false` where it said so.
    pub(super) fn run(&self, cancel: &CancelToken, work: impl Fn(Turn) + Sync) -> bool {
        let n_parts = self.begun.len();
        let workers = (0..n_parts).into_par_iter().with_max_len(1);
        workers.for_each(|own_part| {
            let mut at = 0;
            while let Some(turn) = self.take(own_part, &mut at, cancel) {
                let _done = Done(&self.done.0);
                work(turn);
            }
        });
        !self.stopped.load(Ordering::Relaxed)
    }

    /// Takes a turn of step `at`, of one's own part where nobody has begun it; when none is left,
    /// waits for those who are at it and goes on to the next step.
    fn take(&self, own_part: usize, at: &mut usize, cancel: &CancelToken) -> Option<Turn> {
        let n_parts = self.begun.len();
        while *at < self.n_steps {
            let now = *at;
            self.wait_for_step(now)?;
            for part in (own_part..n_parts).chain(0..own_part) {
                let begun = &self.begun[part].0;
                let order = Ordering::Relaxed;
                if begun.compare_exchange(now, now + 1, order, order).is_ok() {
                    if cancel.should_stop() {
                        self.stopped.store(true, Ordering::Relaxed);
                        return None;
                    }
                    return Some(Turn { step: now, part });
                }
            }
            *at += 1;
        }
        None
    }

    /// Waits until the steps before `step` are done, or returns `None` when somebody has stopped.
    fn wait_for_step(&self, step: usize) -> Option<()> {
        let mut spins = 0;
        while self.done.0.load(Ordering::Acquire) < step * self.begun.len() {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        (!self.stopped.load(Ordering::Relaxed)).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    fn with_threads<T: Send>(n_threads: usize, run: impl FnOnce() -> T + Send) -> T {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
        pool.build().unwrap().install(run)
    }

    #[test]
    fn each_part_has_each_step_once_and_no_step_begins_before_its_time() {
        for (n_threads, n_parts) in [(1, 1), (1, 3), (2, 2), (3, 2), (4, 4), (2, 5)] {
            let done = Mutex::new(Vec::new());
            let all = with_threads(n_threads, || {
                Turns::new(20, n_parts).run(&CancelToken::default(), |Turn { step, part }| {
                    // Now and then a part takes longer.
                    if (step + part) % 7 == 0 {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                    let n_before = done.lock().unwrap().len();
                    assert!(
                        n_before >= step * n_parts,
                        "step {step} with {n_before} turns"
                    );
                    done.lock().unwrap().push((step, part));
                })
            });
            assert!(all);
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            let expected = (0..20).flat_map(|step| (0..n_parts).map(move |part| (step, part)));
            assert_eq!(done, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn who_stops_or_panics_keeps_nobody_waiting() {
        for n_threads in [1, 2, 4] {
            let cancel = CancelToken::after_asks(5);
            assert!(!with_threads(n_threads, || Turns::new(50, 3).run(&cancel, |_| ())));
            let panics = || {
                Turns::new(50, 3).run(&CancelToken::default(), |turn| {
                    assert!(turn.step < 7, "on purpose");
                });
            };
            let caught = catch_unwind(AssertUnwindSafe(|| with_threads(n_threads, panics)));
            assert!(caught.is_err());
        }
    }
}
