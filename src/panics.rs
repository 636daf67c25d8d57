//! What becomes of panics.

use std::{panic, thread};

use reread_engine::GUARD_THREAD;

/// Keeps the panics of file parsers off the standard error: the engine catches them and reports the
/// file in words. All others reach the hook that was there before.
pub(crate) fn keep_caught_ones_quiet() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some(GUARD_THREAD) {
            before(info);
        }
    }));
}
