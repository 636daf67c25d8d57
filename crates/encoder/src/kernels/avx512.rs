//! The path for x86-64 machines with AVX-512.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_mul_ps, _mm512_scalef_ps, _mm512_set1_ps, _mm512_storeu_ps,
    _mm512_sub_ps,
};

use super::simd::{Isa, Kernel};

/// Proof that the machine has AVX-512F and FMA.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// Returns the proof where the machine has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        present.then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn with_features<K: Kernel>(isa: Avx512, kernel: K) -> K::Output {
    kernel.run(isa)
}

/// Wraps one intrinsic.
macro_rules! op {
    ($name:ident, $intrinsic:ident, $($arg:ident),+) => {
        #[inline(always)]
        fn $name(self, $($arg: __m512),+) -> __m512 {
            // SAFETY: `self` proves that the machine has the instruction.
            unsafe { $intrinsic($($arg),+) }
        }
    };
}

impl Isa for Avx512 {
    type V = __m512;

    const LANES: usize = 16;
    // 24 sums, 3 registers of the matrix and one broadcast stay within the 32 registers.
    const ROWS: usize = 8;
    const WIDE: usize = 3;
    // Heads are 32 or 64 wide nearly everywhere.
    const NARROW: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> __m512 {
        // SAFETY: `self` proves the instruction, the caller the 16 values.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store_ptr(self, value: __m512, to: *mut f32) {
        // SAFETY: `self` proves the instruction, the caller the 16 values.
        unsafe { _mm512_storeu_ps(to, value) }
    }

    op!(add, _mm512_add_ps, a, b);
    op!(sub, _mm512_sub_ps, a, b);
    op!(mul, _mm512_mul_ps, a, b);
    op!(div, _mm512_div_ps, a, b);
    op!(max, _mm512_max_ps, a, b);
    op!(min, _mm512_min_ps, a, b);
    op!(mul_add, _mm512_fmadd_ps, a, b, c);
    op!(scale_by_pow2, _mm512_scalef_ps, value, exponent);

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` proves that the machine has the features.
        unsafe { with_features(self, kernel) }
    }
}
