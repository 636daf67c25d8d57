//! Scaled dot-product attention of one sequence, in integers.
//!
//! ```text
//! per head:  queries [n, head]   x   keys    panels [head / group, keys]
//!              = scores [n, keys]     integers of 32 bits
//!            2^(score - greatest) -> weights [n, keys]     words up to 2^14
//!            weights [n, keys]   x   values  panels [keys / 2, head]   = context [n, head]
//! ```
//!
//! Queries and keys are bytes where the machine multiplies bytes, and else words of 13 bits. A
//! weight is a word of 14 bits and a value one of 12, so less is lost here than in bf16. No sum
//! leaves 32 bits: the products of a query and a key are bounded by their length, and a row of
//! weights that add up to more than 2^19, which are flat, is shifted until they do not.

use std::ops::Range;

use super::aligned::Aligned;
use super::quantised::{
    Bytes, Finish, Int8Panels, IntProduct, QuantisedPart, QuantisedRows, Words, greatest_magnitude,
};
use super::simd::{Isa, Kernel};

/// The greatest value, and what the weights of a row may add up to so that no sum of their
/// products leaves 32 bits.
const MAX_VALUE: f32 = 4095.0;
const MAX_SUM: i32 = 1 << 19;

/// The memory that attention works in, kept from one sequence to the next.
#[derive(Debug, Default)]
pub(crate) struct IntAttentionScratch {
    queries: Aligned<i32>,
    /// The keys less their mean, as integers, and in panels.
    centred: Aligned,
    rows: Aligned<i32>,
    keys: Aligned<i32>,
    /// What is taken off the scores of each key: 128 times the sum of its bytes.
    offsets: Aligned<i32>,
    values: Aligned<i32>,
    scores: Aligned<i32>,
    weights: Aligned<i32>,
    /// What [`RowAttention`] asks and offers.
    pub(super) asked: Aligned,
    pub(super) offered: Aligned,
    /// What comes out, before it is quantised.
    pub(super) mixed: Aligned,
    #[cfg(target_arch = "x86_64")]
    pub(super) tiles: super::amx::scratch::TileScratch,
}

/// Attention of query rows over one sequence (Vaswani et al., arXiv:1706.03762, equation 1), in
/// words.
///
/// Queries, keys and values stand head after head, `[n_heads, rows, head_dim]`.
pub(crate) struct IntAttention<'a> {
    pub(crate) n_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) queries: HeadRows<'a>,
    pub(crate) keys: HeadRows<'a>,
    pub(crate) values: HeadRows<'a>,
    /// `[n_queries, n_heads * head_dim]`.
    pub(crate) out: &'a mut [f32],
    pub(crate) scratch: &'a mut IntAttentionScratch,
}

/// Rows of one sequence among those of all, `[n_heads, n_rows, head_dim]`.
#[derive(Clone)]
pub(crate) struct HeadRows<'a> {
    pub(crate) values: &'a [f32],
    /// The number of rows of all sequences.
    pub(crate) n_rows: usize,
    /// The rows of this sequence.
    pub(crate) rows: Range<usize>,
}

impl HeadRows<'_> {
    /// The rows of one head, one after the other.
    #[inline(always)]
    pub(super) fn head(&self, number: usize, head_dim: usize) -> &[f32] {
        let start = number * self.n_rows;
        &self.values[(start + self.rows.start) * head_dim..(start + self.rows.end) * head_dim]
    }
}

/// Attention of whole sequences, each over itself, from quantised rows on.
pub(crate) struct RowAttention<'a> {
    pub(crate) n_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) query: &'a Int8Panels,
    /// The matrix of the keys and below it that of the values.
    pub(crate) keys_values: &'a Int8Panels,
    /// The rows of all sequences.
    pub(crate) rows: QuantisedPart<'a>,
    /// The number of rows of each sequence.
    pub(crate) lens: &'a [usize],
    /// The matrix that the results are multiplied with.
    pub(crate) reader: &'a Int8Panels,
    /// Where the results go, from row `first` on; they become the last rows.
    pub(crate) to: &'a mut QuantisedRows,
    pub(crate) first: usize,
    pub(crate) scratch: &'a mut IntAttentionScratch,
}

impl Kernel for IntAttention<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let dim = self.head_dim;
        let hidden = self.n_heads * dim;
        let n_keys = self.keys.rows.len();
        for number in 0..self.n_heads {
            let mut head = Head {
                dim,
                n_keys,
                padded: n_keys.next_multiple_of(2 * I::LANES),
                key_scale: 0.0,
                value_scale: 0.0,
                scratch: &mut *self.scratch,
            };
            head.pack_keys(isa, self.keys.head(number, dim));
            head.pack_values(isa, self.values.head(number, dim));
            let queries = self.queries.head(number, dim).chunks(I::ROWS * dim);
            for (queries, out) in queries.zip(self.out.chunks_mut(I::ROWS * hidden)) {
                head.attend(isa, queries, &mut out[number * dim..], hidden);
            }
        }
    }
}

