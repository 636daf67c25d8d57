//! The tile registers: how they are configured, and the three blocks of instructions that use them.
//!
//! A block multiplies a strip of rows with a panel of 32 columns, step by step:
//!
//! ```text
//!   strip                           panel
//!    step 0     step 1                step 0              step 1
//!   ┌──────────┬──────────┬──       ┌────────┬────────┐  ┌────────┬────────┐
//!   │ 64 bytes │ 64 bytes │  row 0  │ tile   │ tile   │  │ tile   │ tile   │
//!   │          │          │  ...    │ 1 KiB  │ 1 KiB  │  │ 1 KiB  │ 1 KiB  │
//!   │          │          │  row 15 └────────┴────────┘  └────────┴────────┘
//!   └──────────┴──────────┴──       columns 0-15, 16-31, 16 lines of 16 groups each
//!    rows are `stride` apart        one tile after the other in memory
//! ```
//!
//! A group is 32 bits: four bytes or two bf16. Line `g` of a tile holds group `g` of the step for
//! each of 16 columns. Nothing is kept in tiles between blocks: the compiler knows nothing of
//! them and promises nothing.

use std::arch::asm;
use std::arch::x86_64::__m512i;
use std::marker::PhantomData;

use super::proof::Amx;
use crate::kernels::avx512::Avx512;
use crate::kernels::simd::Isa;

/// Rows of a tile, and groups in a row of it.
pub(super) const SIDE: usize = 16;

/// Groups of a tile.
pub(super) const TILE: usize = SIDE * SIDE;

/// Groups of a panel in one step.
pub(super) const PANEL_STEP: usize = 2 * TILE;

/// Bytes from one line of a tile to the next, where it stands alone.
const LINE_BYTES: usize = 4 * SIDE;

/// Configured tiles of this thread, until it is dropped.
///
/// Between `LDTILECFG` and `TILERELEASE` a switch to another thread has 8 KiB more to save.
pub(super) struct Tiles {
    /// The configuration is one of the thread.
    on_this_thread: PhantomData<*const ()>,
}

/// What `LDTILECFG` reads.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

