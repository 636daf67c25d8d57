//! The path for x86-64 machines with tile registers (AMX): Intel servers since Sapphire Rapids.
//!
//! ```text
//! tmm0 tmm1     sums, 16 x 16 of 32 bits each         tmm6 tmm7     32 columns of the matrix
//! tmm2 tmm3                                           tmm4 tmm5     16 rows of activations each
//!
//!                  tmm6      tmm7
//!               ┌─────────┬─────────┐
//!         tmm4  │  tmm0   │  tmm1   │  16 rows         a tile is 16 rows of 64 bytes
//!               ├─────────┼─────────┤
//!         tmm5  │  tmm2   │  tmm3   │  16 rows
//!               └─────────┴─────────┘
//!                16 columns 16 columns
//! ```
//!
//! Tiles do the products of linear layers in bytes ([`product`]) and those of attention in bf16
//! ([`attention`], [`heads`]), and GELU is worked out in words ([`between`]); everything else is that of AVX-512 with VNNI. Sums of bytes are exact, so the
//! linear layers are equal bit for bit to those of the other paths with bytes.

mod attention;
mod between;
mod heads;
mod peak;
mod product;
mod tiles;
mod transpose;

use std::arch::x86_64::{__cpuid_count, _xgetbv};
use std::sync::OnceLock;

use self::attention::{TileAttention, TileHead};
use super::avx512::Avx512;
use super::int_attention::IntAttention;
use super::quantised::QuantisedRows;
use super::simd::{Isa, Kernel};
use super::words::GeluWords;

pub(super) use self::attention::TileScratch;
pub(super) use self::product::{ByTiles, PANEL_WIDTH, PANELS, in_tile_order};

/// Proof that the machine has tiles with products of bytes and of bf16, that the operating system
/// lets this process use them, and that there is AVX-512 with VNNI, bf16 and
/// permutations of bytes beside them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amx(Avx512<true>);

impl Amx {
    /// Returns the proof where the machine has the instructions and Linux permits them.
    pub(super) fn detect() -> Option<Self> {
        let registers = Self::registers()?;
        (has_tiles() && permitted()).then_some(Self(registers))
    }

    /// Returns the proof where an emulator carries out the tiles and the machine has the rest.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn emulated() -> Option<Self> {
        super::emulator::install();
        Self::registers().map(Self)
    }

    fn registers() -> Option<Avx512<true>> {
        let present =
            is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512vbmi");
        present.then(Avx512::detect).flatten()
    }

    /// Runs `kernel` in the registers of AVX-512.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        self.0.run(kernel)
    }

    /// Turns words into the bytes that stand for the same values.
    pub(super) fn quantise_words(self, words: &GeluWords, to: &mut QuantisedRows) {
        self.0.quantise_words(words, to);
    }

    /// The operations a second that tiles reach on one core, in linear layers and in attention.
    pub(super) fn peaks(self) -> [f64; 2] {
        peak::peaks(self)
    }

    /// Runs attention for one sequence.
    pub(super) fn attend(self, attention: &mut IntAttention<'_>) {
        let dim = attention.head_dim;
        let tiles = TileAttention::new(self);
        let scratch = &mut attention.scratch.tiles;
        TileAttention::count(attention.keys.rows.len(), scratch);
        let mut queries = std::mem::take(&mut scratch.queries);
        for number in 0..attention.n_heads {
            let rounded = attention.queries.head(number, dim);
            let mut head = TileHead {
                dim,
                queries: tiles.pack_queries(rounded, dim, &mut queries),
                n_queries: rounded.len() / dim,
                keys: attention.keys.head(number, dim),
                values: attention.values.head(number, dim),
                out: &mut attention.out[number * dim..],
                out_stride: attention.n_heads * dim,
            };
            tiles.attend(&mut head, scratch);
        }
        scratch.queries = queries;
    }
}

/// Tells whether the processor has tiles and the operating system saves them.
fn has_tiles() -> bool {
    const INSTRUCTIONS: u32 = 1 << 22 | 1 << 24 | 1 << 25; // bf16, tiles, bytes
    const STATE: u64 = 1 << 17 | 1 << 18; // their configuration and their contents
    // Whoever has AVX-512 has leaf 7 and XGETBV, which is asked for all the same.
    if !is_x86_feature_detected!("xsave") {
        return false;
    }
    // SAFETY: the operating system has enabled XSAVE and with it XGETBV.
    let saved = unsafe { _xgetbv(0) };
    __cpuid_count(7, 0).edx & INSTRUCTIONS == INSTRUCTIONS && saved & STATE == STATE
}

/// Asks the operating system, once, to let this process use tiles.
fn permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(ask)
}

/// Linux gives each process the room for tiles only when asked. It refuses where a thread has a
/// stack for signals that is too small for them.
#[cfg(target_os = "linux")]
fn ask() -> bool {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let result: isize;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// Other systems have ways of their own, which nobody has tried yet.
#[cfg(not(target_os = "linux"))]
fn ask() -> bool {
    false
}
