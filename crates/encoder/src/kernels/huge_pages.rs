//! Weights side by side in memory of huge pages.
//!
//! A pass over a short text reads all weights once and computes little: 21 MB in pages of 4 KB are
//! 5,000 addresses to translate, which takes longer than reading when the machine has just woken
//! up. In pages of 2 MB it is a dozen.

use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::{Mmap, MmapMut};

use super::aligned::Aligned;

/// A huge page, in bytes.
const PAGE: usize = 2 << 20;

/// A matrix begins on a multiple of this many numbers: a cache line.
const LINE: usize = 16;

/// Numbers that are only read: in memory of their own, or beside others in huge pages or in the file
/// that they were packed into.
#[derive(Debug)]
pub(super) enum Packed {
    Alone(Aligned<i32>),
    /// The numbers from byte `at` on, which is a multiple of a cache line.
    Together {
        pages: Arc<Mmap>,
        at: usize,
        len: usize,
    },
}

impl Packed {
    /// The `len` numbers from byte `at` of a mapped file on, where there are that many; they are in the
    /// byte order of the machine.
    pub(super) fn in_file(file: &Arc<Mmap>, at: usize, len: usize) -> Option<Self> {
        let end = len.checked_mul(size_of::<i32>())?.checked_add(at)?;
        let is_there = file.len() >= end && at.is_multiple_of(LINE * size_of::<i32>());
        is_there.then(|| Self::Together {
            pages: Arc::clone(file),
            at,
            len,
        })
    }
}

impl Deref for Packed {
    type Target = [i32];

    fn deref(&self) -> &[i32] {
        match self {
            Self::Alone(numbers) => numbers,
            Self::Together { pages, at, len } => {
                let bytes = &pages[*at..][..len * size_of::<i32>()];
                // SAFETY: `bytes` is as long as the numbers, begins on a cache line
                // (`together`, `in_file`), and every pattern of bits is a number.
                unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), *len) }
            }
        }
    }
}

/// Moves all `matrices` into huge pages, in this order. Where the system refuses, they stay where
/// they are: that is slower, and no less right.
pub(super) fn move_together(matrices: &mut [&mut Packed]) {
    if let Some(moved) = together(matrices) {
        for (matrix, moved) in matrices.iter_mut().zip(moved) {
            **matrix = moved;
        }
    }
}

/// The bytes that `len` numbers take, up to where the next ones begin.
pub(super) fn line_up(len: usize) -> usize {
    len.next_multiple_of(LINE) * size_of::<i32>()
}

fn together(matrices: &[&mut Packed]) -> Option<Vec<Packed>> {
    let n_bytes: usize = matrices.iter().map(|matrix| line_up(matrix.len())).sum();
    if n_bytes < PAGE {
        return None;
    }
    // A page more, so that there is room to begin on a whole one.
    let mut pages = MmapMut::map_anon(n_bytes + PAGE).ok()?;
    #[cfg(target_os = "linux")]
    pages.advise(memmap2::Advice::HugePage).ok()?;
    let mut at = pages.as_ptr().align_offset(PAGE);
    let mut places: Vec<Range<usize>> = Vec::new();
    for matrix in matrices {
        let end = at + size_of::<i32>() * matrix.len();
        let numbers = pages.get_mut(at..end)?.as_chunks_mut().0.iter_mut();
        for (to, number) in numbers.zip(matrix.iter()) {
            *to = number.to_ne_bytes();
        }
        places.push(at..end);
        at += line_up(matrix.len());
    }
    let pages = Arc::new(pages.make_read_only().ok()?);
    let place = |place: Range<usize>| Packed::Together {
        pages: Arc::clone(&pages),
        at: place.start,
        len: place.len() / size_of::<i32>(),
    };
    Some(places.into_iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrices(lens: &[usize]) -> Vec<Packed> {
        let numbers = |&len: &usize| {
            let mut numbers = Aligned::<i32>::zeroed(len);
            let values = (0..).map(|number: i32| number.wrapping_mul(77_777) ^ len as i32);
            numbers
                .iter_mut()
                .zip(values)
                .for_each(|(to, value)| *to = value);
            Packed::Alone(numbers)
        };
        lens.iter().map(numbers).collect()
    }

    #[test]
    fn matrices_are_the_same_after_the_move_and_begin_on_cache_lines() {
        for lens in [&[0, 5, 16, 1][..], &[1_000_003, 0, 17, 333_333, 64]] {
            let (before, mut after) = (matrices(lens), matrices(lens));
            move_together(&mut after.iter_mut().collect::<Vec<_>>());
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(before[..], after[..]);
                assert!(after.as_ptr().addr().is_multiple_of(64));
            }
        }
    }
}
