//! Carries out, in a handler of `SIGILL`, the instructions that the machine of a test lacks.
//!
//! ```text
//! C4 | R X B map (5) | W vvvv L pp (2) | opcode | mod reg (3) r/m (3) | SIB | displacement
//!
//! pp  0 none, 1 66, 2 F3, 3 F2; the map is 2 (0F 38) and W is 0 everywhere
//!
//!      L pp opcode                               L pp opcode
//!      0 0  49  ldtilecfg, tilerelease           0 1  5E  tdpbusd
//!      0 3  49  tilezero                         0 2  5C  tdpbf16ps
//!      0 3  4B  tileloadd                        1 1  50  vpdpbusd (AVX-VNNI)
//!      0 2  4B  tilestored                       1 1  52  vpdpwssd (AVX-VNNI)
//! ```
//!
//! Intel's Software Developer's Manual, volume 2, describes them. Anything else, a tile that is
//! used before it was configured, and a configuration that is not ours, end the process as they
//! would without a handler. A machine that has the instructions never comes here.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::Once;

/// The handler is for the whole process, and stays.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the structure is all numbers, and the handler is made to be one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_illegal_instruction as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            let result = libc::sigaction(libc::SIGILL, &raw const action, std::ptr::null_mut());
            assert!(result == 0, "SIGILL takes a handler");
        }
    });
}

extern "C" fn on_illegal_instruction(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: Linux hands over the context of the instruction; nobody else holds it. An
    // instruction begins at `RIP`.
    unsafe {
        let context = &mut *context.cast::<libc::ucontext_t>();
        let mut machine = Machine {
            general: &mut context.uc_mcontext.gregs,
            saved: context.uc_mcontext.fpregs.cast(),
        };
        if machine.step().is_none() {
            // Coming back to the same instruction ends the process.
            libc::signal(libc::SIGILL, libc::SIG_DFL);
        }
    }
}

type Tile = [[u32; 16]; 16];

/// The tiles of a thread.
struct Tiles {
    configured: bool,
    tiles: [Tile; 8],
}

thread_local! {
    // Neither made on first use nor dropped, so a handler may use it.
    static TILES: RefCell<Tiles> = const {
        RefCell::new(Tiles { configured: false, tiles: [[[0; 16]; 16]; 8] })
    };
}

/// The registers of the thread that was stopped.
struct Machine<'a> {
    general: &'a mut [libc::greg_t; 23],
    /// What `XSAVE` has written, in its standard format.
    saved: *mut u8,
}

/// A decoded instruction.
struct Instruction {
    wide: bool,
    prefix: u8,
    opcode: u8,
    /// The register that `ModRM` names first, and the one of the prefix.
    reg: usize,
    vvvv: usize,
    operand: Operand,
    len: usize,
}

#[derive(Clone, Copy)]
enum Operand {
    Register(usize),
    /// The base with the displacement, and the scaled index: for tiles the way to the next row.
    Memory {
        start: usize,
        step: usize,
    },
}

