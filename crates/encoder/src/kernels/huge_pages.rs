//! Weights side by side in memory of huge pages.
//!
//! A pass over a short text reads all weights once and computes little: 21 MB in pages of 4 KB are
//! 5,000 addresses to translate, which takes longer than reading when the machine has just woken
//! up. In pages of 2 MB it is a dozen.

use std::ops::Deref;
use std::sync::Arc;

use memmap2::{Mmap, MmapMut};

use super::aligned::Aligned;

/// A huge page, in bytes.
const PAGE: usize = 2 << 20;

/// A matrix begins on a multiple of so many numbers: a cache line.
const LINE: usize = 16;

/// Numbers that are only read: in memory of their own, or beside others in huge pages.
#[derive(Debug)]
pub(super) enum Packed {
    Alone(Aligned<i32>),
    /// The numbers from byte `at` on.
    Together {
        pages: Arc<Mmap>,
        at: usize,
        len: usize,
    },
}

impl Deref for Packed {
    type Target = [i32];

    fn deref(&self) -> &[i32] {
        match self {
            Self::Alone(numbers) => numbers,
            Self::Together { pages, at, len } => {
                let bytes = &pages[*at..][..len * size_of::<i32>()];
                // SAFETY: `bytes` is as long as the numbers, begins on a cache line
                // ([`Pages`]), and every pattern of bits is a number.
                unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), *len) }
            }
        }
    }
}

/// Moves all `matrices` into huge pages, in this order. Where the system refuses, they stay where
/// they are: that is slower, and no less right.
pub(super) fn move_together(matrices: &mut [&mut Packed]) {
    let lens: Vec<usize> = matrices.iter().map(|matrix| matrix.len()).collect();
    let Some(mut pages) = Pages::for_numbers(&lens).filter(|pages| pages.are_huge) else {
        return;
    };
    let mut rest = pages.bytes();
    for matrix in &*matrices {
        let (to, later) = rest.split_at_mut(line_up(matrix.len()));
        rest = later;
        for (to, number) in to.as_chunks_mut().0.iter_mut().zip(matrix.iter()) {
            *to = number.to_ne_bytes();
        }
    }
    for (matrix, moved) in matrices.iter_mut().zip(pages.freeze().unwrap_or_default()) {
        **matrix = moved;
    }
}

/// The bytes that `len` numbers take, up to where the next ones begin.
pub(super) fn line_up(len: usize) -> usize {
    len.next_multiple_of(LINE) * size_of::<i32>()
}

/// Memory for matrices side by side, in huge pages where the system has them, to be filled.
pub(super) struct Pages {
    memory: MmapMut,
    lens: Vec<usize>,
    /// Where the first matrix begins.
    at: usize,
    n_bytes: usize,
    are_huge: bool,
}

impl Pages {
    /// Finds memory for matrices of so many numbers, all of them 0.
    pub(super) fn for_numbers(lens: &[usize]) -> Option<Self> {
        let n_bytes = lens.iter().map(|&len| line_up(len)).sum();
        // A page more, so that there is room to begin on a whole one.
        let memory = MmapMut::map_anon(n_bytes + PAGE).ok()?;
        let is_large = n_bytes >= PAGE;
        #[cfg(target_os = "linux")]
        let is_large = is_large && memory.advise(memmap2::Advice::HugePage).is_ok();
        Some(Self {
            at: memory.as_ptr().align_offset(PAGE),
            memory,
            lens: lens.to_vec(),
            n_bytes,
            are_huge: is_large,
        })
    }

    /// The memory of all matrices, each of which takes [`line_up`] bytes.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.at..][..self.n_bytes]
    }

    /// Makes matrices of what the memory holds, numbers in the byte order of the machine.
    pub(super) fn freeze(self) -> Option<Vec<Packed>> {
        let pages = Arc::new(self.memory.make_read_only().ok()?);
        let mut at = self.at;
        let place = |&len: &usize| {
            let packed = Packed::Together {
                pages: Arc::clone(&pages),
                at,
                len,
            };
            at += line_up(len);
            packed
        };
        Some(self.lens.iter().map(place).collect())
    }
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
