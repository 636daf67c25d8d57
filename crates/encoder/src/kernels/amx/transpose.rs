//! Transposes 16 rows of 16 groups, four rows and four columns at a time.

use std::arch::x86_64::{
    __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

/// Returns the columns of `rows`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transposed(rows: &[__m512i; 16]) -> [__m512i; 16] {
    // `within[4 q + c]` holds, in its quarter `p`, column `4 p + c` of the rows `4 q..4 q + 4`.
    let mut within = *rows;
    let blocks = rows.as_chunks::<4>().0.iter();
    for (&[a, b, c, d], to) in blocks.zip(within.as_chunks_mut::<4>().0) {
        let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
        let (ab_high, cd_high) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
        *to = [
            _mm512_unpacklo_epi64(ab, cd),
            _mm512_unpackhi_epi64(ab, cd),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ];
    }
    // The quarters are transposed in the same way.
    let mut columns = *rows;
    for column in 0..4 {
        // No `map`: what it calls would stay a function of its own.
        let [a, b, c, d] = [
            within[column],
            within[4 + column],
            within[8 + column],
            within[12 + column],
        ];
        let (ab, cd) = (
            _mm512_shuffle_i32x4::<0x44>(a, b),
            _mm512_shuffle_i32x4::<0x44>(c, d),
        );
        let (ab_high, cd_high) = (
            _mm512_shuffle_i32x4::<0xEE>(a, b),
            _mm512_shuffle_i32x4::<0xEE>(c, d),
        );
        columns[column] = _mm512_shuffle_i32x4::<0x88>(ab, cd);
        columns[4 + column] = _mm512_shuffle_i32x4::<0xDD>(ab, cd);
        columns[8 + column] = _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high);
        columns[12 + column] = _mm512_shuffle_i32x4::<0xDD>(ab_high, cd_high);
    }
    columns
}
