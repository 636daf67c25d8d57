//! Instruction sets that few machines have: natively where this one does, else in an emulator.
#![allow(clippy::print_stdout, reason = "which way a test ran is worth seeing")]

use super::*;

const SETS: [InstructionSet; 2] = [InstructionSet::Amx, InstructionSet::AvxVnni];

impl Kernels {
    /// Returns the kernels for `set` and says how they run; none where nothing can run them.
    pub(crate) fn native_or_emulated(set: InstructionSet) -> Option<Self> {
        let (kernels, how) = match (Self::of(set), emulated(set)) {
            (Some(kernels), _) => (Some(kernels), "on this machine's own instructions"),
            (None, Some(kernels)) => (Some(kernels), "in the emulator"),
            (None, None) => (None, "skipped, this machine cannot even emulate it"),
        };
        println!("{set}: {how}");
        kernels
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn emulated(set: InstructionSet) -> Option<Kernels> {
    let path = match set {
        InstructionSet::Amx => amx::Amx::emulated().map(Path::Amx),
        InstructionSet::AvxVnni => avx2::Avx2::emulated().map(Path::AvxVnni),
        _ => None,
    };
    path.map(Kernels)
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn emulated(_: InstructionSet) -> Option<Kernels> {
    None
}

/// Numbers below `n`, the same for the same seed.
fn numbers(len: usize, n: u16, seed: u64) -> Vec<u16> {
    let to_number = |value: f32| ((value + 2.0) / 4.0 * f32::from(n)) as u16 % n;
    values(len, seed).into_iter().map(to_number).collect()
}

fn run(kernels: Kernels, matrix: &Int8Panels, rows: &[f32], after: After, out: &mut [f32]) {
    let mut quantised = QuantisedRows::default();
    // What stood beyond the last row before must not be seen.
    let stale: Vec<f32> = rows.iter().chain(rows).map(|x| 9.0 - x).collect();
    kernels.quantise(&stale, matrix, &mut quantised);
    kernels.quantise(rows, matrix, &mut quantised);
    kernels.linear_int8(matrix, &quantised, after, out);
}

/// Compares sums with those of a plain loop. Rows that hold 0 and 255 are quantised to what they
/// are, with a scale of 1; a sum of more than 24 bits is rounded in the same way on both sides.
fn check_sums(kernels: Kernels, n_rows: usize, n: usize, k: usize, extreme: bool, seed: u64) {
    let mut bytes = numbers(n_rows * k, 256, seed);
    let weights: Vec<i8> = numbers(n * k, 256, !seed)
        .into_iter()
        .map(|x| if extreme { -128 } else { x as u8 as i8 })
        .collect();
    for row in bytes.chunks_exact_mut(k) {
        if extreme {
            row.fill(255);
        }
        (row[0], row[k - 1]) = (0, 255);
    }
    let matrix = kernels.pack_int8(k, &vec![0.0; n], |row, to| {
        to.copy_from_slice(&weights[row * k..][..k]);
        1.0
    });
    let rows: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
    let mut out = vec![f32::NAN; n_rows * n];
    run(kernels, &matrix, &rows, After::Store, &mut out);
    let mut sums = Vec::new();
    for row in bytes.chunks_exact(k) {
        for column in weights.chunks_exact(k) {
            let products = row.iter().zip(column);
            let products = products.map(|(&a, &b)| i32::from(a) * i32::from(b));
            sums.push(products.sum::<i32>() as f32);
        }
    }
    assert_eq!(out, sums, "{n_rows} x {k} -> {n}");
}

#[test]
fn sums_of_bytes_are_those_of_a_plain_loop() {
    for set in SETS {
        let Some(kernels) = Kernels::native_or_emulated(set) else {
            continue;
        };
        for n_rows in 1..=70 {
            check_sums(kernels, n_rows, 32, 32, false, n_rows as u64);
        }
        for (n_rows, n, k) in [
            (1, 32, 1536),
            (3, 96, 384),
            (15, 32, 96),
            (16, 64, 64),
            (17, 32, 160),
            (31, 96, 32),
            (32, 32, 512),
            (33, 64, 384),
            (37, 160, 224),
            (49, 32, 768),
        ] {
            check_sums(kernels, n_rows, n, k, false, 5);
            check_sums(kernels, n_rows, n, k, true, 5);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn tiles_finish_their_sums_as_avx512_does() {
    let Some(tiles) = Kernels::native_or_emulated(InstructionSet::Amx) else {
        return;
    };
    let registers = Kernels::of(InstructionSet::Avx512Vnni).unwrap();
    let activations = [Activation::Gelu, Activation::GeluTanh, Activation::Relu];
    let activated = activations.map(After::Activate);
    for after in [After::Store, After::Add].into_iter().chain(activated) {
        for (n_rows, n, k) in [(1, 32, 32), (21, 96, 160), (45, 64, 384)] {
            let rows = values(n_rows * k, 3);
            let weights = values(n * k, 4);
            let of = |kernels: Kernels| {
                let matrix = kernels.pack_int8(k, &values(n, 5), |row, to| {
                    let weights = weights[row * k..].iter();
                    for (to, weight) in to.iter_mut().zip(weights) {
                        *to = (weight * 63.0) as i8;
                    }
                    0.01 + row as f32 * 1e-4
                });
                let mut out = values(n_rows * n, 6);
                run(kernels, &matrix, &rows, after, &mut out);
                // The columns of the last panel alone are those of the whole.
                let mut quantised = QuantisedRows::default();
                let mut last = values(n_rows * n, 6);
                last = last
                    .chunks(n)
                    .flat_map(|row| row[n - 32..].to_vec())
                    .collect();
                kernels.quantise(&rows, &matrix, &mut quantised);
                kernels.linear_int8(matrix.columns(n - 32..n), &quantised, after, &mut last);
                let of_whole = out.chunks(n).flat_map(|row| &row[n - 32..]);
                assert!(last.iter().eq(of_whole), "{after:?}");
                out
            };
            assert_eq!(of(tiles), of(registers), "{after:?} {n_rows} x {k} -> {n}");
        }
    }
}

/// Attention with rows as [`plain_attention`] takes them.
fn attend(
    kernels: Kernels,
    (n_heads, head_dim): (usize, usize),
    queries: &[f32],
    keys_values: &[f32],
) -> Vec<f32> {
    let hidden = n_heads * head_dim;
    let n_queries = queries.len() / hidden;
    let queries = by_heads(queries, n_heads, head_dim);
    let mut scratch = IntAttentionScratch::default();
    let mut run = |keys_values: &[f32]| {
        let n_keys = keys_values.len() / 2 / hidden;
        let heads = by_heads(keys_values, 2 * n_heads, head_dim);
        let (keys, values) = heads.split_at(n_keys * hidden);
        let of = |values, n_rows| HeadRows {
            values,
            n_rows,
            rows: 0..n_rows,
        };
        let mut out = vec![f32::NAN; queries.len()];
        kernels.attend_int8(IntAttention {
            n_heads,
            head_dim,
            queries: of(&queries, n_queries),
            keys: of(keys, n_keys),
            values: of(values, n_keys),
            out: &mut out,
            scratch: &mut scratch,
        });
        out
    };
    // A longer sequence before leaves its traces in the scratch memory.
    run(&vec![9.0; keys_values.len() + 90 * 2 * hidden]);
    run(keys_values)
}

/// From `[n, n_heads, head_dim]` to `[n_heads, n, head_dim]`.
fn by_heads(rows: &[f32], n_heads: usize, head_dim: usize) -> Vec<f32> {
    let heads = (0..n_heads).flat_map(|head| {
        let rows = rows.chunks_exact(n_heads * head_dim);
        rows.flat_map(move |row| &row[head * head_dim..][..head_dim])
    });
    heads.copied().collect()
}

/// Values of up to 2 in bf16 are off by 2^-8 at most, and so is what is mixed of them; the rest is
/// what the scores are off.
#[test]
fn rounded_attention_agrees_with_the_plain_sum() {
    for set in SETS {
        let Some(kernels) = Kernels::native_or_emulated(set) else {
            continue;
        };
        let (tolerance, lengths): (_, &[usize]) = match set {
            InstructionSet::Amx => (
                1e-2,
                &[
                    1, 2, 3, 15, 16, 17, 31, 32, 33, 47, 48, 64, 65, 96, 127, 128, 129, 255, 256,
                    300,
                ],
            ),
            // Queries and keys are bytes. One trap for each 32 products takes its time.
            _ => (3e-2, &[1, 2, 15, 33, 64]),
        };
        for (number, &n_keys) in lengths.iter().enumerate() {
            let shape = [(2, 32), (1, 64)][number % 2];
            let hidden = shape.0 * shape.1;
            for n_queries in [1, n_keys.min(37)] {
                let queries = values(n_queries * hidden, 1 + n_keys as u64);
                let keys_values = values(n_keys * 2 * hidden, !(n_keys as u64));
                let out = attend(kernels, shape, &queries, &keys_values);
                let exact = plain_attention(&queries, &keys_values, shape.0, shape.1);
                close(&out, &exact, tolerance);
            }
        }
    }
}

#[test]
fn a_query_in_tiles_is_the_same_wherever_it_stands() {
    let Some(kernels) = Kernels::native_or_emulated(InstructionSet::Amx) else {
        return;
    };
    let (n_rows, hidden) = (43, 64);
    let queries = values(n_rows * hidden, 1);
    let keys_values = values(n_rows * 2 * hidden, 2);
    let together = attend(kernels, (2, 32), &queries, &keys_values);
    for (query, expected) in queries.chunks(hidden).zip(together.chunks(hidden)) {
        assert_eq!(attend(kernels, (2, 32), query, &keys_values), expected);
    }
}

/// Scores far apart and far from 0: rows whose weights have no room without care, beside others.
#[test]
fn rows_of_great_scores_in_tiles_agree_with_the_plain_sum() {
    let Some(kernels) = Kernels::native_or_emulated(InstructionSet::Amx) else {
        return;
    };
    for (n_rows, shape) in [(5, (1, 32)), (35, (2, 32)), (40, (1, 64))] {
        let hidden = shape.0 * shape.1;
        let queries = values(n_rows * hidden, 1);
        let mut keys_values = values(n_rows * 2 * hidden, 2);
        for row in keys_values.chunks_mut(2 * hidden) {
            // Whole numbers, which bf16 holds; what is added moves all scores of a query alike.
            for key in &mut row[..hidden] {
                *key = key.round() + 100.0;
            }
        }
        let together = attend(kernels, shape, &queries, &keys_values);
        let exact = plain_attention(&queries, &keys_values, shape.0, shape.1);
        close(&together, &exact, 2e-2);
        for (query, expected) in queries.chunks(hidden).zip(together.chunks(hidden)) {
            assert_eq!(attend(kernels, shape, query, &keys_values), expected);
        }
    }
}
