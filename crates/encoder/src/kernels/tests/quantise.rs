//! How far a row of activations is from itself after it was quantised.

use super::*;

/// Quantises rows and turns them back, by a layer whose matrix is the identity.
fn through_integers(kernels: Kernels, rows: &[f32], k: usize) -> Vec<f32> {
    let panels = kernels.pack_int8(k, &vec![0.0; k], |row, to| {
        to.fill(0);
        to[row] = 1;
        1.0
    });
    let (mut quantised, mut out) = (QuantisedRows::default(), vec![f32::NAN; rows.len()]);
    kernels.quantise(rows, &panels, &mut quantised);
    kernels.linear_int8(&panels, &quantised, After::Store, &mut out);
    out
}

/// The distance of two neighbouring numbers of a row, and its greatest magnitude.
fn step(kernels: Kernels, row: &[f32]) -> (f64, f64) {
    let of = |start: f32, choose: fn(f32, f32) -> f32| row.iter().copied().fold(start, choose);
    let (least, greatest) = (of(f32::MAX, f32::min), of(f32::MIN, f32::max));
    let magnitude = f64::from(greatest.max(-least));
    if kernels.run(KindOfGroups).bytes {
        ((f64::from(greatest) - f64::from(least)) / 255.0, magnitude)
    } else {
        (magnitude / 8191.0, magnitude)
    }
}

fn check(kernels: Kernels, rows: &[f32], k: usize) {
    let back = through_integers(kernels, rows, k);
    for (row, back) in rows.chunks(k).zip(back.chunks(k)) {
        let (step, magnitude) = step(kernels, row);
        for (&value, &back) in row.iter().zip(back) {
            let error = (f64::from(value) - f64::from(back)).abs();
            // Half a step, and what f32 rounds on the way.
            let most = step * 0.500_1 + magnitude * 5e-7;
            let set = kernels.instruction_set();
            assert!(error <= most, "{back} for {value}, step {step} on {set}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_value_comes_back_within_half_a_step(
        n_rows in 1_usize..6, k in 1_usize..=12, exponent in -30_i32..=36, shift in -3.0_f32..3.0,
        outlier in prop_oneof![Just(1.0_f32), -1e4_f32..1e4], seed: u64,
    ) {
        let k = 32 * k;
        let magnitude = 10.0_f32.powi(exponent);
        let outlier = if exponent > 30 { 1.0 } else { outlier };
        let mut rows: Vec<f32> = values(n_rows * k, seed)
            .into_iter()
            .map(|value| (value + shift) * magnitude)
            .collect();
        for (number, row) in rows.chunks_mut(k).enumerate() {
            row[(seed as usize).wrapping_add(7 * number) % k] *= outlier;
        }
        for kernels in Kernels::all() {
            check(kernels, &rows, k);
        }
    }

    /// Each activation is off by half a step at most, and so the sum by that times the weights.
    #[test]
    fn an_int8_layer_is_within_its_steps_of_the_exact_product(
        n_rows in 1_usize..9, n in 1_usize..=4, k in 1_usize..=30, seed: u64,
    ) {
        let (n, k) = (32 * n, 32 * k);
        let (rows, bias) = (values(n_rows * k, seed), values(n, seed ^ 7));
        let weights = integers(n * k, !seed, -127..=127);
        let scales: Vec<f32> = values(n, seed ^ 5).iter().map(|x| x.abs() / 200.0).collect();
        for kernels in Kernels::all() {
            let panels = kernels.pack_int8(k, &bias, |row, to| {
                for (to, &weight) in to.iter_mut().zip(&weights[row * k..]) {
                    *to = weight as i8;
                }
                scales[row]
            });
            let (mut quantised, mut out) = (QuantisedRows::default(), vec![f32::NAN; n_rows * n]);
            kernels.quantise(&rows, &panels, &mut quantised);
            kernels.linear_int8(&panels, &quantised, After::Store, &mut out);
            for (row, out) in rows.chunks(k).zip(out.chunks(n)) {
                let (step, magnitude) = step(kernels, row);
                for (column, &ours) in out.iter().enumerate() {
                    let weights = &weights[column * k..][..k];
                    let scale = f64::from(scales[column]);
                    let products = row.iter().zip(weights);
                    let sum: f64 = products.map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
                    let size: f64 = weights.iter().map(|&weight| f64::from(weight.abs())).sum();
                    let error = (f64::from(ours) - scale * sum - f64::from(bias[column])).abs();
                    let most = scale * size * (step * 0.501 + magnitude * 1e-6) + 1e-6;
                    prop_assert!(error <= most, "{} for {}", error, most);
                }
            }
        }
    }
}

#[test]
fn rows_of_one_value_come_back_as_they_were() {
    for kernels in Kernels::all() {
        for value in [0.0, -0.0, 1.0, -1.0, 0.3, -1e-20, 1e30, 7e-30] {
            let back = through_integers(kernels, &[value; 96], 96);
            for back in back {
                let error = (back - value).abs();
                assert!(error <= value.abs() * 2e-7, "{back} for {value}");
            }
        }
    }
}

#[test]
fn the_greatest_and_the_least_value_are_kept() {
    for kernels in Kernels::all() {
        // Each position, since lanes are folded in more than one step.
        for at in 0..64 {
            let mut row = [0.5; 64];
            row[at] = 100.0;
            row[(at + 29) % 64] = -60.0;
            let back = through_integers(kernels, &row, 64);
            let (step, _) = step(kernels, &row);
            let error = f64::from(
                (back[at] - 100.0)
                    .abs()
                    .max((back[(at + 29) % 64] + 60.0).abs()),
            );
            assert!(error <= step * 0.501, "{error} at {at}");
        }
    }
}

/// Too small for the inverse of a step to be a number.
#[test]
fn rows_that_are_nearly_nothing_stay_so() {
    for kernels in Kernels::all() {
        for magnitude in [1e-36, 1e-38, 1e-40, 1e-45] {
            let row: Vec<f32> = values(64, 3)
                .iter()
                .map(|value| value * magnitude)
                .collect();
            let back = through_integers(kernels, &row, 64);
            assert!(back.iter().all(|back| back.abs() < 1e-30), "{back:?}");
        }
    }
}

#[test]
fn a_row_with_an_infinity_or_without_numbers_does_not_come_back_finite() {
    for kernels in Kernels::all() {
        for at in 0..64 {
            for infinite in [f32::INFINITY, f32::NEG_INFINITY] {
                let mut row = values(64, 3);
                row[at] = infinite;
                let back = through_integers(kernels, &row, 64);
                let set = kernels.instruction_set();
                assert!(back.iter().any(|back| !back.is_finite()), "{at} on {set}");
            }
        }
        let back = through_integers(kernels, &[f32::NAN; 64], 64);
        assert!(back.iter().all(|back| back.is_nan()), "{back:?}");
    }
}

#[test]
fn the_rows_beside_one_that_is_not_a_number_are_left_alone() {
    for kernels in Kernels::all() {
        let mut rows = values(3 * 64, 3);
        let expected = through_integers(kernels, &rows, 64);
        rows[64..128].fill(f32::NAN);
        let back = through_integers(kernels, &rows, 64);
        assert_eq!(back[..64], expected[..64]);
        assert_eq!(back[128..], expected[128..]);
    }
}
