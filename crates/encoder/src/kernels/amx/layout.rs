//! How attention in tiles lays out keys, values and scores.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_si512, _mm512_permutex2var_ps,
};

use super::tiles::SIDE;

/// Keys of a panel and of a step, and columns of a panel.
pub(super) const WIDTH: usize = 2 * SIDE;

/// Steps of a score to a power of 2.
pub(super) const STEPS: f32 = 128.0;

/// What the blocks of queries of one head share.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) dim: usize,
    pub(super) n_keys: usize,
    /// Whether all keys are small enough.
    pub(super) small_keys: bool,
    pub(super) out_stride: usize,
}

impl Shape {
    pub(super) fn n_panels(self) -> usize {
        self.n_keys.div_ceil(WIDTH)
    }
}

/// The line of a step for each pair of keys: as `to_weights` puts four keys of the first half beside
/// four of the second, again and again.
pub(super) const LINE_OF_PAIR: [usize; SIDE] =
    [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15];

/// Puts the columns of a panel of values, which stand four and four in the two tiles, in order.
#[inline]
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
pub(super) fn in_order([first, second]: [__m512; 2]) -> [__m512; 2] {
    // The second tile's lanes are numbered from 16 on.
    static ORDER: [[i32; SIDE]; 2] = [
        [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
        [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31],
    ];
    // SAFETY: both are as long as a register.
    let orders = unsafe {
        [
            _mm512_loadu_si512(ORDER[0].as_ptr().cast()),
            _mm512_loadu_si512(ORDER[1].as_ptr().cast()),
        ]
    };
    [
        _mm512_permutex2var_ps(first, orders[0], second),
        _mm512_permutex2var_ps(first, orders[1], second),
    ]
}

/// Rounds two registers to bf16: the lanes of `low` in the lower half, two to a group.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn pair(low: __m512, high: __m512) -> __m512i {
    let both = _mm512_cvtne2ps_pbh(high, low);
    // SAFETY: both are 512 bits, of which every pattern is a value.
    unsafe { std::mem::transmute(both) }
}
