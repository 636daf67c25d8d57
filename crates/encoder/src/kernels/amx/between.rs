//! What stands between the two halves of a feed-forward layer: GELU in words, while the sums are in
//! registers, and from there to bytes.
//!
//! ```text
//! sums           words                             bytes
//! ┌─────────┐    ┌─────────────┐                   ┌───────────────────────────┐
//! │ 32 x 32 │ -> │ 32 x 32     │ panel 0           │ rows, as they are         │
//! └─────────┘    ├─────────────┤           ->      │ multiplied with `down`    │
//!                │             │ panel 1           │                           │
//!                └─────────────┘                   └───────────────────────────┘
//!                 and the greatest of each row      factor of each row
//! ```
//!
//! A word is a value in steps of `2^-bits`, with 1/4 added so that none is below 0: GELU is never
//! less than -0.17. How many bits there are is known before: a row that a norm has left has a
//! length, and so no value of the product leaves a range ([`Int8Panels::word_bits`]).
//!
//! With `a` the magnitude of `x`, GELU is `max(x, 0) - a P(-a)`, and the second term is linear
//! between 32 points: `a` rounded to eighths says which, what is left over is the fraction.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_cvtsi32_si128, _mm256_storeu_si256, _mm512_abs_epi16, _mm512_add_epi16,
    _mm512_adds_epi16, _mm512_castsi512_si256, _mm512_cvtepi16_epi32, _mm512_extracti64x4_epi64,
    _mm512_loadu_si512, _mm512_max_epi16, _mm512_max_epi32, _mm512_min_epu16, _mm512_mulhrs_epi16,
    _mm512_packs_epi32, _mm512_packus_epi16, _mm512_permutexvar_epi16, _mm512_permutexvar_epi32,
    _mm512_reduce_max_epi32, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_sll_epi16, _mm512_sra_epi16, _mm512_storeu_si512, _mm512_sub_epi16, _mm512_subs_epi16,
};

use std::ops::Range;

use super::Amx;
use super::heads::Columns;
use super::product::{PANEL_WIDTH, TakeBlock, multiply_blocks};
use super::tiles::{SIDE, Sums, Tiles};
use crate::kernels::aligned::Aligned;
use crate::kernels::avx512::Avx512;
use crate::kernels::between::Between;
use crate::kernels::quantised::{Int8Columns, Int8Panels, QuantisedPart, QuantisedRows};
use crate::kernels::simd::Isa;

/// Points between which GELU is linear, an eighth apart.
const POINTS: usize = 32;

/// What `max(x, 0)` is more than GELU around each point in steps of 2^-14, and its slope there in steps
/// of 2^-12. Fitted to the smallest error, which is 8e-4.
static MORE: [i16; POINTS] = [
    3, 910, 1632, 2163, 2518, 2715, 2778, 2730, 2596, 2399, 2162, 1905, 1642, 1388, 1150, 935, 747,
    586, 452, 343, 256, 187, 135, 96, 67, 46, 31, 21, 13, 9, 6, 3,
];
static SLOPE: [i16; POINTS] = [
    1946, 1642, 1249, 880, 544, 251, 5, -192, -339, -441, -501, -525, -521, -495, -454, -404, -349,
    -294, -243, -196, -154, -119, -90, -67, -49, -35, -25, -17, -12, -8, -5, -3,
];

/// The memory for words, kept from one block of rows to the next.
#[derive(Debug, Default)]
pub(in crate::kernels) struct WordScratch {
    /// `[panels, rows, 32]`, each line in the order of [`Gelu::of`].
    words: Aligned<i16>,
    /// For each row the greatest words of 32 columns.
    greatest: Aligned<i16>,
    /// What each row is multiplied with, twice.
    factors: Vec<i32>,
}

impl Amx {
    /// GELU in words, and bytes for the next product.
    pub(in crate::kernels) fn feed(self, between: Between<'_>, bits: u32) {
        let Between {
            up,
            rows,
            to,
            scratch,
            ..
        } = between;
        // SAFETY: `self` proves the features.
        unsafe {
            activate(self, bits, up.into(), rows, &mut scratch.words);
            let spoilt = rows.factors(0..rows.n_rows());
            let spoilt = spoilt.map(|(scale, least)| 0.0 * (scale + least));
            to_bytes(self.0, bits, up.n(), spoilt, &mut scratch.words, to);
        }
    }

