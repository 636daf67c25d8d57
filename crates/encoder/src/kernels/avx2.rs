//! The path for x86-64 machines with AVX2 and FMA.

use std::arch::x86_64::{
    __m256, _mm256_add_epi32, _mm256_add_ps, _mm256_castsi256_ps, _mm256_cvtps_epi32,
    _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::simd::{Isa, Kernel};

/// Proof that the machine has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Returns the proof where the machine has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        present.then_some(Self(()))
    }
}

#[target_feature(enable = "avx2,fma")]
fn with_features<K: Kernel>(isa: Avx2, kernel: K) -> K::Output {
    kernel.run(isa)
}

/// Wraps one intrinsic.
macro_rules! op {
    ($name:ident, $intrinsic:ident, $($arg:ident),+) => {
        #[inline(always)]
        fn $name(self, $($arg: __m256),+) -> __m256 {
            // SAFETY: `self` proves that the machine has the instruction.
            unsafe { $intrinsic($($arg),+) }
        }
    };
}

impl Isa for Avx2 {
    type V = __m256;

    const LANES: usize = 8;
    // 12 sums, 2 registers of the matrix and one broadcast stay within the 16 registers.
    const ROWS: usize = 6;
    const WIDE: usize = 2;
    const NARROW: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> __m256 {
        // SAFETY: `self` proves the instruction, the caller the 8 values.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store_ptr(self, value: __m256, to: *mut f32) {
        // SAFETY: `self` proves the instruction, the caller the 8 values.
        unsafe { _mm256_storeu_ps(to, value) }
    }

    op!(add, _mm256_add_ps, a, b);
    op!(sub, _mm256_sub_ps, a, b);
    op!(mul, _mm256_mul_ps, a, b);
    op!(div, _mm256_div_ps, a, b);
    op!(max, _mm256_max_ps, a, b);
    op!(min, _mm256_min_ps, a, b);
    op!(mul_add, _mm256_fmadd_ps, a, b, c);

    #[inline(always)]
    fn scale_by_pow2(self, value: __m256, exponent: __m256) -> __m256 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(exponent), _mm256_set1_epi32(127));
            _mm256_mul_ps(value, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` proves that the machine has the features.
        unsafe { with_features(self, kernel) }
    }
}