/// One head of one sequence.
struct Head<'a> {
    dim: usize,
    n_keys: usize,
    /// `n_keys`, rounded up to whole registers of words.
    padded: usize,
    key_scale: f32,
    value_scale: f32,
    scratch: &'a mut IntAttentionScratch,
}

impl Head<'_> {
    /// The greatest number of a query or a key: a byte, or a word of which `dim` products stay
    /// within 32 bits.
    fn limit<I: Isa>(&self) -> f32 {
        if I::BYTES {
            127.0
        } else {
            (i32::MAX as usize / self.dim).isqrt() as f32
        }
    }

    /// Quantises the keys with one scale and packs them, `[dim / group, width]` a panel.
    ///
    /// The mean of all keys is taken off each first: that changes all scores of a query alike and
    /// so no weight, and it leaves smaller numbers (`SageAttention`,
    /// arXiv:2410.02367, section 4.2).
    #[inline(always)]
    fn pack_keys<I: Isa>(&mut self, isa: I, from: &[f32]) {
        let (limit, width, padded) = (self.limit::<I>(), I::WIDE * I::LANES, self.padded);
        let n_groups = n_groups::<I>(self.dim);
        let centred = self.scratch.centred.of_len(from.len());
        take_off_mean(isa, self.dim, from, centred);
        let greatest = greatest_magnitude(isa, centred);
        self.key_scale = greatest / limit;
        let factor = if greatest > 0.0 {
            limit / greatest
        } else {
            0.0
        };
        let rows = self.scratch.rows.of_len(self.n_keys * n_groups);
        to_numbers(isa, centred, factor, rows);
        let panel_len = width * n_groups;
        let keys = self.scratch.keys.of_len(padded.div_ceil(width) * panel_len);
        // Bytes are unsigned around 128, and signed in a matrix.
        let sign = if I::BYTES {
            0x8080_8080_u32.cast_signed()
        } else {
            0
        };
        let panels = keys.chunks_exact_mut(panel_len);
        for (panel, rows) in panels.zip(rows.chunks(panel_len)) {
            for (column, row) in rows.chunks_exact(n_groups).enumerate() {
                for (line, &group) in panel.chunks_exact_mut(width).zip(row) {
                    line[column] = group ^ sign;
                }
            }
        }
        if I::BYTES {
            let offsets = self.scratch.offsets.of_len(padded.next_multiple_of(width));
            let columns = offsets.chunks_exact_mut(width);
            for (offsets, panel) in columns.zip(keys.chunks_exact(panel_len)) {
                add_up_bytes(isa, panel, offsets);
            }
        }
    }

    /// Quantises the values with one scale and packs them, `[n_keys / 2, width]` a panel.
    #[inline(always)]
    fn pack_values<I: Isa>(&mut self, isa: I, from: &[f32]) {
        let (dim, width) = (self.dim, I::NARROW * I::LANES);
        let greatest = greatest_magnitude(isa, from);
        self.value_scale = greatest / MAX_VALUE;
        let factor = isa.splat(if greatest > 0.0 {
            MAX_VALUE / greatest
        } else {
            0.0
        });
        let word = |values: &[f32]| isa.round(isa.mul(isa.load(values), factor));
        let n_pairs = self.n_keys.div_ceil(2);
        let values = self.scratch.values.of_len(n_pairs * dim);
        for (pair, rows) in from.chunks(2 * dim).enumerate() {
            for column in (0..dim).step_by(I::LANES) {
                let low = word(&rows[column..]);
                let high = if rows.len() > dim {
                    word(&rows[dim + column..])
                } else {
                    isa.splat_int(0)
                };
                let (panel, within) = (column / width, column % width);
                let to = &mut values[(panel * n_pairs + pair) * width + within..][..I::LANES];
                // SAFETY: `to` is as long as a register has lanes.
                unsafe { isa.store_int(isa.pair_words(low, high), to.as_mut_ptr()) };
            }
        }
    }

    /// Mixes the values for a few rows of queries.
    #[inline(always)]
    fn attend<I: Isa>(&mut self, isa: I, queries: &[f32], out: &mut [f32], hidden: usize) {
        let (dim, padded, limit) = (self.dim, self.padded, self.limit::<I>());
        let n_groups = n_groups::<I>(dim);
        let n_rows = queries.len() / dim;
        let IntAttentionScratch {
            queries: words,
            keys,
            offsets,
            values,
            scores,
            weights,
            ..
        } = &mut *self.scratch;
        let words = words.of_len(n_rows * n_groups);
        let scores = scores.of_len(n_rows * padded);
        let weights = weights.of_len(n_rows * padded / 2);
        let mut factors = [0.0; 8];
        let rows = queries
            .chunks_exact(dim)
            .zip(words.chunks_exact_mut(n_groups));
        for ((query, words), factor) in rows.zip(&mut factors) {
            let greatest = greatest_magnitude(isa, query);
            let steps = if greatest > 0.0 {
                limit / greatest
            } else {
                0.0
            };
            to_numbers(isa, query, steps, words);
            // From products of integers to scores, and from e to 2.
            let scale = greatest / limit * self.key_scale / (dim as f32).sqrt();
            *factor = scale * std::f32::consts::LOG2_E;
        }
        let product = IntProduct {
            rows: n_rows,
            n_groups,
            columns: 0..padded,
            a: words,
            a_stride: n_groups,
            panels: keys,
            runs: &[],
            width: I::WIDE * I::LANES,
        };
        let finish = ToScores {
            offsets,
            out: scores,
            stride: padded,
        };
        if I::BYTES {
            product.run::<I, Bytes, _>(isa, finish);
        } else {
            product.run::<I, Words, _>(isa, finish);
        }
        let rows = scores
            .chunks_exact_mut(padded)
            .zip(weights.chunks_exact_mut(padded / 2));
        for ((scores, weights), factor) in rows.zip(&mut factors) {
            // What stands beyond the keys must not become the greatest.
            scores[self.n_keys..].fill(i32::MIN);
            let sum = exponentials(isa, scores, self.n_keys, *factor, weights);
            *factor = self.value_scale / sum as f32;
        }
        let product = IntProduct {
            rows: n_rows,
            n_groups: self.n_keys.div_ceil(2),
            columns: 0..dim,
            a: weights,
            a_stride: padded / 2,
            panels: values,
            runs: &[],
            width: I::NARROW * I::LANES,
        };
        let finish = ToContext {
            factors: &factors,
            out,
            stride: hidden,
        };
        product.run::<I, Words, _>(isa, finish);
    }
}

