//! Ctrl-C. While an index is written the first one asks for an orderly end; at any other time, and
//! the second time, the process ends at once, which an index survives as well.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::say;

/// The exit status of an interrupted command, as shells know it.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

static ORDERLY: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// While this lives, the first Ctrl-C only makes [`requested`] true.
pub(crate) struct Orderly(());

/// Asks for an orderly end from now on.
pub(crate) fn orderly() -> Orderly {
    // Where no handler can be set, Ctrl-C ends the process as it always does.
    let _ = ctrlc::set_handler(on_interrupt);
    ORDERLY.store(true, Ordering::SeqCst);
    Orderly(())
}

/// Whether the user has asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

impl Drop for Orderly {
    fn drop(&mut self) {
        ORDERLY.store(false, Ordering::SeqCst);
    }
}

// The handler runs on a thread of its own, from which nothing can return to `main`.
#[allow(clippy::exit)]
fn on_interrupt() {
    if ORDERLY.load(Ordering::SeqCst) && !REQUESTED.swap(true, Ordering::SeqCst) {
        say("reread: stopping; the index stays as it was");
        return;
    }
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}