#[expect(
    clippy::unused_self,
    reason = "a value proves that the tiles are configured"
)]
impl Tiles {
    /// Configures all eight tiles as 16 rows of 64 bytes.
    ///
    /// A thread has one value at a time: of two, the first to be dropped would end both, and the
    /// next product the process.
    pub(super) fn configure(_: Amx) -> Self {
        static CONFIG: Config = {
            let mut config = Config {
                palette: 1,
                start_row: 0,
                reserved: [0; 14],
                bytes_per_row: [0; 16],
                rows: [0; 16],
            };
            let mut tile = 0;
            while tile < 8 {
                config.bytes_per_row[tile] = LINE_BYTES as u16;
                config.rows[tile] = SIDE as u8;
                tile += 1;
            }
            config
        };
        // SAFETY: the machine has the instruction, as the argument proves, and `CONFIG` is the 64
        // bytes that it reads.
        unsafe {
            asm!(
                "ldtilecfg [{config}]",
                config = in(reg) &raw const CONFIG,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, readonly),
            );
        }
        Self {
            on_this_thread: PhantomData,
        }
    }

    /// Multiplies 32 rows of unsigned bytes with some steps of a panel of signed bytes; the sums are
    /// added to those that are there where `more` says so.
    pub(super) fn multiply_32_rows(
        &self,
        strip: Strip<'_>,
        panel: &[i32],
        more: bool,
        sums: &mut Sums,
    ) {
        let n_steps = steps(panel);
        strip.check(2 * SIDE, n_steps);
        // SAFETY: `self` proves that the tiles are configured. `strip` holds 32 rows of `n_steps`
        // times 64 bytes, `panel` as many times two tiles, and `sums` four tiles.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "test {more:e}, {more:e}",
                "jz 2f",
                "tileloadd tmm0, [{sums} + {line}*1]",
                "tileloadd tmm1, [{sums} + {line}*1 + 1024]",
                "tileloadd tmm2, [{sums} + {line}*1 + 2048]",
                "tileloadd tmm3, [{sums} + {line}*1 + 3072]",
                "2:",
                "tileloadd tmm6, [{panel} + {line}*1]",
                "tileloadd tmm4, [{upper} + {stride}*1]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {stride}*1]",
                "tdpbusd tmm2, tmm5, tmm6",
                "tdpbusd tmm3, tmm5, tmm7",
                "add {upper}, 64",
                "add {lower}, 64",
                "add {panel}, 2048",
                "dec {n_steps}",
                "jnz 2b",
                "tilestored [{sums} + {line}*1], tmm0",
                "tilestored [{sums} + {line}*1 + 1024], tmm1",
                "tilestored [{sums} + {line}*1 + 2048], tmm2",
                "tilestored [{sums} + {line}*1 + 3072], tmm3",
                upper = inout(reg) strip.from.as_ptr() => _,
                lower = inout(reg) strip.from[SIDE * strip.stride..].as_ptr() => _,
                stride = in(reg) strip.stride * size_of::<i32>(),
                panel = inout(reg) panel.as_ptr() => _,
                n_steps = inout(reg) n_steps => _,
                line = in(reg) LINE_BYTES,
                sums = in(reg) sums.0.as_mut_ptr(),
                more = in(reg) u32::from(more),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// As [`Self::multiply_32_rows`] for 16 rows, in the upper half of `sums`.
    pub(super) fn multiply_16_rows(
        &self,
        strip: Strip<'_>,
        panel: &[i32],
        more: bool,
        sums: &mut Sums,
    ) {
        let n_steps = steps(panel);
        strip.check(SIDE, n_steps);
        // SAFETY: as above, for 16 rows and two tiles of sums.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "test {more:e}, {more:e}",
                "jz 2f",
                "tileloadd tmm0, [{sums} + {line}*1]",
                "tileloadd tmm1, [{sums} + {line}*1 + 1024]",
                "2:",
                "tileloadd tmm6, [{panel} + {line}*1]",
                "tileloadd tmm4, [{strip} + {stride}*1]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "add {strip}, 64",
                "add {panel}, 2048",
                "dec {n_steps}",
                "jnz 2b",
                "tilestored [{sums} + {line}*1], tmm0",
                "tilestored [{sums} + {line}*1 + 1024], tmm1",
                strip = inout(reg) strip.from.as_ptr() => _,
                stride = in(reg) strip.stride * size_of::<i32>(),
                panel = inout(reg) panel.as_ptr() => _,
                n_steps = inout(reg) n_steps => _,
                line = in(reg) LINE_BYTES,
                sums = in(reg) sums.0.as_mut_ptr(),
                more = in(reg) u32::from(more),
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Multiplies 16 rows of bf16 with a panel of bf16, into 16 rows of 32 values that are
    /// `to_stride` apart.
    ///
    /// Denormals count as 0 and sums are rounded to nearest, whatever the thread has set.
    pub(super) fn multiply_floats(
        &self,
        strip: Strip<'_>,
        panel: &[i32],
        to: &mut [f32],
        to_stride: usize,
    ) {
        let n_steps = steps(panel);
        strip.check(SIDE, n_steps);
        assert!(
            to.len() >= (SIDE - 1) * to_stride + 2 * SIDE,
            "room for 16 rows of 32 sums"
        );
        // SAFETY: `self` proves that the tiles are configured. `strip` holds 16 rows of `n_steps`
        // times 64 bytes, `panel` as many times two tiles, and `to` 16 rows of two tiles' lines.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "2:",
                "tileloadd tmm6, [{panel} + {line}*1]",
                "tileloadd tmm4, [{strip} + {stride}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {strip}, 64",
                "add {panel}, 2048",
                "dec {n_steps}",
                "jnz 2b",
                "tilestored [{to} + {to_stride}*1], tmm0",
                "tilestored [{to} + {to_stride}*1 + 64], tmm1",
                strip = inout(reg) strip.from.as_ptr() => _,
                stride = in(reg) strip.stride * size_of::<i32>(),
                panel = inout(reg) panel.as_ptr() => _,
                n_steps = inout(reg) n_steps => _,
                line = in(reg) LINE_BYTES,
                to = in(reg) to.as_mut_ptr(),
                to_stride = in(reg) to_stride * size_of::<f32>(),
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Multiplies 32 rows of bf16 with each of some panels of `n_steps` steps, and adds `start`:
    /// four tiles of sums for each panel, in the order of `tmm0` to `tmm3`.
    ///
    /// Denormals count as 0 and sums are rounded to nearest, whatever the thread has set.
    pub(super) fn score_32_rows(
        &self,
        strip: Strip<'_>,
        panels: &[i32],
        n_steps: usize,
        start: &Line,
        to: &mut [f32],
    ) {
        let n_panels = panels_of(panels, n_steps);
        strip.check(2 * SIDE, n_steps);
        assert!(to.len() >= n_panels * 4 * TILE, "room for four tiles each");
        // SAFETY: `self` proves that the tiles are configured. `strip` holds 32 rows of `n_steps`
        // times 64 bytes, `panels` for each panel as many times two tiles, and `to` four tiles.
        // All lines of what is loaded first are `start`.
        unsafe {
            asm!(
                "2:",
                "tileloadd tmm0, [{start} + {none}*1]",
                "tileloadd tmm1, [{start} + {none}*1]",
                "tileloadd tmm2, [{start} + {none}*1]",
                "tileloadd tmm3, [{start} + {none}*1]",
                "xor {at:e}, {at:e}",
                "3:",
                "tileloadd tmm6, [{panel} + {line}*1]",
                "tileloadd tmm4, [{upper} + {stride}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {stride}*1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 64",
                "add {lower}, 64",
                "add {panel}, 2048",
                "add {at}, 64",
                "cmp {at}, {row_len}",
                "jne 3b",
                "sub {upper}, {at}",
                "sub {lower}, {at}",
                "tilestored [{to} + {line}*1], tmm0",
                "tilestored [{to} + {line}*1 + 1024], tmm1",
                "tilestored [{to} + {line}*1 + 2048], tmm2",
                "tilestored [{to} + {line}*1 + 3072], tmm3",
                "add {to}, 4096",
                "dec {n_panels}",
                "jnz 2b",
                upper = inout(reg) strip.from.as_ptr() => _,
                lower = inout(reg) strip.from[SIDE * strip.stride..].as_ptr() => _,
                stride = in(reg) strip.stride * size_of::<i32>(),
                row_len = in(reg) n_steps * LINE_BYTES,
                at = out(reg) _,
                panel = inout(reg) panels.as_ptr() => _,
                n_panels = inout(reg) n_panels => _,
                line = in(reg) LINE_BYTES,
                none = in(reg) 0_usize,
                start = in(reg) start.0.as_ptr(),
                to = inout(reg) to.as_mut_ptr() => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// As [`Self::score_32_rows`] for 16 rows, with two tiles of sums for each panel.
    pub(super) fn score_16_rows(
        &self,
        strip: Strip<'_>,
        panels: &[i32],
        n_steps: usize,
        start: &Line,
        to: &mut [f32],
    ) {
        let n_panels = panels_of(panels, n_steps);
        strip.check(SIDE, n_steps);
        assert!(to.len() >= n_panels * 2 * TILE, "room for two tiles each");
        // SAFETY: as above, for 16 rows and two tiles of sums.
        unsafe {
            asm!(
                "2:",
                "tileloadd tmm0, [{start} + {none}*1]",
                "tileloadd tmm1, [{start} + {none}*1]",
                "xor {at:e}, {at:e}",
                "3:",
                "tileloadd tmm6, [{panel} + {line}*1]",
                "tileloadd tmm4, [{strip} + {stride}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {strip}, 64",
                "add {panel}, 2048",
                "add {at}, 64",
                "cmp {at}, {row_len}",
                "jne 3b",
                "sub {strip}, {at}",
                "tilestored [{to} + {line}*1], tmm0",
                "tilestored [{to} + {line}*1 + 1024], tmm1",
                "add {to}, 2048",
                "dec {n_panels}",
                "jnz 2b",
                strip = inout(reg) strip.from.as_ptr() => _,
                stride = in(reg) strip.stride * size_of::<i32>(),
                row_len = in(reg) n_steps * LINE_BYTES,
                at = out(reg) _,
                panel = inout(reg) panels.as_ptr() => _,
                n_panels = inout(reg) n_panels => _,
                line = in(reg) LINE_BYTES,
                none = in(reg) 0_usize,
                start = in(reg) start.0.as_ptr(),
                to = inout(reg) to.as_mut_ptr() => _,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Multiplies the weights of 32 rows, two tiles a step, with a panel of bf16, and adds them up
    /// by the factors of `counted`, a tile for all steps but the last and one for that: four tiles
    /// of sums and two of totals.
    ///
    /// Denormals count as 0 and sums are rounded to nearest, whatever the thread has set.
    pub(super) fn mix_32_rows(
        &self,
        weights: &[i32],
        panel: &[i32],
        counted: &Counted,
        mixed: &mut Mixed,
    ) {
        let n_steps = steps(panel);
        assert!(
            weights.len() >= n_steps * 2 * TILE,
            "as many steps as the panel has"
        );
        // SAFETY: `self` proves that the tiles are configured. `weights` and `panel` hold two tiles
        // for each step, `counted` two in all, and `mixed` six.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tilezero tmm4",
                "tilezero tmm5",
                "2:",
                "cmp {n_steps}, 1",
                "cmove {counted}, {last}",
                "tileloadd tmm6, [{weights} + {line}*1]",
                "tileloadd tmm7, [{panel} + {line}*1]",
                "tdpbf16ps tmm0, tmm6, tmm7",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm6, tmm7",
                "tileloadd tmm7, [{counted} + {line}*1]",
                "tdpbf16ps tmm4, tmm6, tmm7",
                "tileloadd tmm6, [{weights} + {line}*1 + 1024]",
                "tdpbf16ps tmm5, tmm6, tmm7",
                "tileloadd tmm7, [{panel} + {line}*1]",
                "tdpbf16ps tmm2, tmm6, tmm7",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm3, tmm6, tmm7",
                "add {weights}, 2048",
                "add {panel}, 2048",
                "dec {n_steps}",
                "jnz 2b",
                "tilestored [{mixed} + {line}*1], tmm0",
                "tilestored [{mixed} + {line}*1 + 1024], tmm1",
                "tilestored [{mixed} + {line}*1 + 2048], tmm2",
                "tilestored [{mixed} + {line}*1 + 3072], tmm3",
                "tilestored [{mixed} + {line}*1 + 4096], tmm4",
                "tilestored [{mixed} + {line}*1 + 5120], tmm5",
                weights = inout(reg) weights.as_ptr() => _,
                panel = inout(reg) panel.as_ptr() => _,
                counted = inout(reg) counted.0.as_ptr() => _,
                last = in(reg) counted.0[TILE..].as_ptr(),
                n_steps = inout(reg) n_steps => _,
                line = in(reg) LINE_BYTES,
                mixed = in(reg) mixed.0.as_mut_ptr(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// As [`Self::mix_32_rows`] for 16 rows and a tile of weights a step: the first two tiles of
    /// sums and the first of totals.
    pub(super) fn mix_16_rows(
        &self,
        weights: &[i32],
        panel: &[i32],
        counted: &Counted,
        mixed: &mut Mixed,
    ) {
        let n_steps = steps(panel);
        assert!(
            weights.len() >= n_steps * TILE,
            "as many steps as the panel has"
        );
        // SAFETY: as above, with one tile of weights and three of results.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm4",
                "2:",
                "cmp {n_steps}, 1",
                "cmove {counted}, {last}",
                "tileloadd tmm6, [{weights} + {line}*1]",
                "tileloadd tmm7, [{panel} + {line}*1]",
                "tdpbf16ps tmm0, tmm6, tmm7",
                "tileloadd tmm7, [{panel} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm6, tmm7",
                "tileloadd tmm7, [{counted} + {line}*1]",
                "tdpbf16ps tmm4, tmm6, tmm7",
                "add {weights}, 1024",
                "add {panel}, 2048",
                "dec {n_steps}",
                "jnz 2b",
                "tilestored [{mixed} + {line}*1], tmm0",
                "tilestored [{mixed} + {line}*1 + 1024], tmm1",
                "tilestored [{mixed} + {line}*1 + 4096], tmm4",
                weights = inout(reg) weights.as_ptr() => _,
                panel = inout(reg) panel.as_ptr() => _,
                counted = inout(reg) counted.0.as_ptr() => _,
                last = in(reg) counted.0[TILE..].as_ptr(),
                n_steps = inout(reg) n_steps => _,
                line = in(reg) LINE_BYTES,
                mixed = in(reg) mixed.0.as_mut_ptr(),
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: whoever could configure tiles has the instruction.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, nomem),
            );
        }
    }
}

/// The number of steps of a panel; one at least.
fn steps(panel: &[i32]) -> usize {
    let n_steps = panel.len() / PANEL_STEP;
    assert!(n_steps > 0, "a step at least");
    n_steps
}

/// The number of panels of `n_steps` steps; one at least.
fn panels_of(panels: &[i32], n_steps: usize) -> usize {
    assert!(n_steps > 0, "a step at least");
    let n_panels = panels.len() / (n_steps * PANEL_STEP);
    assert!(n_panels > 0, "a panel at least");
    n_panels
}

/// A line of a tile of values.
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [f32; SIDE]);

/// Rows of groups, `stride` groups apart.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    pub(super) from: &'a [i32],
    pub(super) stride: usize,
}

impl Strip<'_> {
    fn check(self, n_rows: usize, n_steps: usize) {
        assert!(
            self.from.len() >= (n_rows - 1) * self.stride + n_steps * SIDE,
            "as many rows as a block reads"
        );
    }
}

/// The sums of a block of 32 rows and 32 columns: four tiles, one after the other.
#[repr(C, align(64))]
pub(super) struct Sums([i32; 4 * TILE]);

impl Sums {
    pub(super) const ZERO: Self = Self([0; 4 * TILE]);

    /// The sums of `row` and of the first 16 columns or of the second.
    #[inline(always)]
    pub(super) fn line(&self, row: usize, half: usize) -> &[i32; SIDE] {
        let tile = row / SIDE * 2 + half;
        &self.0.as_chunks().0[tile * SIDE + row % SIDE]
    }

    /// The same in a register.
    #[inline(always)]
    pub(super) fn register(&self, isa: Avx512<true>, row: usize, half: usize) -> __m512i {
        // SAFETY: a line is as long as a register.
        unsafe { isa.load_int(self.line(row, half).as_ptr()) }
    }
}

/// The scores of 32 rows with a panel of 32 columns: four tiles, one after the other.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Scores(pub(super) [f32; 4 * TILE]);

impl Default for Scores {
    fn default() -> Self {
        Self([0.0; 4 * TILE])
    }
}

/// The factors that count weights: of all steps but the last, and of the last.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Counted(pub(super) [i32; 2 * TILE]);

impl Default for Counted {
    fn default() -> Self {
        Self([0; 2 * TILE])
    }
}

/// What [`Tiles::mix_32_rows`] gives: 32 rows of 32 sums in four tiles, and the totals of the rows
/// in two, each 16 times in a line.
#[repr(C, align(64))]
pub(super) struct Mixed([f32; 6 * TILE]);

impl Mixed {
    pub(super) const ZERO: Self = Self([0.0; 6 * TILE]);

    /// The sums of `row` and of the first 16 columns or of the second.
    #[inline(always)]
    pub(super) fn line(&self, row: usize, half: usize) -> &[f32; SIDE] {
        let tile = row / SIDE * 2 + half;
        &self.0.as_chunks().0[tile * SIDE + row % SIDE]
    }

    /// The total of `row`, in each of 16 lanes.
    #[inline(always)]
    pub(super) fn total(&self, row: usize) -> &[f32; SIDE] {
        &self.0.as_chunks().0[4 * SIDE + row]
    }
}