impl Machine<'_> {
    /// Carries out the instruction at `RIP`; `None` where it is none of ours.
    ///
    /// # Safety
    /// The registers are those of a thread that stopped there, and its memory operands are valid.
    unsafe fn step(&mut self) -> Option<()> {
        // SAFETY: the caller says that an instruction begins here, and only what belongs to it is
        // read; the operands are valid as well.
        unsafe {
            let instruction = self.decode(self.general[libc::REG_RIP as usize] as *const u8)?;
            if instruction.wide {
                self.add_products(&instruction)?;
            } else {
                TILES.with(|tiles| tiles.borrow_mut().step(&instruction))?;
            }
            self.general[libc::REG_RIP as usize] += instruction.len as i64;
        }
        Some(())
    }

    /// Decodes what begins with the three bytes of a VEX prefix.
    ///
    /// # Safety
    /// An instruction begins at `at`.
    unsafe fn decode(&self, at: *const u8) -> Option<Instruction> {
        // SAFETY: each byte is read only after those before have said that it belongs to the
        // instruction.
        unsafe {
            if *at != 0xC4 || *at.add(1) & 0x1F != 2 || *at.add(2) & 0x80 != 0 {
                return None;
            }
            // R, X and B are stored inverted, as is vvvv.
            let extend = |bit: u32| usize::from(!*at.add(1) >> bit & 1) << 3;
            let (fields, modrm) = (*at.add(2), *at.add(4));
            let (mut len, rm) = (5, usize::from(modrm & 7));
            let operand = if modrm >> 6 == 3 {
                Operand::Register(rm | extend(5))
            } else {
                let (mut base, mut step) = (rm, 0);
                if rm == 4 {
                    let sib = *at.add(len);
                    len += 1;
                    base = usize::from(sib & 7);
                    let index = usize::from(sib >> 3 & 7) | extend(6);
                    // RSP as an index stands for none.
                    if index != 4 {
                        step = self.general(index) << (sib >> 6);
                    }
                }
                let displacement = match modrm >> 6 {
                    1 => isize::from(at.add(len).cast::<i8>().read()),
                    0 if base != 5 => 0,
                    _ => at.add(len).cast::<i32>().read_unaligned() as isize,
                };
                len += match modrm >> 6 {
                    1 => 1,
                    0 if base != 5 => 0,
                    _ => 4,
                };
                let start = match (modrm >> 6, rm, base) {
                    (0, 5, _) => at as usize + len, // relative to the next instruction
                    (0, 4, 5) => 0,
                    _ => self.general(base | extend(5)),
                };
                Operand::Memory {
                    start: start.wrapping_add_signed(displacement),
                    step,
                }
            };
            Some(Instruction {
                wide: fields & 4 != 0,
                prefix: fields & 3,
                opcode: *at.add(3),
                reg: usize::from(modrm >> 3 & 7) | extend(7),
                vvvv: usize::from(!fields >> 3 & 15),
                operand,
                len,
            })
        }
    }

    /// The general register that instructions call `number`.
    fn general(&self, number: usize) -> usize {
        const ORDER: [c_int; 16] = [
            libc::REG_RAX,
            libc::REG_RCX,
            libc::REG_RDX,
            libc::REG_RBX,
            libc::REG_RSP,
            libc::REG_RBP,
            libc::REG_RSI,
            libc::REG_RDI,
            libc::REG_R8,
            libc::REG_R9,
            libc::REG_R10,
            libc::REG_R11,
            libc::REG_R12,
            libc::REG_R13,
            libc::REG_R14,
            libc::REG_R15,
        ];
        self.general[ORDER[number] as usize] as usize
    }

    /// `vpdpbusd` and `vpdpwssd` on 256 bits.
    ///
    /// # Safety
    /// As for [`Self::step`].
    unsafe fn add_products(&mut self, instruction: &Instruction) -> Option<()> {
        let dot = match (instruction.prefix, instruction.opcode) {
            (1, 0x50) => dot_bytes,
            (1, 0x52) => dot_words,
            _ => return None,
        };
        let b = match instruction.operand {
            // SAFETY: the caller says that these are saved registers.
            Operand::Register(number) => unsafe { self.ymm(number) },
            // SAFETY: the caller says that the operand is there.
            Operand::Memory { start, step } => unsafe {
                (start.wrapping_add(step) as *const [u32; 8]).read_unaligned()
            },
        };
        // SAFETY: the caller says that these are saved registers.
        unsafe {
            let (mut sums, a) = (self.ymm(instruction.reg), self.ymm(instruction.vvvv));
            for (sum, (a, b)) in sums.iter_mut().zip(a.into_iter().zip(b)) {
                *sum = sum.wrapping_add(dot(a, b));
            }
            self.set_ymm(instruction.reg, sums);
        }
        Some(())
    }

    /// # Safety
    /// `saved` is what `XSAVE` wrote.
    unsafe fn ymm(&self, number: usize) -> [u32; 8] {
        // SAFETY: so says the caller. Upper halves that are not in use are 0.
        unsafe {
            let mut halves = [self.half(XMM, number).read_unaligned(), [0; 4]];
            if *self.saved.add(IN_USE) & AVX != 0 {
                halves[1] = self.half(YMM_HIGH, number).read_unaligned();
            }
            std::array::from_fn(|lane| halves[lane / 4][lane % 4])
        }
    }

    /// # Safety
    /// `saved` is what `XSAVE` wrote.
    unsafe fn set_ymm(&mut self, number: usize, value: [u32; 8]) {
        let halves = value.as_chunks::<4>().0;
        // SAFETY: so says the caller. Upper halves that were not in use are 0.
        unsafe {
            let in_use = self.saved.add(IN_USE);
            if *in_use & AVX == 0 {
                self.saved.add(YMM_HIGH).write_bytes(0, 256);
            }
            *in_use |= SSE | AVX;
            self.half(XMM, number).write_unaligned(halves[0]);
            self.half(YMM_HIGH, number).write_unaligned(halves[1]);
        }
    }

    /// Where a half of register `number` stands, of those that begin at `from`.
    fn half(&self, from: usize, number: usize) -> *mut [u32; 4] {
        self.saved.wrapping_add(from + 16 * number).cast()
    }
}

/// Where things are in what `XSAVE` writes: the lower halves, which states are in use, and the
/// upper halves.
const XMM: usize = 160;
const IN_USE: usize = 512;
const YMM_HIGH: usize = 576;

/// The states that hold the lower halves and the upper halves.
const SSE: u8 = 1 << 1;
const AVX: u8 = 1 << 2;

