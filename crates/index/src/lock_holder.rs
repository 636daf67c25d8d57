//! Who holds the writer's lock, and how far its run is.

use std::time::{Duration, SystemTime};

/// Who holds the writer's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockHolder {
    /// Its process.
    pub pid: u32,
    /// When it took the lock.
    pub since: SystemTime,
    /// How far its run over a folder is; `None` before it knows, and for other work.
    pub done: Option<Done>,
}

/// How far a run over a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Files that it has read, or left as they were.
    pub n_files_done: u64,
    /// All files of the folder.
    pub n_files: u64,
    /// Passages that it has written.
    pub n_passages: u64,
}

impl LockHolder {
    /// This process, from now on.
    pub(crate) fn here() -> Self {
        Self {
            pid: std::process::id(),
            since: SystemTime::now(),
            done: None,
        }
    }

    /// One line of LOCK: the process and the Unix time in seconds; then, while a run over a folder is at
    /// work, how many files are done, how many there are, and how many passages were written. It never
    /// gets shorter from one of these to the next, so that it is replaced by one write.
    pub(crate) fn line(&self) -> String {
        let since = self.since.duration_since(SystemTime::UNIX_EPOCH);
        let (pid, since) = (self.pid, since.unwrap_or_default().as_secs());
        match self.done {
            None => format!("{pid} {since}\n"),
            Some(done) => format!(
                "{pid} {since} {:>10} {:>10} {:>12}\n",
                done.n_files_done, done.n_files, done.n_passages
            ),
        }
    }

    /// Reads what [`line`](Self::line) has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let numbers = text.lines().next()?.split_ascii_whitespace();
        let numbers: Result<Vec<u64>, _> = numbers.map(str::parse).collect();
        let (pid, since, done) = match numbers.ok()?[..] {
            [pid, since] => (pid, since, None),
            [pid, since, n_files_done, n_files, n_passages] => {
                let done = Done {
                    n_files_done,
                    n_files,
                    n_passages,
                };
                (pid, since, Some(done))
            }
            _ => return None,
        };
        Some(Self {
            pid: u32::try_from(pid).ok()?,
            since: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since))?,
            done,
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
        write!(f, "process {}, which started {ago} ago", self.pid)?;
        if let Some(done) = self.done {
            let (n_done, n_files) = (done.n_files_done, done.n_files);
            write!(f, " and has read {n_done} of {n_files} files")?;
        }
        if let Some(done) = self.done.filter(|done| done.n_passages > 0) {
            write!(f, ", {} passages so far", done.n_passages)?;
        }
        f.write_str(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut holder = LockHolder::here();
        holder.since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(LockHolder::parse(&holder.line()), Some(holder));
        let mut len = holder.line().len();
        for n_files_done in [0, 9, 10, 999] {
            holder.done = Some(Done {
                n_files_done,
                n_files: 999,
                n_passages: 2 * n_files_done,
            });
            let line = holder.line();
            assert_eq!(LockHolder::parse(&line), Some(holder));
            assert!(line.len() >= len && line.len() < 100);
            len = line.len();
        }
        let said = holder.to_string();
        assert!(
            said.ends_with(" and has read 999 of 999 files, 1998 passages so far,"),
            "{said}"
        );
    }

    #[test]
    fn other_lines_are_not_believed() {
        for text in [
            "",
            "1",
            "a b",
            "1 2 3",
            "1 2 3 4",
            "1 2 3 4 5 6",
            "1 2 x 4 5",
            "99999999999 2",
            "\n1 2",
        ] {
            assert_eq!(LockHolder::parse(text), None, "{text:?}");
        }
    }
}
