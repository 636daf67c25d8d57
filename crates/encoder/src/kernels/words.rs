//! What stands between the two halves of a feed-forward layer where there is AVX-512 with VNNI: GELU
//! in words of 16 bits, 32 in a register, while the sums are in registers; and from there to bytes.
//!
//! ```text
//! sums of two rows            words                                    bytes
//! ┌───────────────┐   ┌─ columns 0 to 15 ──────────┐                   ┌──────────────────────┐
//! │ row 0, 16 x 32│   │ rows 0 and 1, 4 and 4      │ 32 words          │ rows, as they are    │
//! │ row 1, 16 x 32│ ->│ rows 2 and 3, 4 and 4      │            ->     │ multiplied with      │
//! └───────────────┘   ├─ columns 16 to 31 ─────────┤                   │ `down`               │
//!                     │ ...                        │                   └──────────────────────┘
//!                     └────────────────────────────┘
//!                      and the greatest of each row                     factor of each row
//! ```
//!
//! A word is a value in steps of `2^-bits`, with 1/4 added so that none is below 0: GELU is never
//! less than -0.17. How many bits there are is known before: a row that a norm has left has a
//! length, and so no value of the product leaves a range ([`Int8Panels::word_bits`]).
//!
//! With `a` the magnitude of `x`, GELU is `max(x, 0) - a P(-a)`, and the second term is linear
//! between 32 points: `a` rounded to eighths says which, what is left over is the fraction.

use std::arch::x86_64::{
    __m128i, __m512, __m512i, _mm_cvtsi32_si128, _mm_set_epi64x, _mm256_storeu_si256,
    _mm512_abs_epi16, _mm512_add_epi16, _mm512_broadcast_i64x2, _mm512_castsi512_si256,
    _mm512_cvtepi16_epi32, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_maskz_mov_epi16,
    _mm512_max_epi16, _mm512_max_epi32, _mm512_min_epu16, _mm512_mulhrs_epi16, _mm512_packs_epi32,
    _mm512_packus_epi16, _mm512_permutexvar_epi16, _mm512_permutexvar_epi32,
    _mm512_reduce_max_epi32, _mm512_set1_epi16, _mm512_setzero_si512, _mm512_sll_epi16,
    _mm512_sra_epi16, _mm512_storeu_si512, _mm512_sub_epi16, _mm512_subs_epi16,
};

use super::aligned::Aligned;
use super::avx512::Avx512;
use super::quantised::{
    Bytes, Columns, Int8Columns, Int8Panels, QuantisedPart, QuantisedRows, TakeTile,
};
use super::simd::Isa;

/// Words in a register.
const LINE: usize = 32;

/// Columns of a block: two rows of them fill a register.
const BLOCK: usize = LINE / 2;

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

/// GELU of some columns, kept from one block of rows to the next.
#[derive(Debug, Default)]
pub(super) struct GeluWords {
    /// `[n_columns / 16, pairs of rows, 32]`, the words of two rows four and four in turns.
    words: Aligned<i16>,
    /// For each pair of rows the greatest words of all blocks, `[pairs of rows, 32]`.
    greatest: Aligned<i16>,
    /// For each row 0, or no number where the row is not finite.
    spoilt: Vec<f32>,
    bits: u32,
    n_columns: usize,
}

impl GeluWords {
    /// The pairs of rows; the last one may be half a pair.
    fn n_pairs(&self) -> usize {
        self.spoilt.len().div_ceil(2)
    }

    /// Makes room for the product of `rows` with some columns.
    fn of_shape(&mut self, rows: QuantisedPart<'_>, n_columns: usize, bits: u32) {
        let factors = rows.factors(0..rows.n_rows());
        self.spoilt.clear();
        self.spoilt
            .extend(factors.map(|(scale, least)| 0.0 * (scale + least)));
        (self.bits, self.n_columns) = (bits, n_columns);
        let n_pairs = self.n_pairs();
        self.words.of_len(n_columns / BLOCK * n_pairs * LINE);
        self.greatest.of_len(n_pairs * LINE).fill(0);
    }

    /// Puts the columns of all `parts` beside each other.
    pub(super) fn join<'a>(&mut self, parts: impl Iterator<Item = &'a Self>) {
        self.n_columns = 0;
        let mut len = 0;
        for part in parts {
            let n_pairs = part.n_pairs();
            let words = &part.words[..part.n_columns / BLOCK * n_pairs * LINE];
            self.words.of_len(len + words.len())[len..].copy_from_slice(words);
            len += words.len();
            let first = self.n_columns == 0;
            let greatest = self.greatest.of_len(n_pairs * LINE);
            for (to, from) in greatest.iter_mut().zip(&part.greatest[..]) {
                *to = if first { *from } else { *from.max(to) };
            }
            self.spoilt.clone_from(&part.spoilt);
            self.bits = part.bits;
            self.n_columns += part.n_columns;
        }
    }
}

