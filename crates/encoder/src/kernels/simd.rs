//! The few vector operations that the kernels are written in, once for all instruction sets.

/// An instruction set, proved present by whoever holds a value of the type.
///
/// Every method is a few instructions and always inlined, so that it takes on the features of
/// the function around it; [`Isa::run`] is what puts such a function around a kernel.
pub(super) trait Isa: Copy + Send + Sync {
    /// A register of `LANES` values.
    type V: Copy;
    /// A register of `LANES` integers of 32 bits, in each of which two of 16 or four of 8 may stand.
    type I: Copy;

    /// Values in a register; at most [`MAX_LANES`].
    const LANES: usize;
    /// Rows of a tile of the matrix product; at most 8.
    const ROWS: usize;
    /// Registers in a row of a tile when the matrix is wide; at most 3.
    const WIDE: usize;
    /// Registers in a row of a tile when the matrix is as narrow as an attention head.
    const NARROW: usize;
    /// Tells whether [`Isa::dot_bytes`] is one instruction.
    const BYTES: bool;
    /// Tells whether linear layers multiply by [`Isa::dot_pairs`].
    const PAIRS: bool;
    /// Tells whether the activations of linear layers are bytes; else they are words.
    const BYTE_ROWS: bool = Self::BYTES || Self::PAIRS;

    /// Returns a register with `value` in every lane.
    fn splat(self, value: f32) -> Self::V;

    /// Loads `LANES` values.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_ptr(self, from: *const f32) -> Self::V;

    /// Stores `LANES` values.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_ptr(self, value: Self::V, to: *mut f32);

    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;

    /// Returns `a * b + c`; rounded once where the instruction set can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// Returns `value * 2^exponent` for whole exponents in -126..=127.
    fn scale_by_pow2(self, value: Self::V, exponent: Self::V) -> Self::V;

    /// Returns a register with `value` in every lane.
    fn splat_int(self, value: i32) -> Self::I;

    /// Loads `LANES` integers.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` integers, at any alignment.
    unsafe fn load_int(self, from: *const i32) -> Self::I;

    /// Stores `LANES` integers.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` integers.
    unsafe fn store_int(self, value: Self::I, to: *mut i32);

    /// Rounds to the nearest integer, ties to even.
    fn round(self, value: Self::V) -> Self::I;

    /// Converts integers, rounding where they have more than 24 bits.
    fn to_float(self, value: Self::I) -> Self::V;

    /// Adds to each lane of `sum` the products of the four bytes of `a`, which are unsigned, with
    /// those of `b`, which are signed. Nothing saturates.
    ///
    /// Called only where [`Isa::BYTES`] says so.
    fn dot_bytes(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I;

    /// Returns for each two bytes of `a`, which are unsigned, and of `b`, which are signed, the sum of
    /// their products as a word. What does not fit into a word saturates.
    fn dot_pairs(self, a: Self::I, b: Self::I) -> Self::I;

    /// Adds words.
    fn add_words(self, a: Self::I, b: Self::I) -> Self::I;

    /// Adds to each lane of `sum` the products of the two signed words of `a` and `b`.
    fn dot_words(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I;

    /// Takes the lanes of `b` off those of `a`.
    fn sub_int(self, a: Self::I, b: Self::I) -> Self::I;

    /// The greater of each two lanes.
    fn max_int(self, a: Self::I, b: Self::I) -> Self::I;

    /// Multiplies words as fractions, `(a b + 2^14) >> 15` for each.
    fn mul_fractions(self, a: Self::I, b: Self::I) -> Self::I;

    /// Returns `2^14 * 2^(x / 2^11)` in words, for the lanes of `low` and then of `high`; the
    /// lanes are at most 0, and what is below `2^-16` becomes 0. See [`super::exp2`].
    fn exp2_words(self, low: Self::I, high: Self::I) -> Self::I;

    /// Puts the low words of two registers beside each other: `low` first, then `high`.
    fn pair_words(self, low: Self::I, high: Self::I) -> Self::I;

    /// Stores the lanes as unsigned bytes; they are in 0..=255.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` bytes.
    unsafe fn store_bytes(self, value: Self::I, to: *mut u8);

    /// Stores the lanes as words; they are in -32768..=32767.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` words.
    unsafe fn store_words(self, value: Self::I, to: *mut i16);

    /// Runs `kernel` compiled for this instruction set.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    /// Loads the first `LANES` values of `from`.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the slice holds `LANES` values.
        unsafe { self.load_ptr(from.as_ptr()) }
    }

    /// Stores into the first `LANES` values of `to`.
    #[inline(always)]
    fn store(self, value: Self::V, to: &mut [f32]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice holds `LANES` values.
        unsafe { self.store_ptr(value, to.as_mut_ptr()) }
    }

    /// Loads fewer than `LANES` values, with `fill` in the other lanes.
    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> Self::V {
        let mut lanes = [fill; MAX_LANES];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    /// Stores the first lanes into `to`, which is shorter than `LANES`.
    #[inline(always)]
    fn store_part(self, value: Self::V, to: &mut [f32]) {
        let mut lanes = [0.0; MAX_LANES];
        self.store(value, &mut lanes);
        to.copy_from_slice(&lanes[..to.len()]);
    }

    /// Adds the lanes up, pair by pair.
    #[inline(always)]
    fn sum(self, value: Self::V) -> f32 {
        let mut lanes = [0.0; MAX_LANES];
        self.store(value, &mut lanes);
        let mut width = Self::LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    }

    /// Adds the lanes up.
    #[inline(always)]
    fn sum_int(self, value: Self::I) -> i32 {
        let mut lanes = [0; MAX_LANES];
        // SAFETY: no register has more than `MAX_LANES` lanes.
        unsafe { self.store_int(value, lanes.as_mut_ptr()) };
        lanes.iter().sum()
    }

    /// Returns the greatest lane.
    #[inline(always)]
    fn greatest_int(self, value: Self::I) -> i32 {
        let mut lanes = [i32::MIN; MAX_LANES];
        // SAFETY: no register has more than `MAX_LANES` lanes.
        unsafe { self.store_int(value, lanes.as_mut_ptr()) };
        lanes.iter().fold(i32::MIN, |a, &b| a.max(b))
    }

    /// Returns the greatest lane.
    #[inline(always)]
    fn greatest(self, value: Self::V) -> f32 {
        let mut lanes = [0.0; MAX_LANES];
        self.store(value, &mut lanes);
        lanes[1..Self::LANES]
            .iter()
            .fold(lanes[0], |a, &b| if b > a { b } else { a })
    }
}

/// The widest register of any instruction set, in values.
pub(super) const MAX_LANES: usize = 16;

/// A piece of arithmetic, written once and compiled for each instruction set.
///
/// An implementation marks `run` as `#[inline(always)]`.
pub(super) trait Kernel {
    /// What the kernel returns.
    type Output;

    /// Does the work.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}
