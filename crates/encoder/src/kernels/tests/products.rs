//! Products of integers against plain loops: nothing saturates, and no row depends on another.

use super::super::quantised::{Bytes, Finish, IntProduct, Pairs, PanelRuns, Words};
use super::*;

/// How a range of integers is sampled; sums of the ends are what saturates.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Random,
    Least,
    Greatest,
    Alternating,
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        3 => Just(Pattern::Random),
        1 => Just(Pattern::Least),
        1 => Just(Pattern::Greatest),
        1 => Just(Pattern::Alternating),
    ]
}

impl Pattern {
    fn integers(self, len: usize, seed: u64, range: RangeInclusive<i32>) -> Vec<i32> {
        let (least, greatest) = (*range.start(), *range.end());
        match self {
            Self::Random => integers(len, seed, range),
            Self::Least => vec![least; len],
            Self::Greatest => vec![greatest; len],
            Self::Alternating => [least, greatest].into_iter().cycle().take(len).collect(),
        }
    }

    fn weights(self, len: usize, seed: u64) -> Vec<i8> {
        let integers = self.integers(len, seed, -128..=127);
        integers.into_iter().map(|weight| weight as i8).collect()
    }
}

/// The sums of every row of `a` with every row of `weights`, `[rows, n]`.
fn plain_sums(a: &[i32], weights: &[i8], k: usize) -> Vec<i32> {
    let sum = |a: &[i32], weights: &[i8]| -> i32 {
        let products = a.iter().zip(weights);
        products.map(|(&a, &weight)| a * i32::from(weight)).sum()
    };
    a.chunks(k)
        .flat_map(|a| weights.chunks(k).map(move |weights| sum(a, weights)))
        .collect()
}

/// Numbers as groups of `n_bytes` bytes or, for 2, words.
fn groups(numbers: &[i32], n_in_group: usize) -> Vec<i32> {
    let (width, mask) = if n_in_group == 4 {
        (8, 0xFF)
    } else {
        (16, 0xFFFF)
    };
    let group = |numbers: &[i32]| {
        let placed = numbers.iter().enumerate();
        placed.fold(0, |group, (at, number)| {
            group | (number & mask) << (at * width)
        })
    };
    numbers.chunks(n_in_group).map(group).collect()
}

/// What is multiplied, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    /// Bytes whose products are added up in pairs.
    Pairs,
    Words,
}

/// Runs the product of integers as it is written for the instruction set.
struct Product<'a> {
    kind: Kind,
    /// Panels as wide as those of attention's values, or as those of a linear layer.
    narrow: bool,
    k: usize,
    a: &'a [i32],
    weights: &'a [i8],
}

impl Kernel for Product<'_> {
    type Output = Vec<i32>;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> Vec<i32> {
        let n_in_group = if self.kind == Kind::Words { 2 } else { 4 };
        let width = I::LANES * if self.narrow { I::NARROW } else { I::WIDE };
        let (rows, n) = (self.a.len() / self.k, self.weights.len() / self.k);
        let n_groups = self.k / n_in_group;
        // What lies between the rows is not part of any.
        let a_stride = n_groups + 3;
        let mut a = vec![-1; rows * a_stride];
        for (from, to) in self.a.chunks(self.k).zip(a.chunks_mut(a_stride)) {
            to[..n_groups].copy_from_slice(&groups(from, n_in_group));
        }
        let mut panels = vec![-1; n.next_multiple_of(width) * n_groups];
        for (column, weights) in self.weights.chunks(self.k).enumerate() {
            let weights: Vec<i32> = weights.iter().copied().map(i32::from).collect();
            let panel = &mut panels[column / width * width * n_groups..];
            for (at, group) in groups(&weights, n_in_group).into_iter().enumerate() {
                panel[at * width + column % width] = group;
            }
        }
        let mut runs = Vec::new();
        if self.kind == Kind::Pairs {
            // What lies beyond the columns is no weight.
            let panels_of_bytes = std::mem::take(&mut panels);
            for panel in panels_of_bytes.chunks(n_groups * width) {
                let (mut cut, groups) = PanelRuns::pack(panel, width);
                cut.begin_at(panels.len());
                panels.extend(groups);
                runs.push(cut);
            }
        }
        let mut out = vec![i32::MIN; rows * n];
        let product = IntProduct {
            rows,
            n_groups,
            columns: 0..n,
            a: &a,
            a_stride,
            panels: &panels,
            runs: &runs,
            width,
        };
        let finish = Sums { n, out: &mut out };
        match self.kind {
            Kind::Bytes => product.run::<I, Bytes, _>(isa, finish),
            Kind::Pairs => product.run::<I, Pairs, _>(isa, finish),
            Kind::Words => product.run::<I, Words, _>(isa, finish),
        }
        out
    }
}

struct Sums<'a> {
    n: usize,
    out: &'a mut [i32],
}