    /// GELU of some columns in words, written as values of 32 bits.
    pub(in crate::kernels) fn activate_columns(
        self,
        columns: Int8Columns<'_>,
        rows: QuantisedPart<'_>,
        bits: u32,
        scratch: &mut WordScratch,
        out: &mut [f32],
    ) {
        let n = columns.columns.len();
        // SAFETY: `self` proves the features.
        unsafe {
            activate(self, bits, columns, rows, scratch);
            let spoilt = rows.factors(0..rows.n_rows());
            let spoilt = spoilt.map(|(scale, least)| 0.0 * (scale + least));
            to_values(self.0, bits, &scratch.words, spoilt, out, n);
        }
    }

    /// Bytes of what [`Self::activate_columns`] has written, as [`Self::feed`] makes them.
    pub(in crate::kernels) fn quantise_activated(
        self,
        values: &[f32],
        n: usize,
        bits: u32,
        scratch: &mut WordScratch,
        to: &mut QuantisedRows,
    ) {
        // SAFETY: `self` proves the features.
        unsafe {
            to_words(self.0, bits, values, n, scratch);
            let rows = values.chunks_exact(n);
            let spoilt = rows.map(|row| row.iter().fold(0.0, |sum, value| sum + 0.0 * value));
            to_bytes(self.0, bits, n, spoilt, scratch, to);
        }
    }
}

/// What is added to all words: 1/4.
fn shift(bits: u32) -> i16 {
    1 << (bits - 2)
}

/// GELU of words in steps of `2^-bits`; 32 in a register.
#[derive(Clone, Copy)]
struct Gelu {
    greatest: __m512i,
    to_point: __m512i,
    to_fraction: __m128i,
    more: __m512i,
    slope: __m512i,
}

impl Gelu {
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn new(bits: u32) -> Self {
        // SAFETY: both tables are as long as a register.
        let (more, slope) = unsafe {
            (
                _mm512_loadu_si512(MORE.as_ptr().cast()),
                _mm512_loadu_si512(SLOPE.as_ptr().cast()),
            )
        };
        let more = _mm512_sub_epi16(rounded(more, 14 - bits), _mm512_set1_epi16(shift(bits)));
        let slope = rounded(slope, 16 - bits);
        Self {
            // The last that belongs to the last point.
            greatest: _mm512_set1_epi16((POINTS as i16 * 2 - 1) * (1 << (bits - 4)) - 1),
            to_point: _mm512_set1_epi16(1 << (18 - bits)),
            to_fraction: _mm_cvtsi32_si128(19 - bits.cast_signed()),
            more,
            slope,
        }
    }

    /// Returns GELU with [`shift`] added. The words are `low` and `high` four and four in turns.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
    )]
    fn of(&self, low: __m512i, high: __m512i) -> __m512i {
        let x = _mm512_packs_epi32(low, high);
        let a = _mm512_min_epu16(_mm512_abs_epi16(x), self.greatest);
        let point = _mm512_mulhrs_epi16(a, self.to_point);
        let fraction = _mm512_sll_epi16(a, self.to_fraction);
        let slope = _mm512_permutexvar_epi16(point, self.slope);
        let more = _mm512_permutexvar_epi16(point, self.more);
        let positive = _mm512_max_epi16(x, _mm512_setzero_si512());
        let rest = _mm512_mulhrs_epi16(fraction, slope);
        _mm512_subs_epi16(_mm512_subs_epi16(positive, more), rest)
    }
}

/// Words less their last `bits`, rounded.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn rounded(words: __m512i, bits: u32) -> __m512i {
    let half = _mm512_set1_epi16(1 << (bits - 1));
    let count = _mm_cvtsi32_si128(bits.cast_signed());
    _mm512_sra_epi16(_mm512_add_epi16(words, half), count)
}

/// The greatest of the words, which are above 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn greatest_word(words: __m512i) -> i32 {
    let low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(words));
    let high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(words));
    _mm512_reduce_max_epi32(_mm512_max_epi32(low, high))
}

