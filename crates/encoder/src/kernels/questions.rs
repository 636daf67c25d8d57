//! What is asked of an instruction set: how it lays out matrices, and how fast it is.

use super::simd::{Isa, Kernel};

/// Asks for the width of a panel.
pub(super) struct Width;

impl Kernel for Width {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, _: I) -> usize {
        I::WIDE * I::LANES
    }
}

/// How linear layers multiply.
pub(super) struct Groups {
    /// Groups are of four bytes, else of two words.
    pub(super) bytes: bool,
    /// Their products are added up in pairs.
    pub(super) in_runs: bool,
}

/// Asks how linear layers multiply.
pub(super) struct KindOfGroups;

impl Kernel for KindOfGroups {
    type Output = Groups;

    #[inline(always)]
    fn run<I: Isa>(self, _: I) -> Groups {
        Groups {
            bytes: I::BYTE_ROWS,
            in_runs: I::PAIRS,
        }
    }
}

/// Multiplies and adds integers in registers only, as fast as the machine can; operations a second.
pub(super) struct Peak {
    pub(super) bytes: bool,
}

impl Kernel for Peak {
    type Output = f64;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f64 {
        const N_ROUNDS: usize = 40_000;
        let bytes = self.bytes && I::BYTE_ROWS;
        let mut sums = [isa.splat_int(0); 10];
        let factor = isa.splat_int(std::hint::black_box(0x0101_0101));
        let start = std::time::Instant::now();
        for _ in 0..N_ROUNDS {
            // With a factor that stands still, products would be worked out once and only added.
            for sum in &mut sums {
                *sum = if bytes && I::BYTES {
                    isa.dot_bytes(*sum, *sum, factor)
                } else if bytes {
                    isa.add_words(*sum, isa.dot_pairs(*sum, factor))
                } else {
                    isa.dot_words(*sum, *sum, factor)
                };
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        std::hint::black_box(sums);
        let products = if bytes { 4 } else { 2 };
        (2 * products * N_ROUNDS * sums.len() * I::LANES) as f64 / seconds
    }
}
