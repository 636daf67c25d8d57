//! What a process has in memory, as Linux tells it.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bytes on the heap, and of mapped files, that are in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resident {
    heap: u64,
    mapped: u64,
}

impl fmt::Display for Resident {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: u64| bytes / 1_000_000;
        write!(
            to,
            "{} MB on the heap, {} MB of files mapped",
            mb(self.heap),
            mb(self.mapped)
        )
    }
}

/// Looks at the process's memory all the time, and remembers the peaks.
pub(crate) struct Memory {
    peak: Arc<(AtomicU64, AtomicU64)>,
    ended: Arc<AtomicBool>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

impl Memory {
    pub(crate) fn watch() -> Self {
        let peak = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let ended = Arc::new(AtomicBool::new(false));
        let watcher = thread::spawn({
            let (peak, ended) = (Arc::clone(&peak), Arc::clone(&ended));
            move || {
                while !ended.load(Ordering::Relaxed) {
                    let now = Memory::now();
                    peak.0.fetch_max(now.heap, Ordering::Relaxed);
                    peak.1.fetch_max(now.mapped, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Self {
            peak,
            ended,
            watcher: Mutex::new(Some(watcher)),
        }
    }

    pub(crate) fn now() -> Resident {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes =
                line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes.unwrap_or_default() * 1024
        };
        Resident {
            heap: field("RssAnon:"),
            mapped: field("RssFile:"),
        }
    }

    /// The peaks since the last call.
    pub(crate) fn take_peak(&self) -> Resident {
        Resident {
            heap: self.peak.0.swap(0, Ordering::Relaxed),
            mapped: self.peak.1.swap(0, Ordering::Relaxed),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let watcher = self.watcher.lock().map(|mut watcher| watcher.take());
        if let Ok(Some(watcher)) = watcher {
            let _ = watcher.join();
        }
    }
}
