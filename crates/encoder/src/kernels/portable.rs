//! The portable path, for machines without one of the paths beside this file.

use super::exp2;
use super::simd::{Isa, Kernel};

/// No instruction set in particular; the compiler makes of the arrays what the target has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

const LANES: usize = 8;

/// Fused where every machine of the target has the instruction, and never through a library call.
#[inline(always)]
fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], apply: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| apply(a[lane], b[lane]))
}

impl Isa for Portable {
    type V = [f32; LANES];
    type I = [i32; LANES];

    const LANES: usize = LANES;
    const ROWS: usize = 4;
    const WIDE: usize = 1;
    const NARROW: usize = 1;
    const BYTES: bool = false;
    const PAIRS: bool = false;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> Self::V {
        // SAFETY: the caller says that `LANES` values can be read.
        unsafe { from.cast::<Self::V>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_ptr(self, value: Self::V, to: *mut f32) {
        // SAFETY: the caller says that `LANES` values can be written.
        unsafe { to.cast::<Self::V>().write_unaligned(value) }
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|lane| mul_add(a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    fn scale_by_pow2(self, value: Self::V, exponent: Self::V) -> Self::V {
        zip(value, exponent, |v, e| {
            v * f32::from_bits(((e as i32 + 127) as u32) << 23)
        })
    }

    #[inline(always)]
    fn splat_int(self, value: i32) -> Self::I {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load_int(self, from: *const i32) -> Self::I {
        // SAFETY: the caller says that `LANES` integers can be read.
        unsafe { from.cast::<Self::I>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_int(self, value: Self::I, to: *mut i32) {
        // SAFETY: the caller says that `LANES` integers can be written.
        unsafe { to.cast::<Self::I>().write_unaligned(value) }
    }

    #[inline(always)]
    fn round(self, value: Self::V) -> Self::I {
        // Adding 1.5 * 2^23 leaves no room for a fraction, and puts the integer in the low bits.
        const SHIFT: f32 = 12_582_912.0;
        const MOST: f32 = 4_194_303.0;
        value.map(|value| {
            let value = if value > -MOST { value } else { -MOST };
            let value = if value < MOST { value } else { MOST };
            (value + SHIFT)
                .to_bits()
                .wrapping_sub(SHIFT.to_bits())
                .cast_signed()
        })
    }

    #[inline(always)]
    fn to_float(self, value: Self::I) -> Self::V {
        value.map(|value| value as f32)
    }

    #[inline(always)]
    fn dot_bytes(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| {
            let (a, b) = (a[lane].to_le_bytes(), b[lane].to_le_bytes());
            let products = a
                .iter()
                .zip(b)
                .map(|(&a, b)| i32::from(a) * i32::from(b.cast_signed()));
            sum[lane] + products.sum::<i32>()
        })
    }

    #[inline(always)]
    fn dot_pairs(self, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| {
            let (a, b) = (a[lane].to_le_bytes(), b[lane].to_le_bytes());
            let product = |at: usize| i32::from(a[at]) * i32::from(b[at].cast_signed());
            let word = |at| {
                let sum = product(at) + product(at + 1);
                sum.clamp(i16::MIN.into(), i16::MAX.into())
            };
            word(0) & 0xFFFF | word(2) << 16
        })
    }

    #[inline(always)]
    fn add_words(self, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| {
            let low = a[lane].wrapping_add(b[lane]) & 0xFFFF;
            low | (a[lane] & !0xFFFF).wrapping_add(b[lane] & !0xFFFF)
        })
    }

    #[inline(always)]
    fn dot_words(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I {
        let products = products_of_words(a, b);
        std::array::from_fn(|lane| sum[lane] + products[lane])
    }

    #[inline(always)]
    fn sub_int(self, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn max_int(self, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn mul_fractions(self, a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|lane| {
            let low = exp2::mul_fractions(a[lane] as i16, b[lane] as i16);
            let high = exp2::mul_fractions((a[lane] >> 16) as i16, (b[lane] >> 16) as i16);
            i32::from(low) & 0xFFFF | i32::from(high) << 16
        })
    }

    #[inline(always)]
    fn exp2_words(self, low: Self::I, high: Self::I) -> Self::I {
        let (low, high) = (exp2_lanes(low), exp2_lanes(high));
        // The words of both halves, two to a lane.
        let words = |lane: usize| {
            if lane < LANES / 2 {
                (low[2 * lane], low[2 * lane + 1])
            } else {
                (high[2 * lane - LANES], high[2 * lane + 1 - LANES])
            }
        };
        std::array::from_fn(|lane| {
            let (first, second) = words(lane);
            first | second << 16
        })
    }

    #[inline(always)]
    fn pair_words(self, low: Self::I, high: Self::I) -> Self::I {
        std::array::from_fn(|lane| low[lane] & 0xFFFF | high[lane] << 16)
    }

    #[inline(always)]
    unsafe fn store_bytes(self, value: Self::I, to: *mut u8) {
        // SAFETY: the caller says that `LANES` bytes can be written.
        unsafe {
            to.cast::<[u8; LANES]>()
                .write(value.map(|value| value as u8));
        }
    }

    #[inline(always)]
    unsafe fn store_words(self, value: Self::I, to: *mut i16) {
        // SAFETY: the caller says that `LANES` words can be written.
        unsafe {
            to.cast::<[i16; LANES]>()
                .write_unaligned(value.map(|value| value as i16));
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// The exponential of [`exp2`] step by step for all lanes, without its table, so that the compiler can
/// take some lanes at once.
#[inline(always)]
fn exp2_lanes(x: [i32; LANES]) -> [i32; LANES] {
    let x = x.map(|x| if x > -0x8000 { x } else { -0x8000 });
    let fraction = x.map(|x| ((x << 4) & 0x7FFF) as i16);
    let half: [i16; LANES] = std::array::from_fn(|lane| {
        let half = exp2::mul_fractions(fraction[lane], exp2::C) + exp2::B;
        let half = exp2::mul_fractions(half, fraction[lane]) + exp2::A;
        exp2::mul_fractions(half, fraction[lane]) + (1 << 14)
    });
    // `2^(15 + whole part)` as a value, which has the exponent in its bits; 1/2 is rounded to 0.
    let power = x.map(|x| f32::from_bits(((127 + 15 + (x >> 11)) as u32) << 23));
    let power = Portable.round(power);
    std::array::from_fn(|lane| {
        let power = if power[lane] < 0x7FFF {
            power[lane]
        } else {
            0x7FFF
        };
        i32::from(exp2::mul_fractions(half[lane], power as i16))
    })
}

/// The sum of the products of both words, for each lane.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn products_of_words(a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
    std::array::from_fn(|lane| {
        let low = i32::from(a[lane] as i16) * i32::from(b[lane] as i16);
        low + (a[lane] >> 16) * (b[lane] >> 16)
    })
}

/// The sum of the products of both words, for each lane.
///
/// Every x86-64 machine has an instruction for it, which the compiler does not find by itself.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn products_of_words(a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
    use std::arch::x86_64::{__m128i, _mm_madd_epi16};
    // SAFETY: the arrays and the two registers have the same size, and any bits will do; SSE2
    // belongs to x86-64.
    unsafe {
        let a: [__m128i; 2] = std::mem::transmute(a);
        let b: [__m128i; 2] = std::mem::transmute(b);
        std::mem::transmute([_mm_madd_epi16(a[0], b[0]), _mm_madd_epi16(a[1], b[1])])
    }
}