/// Fills `scratch.words` and `scratch.greatest`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn activate(
    amx: Amx,
    bits: u32,
    columns: Int8Columns<'_>,
    rows: QuantisedPart<'_>,
    scratch: &mut WordScratch,
) {
    let isa = amx.0;
    let (matrix, start) = (columns.panels, columns.columns.start);
    let n_rows = rows.n_rows();
    let words = scratch.words.of_len(n_rows * columns.columns.len());
    let greatest = scratch.greatest.of_len(n_rows * PANEL_WIDTH);
    greatest.fill(0);
    let to_words = ToWords {
        isa,
        gelu: Gelu::new(bits),
        steps: (1 << bits) as f32,
        matrix,
        start,
        rows,
        words,
        greatest,
    };
    multiply_blocks(&Tiles::configure(amx), &rows.times(columns), to_words);
}

/// Takes the sums of [`activate`].
struct ToWords<'a> {
    isa: Avx512<true>,
    gelu: Gelu,
    /// Steps to 1.
    steps: f32,
    matrix: &'a Int8Panels,
    /// The first column.
    start: usize,
    rows: QuantisedPart<'a>,
    words: &'a mut [i16],
    greatest: &'a mut [i16],
}

impl TakeBlock for ToWords<'_> {
    #[inline(always)]
    fn take(&mut self, rows: Range<usize>, first: usize, sums: &Sums) {
        let isa = self.isa;
        let [low, high] = Columns::of_panel(isa, self.matrix, first, self.steps);
        let at = (first - self.start) * self.rows.n_rows() + rows.start * PANEL_WIDTH;
        let to = self.words[at..].chunks_exact_mut(PANEL_WIDTH);
        let greatest = self.greatest[rows.start * PANEL_WIDTH..].chunks_exact_mut(PANEL_WIDTH);
        let lines = to.zip(greatest).zip(self.rows.factors(rows));
        for (((to, greatest), (scale, least)), number) in lines.zip(0..) {
            let low = isa.round(low.value(isa, sums.line(number, 0), scale, least));
            let high = isa.round(high.value(isa, sums.line(number, 1), scale, least));
            // SAFETY: `to` and `greatest` are as long as a register, and whoever has tiles has the
            // instructions.
            unsafe {
                let word = self.gelu.of(low, high);
                _mm512_storeu_si512(to.as_mut_ptr().cast(), word);
                let before = _mm512_loadu_si512(greatest.as_ptr().cast());
                let greater = _mm512_max_epi16(before, word);
                _mm512_storeu_si512(greatest.as_mut_ptr().cast(), greater);
            }
        }
    }
}

/// Turns words into bytes; a row for which `spoilt` is not 0 but no number is not finite.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn to_bytes(
    isa: Avx512<true>,
    bits: u32,
    n: usize,
    spoilt: impl Iterator<Item = f32>,
    scratch: &mut WordScratch,
    to: &mut QuantisedRows,
) {
    /// The groups of two panels after `_mm512_packus_epi16`, in order.
    static ORDER: [i32; SIDE] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
    let WordScratch {
        words,
        greatest,
        factors,
    } = scratch;
    factors.clear();
    let greatest = greatest.chunks_exact(PANEL_WIDTH);
    let step = 1.0 / (1 << bits) as f32;
    let least = -f32::from(shift(bits)) * step;
    let mut each = Vec::new();
    for (spoilt, greatest) in spoilt.zip(greatest) {
        // SAFETY: it is as long as a register.
        let greatest = greatest_word(unsafe { _mm512_loadu_si512(greatest.as_ptr().cast()) });
        // The greatest becomes 255, unless its own steps are greater.
        let factor = ((255 << 15) / greatest.max(1)).min(i32::from(i16::MAX));
        factors.push(factor | factor << 16);
        let scale = 32_768.0 / factor as f32 * step;
        each.push((scale + spoilt, least + spoilt));
    }
    let n_rows = factors.len();
    to.of_shape(n_rows, n, true);
    for (row, (scale, least)) in each.into_iter().enumerate() {
        (to.scales[row], to.least[row]) = (scale, least);
    }
    let stride = to.stride;
    // SAFETY: it is as long as a register.
    let order = unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) };
    let words = &words[..n_rows * n];
    for (number, panels) in words.chunks(2 * n_rows * PANEL_WIDTH).enumerate() {
        let (first, second) = panels.split_at(n_rows * PANEL_WIDTH);
        let mut second = second.chunks_exact(PANEL_WIDTH);
        let rows = to.groups[number * SIDE..].chunks_mut(stride);
        let lines = first.chunks_exact(PANEL_WIDTH).zip(&*factors);
        for ((first, &factor), to) in lines.zip(rows) {
            let factor = _mm512_set1_epi32(factor);
            // SAFETY: a line is as long as a register.
            let scaled = |line: &[i16]| unsafe {
                _mm512_mulhrs_epi16(_mm512_loadu_si512(line.as_ptr().cast()), factor)
            };
            let other = second.next();
            let rest = match other {
                Some(line) => scaled(line),
                None => _mm512_setzero_si512(),
            };
            let bytes = _mm512_packus_epi16(scaled(first), rest);
            let bytes = _mm512_permutexvar_epi32(order, bytes);
            if other.is_some() {
                let to = &mut to[..SIDE];
                // SAFETY: `to` is as long as a register.
                unsafe { isa.store_int(bytes, to.as_mut_ptr()) };
            } else {
                let to = &mut to[..SIDE / 2];
                // SAFETY: `to` is half as long as a register.
                unsafe {
                    _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_castsi512_si256(bytes));
                }
            }
        }
    }
}

