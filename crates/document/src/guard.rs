//! Keeps the process from harm that a file does to its reader.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::problem::Reason;
use crate::readers::{Input, Output, Reader};

/// The name of the threads that readers run on whose parsers may panic.
///
/// A panic there is caught and reported as a [`Problem`](crate::Problem) of its file, but the
/// process's panic hook sees it first, and the usual one prints a message. An application that does
/// not want these messages sets a hook of its own:
///
/// ```
/// use std::{panic, thread};
///
/// let before = panic::take_hook();
/// panic::set_hook(Box::new(move |info| {
///     if thread::current().name() != Some(reread_document::GUARD_THREAD) {
///         before(info);
///     }
/// }));
/// ```
pub const GUARD_THREAD: &str = "reread-guard";

/// Parsers recurse into nested objects; only the part that is used takes memory.
const STACK_BYTES: usize = 64 << 20;

/// What keeps a reader from harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing: the reader takes time in proportion to the file and does not panic.
    None,
    /// It has a thread of its own with a large stack. A panic is reported, and a reader that is not
    /// done in time is given up, its thread left behind.
    OwnThread,
}

impl Guard {
    /// Runs a reader. A time limit holds only where there is a guard.
    pub(crate) fn run(self, reader: Reader, input: Input, time_limit: Duration) -> Output {
        match self {
            Self::None => reader(input),
            Self::OwnThread => {
                let path = input.path.clone();
                let read = on_own_thread(reader, input, time_limit);
                read.unwrap_or_else(|reason| Output::failed(&path, reason))
            }
        }
    }
}

fn on_own_thread(reader: Reader, input: Input, time_limit: Duration) -> Result<Output, Reason> {
    let given_up = input.given_up.clone();
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| reader(input)));
        // Nobody is listening any more if the time is up.
        let _ = sender.send(outcome);
    };
    thread::Builder::new()
        .name(GUARD_THREAD.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map_err(|error| Reason::Unreadable(error.to_string()))?;
    match receiver.recv_timeout(time_limit) {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(payload)) => Err(Reason::ParserPanicked(panic_message(&*payload))),
        Err(RecvTimeoutError::Timeout) => {
            given_up.set();
            Err(Reason::TimeLimit(time_limit))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Reason::ParserPanicked("its thread ended early".to_owned()))
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn guarded(reader: Reader, limit: Duration) -> Output {
        Guard::OwnThread.run(reader, Input::new("a.x", Vec::new()), limit)
    }

    #[test]
    fn a_reader_that_panics_is_reported() {
        let outcome = guarded(|_| panic!("index {} out of range", 3), LIMIT);
        let reason = Reason::ParserPanicked("index 3 out of range".into());
        assert_eq!(outcome, Output::failed("a.x", reason));
    }

    #[test]
    fn a_reader_that_hangs_is_given_up_and_told_so() {
        let start = Instant::now();
        let limit = Duration::from_millis(50);
        let input = Input::new("a.x", Vec::new());
        let given_up = input.given_up.clone();
        let hangs: Reader = |_| {
            thread::sleep(Duration::from_secs(20));
            Output::default()
        };
        let outcome = Guard::OwnThread.run(hangs, input, limit);
        assert_eq!(outcome, Output::failed("a.x", Reason::TimeLimit(limit)));
        assert!(given_up.is_set());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_reader_may_recurse_far_deeper_than_on_other_threads() {
        fn down(depth: usize) -> usize {
            let frame = black_box([depth; 64]);
            if depth == 0 {
                return 0;
            }
            down(depth - 1) + usize::from(frame[63] > 0)
        }
        let outcome = guarded(
            |_| {
                // At least 10 MiB of stack, where a thread has 2 as a rule.
                assert_eq!(black_box(down(20_000)), 20_000);
                Output::default()
            },
            LIMIT,
        );
        assert_eq!(outcome, Output::default());
    }
}