impl Finish for Sums<'_> {
    type Column<I: Isa> = usize;

    #[inline(always)]
    fn column<I: Isa>(&self, _: I, column: usize) -> usize {
        column
    }

    #[inline(always)]
    fn finish<I: Isa>(&mut self, isa: I, row: usize, column: &usize, sums: I::I) {
        let to = &mut self.out[row * self.n + column..][..I::LANES];
        // SAFETY: `to` is as long as a register has lanes.
        unsafe { isa.store_int(sums, to.as_mut_ptr()) };
    }
}

fn pack(kernels: Kernels, weights: &[i8], k: usize, scale: f32, bias: &[f32]) -> Int8Panels {
    kernels.pack_int8(k, bias, |row, to| {
        to.copy_from_slice(&weights[row * k..(row + 1) * k]);
        scale
    })
}

const FUNCTIONS: [After; 5] = [
    After::Store,
    After::Add,
    After::Activate(Activation::Gelu),
    After::Activate(Activation::GeluTanh),
    After::Activate(Activation::Relu),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sums_of_integers_are_those_of_a_plain_loop(
        rows in 1_usize..70, n in 1_usize..=5, k in 1_usize..=50, narrow: bool,
        kinds in (pattern(), pattern()), seed: u64,
    ) {
        let (n, k) = (32 * n, 32 * k);
        let weights = kinds.0.weights(n * k, seed);
        let bytes = kinds.1.integers(rows * k, !seed, 0..=255);
        // The greatest word of which no sum leaves 32 bits.
        let limit = (i32::MAX / 128 / k as i32).min(0x7FFF);
        let words = kinds.1.integers(rows * k, !seed, -limit..=limit);
        let (exact_of_bytes, exact_of_words) =
            (plain_sums(&bytes, &weights, k), plain_sums(&words, &weights, k));
        for kernels in Kernels::all() {
            let set = kernels.instruction_set();
            let run = |kind, a: &[i32]| {
                kernels.run(Product { kind, narrow, k, a, weights: &weights })
            };
            // The portable path has all kinds, though it uses one.
            if multiplies_bytes(kernels) || set == InstructionSet::Portable {
                prop_assert!(run(Kind::Bytes, &bytes) == exact_of_bytes, "bytes on {}", set);
            }
            prop_assert!(run(Kind::Pairs, &bytes) == exact_of_bytes, "pairs on {}", set);
            prop_assert!(run(Kind::Words, &words) == exact_of_words, "words on {}", set);
        }
    }

    /// Rows of whole numbers that quantise to themselves, so that the result is known bit for bit.
    #[test]
    fn an_int8_layer_is_a_plain_loop_with_scale_and_bias(
        rows in 1_usize..70, n in 1_usize..=5, k in 1_usize..=50,
        kinds in (pattern(), pattern()), seed: u64,
    ) {
        let (n, k) = (32 * n, 32 * k);
        let (weights, bias) = (kinds.0.weights(n * k, seed), values(n, seed ^ 7));
        for kernels in Kernels::all() {
            let panels = pack(kernels, &weights, k, 0.125, &bias);
            let limit = panels.limit() as i32;
            let range = if kernels.run(KindOfGroups).bytes { 0..=255 } else { -limit..=limit };
            let mut whole = kinds.1.integers(rows * k, !seed, range.clone());
            for row in whole.chunks_mut(k) {
                row[..2].copy_from_slice(&[*range.start(), *range.end()]);
            }
            let floats: Vec<f32> = whole.iter().map(|&number| number as f32).collect();
            let sums = plain_sums(&whole, &weights, k);
            let exact = sums.iter().zip(bias.iter().cycle());
            let exact: Vec<f32> = exact.map(|(&sum, bias)| sum as f32 * 0.125 + bias).collect();
            let (mut quantised, mut out) = (QuantisedRows::default(), vec![f32::NAN; rows * n]);
            kernels.quantise(&floats, &panels, &mut quantised);
            kernels.linear_int8(&panels, &quantised, After::Store, &mut out);
            prop_assert!(out == exact, "{}", kernels.instruction_set());
            let head_dim = if n.is_multiple_of(64) { 64 } else { 32 };
            kernels.linear_int8_by_heads(&panels, &quantised, head_dim, &mut out);
            let by_heads: Vec<f32> = (0..n / head_dim)
                .flat_map(|head| exact.chunks(n).map(move |row| &row[head * head_dim..]))
                .flat_map(|part| &part[..head_dim])
                .copied()
                .collect();
            prop_assert!(out == by_heads, "by heads on {}", kernels.instruction_set());
        }
    }

    #[test]
    fn columns_of_an_int8_layer_are_those_of_the_whole(
        rows in 1_usize..40, n in 1_usize..=7, k in 1_usize..=12,
        (from, to) in (0_usize..7, 1_usize..=7), seed: u64,
    ) {
        let (first, end) = (32 * from.min(n - 1), 32 * to.clamp(from.min(n - 1) + 1, n));
        let (n, k) = (32 * n, 32 * k);
        let (a, before) = (values(rows * k, !seed), values(rows * n, seed ^ 1));
        let (weights, bias) = (Pattern::Random.weights(n * k, seed), values(n, seed ^ 7));
        let some = |whole: &[f32]| -> Vec<f32> {
            whole.chunks(n).flat_map(|row| row[first..end].to_vec()).collect()
        };
        for (kernels, after) in Kernels::all().into_iter().flat_map(|kernels| {
            FUNCTIONS.map(|after| (kernels, after))
        }) {
            let set = kernels.instruction_set();
            let panels = pack(kernels, &weights, k, 0.001, &bias);
            let mut quantised = QuantisedRows::default();
            kernels.quantise(&a, &panels, &mut quantised);
            let (mut whole, mut part) = (before.clone(), some(&before));
            kernels.linear_int8(&panels, &quantised, after, &mut whole);
            kernels.linear_int8(panels.columns(first..end), &quantised, after, &mut part);
            prop_assert!(part == some(&whole), "{:?} on {}", after, set);
            kernels.linear_int8_by_heads(&panels, &quantised, 32, &mut whole);
            let columns = panels.columns(first..end);
            kernels.linear_int8_by_heads(columns, &quantised, 32, &mut part);
            prop_assert!(part == whole[first * rows..end * rows], "by heads on {}", set);
        }
    }

    #[test]
    fn a_row_of_an_int8_layer_is_the_same_wherever_it_stands(
        rows in 2_usize..70, n in 1_usize..=5, k in 1_usize..=12, seed: u64,
    ) {
        let (n, k) = (32 * n, 32 * k);
        let (a, before) = (values(rows * k, !seed), values(rows * n, seed ^ 1));
        let (weights, bias) = (Pattern::Random.weights(n * k, seed), values(n, seed ^ 7));
        for (kernels, after) in Kernels::all().into_iter().flat_map(|kernels| {
            FUNCTIONS.map(|after| (kernels, after))
        }) {
            let panels = pack(kernels, &weights, k, 0.001, &bias);
            let mut quantised = QuantisedRows::default();
            let mut out = before.clone();
            kernels.quantise(&a, &panels, &mut quantised);
            kernels.linear_int8(&panels, &quantised, after, &mut out);
            let parts = a.chunks(k).zip(before.chunks(n)).zip(out.chunks(n));
            for ((a, before), expected) in parts {
                let mut alone = before.to_vec();
                kernels.quantise(a, &panels, &mut quantised);
                kernels.linear_int8(&panels, &quantised, after, &mut alone);
                let set = kernels.instruction_set();
                prop_assert!(alone == expected, "{:?} on {}", after, set);
            }
        }
    }
}

