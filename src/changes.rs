//! Says when something in a folder has changed; the only file that names notify.
//!
//! What has changed is of no interest: an indexing run looks at the whole folder anyway. So a lost or
//! doubled event does no harm, and neither do the tricks with which editors save.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use notify::event::Flag;
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// Changes count as one while no more than this lies between them: editors write several files at once.
const QUIET: Duration = Duration::from_millis(200);

/// A folder that is never quiet is looked at this often.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often a folder is looked at without a reason, in case the system has not told of a change.
const SWEEP: Duration = Duration::from_secs(60);

/// How often a folder is looked at where the system does not tell.
const POLL: Duration = Duration::from_secs(5);

/// How soon a request to stop is noticed.
const TICK: Duration = Duration::from_millis(100);

/// Waits for changes of a folder.
pub(crate) struct Changes {
    messages: Receiver<Message>,
    /// Ends when it is dropped. None while the folder is looked at every so often.
    watcher: Option<RecommendedWatcher>,
    poll: Duration,
}

/// Why a wait has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something may have changed.
    Look,
    /// From now on the folder is looked at every so often, for this reason.
    Polling(String),
    /// A stop was requested.
    Stop,
}

enum Message {
    Changed,
    Failed(notify::Error),
}

impl Changes {
    /// Watches `root`, leaving out an index folder. `poll` looks every so often instead. Comes with the
    /// reason where the system cannot tell of changes.
    pub(crate) fn of(
        root: &Path,
        index: Option<&Path>,
        poll: Option<Duration>,
    ) -> (Self, Option<String>) {
        let (sender, messages) = mpsc::channel();
        let mut changes = Self {
            messages,
            watcher: None,
            poll: poll.unwrap_or(POLL),
        };
        if poll.is_some() {
            return (changes, None);
        }
        match watch(root, index, sender) {
            Ok(watcher) => changes.watcher = Some(watcher),
            Err(error) => return (changes, Some(reason(&error))),
        }
        (changes, None)
    }

    /// How often the folder is looked at, where the system does not tell of changes.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.watcher.is_none().then_some(self.poll)
    }

    /// Waits until something has changed and all has been quiet for a moment, or until it is time to
    /// look anyway, `at_most` this long.
    pub(crate) fn wait(&mut self, at_most: Option<Duration>, stop: impl Fn() -> bool) -> Woken {
        let started = Instant::now();
        let usual = if self.watcher.is_some() {
            SWEEP
        } else {
            self.poll
        };
        let deadline = at_most.map_or(usual, |at_most| usual.min(at_most));
        let mut first_change: Option<Instant> = None;
        let mut last_change = started;
        loop {
            if stop() {
                return Woken::Stop;
            }
            match self.messages.recv_timeout(TICK.min(deadline)) {
                Ok(Message::Changed) => {
                    last_change = Instant::now();
                    first_change.get_or_insert(last_change);
                }
                Ok(Message::Failed(error)) => {
                    self.watcher = None;
                    return Woken::Polling(reason(&error));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody tells of changes while the folder is polled.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK.min(deadline)),
            }
            let settled = last_change.elapsed() >= QUIET;
            let due = match first_change {
                Some(first) => settled || first.elapsed() >= PATIENCE,
                None => started.elapsed() >= deadline,
            };
            if due {
                return Woken::Look;
            }
        }
    }
}

fn watch(
    root: &Path,
    index: Option<&Path>,
    sender: Sender<Message>,
) -> notify::Result<RecommendedWatcher> {
    // Events carry the names of what is watched, so both are made to look alike.
    let root = root.canonicalize().map_err(notify::Error::io)?;
    let index = index.map(|index| index.canonicalize().unwrap_or_else(|_| index.to_owned()));
    let handler = move |event: notify::Result<Event>| {
        let message = match event {
            Ok(event) if !matters(&event, index.as_ref()) => return,
            Ok(_) => Message::Changed,
            Err(error) => Message::Failed(error),
        };
        // Nobody listens any more once the command ends.
        let _ = sender.send(message);
    };
    let mut watcher = notify::recommended_watcher(handler)?;
    watcher.watch(&root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Whether an event can mean other content. Our own reading and the index's own files do not.
fn matters(event: &Event, index: Option<&PathBuf>) -> bool {
    if event.flag() == Some(Flag::Rescan) {
        return true;
    }
    let ours = |path: &PathBuf| index.is_some_and(|index| path.starts_with(index));
    !matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(ours)
}

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system cannot watch any more folders; raise fs.inotify.max_user_watches".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use notify::event::{AccessKind, CreateKind, ModifyKind};

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    #[test]
    fn reading_and_the_index_itself_are_no_changes() {
        let index = PathBuf::from("/docs/.reread");
        let matters = |event| super::matters(&event, Some(&index));
        let create = EventKind::Create(CreateKind::File);
        assert!(matters(event(create, "/docs/a.md")));
        assert!(matters(event(
            EventKind::Modify(ModifyKind::Any),
            "/docs/.rereadignore"
        )));
        assert!(!matters(event(create, "/docs/.reread/MANIFEST")));
        assert!(!matters(event(
            EventKind::Access(AccessKind::Any),
            "/docs/a.md"
        )));
        let both = event(create, "/docs/.reread/x").add_path("/docs/b".into());
        assert!(matters(both));
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(matters(lost));
    }

    #[test]
    fn many_changes_at_once_wake_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut changes, problem) = Changes::of(folder.path(), None, None);
        assert_eq!(problem, None);
        for i in 0..50 {
            fs::write(folder.path().join(i.to_string()), "x").unwrap();
        }
        assert_eq!(changes.wait(None, || false), Woken::Look);
        let started = Instant::now();
        let woken = changes.wait(None, || started.elapsed() > Duration::from_secs(1));
        assert_eq!(woken, Woken::Stop);
    }

    #[test]
    fn polling_looks_every_so_often() {
        let folder = tempfile::tempdir().unwrap();
        let poll = Some(Duration::from_millis(20));
        let (mut changes, problem) = Changes::of(folder.path(), None, poll);
        assert_eq!((problem, changes.interval()), (None, poll));
        let started = Instant::now();
        assert_eq!(changes.wait(None, || false), Woken::Look);
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_polled() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let (changes, problem) = Changes::of(&gone, None, None);
        assert!(problem.is_some() && changes.interval().is_some());
        assert!(reason(&notify::Error::new(ErrorKind::MaxFilesWatch)).contains("max_user_watches"));
    }
}
