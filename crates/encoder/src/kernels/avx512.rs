//! The paths for x86-64 machines with AVX-512: with and without its instructions for bytes (VNNI).

use std::arch::x86_64::{
    __m512, __m512i, _mm_storeu_si128, _mm256_storeu_si256, _mm512_add_epi16, _mm512_add_epi32,
    _mm512_add_ps, _mm512_and_si512, _mm512_cvtepi32_epi8, _mm512_cvtepi32_epi16,
    _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_div_ps, _mm512_dpbusd_epi32,
    _mm512_dpwssd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_madd_epi16,
    _mm512_maddubs_epi16, _mm512_mask_blend_epi16, _mm512_max_epi32, _mm512_max_ps, _mm512_min_ps,
    _mm512_mul_ps, _mm512_mulhrs_epi16, _mm512_packs_epi32, _mm512_permutexvar_epi16,
    _mm512_permutexvar_epi64, _mm512_reduce_add_epi32, _mm512_reduce_add_ps,
    _mm512_reduce_max_epi32, _mm512_reduce_max_ps, _mm512_scalef_ps, _mm512_set1_epi16,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi64, _mm512_slli_epi16, _mm512_slli_epi32,
    _mm512_srai_epi16, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_ps,
};

use super::exp2;
use super::simd::{Isa, Kernel};

/// Proof that the machine has AVX-512 (the parts of the first servers that had it), and where
/// `VNNI` says so the instructions for bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512<const VNNI: bool>(());

impl<const VNNI: bool> Avx512<VNNI> {
    /// Returns the proof where the machine has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && (!VNNI || is_x86_feature_detected!("avx512vnni"));
        present.then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512<K: Kernel>(isa: Avx512<false>, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn with_vnni<K: Kernel>(isa: Avx512<true>, kernel: K) -> K::Output {
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

impl<const VNNI: bool> Isa for Avx512<VNNI> {
    type V = __m512;
    type I = __m512i;

    const LANES: usize = 16;
    // 24 sums, 3 registers of the matrix and one broadcast stay within the 32 registers.
    const ROWS: usize = 8;
    const WIDE: usize = 3;
    // Heads are 32 or 64 wide nearly everywhere.
    const NARROW: usize = 2;
    const BYTES: bool = VNNI;
    // Panels are three times as wide here, so that runs are short: 8 to 11 % faster, which is not
    // worth what activations in words are more exact.
    const PAIRS: bool = false;

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
    fn sum(self, value: __m512) -> f32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm512_reduce_add_ps(value) }
    }

    #[inline(always)]
    fn greatest(self, value: __m512) -> f32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm512_reduce_max_ps(value) }
    }

    #[inline(always)]
    fn sum_int(self, value: __m512i) -> i32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm512_reduce_add_epi32(value) }
    }

    #[inline(always)]
    fn greatest_int(self, value: __m512i) -> i32 {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm512_reduce_max_epi32(value) }
    }

    #[inline(always)]
    fn splat_int(self, value: i32) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn load_int(self, from: *const i32) -> __m512i {
        // SAFETY: `self` proves the instruction, the caller the 16 integers.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_int(self, value: __m512i, to: *mut i32) {
        // SAFETY: `self` proves the instruction, the caller the 16 integers.
        unsafe { _mm512_storeu_si512(to.cast(), value) }
    }

    #[inline(always)]
    fn round(self, value: __m512) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_cvtps_epi32(value) }
    }

    #[inline(always)]
    fn to_float(self, value: __m512i) -> __m512 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_cvtepi32_ps(value) }
    }

    #[inline(always)]
    fn dot_bytes(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        assert!(
            VNNI,
            "only machines with VNNI are asked for products of bytes"
        );
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_dpbusd_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn dot_pairs(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_maddubs_epi16(a, b) }
    }

    #[inline(always)]
    fn add_words(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_add_epi16(a, b) }
    }

    #[inline(always)]
    fn dot_words(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            if VNNI {
                _mm512_dpwssd_epi32(sum, a, b)
            } else {
                _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
            }
        }
    }

    #[inline(always)]
    fn sub_int(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn max_int(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_max_epi32(a, b) }
    }

    #[inline(always)]
    fn mul_fractions(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm512_mulhrs_epi16(a, b) }
    }

    #[inline(always)]
    fn exp2_words(self, low: __m512i, high: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            let in_order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
            let x = _mm512_permutexvar_epi64(in_order, _mm512_packs_epi32(low, high));
            let fraction = _mm512_and_si512(_mm512_slli_epi16::<4>(x), _mm512_set1_epi16(0x7FFF));
            let half = _mm512_mulhrs_epi16(fraction, _mm512_set1_epi16(exp2::C));
            let half = _mm512_add_epi16(half, _mm512_set1_epi16(exp2::B));
            let half = _mm512_mulhrs_epi16(half, fraction);
            let half = _mm512_add_epi16(half, _mm512_set1_epi16(exp2::A));
            let half = _mm512_mulhrs_epi16(half, fraction);
            let half = _mm512_add_epi16(half, _mm512_set1_epi16(1 << 14));
            let powers = _mm512_loadu_si512(POWERS_BY_WHOLE_PART.as_ptr().cast());
            let power = _mm512_permutexvar_epi16(_mm512_srai_epi16::<11>(x), powers);
            _mm512_mulhrs_epi16(half, power)
        }
    }

    #[inline(always)]
    fn pair_words(self, low: __m512i, high: __m512i) -> __m512i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm512_mask_blend_epi16(0xAAAA_AAAA, low, _mm512_slli_epi32::<16>(high)) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, value: __m512i, to: *mut u8) {
        // SAFETY: `self` proves the instructions, the caller the 16 bytes.
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(value)) }
    }

    #[inline(always)]
    unsafe fn store_words(self, value: __m512i, to: *mut i16) {
        // SAFETY: `self` proves the instructions, the caller the 16 words.
        unsafe { _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(value)) }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` proves that the machine has the features.
        unsafe {
            if VNNI {
                with_vnni(Avx512(()), kernel)
            } else {
                with_avx512(Avx512(()), kernel)
            }
        }
    }
}

/// [`exp2::POWERS`] at the last five bits of the whole part, which is 0 to -16; 0 at -16.
const POWERS_BY_WHOLE_PART: [i16; 32] = {
    let mut powers = [0; 32];
    powers[0] = exp2::POWERS[0];
    let mut k = 1;
    while k < 16 {
        powers[32 - k] = exp2::POWERS[k];
        k += 1;
    }
    powers
};
