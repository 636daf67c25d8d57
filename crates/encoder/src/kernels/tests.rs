mod attention;
mod feed;
mod few_machines;
mod lanes;
mod products;
mod quantise;

use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::*;

#[test]
fn every_machine_has_the_portable_path() {
    let available = InstructionSet::available();
    assert_eq!(available.last(), Some(&InstructionSet::Portable));
}

/// Values in -2..2 that look random, the same for the same seed.
fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..len).map(|_| next()).collect()
}

/// Integers in `range` that look random, the same for the same seed.
fn integers(len: usize, seed: u64, range: RangeInclusive<i32>) -> Vec<i32> {
    let (least, n) = (*range.start(), range.end() - range.start() + 1);
    let integer = |value: f32| least + (f64::from(value + 2.0) / 4.0 * f64::from(n)) as i32;
    values(len, seed).into_iter().map(integer).collect()
}

/// Tells whether an instruction multiplies four bytes with four others and adds up.
fn multiplies_bytes(kernels: Kernels) -> bool {
    let Groups { bytes, in_runs } = kernels.run(KindOfGroups);
    bytes && !in_runs
}

fn close(ours: &[f32], exact: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), exact.len());
    for (at, (&ours, &exact)) in ours.iter().zip(exact).enumerate() {
        let difference = (f64::from(ours) - exact).abs();
        assert!(
            difference <= tolerance * exact.abs().max(1.0),
            "{at}: {ours} for {exact}"
        );
    }
}

fn pack(kernels: Kernels, matrix: &[f32], k: usize, bias: &[f32]) -> Panels {
    kernels.pack(k, bias, |row, to| {
        to.copy_from_slice(&matrix[row * k..(row + 1) * k]);
    })
}

/// The error function by its series, which cancels too much beyond 4.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        // 1 - erf(4) is 1.5e-8.
        return x.signum();
    }
    let (mut sum, mut term) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_agree_with_the_plain_sum(
        rows in 1_usize..40, n in 1_usize..120, k in 1_usize..300, seed: u64,
    ) {
        let (a, matrix) = (values(rows * k, seed), values(n * k, !seed));
        let bias = values(n, seed ^ 7);
        let mut exact = Vec::new();
        for a in a.chunks(k) {
            for (row, &bias) in matrix.chunks(k).zip(&bias) {
                let terms = a.iter().zip(row).map(|(&a, &b)| f64::from(a) * f64::from(b));
                exact.push(f64::from(bias) + terms.sum::<f64>());
            }
        }
        for kernels in Kernels::all() {
            let mut out = vec![f32::NAN; rows * n];
            kernels.linear(&pack(kernels, &matrix, k, &bias), &a, &mut out);
            close(&out, &exact, 1e-4);
        }
    }

    #[test]
    fn a_row_of_a_product_is_the_same_wherever_it_stands(
        rows in 2_usize..60, n in 1_usize..120, k in 1_usize..700, seed: u64,
    ) {
        let (a, matrix) = (values(rows * k, seed), values(n * k, !seed));
        let bias = values(n, seed ^ 7);
        for kernels in Kernels::all() {
            let panels = pack(kernels, &matrix, k, &bias);
            let mut out = vec![0.0; rows * n];
            kernels.linear(&panels, &a, &mut out);
            for (a, expected) in a.chunks(k).zip(out.chunks(n)) {
                let mut alone = vec![0.0; n];
                kernels.linear(&panels, a, &mut alone);
                prop_assert_eq!(&alone[..], expected);
            }
        }
    }

    #[test]
    fn attention_agrees_with_the_plain_sum(
        n_queries in 1_usize..90, n_keys in 1_usize..150, n_heads in 1_usize..4,
        head_dim in 1_usize..70, seed: u64,
    ) {
        let hidden = n_heads * head_dim;
        let queries = values(n_queries * hidden, seed);
        let keys_values = values(n_keys * 2 * hidden, !seed);
        let exact = plain_attention(&queries, &keys_values, n_heads, head_dim);
        for kernels in Kernels::all() {
            let mut out = vec![f32::NAN; queries.len()];
            let mut scratch = AttentionScratch::default();
            // A longer sequence before leaves its traces in the scratch memory.
            for n_keys_before in [n_keys + 60, n_keys] {
                let mut keys_values = keys_values.clone();
                keys_values.resize(n_keys_before * 2 * hidden, 9.0);
                let (queries, out) = (&queries, &mut out);
                let keys_values = &keys_values;
                let scratch = &mut scratch;
                kernels.attend(Attention { n_heads, head_dim, queries, query_stride: hidden, keys_values, key_stride: 2 * hidden, out }, scratch);
            }
            close(&out, &exact, 1e-4);
        }
    }

    #[test]
    fn normalised_rows_agree_with_the_plain_sum(
        rows in 1_usize..5, width in 1_usize..100, seed: u64,
    ) {
        let (row_values, delta) = (values(rows * width, seed), values(rows * width, !seed));
        let norm = Norm { gain: values(width, 3), shift: values(width, 4), epsilon: 1e-5 };
        let mut exact = Vec::new();
        for (row, delta) in row_values.chunks(width).zip(delta.chunks(width)) {
            let row: Vec<f64> = row.iter().zip(delta).map(|(a, b)| f64::from(a + b)).collect();
            let mean = row.iter().sum::<f64>() / width as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
            let scales = norm.gain.iter().zip(&norm.shift);
            exact.extend(row.iter().zip(scales).map(|(x, (&gain, &shift))| {
                (x - mean) / (variance + 1e-5).sqrt() * f64::from(gain) + f64::from(shift)
            }));
        }
        for kernels in Kernels::all() {
            let mut out = row_values.clone();
            kernels.add_norm(&mut out, Some(&delta), &norm);
            close(&out, &exact, 1e-3);
        }
    }
}