struct ToScores<'a> {
    offsets: &'a [i32],
    out: &'a mut [i32],
    stride: usize,
}

impl Finish for ToScores<'_> {
    /// The offsets, and the first column.
    type Column<I: Isa> = (I::I, usize);

    #[inline(always)]
    fn column<I: Isa>(&self, isa: I, column: usize) -> (I::I, usize) {
        if !I::BYTES {
            return (isa.splat_int(0), column);
        }
        let offsets = &self.offsets[column..][..I::LANES];
        // SAFETY: they are as many as a register has lanes.
        (unsafe { isa.load_int(offsets.as_ptr()) }, column)
    }

    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &(I::I, usize), sums: I::I) {
        let &(offsets, column) = column;
        let sums = if I::BYTES {
            isa.sub_int(sums, offsets)
        } else {
            sums
        };
        let to = &mut self.out[row * self.stride + column..][..I::LANES];
        // SAFETY: `to` is as long as a register has lanes.
        unsafe { isa.store_int(sums, to.as_mut_ptr()) };
    }
}

struct ToContext<'a> {
    /// One for each row.
    factors: &'a [f32; 8],
    out: &'a mut [f32],
    stride: usize,
}

impl Finish for ToContext<'_> {
    type Column<I: Isa> = usize;

    #[inline(always)]
    fn column<I: Isa>(&self, _: I, column: usize) -> usize {
        column
    }

    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &usize, sums: I::I) {
        let context = isa.mul(isa.to_float(sums), isa.splat(self.factors[row]));
        isa.store(context, &mut self.out[row * self.stride + column..]);
    }
}

