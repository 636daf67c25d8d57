//! The paths for x86-64 machines with AVX2 and FMA: with and without instructions for bytes
//! (AVX-VNNI).

use std::arch::x86_64::{
    __m256, __m256i, _mm_packs_epi32, _mm_packus_epi16, _mm_storel_epi64, _mm_storeu_si128,
    _mm256_add_epi16, _mm256_add_epi32, _mm256_add_ps, _mm256_and_si256, _mm256_andnot_si256,
    _mm256_blend_epi16, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cvtepi32_ps,
    _mm256_cvtps_epi32, _mm256_div_ps, _mm256_dpbusd_avx_epi32, _mm256_dpwssd_avx_epi32,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_epi32, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_mulhrs_epi16, _mm256_or_si256, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_slli_epi32, _mm256_srai_epi16, _mm256_storeu_ps,
    _mm256_storeu_si256, _mm256_sub_epi16, _mm256_sub_epi32, _mm256_sub_ps,
};

use super::exp2;
use super::simd::{Isa, Kernel};

/// Proof that the machine has AVX2 and FMA, and where `VNNI` says so AVX-VNNI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2<const VNNI: bool>(());

impl<const VNNI: bool> Avx2<VNNI> {
    /// Returns the proof where the machine has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && (!VNNI || is_x86_feature_detected!("avxvnni"));
        present.then_some(Self(()))
    }

    /// Returns the proof where an emulator carries out AVX-VNNI and the machine has the rest.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn emulated() -> Option<Self> {
        super::emulator::install();
        Avx2::<false>::detect().map(|_| Self(()))
    }
}

#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(isa: Avx2<false>, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn with_vnni<K: Kernel>(isa: Avx2<true>, kernel: K) -> K::Output {
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

impl<const VNNI: bool> Isa for Avx2<VNNI> {
    type V = __m256;
    type I = __m256i;

    const LANES: usize = 8;
    // 12 sums, 2 registers of the matrix and one broadcast stay within the 16 registers.
    const ROWS: usize = 6;
    const WIDE: usize = 2;
    const NARROW: usize = 2;
    const BYTES: bool = VNNI;
    const PAIRS: bool = !VNNI;

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
    fn splat_int(self, value: i32) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_set1_epi32(value) }
    }

    #[inline(always)]
    unsafe fn load_int(self, from: *const i32) -> __m256i {
        // SAFETY: `self` proves the instruction, the caller the 8 integers.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_int(self, value: __m256i, to: *mut i32) {
        // SAFETY: `self` proves the instruction, the caller the 8 integers.
        unsafe { _mm256_storeu_si256(to.cast(), value) }
    }

    #[inline(always)]
    fn round(self, value: __m256) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_cvtps_epi32(value) }
    }

    #[inline(always)]
    fn to_float(self, value: __m256i) -> __m256 {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_cvtepi32_ps(value) }
    }

    #[inline(always)]
    fn dot_bytes(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        assert!(
            VNNI,
            "only machines with VNNI are asked for products of bytes"
        );
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_dpbusd_avx_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn dot_pairs(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_maddubs_epi16(a, b) }
    }

    #[inline(always)]
    fn add_words(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_add_epi16(a, b) }
    }

    #[inline(always)]
    fn dot_words(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            if VNNI {
                _mm256_dpwssd_avx_epi32(sum, a, b)
            } else {
                _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
            }
        }
    }

    #[inline(always)]
    fn sub_int(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn max_int(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_max_epi32(a, b) }
    }

    #[inline(always)]
    fn mul_fractions(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instruction.
        unsafe { _mm256_mulhrs_epi16(a, b) }
    }

    #[inline(always)]
    fn exp2_words(self, low: __m256i, high: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe {
            let x = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high));
            let fraction = _mm256_and_si256(_mm256_slli_epi16::<4>(x), _mm256_set1_epi16(0x7FFF));
            let half = _mm256_mulhrs_epi16(fraction, _mm256_set1_epi16(exp2::C));
            let half = _mm256_add_epi16(half, _mm256_set1_epi16(exp2::B));
            let half = _mm256_mulhrs_epi16(half, fraction);
            let half = _mm256_add_epi16(half, _mm256_set1_epi16(exp2::A));
            let half = _mm256_mulhrs_epi16(half, fraction);
            let half = _mm256_add_epi16(half, _mm256_set1_epi16(1 << 14));
            // 0x70 and up to 15 more picks a byte of the table, and 16 more picks zero.
            let at = _mm256_sub_epi16(_mm256_set1_epi16(0x70), _mm256_srai_epi16::<11>(x));
            let at = _mm256_or_si256(at, _mm256_slli_epi16::<8>(at));
            let [low, high] = POWER_BYTES.map(|bytes| _mm256_loadu_si256(bytes.as_ptr().cast()));
            let low = _mm256_and_si256(_mm256_shuffle_epi8(low, at), _mm256_set1_epi16(0x00FF));
            let high =
                _mm256_andnot_si256(_mm256_set1_epi16(0x00FF), _mm256_shuffle_epi8(high, at));
            _mm256_mulhrs_epi16(half, _mm256_or_si256(low, high))
        }
    }

    #[inline(always)]
    fn pair_words(self, low: __m256i, high: __m256i) -> __m256i {
        // SAFETY: `self` proves that the machine has the instructions.
        unsafe { _mm256_blend_epi16::<0xAA>(low, _mm256_slli_epi32::<16>(high)) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, value: __m256i, to: *mut u8) {
        // SAFETY: `self` proves the instructions, the caller the 8 bytes.
        unsafe {
            let low = _mm256_castsi256_si128(value);
            let words = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(value));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
    }

    #[inline(always)]
    unsafe fn store_words(self, value: __m256i, to: *mut i16) {
        // SAFETY: `self` proves the instructions, the caller the 8 words.
        unsafe {
            let low = _mm256_castsi256_si128(value);
            let words = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(value));
            _mm_storeu_si128(to.cast(), words);
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` proves that the machine has the features.
        unsafe {
            if VNNI {
                with_vnni(Avx2(()), kernel)
            } else {
                with_avx2(Avx2(()), kernel)
            }
        }
    }
}

/// The low and the high bytes of [`exp2::POWERS`], for both halves of a register.
const POWER_BYTES: [[u8; 32]; 2] = {
    let mut bytes = [[0; 32]; 2];
    let mut k = 0;
    while k < 32 {
        let [low, high] = exp2::POWERS[k % 16].to_le_bytes();
        bytes[0][k] = low;
        bytes[1][k] = high;
        k += 1;
    }
    bytes
};
