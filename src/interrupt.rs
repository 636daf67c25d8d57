//! Signals. A file that grows beyond a limit is an error of the write and not the end of the process.
//!
//! Ctrl-C: while an index is written the first one asks for an orderly end; at any other time, and
//! the second time, the process ends at once, which an index survives as well.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use reread_engine::CancelToken;

use crate::output::say;

/// The exit status of an interrupted command, as shells know it.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

static N_ORDERLY: AtomicUsize = AtomicUsize::new(0);
static N_WRITING: AtomicUsize = AtomicUsize::new(0);
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);

/// While this lives, the first Ctrl-C only makes [`requested`] true.
pub(crate) struct Orderly {
    writing: bool,
}

/// Asks for an orderly end from now on, while an index is written.
pub(crate) fn orderly() -> Orderly {
    N_WRITING.fetch_add(1, Ordering::SeqCst);
    ask(true)
}

/// The same while nothing is written, so that there is nothing to be said of it.
pub(crate) fn orderly_while_waiting() -> Orderly {
    ask(false)
}

/// Lets a write beyond the limit of a file's size (`ulimit -f`) fail, as it does on a full disk.
#[allow(unsafe_code)]
pub(crate) fn ignore_file_size_signal() {
    #[cfg(unix)]
    // SAFETY: no handler is set, so no code of ours runs in a signal; the call has no precondition.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

fn ask(writing: bool) -> Orderly {
    // Where no handler can be set, Ctrl-C ends the process as it always does.
    let _ = ctrlc::set_handler(on_interrupt);
    N_ORDERLY.fetch_add(1, Ordering::SeqCst);
    Orderly { writing }
}

/// Whether the user has asked to stop.
pub(crate) fn requested() -> bool {
    TOKEN.is_cancelled()
}

/// What stops work when the user asks for it.
pub(crate) fn token() -> &'static CancelToken {
    &TOKEN
}

impl Drop for Orderly {
    fn drop(&mut self) {
        N_ORDERLY.fetch_sub(1, Ordering::SeqCst);
        if self.writing {
            N_WRITING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

// The handler runs on a thread of its own, from which nothing can return to `main`.
#[allow(clippy::exit)]
fn on_interrupt() {
    // One thread runs this, one signal after the other.
    if N_ORDERLY.load(Ordering::SeqCst) > 0 && !TOKEN.is_cancelled() {
        TOKEN.cancel();
        if N_WRITING.load(Ordering::SeqCst) > 0 {
            say(
                "reread: stopping; what has been committed stays, and the next run continues from there",
            );
        }
        return;
    }
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}