#[test]
fn no_sum_of_the_greatest_numbers_leaves_32_bits() {
    for k in [32, 1536, 2048, 4096, 8192] {
        for (kernels, weight) in Kernels::all()
            .into_iter()
            .flat_map(|kernels| [-128_i8, 127].map(|weight| (kernels, weight)))
        {
            let panels = pack(kernels, &vec![weight; 32 * k], k, 1.0, &[0.0; 32]);
            let (greatest, first) = if kernels.run(KindOfGroups).bytes {
                (255.0, 0.0)
            } else {
                (panels.limit(), -panels.limit())
            };
            // The first number of a row of bytes sets where they begin.
            let mut rows = vec![greatest; 2 * k];
            rows[0] = first;
            rows[k..].fill(-greatest);
            rows[k] = -first;
            let exact = |row: &[f32]| {
                let sum: f64 = row.iter().map(|&x| f64::from(x)).sum();
                sum * f64::from(weight)
            };
            let (mut quantised, mut out) = (QuantisedRows::default(), [f32::NAN; 64]);
            kernels.quantise(&rows, &panels, &mut quantised);
            kernels.linear_int8(&panels, &quantised, After::Store, &mut out);
            for (row, out) in rows.chunks(k).zip(out.chunks(32)) {
                let exact = exact(row);
                let set = kernels.instruction_set();
                for &ours in out {
                    let error = (f64::from(ours) - exact).abs();
                    assert!(error <= 1e-6 * exact.abs(), "{ours} for {exact} on {set}");
                }
            }
        }
    }
}

#[test]
fn no_rows_give_no_results() {
    for kernels in Kernels::all() {
        let panels = pack(kernels, &[1; 32 * 32], 32, 1.0, &[0.0; 32]);
        let mut quantised = QuantisedRows::default();
        kernels.quantise(&[], &panels, &mut quantised);
        kernels.linear_int8(&panels, &quantised, After::Store, &mut []);
        kernels.linear_int8_by_heads(&panels, &quantised, 32, &mut []);
    }
}