impl Avx512<true> {
    /// Fills `out` with GELU of some columns of the product.
    pub(super) fn activate(
        self,
        columns: Int8Columns<'_>,
        rows: QuantisedPart<'_>,
        bits: u32,
        out: &mut GeluWords,
    ) {
        // SAFETY: `self` proves the features.
        unsafe { activate(self, columns, rows, bits, out) }
    }

    /// Turns words into the bytes that stand for the same values.
    pub(super) fn quantise_words(self, words: &GeluWords, to: &mut QuantisedRows) {
        // SAFETY: `self` proves the features.
        unsafe { to_bytes(self, words, to) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn activate(
    isa: Avx512<true>,
    columns: Int8Columns<'_>,
    rows: QuantisedPart<'_>,
    bits: u32,
    out: &mut GeluWords,
) {
    let to_words = ToWords::new(isa, &columns, rows, bits, out);
    let product = rows.times(columns);
    product.run_tiles::<_, Bytes, _>(isa, to_words);
}

/// Takes sums and leaves GELU in words.
pub(super) struct ToWords<'a> {
    isa: Avx512<true>,
    gelu: Gelu,
    /// Steps to 1.
    steps: f32,
    matrix: &'a Int8Panels,
    /// The first column.
    start: usize,
    rows: QuantisedPart<'a>,
    n_pairs: usize,
    words: &'a mut [i16],
    greatest: &'a mut [i16],
}

impl<'a> ToWords<'a> {
    /// Makes room for the words in `out`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
    pub(super) fn new(
        isa: Avx512<true>,
        columns: &Int8Columns<'a>,
        rows: QuantisedPart<'a>,
        bits: u32,
        out: &'a mut GeluWords,
    ) -> Self {
        out.of_shape(rows, columns.columns.len(), bits);
        Self {
            isa,
            gelu: Gelu::new(bits),
            steps: (1 << bits) as f32,
            matrix: columns.panels,
            start: columns.columns.start,
            rows,
            n_pairs: out.n_pairs(),
            words: &mut out.words,
            greatest: &mut out.greatest,
        }
    }

    #[inline(always)]
    pub(super) fn isa(&self) -> Avx512<true> {
        self.isa
    }

    /// What 16 columns from `column` on need for every row.
    #[inline(always)]
    pub(super) fn columns(&self, column: usize) -> (Columns<__m512>, usize) {
        let columns = Columns::of(self.isa, self.matrix, column).scaled(self.isa, self.steps);
        (columns, (column - self.start) / BLOCK * self.n_pairs)
    }

    /// Takes the sums of `row`, which is even, and of the next, where there is one.
    #[inline(always)]
    pub(super) fn take_two_rows(
        &mut self,
        row: usize,
        (columns, first_line): &(Columns<__m512>, usize),
        sums: [__m512i; 2],
    ) {
        let pair = row / 2;
        let next = (row + 1).min(self.rows.n_rows() - 1);
        let first = self.steps_of(row, columns, sums[0]);
        let second = self.steps_of(next, columns, sums[1]);
        let to = &mut self.words[(first_line + pair) * LINE..][..LINE];
        let greatest = &mut self.greatest[pair * LINE..][..LINE];
        // SAFETY: both lines are as long as a register, and `isa` proves the instructions.
        unsafe {
            let words = self.gelu.of(first, second);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), words);
            let before = _mm512_loadu_si512(greatest.as_ptr().cast());
            let greater = _mm512_max_epi16(before, words);
            _mm512_storeu_si512(greatest.as_mut_ptr().cast(), greater);
        }
    }
}

impl ToWords<'_> {
    /// The values of a row in steps.
    #[inline(always)]
    fn steps_of(&self, row: usize, columns: &Columns<__m512>, sums: __m512i) -> __m512i {
        let (scale, least) = (self.rows.scales[row], self.rows.least[row]);
        let values = columns.values(self.isa, sums, scale, least);
        self.isa.round(values)
    }
}

