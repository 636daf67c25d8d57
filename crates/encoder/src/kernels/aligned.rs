//! Buffers that begin on a cache line, so that no register-wide load straddles two.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; Line::BYTES]);

impl Line {
    const BYTES: usize = 64;
    const ZERO: Self = Self([0; Line::BYTES]);
}

/// Numbers that a buffer can hold.
///
/// # Safety
/// Every pattern of bits is a value, and a cache line holds a whole number of them.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: every pattern of 32 bits is a value.
unsafe impl Plain for f32 {}
// SAFETY: every pattern of 32 bits is a value.
unsafe impl Plain for i32 {}
// SAFETY: every pattern of 16 bits is a value.
unsafe impl Plain for i16 {}
// SAFETY: every pattern of 8 bits is a value.
unsafe impl Plain for u8 {}

/// A growable buffer of numbers that begins on a cache line.
#[derive(Debug, Clone)]
pub(crate) struct Aligned<T = f32> {
    lines: Vec<Line>,
    len: usize,
    kind: PhantomData<T>,
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            len: 0,
            kind: PhantomData,
        }
    }
}

impl<T: Plain> Aligned<T> {
    const PER_LINE: usize = Line::BYTES / size_of::<T>();

    /// Returns a buffer of `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self {
            lines: vec![Line::ZERO; len.div_ceil(Self::PER_LINE)],
            len,
            kind: PhantomData,
        }
    }

    /// Returns `len` values to write on; what they hold is left over from before.
    pub(crate) fn of_len(&mut self, len: usize) -> &mut [T] {
        let n_lines = len.div_ceil(Self::PER_LINE);
        if n_lines > self.lines.len() {
            self.lines.resize(n_lines, Line::ZERO);
        }
        self.len = self.len.max(len);
        &mut self[..len]
    }
}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the lines are `len` values long or longer, begin at a multiple of every
        // alignment, and hold values of a kind for which any bits will do.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
