//! Whether there are tiles, and a value that proves it.

use std::arch::x86_64::{__cpuid_count, _xgetbv};
use std::sync::OnceLock;

use crate::kernels::avx512::Avx512;
use crate::kernels::simd::{Isa, Kernel};

/// Proof that the machine has tiles with products of bytes and of bf16, that the operating system
/// lets this process use them, and that there is AVX-512 with VNNI, bf16 and
/// permutations of bytes beside them.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Amx(Avx512<true>);

impl Amx {
    /// Returns the proof where the machine has the instructions and Linux permits them.
    pub(in crate::kernels) fn detect() -> Option<Self> {
        let registers = Self::registers()?;
        (has_tiles() && permitted()).then_some(Self(registers))
    }

    /// Returns the proof where an emulator carries out the tiles and the machine has the rest.
    #[cfg(all(test, target_os = "linux"))]
    pub(in crate::kernels) fn emulated() -> Option<Self> {
        crate::kernels::emulator::install();
        Self::registers().map(Self)
    }

    fn registers() -> Option<Avx512<true>> {
        let present =
            is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512vbmi");
        present.then(Avx512::detect).flatten()
    }

    /// Runs `kernel` in the registers of AVX-512.
    pub(in crate::kernels) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        self.0.run(kernel)
    }

    /// The proof of what stands beside the tiles.
    pub(super) fn isa(self) -> Avx512<true> {
        self.0
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
