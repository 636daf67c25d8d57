//! What tiles reach when nothing has to be loaded or stored, for the bench of the stages.

use std::arch::asm;
use std::time::Instant;

use super::proof::Amx;
use super::tiles::Tiles;

/// Rounds of four products; some 40 microseconds.
const N_ROUNDS: usize = 2_000;

/// Multiplications and additions of a product of two tiles of bytes; of bf16 it has half as many.
const OPERATIONS: usize = 2 * 16 * 16 * 64;

/// The operations a second of one core, in bytes and in bf16.
pub(super) fn peaks(amx: Amx) -> [f64; 2] {
    let tiles = Tiles::configure(amx);
    let best = |multiply: fn(&Tiles), operations: usize| {
        let rates = (0..200).map(|_| {
            let start = Instant::now();
            multiply(&tiles);
            (4 * N_ROUNDS * operations) as f64 / start.elapsed().as_secs_f64()
        });
        rates.fold(0.0, f64::max)
    };
    [
        best(multiply_bytes, OPERATIONS),
        best(multiply_floats, OPERATIONS / 2),
    ]
}

fn multiply_bytes(_: &Tiles) {
    // SAFETY: the argument proves that the tiles are configured, and only they are touched.
    unsafe {
        asm!(
            "2:",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "dec {n}",
            "jnz 2b",
            n = inout(reg) N_ROUNDS => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, nomem),
        );
    }
}

fn multiply_floats(_: &Tiles) {
    // SAFETY: as above.
    unsafe {
        asm!(
            "2:",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "dec {n}",
            "jnz 2b",
            n = inout(reg) N_ROUNDS => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, nomem),
        );
    }
}
