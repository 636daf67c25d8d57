//! Who holds the writer's lock.

use std::time::{Duration, SystemTime};

/// Who holds the writer's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockHolder {
    /// Its process.
    pub pid: u32,
    /// When it took the lock.
    pub since: SystemTime,
}

impl LockHolder {
    /// This process, from now on.
    pub(crate) fn here() -> Self {
        Self {
            pid: std::process::id(),
            since: SystemTime::now(),
        }
    }

    /// One line of LOCK: the process and the Unix time in seconds.
    pub(crate) fn line(&self) -> String {
        let since = self.since.duration_since(SystemTime::UNIX_EPOCH);
        format!("{} {}\n", self.pid, since.unwrap_or_default().as_secs())
    }

    /// Reads what [`line`](Self::line) has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (pid, since) = text.trim_end().split_once(' ')?;
        let since = Duration::from_secs(since.parse().ok()?);
        Some(Self {
            pid: pid.parse().ok()?,
            since: SystemTime::UNIX_EPOCH.checked_add(since)?,
        })
    }
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.since.elapsed().unwrap_or_default().as_secs();
        let ago = match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            _ => format!("{} h", seconds / 3_600),
        };
        write!(f, "process {}, which started {ago} ago,", self.pid)
    }
}
