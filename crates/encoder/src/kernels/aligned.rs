//! Buffers that begin on a cache line, so that no register-wide load straddles two.

use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
}

/// A growable buffer of values that begins on a cache line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// Returns a buffer of `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self {
            lines: vec![Line([0.0; Line::LEN]); len.div_ceil(Line::LEN)],
            len,
        }
    }

    /// Returns `len` values to write on; what they hold is left over from before.
    pub(crate) fn of_len(&mut self, len: usize) -> &mut [f32] {
        let n_lines = len.div_ceil(Line::LEN);
        if n_lines > self.lines.len() {
            self.lines.resize(n_lines, Line([0.0; Line::LEN]));
        }
        self.len = self.len.max(len);
        &mut self[..len]
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` around an array as large as its alignment, so a slice of
        // lines is a slice of 16 times as many values; `len` is never more than that.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