/// The words of a line of [`Gelu::of`] in order, and those in order as such a line.
static IN_ORDER: [i16; PANEL_WIDTH] = [
    0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21,
    22, 23, 28, 29, 30, 31,
];

/// Writes words as values, `[rows, n]`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn to_values(
    isa: Avx512<true>,
    bits: u32,
    words: &[i16],
    spoilt: impl Iterator<Item = f32>,
    out: &mut [f32],
    n: usize,
) {
    let n_rows = out.len() / n;
    // SAFETY: it is as long as a register.
    let order = unsafe { _mm512_loadu_si512(IN_ORDER.as_ptr().cast()) };
    let (step, shift) = (
        isa.splat(1.0 / (1 << bits) as f32),
        _mm512_set1_epi16(shift(bits)),
    );
    for ((row, out), spoilt) in out.chunks_exact_mut(n).enumerate().zip(spoilt) {
        let lines = words[row * PANEL_WIDTH..].chunks(n_rows * PANEL_WIDTH);
        for (line, out) in lines.zip(out.chunks_exact_mut(PANEL_WIDTH)) {
            let line = &line[..PANEL_WIDTH];
            // SAFETY: it is as long as a register.
            let line = unsafe { _mm512_loadu_si512(line.as_ptr().cast()) };
            let line = _mm512_permutexvar_epi16(order, _mm512_sub_epi16(line, shift));
            let halves = [
                _mm512_castsi512_si256(line),
                _mm512_extracti64x4_epi64::<1>(line),
            ];
            for (half, out) in halves.into_iter().zip(out.chunks_exact_mut(SIDE)) {
                let value = isa.to_float(_mm512_cvtepi16_epi32(half));
                isa.store(isa.mul_add(value, step, isa.splat(spoilt)), out);
            }
        }
    }
}

/// Fills `scratch.words` and `scratch.greatest` with values of such steps, `[rows, n]`.
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn to_words(isa: Avx512<true>, bits: u32, values: &[f32], n: usize, scratch: &mut WordScratch) {
    let n_rows = values.len() / n;
    let words = scratch.words.of_len(values.len());
    let greatest = scratch.greatest.of_len(n_rows * PANEL_WIDTH);
    let (steps, shift) = (
        isa.splat((1 << bits) as f32),
        _mm512_set1_epi16(shift(bits)),
    );
    let rows = values.chunks_exact(n);
    for ((row, values), greatest) in rows.enumerate().zip(greatest.chunks_exact_mut(PANEL_WIDTH)) {
        let lines = words[row * PANEL_WIDTH..].chunks_mut(n_rows * PANEL_WIDTH);
        let mut most = _mm512_setzero_si512();
        for (values, line) in values.chunks_exact(PANEL_WIDTH).zip(lines) {
            let whole = |values| isa.round(isa.mul(isa.load(values), steps));
            let words = _mm512_packs_epi32(whole(values), whole(&values[SIDE..]));
            let words = _mm512_adds_epi16(words, shift);
            most = _mm512_max_epi16(most, words);
            let line = &mut line[..PANEL_WIDTH];
            // SAFETY: `line` is as long as a register.
            unsafe { _mm512_storeu_si512(line.as_mut_ptr().cast(), words) };
        }
        // SAFETY: `greatest` is as long as a register.
        unsafe { _mm512_storeu_si512(greatest.as_mut_ptr().cast(), most) };
    }
}
