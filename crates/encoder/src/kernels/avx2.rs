//! The paths for x86-64 machines with AVX2 and FMA: with and without instructions for bytes
//! (AVX-VNNI).

use std::arch::x86_64::{
    __m256, __m256i, _mm_packs_epi32, _mm_packus_epi16, _mm_storel_epi64, _mm_storeu_si128,
    _mm256_add_epi32, _mm256_add_ps, _mm256_blend_epi16, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cvtepi32_ps, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_dpbusd_avx_epi32, _mm256_dpwssd_avx_epi32, _mm256_extracti128_si256, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32,
    _mm256_storeu_ps, _mm256_storeu_si256, _mm256_sub_ps, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

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
    unsafe fn transpose(
        self,
        from: *const i32,
        from_stride: usize,
        to: *mut i32,
        to_stride: usize,
    ) {
        // SAFETY: `self` proves the instructions, the caller the 8 rows of 8 integers.
        unsafe {
            let mut rows = [_mm256_set1_epi32(0); 8];
            for (number, row) in rows.iter_mut().enumerate() {
                *row = _mm256_loadu_si256(from.add(number * from_stride).cast());
            }
            for (number, row) in transposed(rows).into_iter().enumerate() {
                _mm256_storeu_si256(to.add(number * to_stride).cast(), row);
            }
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

/// Transposes 8 rows of 8 integers, four rows and four columns at a time.
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn transposed(rows: [__m256i; 8]) -> [__m256i; 8] {
    // SAFETY: the caller says that the machine has the instructions.
    unsafe {
        // `within[4 q + c]` holds, in its half `p`, column `4 p + c` of the rows `4 q..4 q + 4`.
        let mut within = rows;
        for (from, to) in rows
            .as_chunks::<4>()
            .0
            .iter()
            .zip(within.as_chunks_mut::<4>().0)
        {
            let [a, b, c, d] = *from;
            let (ab, cd) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
            let (ab_high, cd_high) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
            *to = [
                _mm256_unpacklo_epi64(ab, cd),
                _mm256_unpackhi_epi64(ab, cd),
                _mm256_unpacklo_epi64(ab_high, cd_high),
                _mm256_unpackhi_epi64(ab_high, cd_high),
            ];
        }
        let mut out = rows;
        for column in 0..4 {
            let (low, high) = (within[column], within[4 + column]);
            out[column] = _mm256_permute2x128_si256::<0x20>(low, high);
            out[4 + column] = _mm256_permute2x128_si256::<0x31>(low, high);
        }
        out
    }
}
