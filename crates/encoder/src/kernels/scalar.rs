//! The portable path, for machines without one of the paths beside this file.

use super::simd::{Isa, Kernel};

/// No instruction set in particular; the compiler makes of the arrays what the target has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar;

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

impl Isa for Scalar {
    type V = [f32; LANES];

    const LANES: usize = LANES;
    const ROWS: usize = 4;
    const WIDE: usize = 1;
    const NARROW: usize = 1;

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
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}