/// Turns scores into weights, `2^(factor (score - greatest))` in words, and returns their sum.
///
/// `scores` is a multiple of two registers long, of which only the last may hold less than
/// `n_keys`; the weights beyond are 0.
#[inline(always)]
fn exponentials<I: Isa>(
    isa: I,
    scores: &[i32],
    n_keys: usize,
    factor: f32,
    weights: &mut [i32],
) -> i32 {
    assert!(weights.len() >= scores.len() / 2, "a word for each score");
    // SAFETY: it is called with as many integers as a register has lanes.
    let load = |from: &[i32]| unsafe { isa.load_int(from.as_ptr()) };
    // SAFETY: as above.
    let store = |value, to: &mut [i32]| unsafe { isa.store_int(value, to.as_mut_ptr()) };
    let mut greatest = [isa.splat_int(i32::MIN); 2];
    for pair in scores.chunks_exact(2 * I::LANES) {
        for (greatest, scores) in greatest.iter_mut().zip(pair.chunks_exact(I::LANES)) {
            *greatest = isa.max_int(*greatest, load(scores));
        }
    }
    let greatest = isa.greatest_int(isa.max_int(greatest[0], greatest[1]));
    let factor = factor * 2048.0;
    let (shift, factor) = (isa.splat(-(greatest as f32 * factor)), isa.splat(factor));
    let exponent = |scores| isa.round(isa.mul_add(isa.to_float(scores), factor, shift));
    let ones = isa.splat_int(0x0001_0001);
    let mut sum = isa.splat_int(0);
    let pairs = scores
        .chunks_exact(2 * I::LANES)
        .zip(weights.chunks_exact_mut(I::LANES));
    for (scores, weights) in pairs {
        let (low, high) = scores.split_at(I::LANES);
        let words = isa.exp2_words(exponent(load(low)), exponent(load(high)));
        sum = isa.dot_words(sum, words, ones);
        store(words, weights);
    }
    let mut sum = isa.sum_int(sum);
    for key in n_keys..scores.len() {
        // `key` is the low word of a pair or its high word.
        let pair = &mut weights[key / 2];
        let (kept, beyond) = if key % 2 == 0 {
            (*pair & !0xFFFF, *pair)
        } else {
            (*pair & 0xFFFF, *pair >> 16)
        };
        sum -= i32::from(beyond as i16);
        *pair = kept;
    }
    let most = MAX_SUM - scores.len() as i32;
    if sum <= most {
        return sum;
    }
    let n_bits = (sum / most.max(1)).ilog2() + 1;
    let power = isa.splat_int((1 << 15 >> n_bits) * 0x0001_0001);
    let mut sum = isa.splat_int(0);
    for weights in weights[..scores.len() / 2].chunks_exact_mut(I::LANES) {
        let words = isa.mul_fractions(load(weights), power);
        sum = isa.dot_words(sum, words, ones);
        store(words, weights);
    }
    isa.sum_int(sum)
}

/// The groups that `dim` numbers of a query or a key make.
fn n_groups<I: Isa>(dim: usize) -> usize {
    dim / if I::BYTES { 4 } else { 2 }
}

/// Writes `factor` times each value: as a byte with 128 added, or as a word.
#[inline(always)]
fn to_numbers<I: Isa>(isa: I, values: &[f32], factor: f32, to: &mut [i32]) {
    let (factor, middle) = (isa.splat(factor), isa.splat(128.0));
    let width = n_groups::<I>(I::LANES);
    let registers = values
        .chunks_exact(I::LANES)
        .zip(to.chunks_exact_mut(width));
    for (values, to) in registers {
        let values = isa.load(values);
        // SAFETY: `to` is as many bytes, or words, as a register has lanes.
        unsafe {
            if I::BYTES {
                let numbers = isa.round(isa.mul_add(values, factor, middle));
                isa.store_bytes(numbers, to.as_mut_ptr().cast());
            } else {
                let numbers = isa.round(isa.mul(values, factor));
                isa.store_words(numbers, to.as_mut_ptr().cast());
            }
        }
    }
}

/// Writes rows of `dim` values less the mean of all rows.
#[inline(always)]
fn take_off_mean<I: Isa>(isa: I, dim: usize, rows: &[f32], to: &mut [f32]) {
    let share = isa.splat(dim as f32 / rows.len() as f32);
    for column in (0..dim).step_by(I::LANES) {
        let mut sum = isa.splat(0.0);
        for row in rows.chunks_exact(dim) {
            sum = isa.add(sum, isa.load(&row[column..]));
        }
        let mean = isa.mul(sum, share);
        for (row, to) in rows.chunks_exact(dim).zip(to.chunks_exact_mut(dim)) {
            isa.store(isa.sub(isa.load(&row[column..]), mean), &mut to[column..]);
        }
    }
}

/// Writes 128 times the sum of each column of signed bytes in a panel.
#[inline(always)]
fn add_up_bytes<I: Isa>(isa: I, panel: &[i32], sums: &mut [i32]) {
    let width = sums.len();
    let factor = isa.splat_int(0x8080_8080_u32.cast_signed());
    for (v, sums) in sums.chunks_exact_mut(I::LANES).enumerate() {
        let mut sum = isa.splat_int(0);
        for line in panel.chunks_exact(width) {
            let groups = &line[v * I::LANES..][..I::LANES];
            // SAFETY: `groups` is as long as a register has lanes.
            sum = isa.dot_bytes(sum, factor, unsafe { isa.load_int(groups.as_ptr()) });
        }
        // SAFETY: as above.
        unsafe { isa.store_int(sum, sums.as_mut_ptr()) };
    }
}