fn plain_attention(
    queries: &[f32],
    keys_values: &[f32],
    n_heads: usize,
    head_dim: usize,
) -> Vec<f64> {
    let hidden = n_heads * head_dim;
    let mut out = Vec::new();
    for query in queries.chunks(hidden) {
        for head in 0..n_heads {
            let part = head * head_dim..(head + 1) * head_dim;
            let query = &query[part.clone()];
            let weights: Vec<f64> = keys_values
                .chunks(2 * hidden)
                .map(|key| query.iter().zip(&key[part.clone()]))
                .map(|pairs| {
                    pairs
                        .map(|(&q, &k)| f64::from(q) * f64::from(k))
                        .sum::<f64>()
                })
                .map(|score| (score / (head_dim as f64).sqrt()).exp())
                .collect();
            let sum: f64 = weights.iter().sum();
            for at in part {
                let values = keys_values
                    .chunks(2 * hidden)
                    .map(|row| f64::from(row[hidden + at]));
                let mixed: f64 = values
                    .zip(&weights)
                    .map(|(value, weight)| value * weight)
                    .sum();
                out.push(mixed / sum);
            }
        }
    }
    out
}

#[test]
fn activations_are_exact_to_f32() {
    let inputs: Vec<f32> = (-6000..=6000).map(|at| at as f32 / 500.0).collect();
    let check = |activation, exact: &dyn Fn(f64) -> f64| {
        let exact: Vec<f64> = inputs.iter().map(|&x| exact(f64::from(x))).collect();
        for kernels in Kernels::all() {
            let mut out = inputs.clone();
            kernels.activate(activation, &mut out);
            close(&out, &exact, 1.5e-6);
        }
    };
    check(Activation::Gelu, &|x| {
        x / 2.0 * (1.0 + erf(x / 2.0_f64.sqrt()))
    });
    check(Activation::GeluTanh, &|x| {
        let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        x / 2.0 * (1.0 + u.tanh())
    });
    check(Activation::Relu, &|x| x.max(0.0));
}