impl Tiles {
    /// # Safety
    /// The memory operand is valid.
    unsafe fn step(&mut self, instruction: &Instruction) -> Option<()> {
        use Operand::{Memory, Register};
        let Instruction { reg, vvvv, .. } = *instruction;
        let what = (instruction.prefix, instruction.opcode, instruction.operand);
        if let (0, 0x49, operand) = what {
            self.configured = match operand {
                Register(_) => false,
                // SAFETY: the caller says that the configuration is there.
                Memory { start, step } => unsafe { configuration_is_ours(start + step)? },
            };
            self.tiles = [[[0; 16]; 16]; 8];
            return Some(());
        }
        if !self.configured {
            return None;
        }
        match what {
            (3, 0x49, Register(0)) => *self.tiles.get_mut(reg)? = [[0; 16]; 16],
            (3, 0x4B, Memory { start, step }) => {
                for (number, row) in self.tiles.get_mut(reg)?.iter_mut().enumerate() {
                    let from = start.wrapping_add(number.wrapping_mul(step));
                    // SAFETY: the caller says that the rows are there.
                    *row = unsafe { (from as *const [u32; 16]).read_unaligned() };
                }
            }
            (2, 0x4B, Memory { start, step }) => {
                for (number, row) in self.tiles.get(reg)?.iter().enumerate() {
                    let to = start.wrapping_add(number.wrapping_mul(step));
                    // SAFETY: the caller says that there is room for the rows.
                    unsafe { (to as *mut [u32; 16]).write_unaligned(*row) };
                }
            }
            // SAFETY: whoever asked for the emulator has AVX2 and FMA.
            (1, 0x5E, Register(a)) => unsafe { self.multiply(reg, a, vvvv, add_bytes)? },
            // SAFETY: as above.
            (2, 0x5C, Register(a)) => unsafe { self.multiply(reg, a, vvvv, add_floats)? },
            _ => return None,
        }
        Some(())
    }

    /// Adds to a row of sums what a row of `a` gives with all of `b`, for each row.
    ///
    /// # Safety
    /// The machine has AVX2 and FMA.
    unsafe fn multiply(
        &mut self,
        sums: usize,
        a: usize,
        b: usize,
        add: unsafe fn(&mut [u32; 16], &[u32; 16], &Tile),
    ) -> Option<()> {
        // The instructions refuse to name a tile twice.
        if sums == a || sums == b || a == b {
            return None;
        }
        let (a, b) = (*self.tiles.get(a)?, *self.tiles.get(b)?);
        for (sums, a) in self.tiles.get_mut(sums)?.iter_mut().zip(&a) {
            // SAFETY: so says the caller.
            unsafe { add(sums, a, &b) };
        }
        Some(())
    }
}

/// Tells whether eight tiles of 16 rows of 64 bytes are configured; `None` where not.
///
/// # Safety
/// `at` is the address of 64 bytes.
unsafe fn configuration_is_ours(at: usize) -> Option<bool> {
    // SAFETY: so says the caller.
    let bytes = unsafe { (at as *const [u8; 64]).read_unaligned() };
    let mut ours = [0; 64];
    ours[0] = 1;
    for tile in 0..8 {
        ours[16 + 2 * tile] = 64;
        ours[48 + tile] = 16;
    }
    (bytes == ours).then_some(true)
}

/// Four products of an unsigned byte with a signed one.
#[inline(always)]
fn dot_bytes(a: u32, b: u32) -> u32 {
    let mut sum = 0;
    for shift in [0, 8, 16, 24] {
        let (a, b) = (a >> shift & 0xFF, (b << (24 - shift)).cast_signed() >> 24);
        sum += a.cast_signed() * b;
    }
    sum.cast_unsigned()
}

/// Two products of signed words.
fn dot_words(a: u32, b: u32) -> u32 {
    let word = |group: u32, shift: u32| i32::from((group >> shift) as i16);
    let product = |shift| word(a, shift).wrapping_mul(word(b, shift));
    product(0).wrapping_add(product(16)).cast_unsigned()
}

// Compiled for more than the least of machines only because a test would take its time.
#[target_feature(enable = "avx2,fma")]
fn add_bytes(sums: &mut [u32; 16], a: &[u32; 16], b: &Tile) {
    for (&a, b) in a.iter().zip(b) {
        for (sum, &b) in sums.iter_mut().zip(b) {
            *sum = sum.wrapping_add(dot_bytes(a, b));
        }
    }
}

/// The low halves of all groups are summed up apart from the high halves, then both are added.
/// Every step rounds to nearest and takes and gives 0 for denormals.
#[target_feature(enable = "avx2,fma")]
fn add_floats(sums: &mut [u32; 16], a: &[u32; 16], b: &Tile) {
    let (mut low, mut high) = ([0.0_f32; 16], [0.0_f32; 16]);
    for (&a, b) in a.iter().zip(b) {
        for (column, &b) in b.iter().enumerate() {
            low[column] = flushed(float(a << 16).mul_add(float(b << 16), low[column]));
            high[column] = flushed(float(a).mul_add(float(b), high[column]));
        }
    }
    for (column, sum) in sums.iter_mut().enumerate() {
        let both = flushed(low[column] + high[column]);
        *sum = flushed(flushed(f32::from_bits(*sum)) + both).to_bits();
    }
}

/// The bf16 in the upper half.
#[inline(always)]
fn float(group: u32) -> f32 {
    flushed(f32::from_bits(group & 0xFFFF_0000))
}

#[inline(always)]
fn flushed(value: f32) -> f32 {
    if value.is_subnormal() {
        0.0_f32.copysign(value)
    } else {
        value
    }
}