impl TakeTile<Avx512<true>> for ToWords<'_> {
    #[inline(always)]
    fn take<const NV: usize, const MR: usize>(
        &mut self,
        _: Avx512<true>,
        row: usize,
        column: usize,
        sums: &[[__m512i; NV]; MR],
    ) {
        for v in 0..NV {
            let columns = self.columns(column + v * BLOCK);
            for number in (0..MR).step_by(2) {
                let next = (number + 1).min(MR - 1);
                let sums = [sums[number][v], sums[next][v]];
                self.take_two_rows(row + number, &columns, sums);
            }
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
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

/// The greatest of the words of the first row of a pair and of the second; they are above 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn greatest_words(line: &[i16]) -> [i32; 2] {
    const FIRST: u32 = 0x0F0F_0F0F;
    let line = &line[..LINE];
    // SAFETY: it is as long as a register.
    let line = unsafe { _mm512_loadu_si512(line.as_ptr().cast()) };
    let mut greatest = [0; 2];
    for (greatest, which) in greatest.iter_mut().zip([FIRST, !FIRST]) {
        let words = _mm512_maskz_mov_epi16(which, line);
        let low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(words));
        let high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(words));
        *greatest = _mm512_reduce_max_epi32(_mm512_max_epi32(low, high));
    }
    greatest
}

/// What a row of words is multiplied with, as a fraction of 2^15: the greatest becomes 255, unless its
/// own steps are greater.
fn factor_of(greatest: i32) -> i32 {
    ((255 << 15) / greatest.max(1)).min(i32::from(i16::MAX))
}

/// Turns words into bytes; a row for which `spoilt` is no number is not finite.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn to_bytes(isa: Avx512<true>, words: &GeluWords, to: &mut QuantisedRows) {
    let (n_rows, n, bits) = (words.spoilt.len(), words.n_columns, words.bits);
    let step = 1.0 / (1 << bits) as f32;
    let least = -f32::from(shift(bits)) * step;
    to.of_shape(n_rows, n, true);
    let lines = words.greatest.chunks_exact(LINE);
    for (pair, line) in lines.take(words.n_pairs()).enumerate() {
        let factors = greatest_words(line).map(factor_of);
        for (row, factor) in (2 * pair..n_rows).zip(factors) {
            let spoilt = words.spoilt[row];
            to.scales[row] = 32_768.0 / factor as f32 * step + spoilt;
            to.least[row] = least + spoilt;
        }
        write_pair(isa, words, pair, factors, to);
    }
}

/// Writes the bytes of two rows, or of the last one alone.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn write_pair(
    isa: Avx512<true>,
    words: &GeluWords,
    pair: usize,
    factors: [i32; 2],
    to: &mut QuantisedRows,
) {
    /// The groups of two blocks after `_mm512_packus_epi16`: those of the first row, then those of
    /// the second.
    static ORDER: [i32; BLOCK] = [0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15];
    // SAFETY: it is as long as a register.
    let order = unsafe { isa.load_int(ORDER.as_ptr()) };
    let [first, second] = factors.map(|factor| i64::from(factor) * 0x0001_0001_0001_0001);
    let factors = _mm512_broadcast_i64x2(_mm_set_epi64x(second, first));
    let from_one_block_to_the_next = words.n_pairs() * LINE;
    let blocks = words.words[pair * LINE..].chunks(2 * from_one_block_to_the_next);
    let blocks = blocks.take(words.n_columns / (2 * BLOCK));
    let mut rows = to.groups[2 * pair * to.stride..].chunks_mut(to.stride);
    let (first_row, second_row) = (rows.next(), rows.next());
    let (Some(first_row), Some(second_row)) = (first_row, second_row) else {
        unreachable!("there are rows beyond the last");
    };
    let both = first_row
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip(second_row.as_chunks_mut::<8>().0);
    for (block, (first_row, second_row)) in blocks.zip(both) {
        // SAFETY: a line is as long as a register.
        let scaled = |line: &[i16]| unsafe {
            _mm512_mulhrs_epi16(_mm512_loadu_si512(line[..LINE].as_ptr().cast()), factors)
        };
        let (low, high) = (scaled(block), scaled(&block[from_one_block_to_the_next..]));
        let bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
        // SAFETY: each row's part is half as long as a register.
        unsafe {
            let half = _mm512_castsi512_si256(bytes);
            _mm256_storeu_si256(first_row.as_mut_ptr().cast(), half);
            let half = _mm512_extracti64x4_epi64::<1>(bytes);
            _mm256_storeu_si256(second_row.as_mut_ptr().cast(), half);
        }
    }
}