#[test]
fn activations_leave_no_infinity_behind() {
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
        for kernels in Kernels::all() {
            let mut out = [f32::MIN, -1e9, -90.0, 0.0, 90.0, 1e9];
            kernels.activate(activation, &mut out);
            assert!(
                out.iter().all(|value| value.is_finite()),
                "{activation:?} {out:?}"
            );
            close(&out[3..], &[0.0, 90.0, 1e9], 1e-6);
        }
    }
}

/// Multiplies and adds in registers only, as fast as the machine can.
struct Peak;

impl Kernel for Peak {
    type Output = (f64, f32);

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> (f64, f32) {
        let mut sums = [isa.splat(1.0); 12];
        let factor = isa.splat(std::hint::black_box(0.5));
        let start = std::time::Instant::now();
        for _ in 0..40_000 {
            for sum in &mut sums {
                *sum = isa.mul_add(*sum, factor, factor);
            }
        }
        let rate = 40_000.0 * 12.0 * 2.0 * I::LANES as f64 / start.elapsed().as_secs_f64();
        let mut total = sums[0];
        for &sum in &sums[1..] {
            total = isa.add(total, sum);
        }
        (rate, isa.sum(total))
    }
}

/// Prints the rate of the product against the peak of the machine; the best of many short runs.
#[test]
#[ignore = "a measurement, not a check"]
fn rate_of_the_product() {
    for kernels in Kernels::all() {
        let peak = (0..200).map(|_| kernels.run(Peak).0).fold(0.0, f64::max);
        eprintln!(
            "{} peak {:.1} GFLOP/s",
            kernels.instruction_set(),
            peak / 1e9
        );
        for (rows, n, k) in [
            (128, 384, 384),
            (128, 768, 384),
            (128, 1536, 384),
            (128, 384, 1536),
            (12, 1536, 384),
            (128, 128, 32),
            (128, 32, 128),
        ] {
            let a = values(rows * k, 1);
            let panels = pack(kernels, &values(n * k, 2), k, &values(n, 3));
            let mut out = vec![0.0; rows * n];
            let best = (0..400).map(|_| {
                let start = std::time::Instant::now();
                kernels.linear(&panels, &a, &mut out);
                start.elapsed().as_secs_f64()
            });
            let best = best.fold(f64::MAX, f64::min);
            let rate = 2.0 * (rows * n * k) as f64 / best;
            eprintln!(
                "  {rows} x {k} -> {n}: {:.1} GFLOP/s, {:.0} %",
                rate / 1e9,
                rate / peak * 100.0
            );
        }
        let mut between = values(128 * 1536, 1);
        let best = (0..300).map(|_| {
            let start = std::time::Instant::now();
            kernels.activate(Activation::Gelu, &mut between);
            start.elapsed().as_secs_f64()
        });
        eprintln!(
            "  GELU {:.2} ns a value",
            best.fold(f64::MAX, f64::min) * 1e9 / 196_608.0
        );
        for n_rows in [128, 256, 512] {
            let (queries, keys_values) = (values(n_rows * 384, 1), values(n_rows * 768, 2));
            let mut out = vec![0.0; n_rows * 384];
            let mut scratch = AttentionScratch::default();
            let best = (0..100).map(|_| {
                let start = std::time::Instant::now();
                let attention = Attention {
                    n_heads: 12,
                    head_dim: 32,
                    queries: &queries,
                    query_stride: 384,
                    keys_values: &keys_values,
                    key_stride: 768,
                    out: &mut out,
                };
                kernels.attend(attention, &mut scratch);
                start.elapsed().as_secs_f64()
            });
            let best = best.fold(f64::MAX, f64::min);
            let rate = 4.0 * (n_rows * n_rows * 384) as f64 / best / 1e9;
            eprintln!(
                "  attention {n_rows}: {:.0} us, {rate:.1} GFLOP/s",
                best * 1e6
            );
        }
    }
}
