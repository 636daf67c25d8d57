//! Dot products, by the widest instructions this processor has.
//!
//! The instruction set is picked once, at the first call. `scalar` is always built and is the
//! reference: the int8 product is the same number on every path, the f32 product is the same
//! number for every call on one path and within rounding of the others.

use std::sync::LazyLock;

mod scalar;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86_64;

/// Writes the dot product of `query` and each row of `rows` (`[out.len(), query.len()]`,
/// row-major) to `out`.
///
/// The sums are exact for every i8 value up to a width of 65 536.
///
/// # Panics
/// If `rows` does not hold `out.len()` rows.
pub(crate) fn dot_rows_i8(query: &[i8], rows: &[i8], out: &mut [i32]) {
    assert_eq!(
        rows.len(),
        out.len() * query.len(),
        "rows and results must match"
    );
    if query.is_empty() {
        out.fill(0);
        return;
    }
    match *KERNEL {
        Kernel::Scalar => scalar::dot_rows_i8(query, rows, out),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(avx2) => avx2.dot_rows_i8(query, rows, out),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512(avx512) => avx512.dot_rows_i8(query, rows, out),
    }
}

/// Writes the dot product of `query` and each of the rows that `ids` names to `out`, which it
/// makes as long as `ids`. Rows lie anywhere in `rows` (`[n, query.len()]`, row-major), so the
/// ones to come are fetched while one is summed.
///
/// # Panics
/// If a row lies outside `rows`.
pub(crate) fn dot_some_i8(query: &[i8], rows: &[i8], ids: &[u32], out: &mut Vec<i32>) {
    out.clear();
    out.resize(ids.len(), 0);
    if query.is_empty() {
        return;
    }
    match *KERNEL {
        Kernel::Scalar => scalar::dot_some_i8(query, rows, ids, out),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(avx2) => avx2.dot_some_i8(query, rows, ids, out),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512(avx512) => avx512.dot_some_i8(query, rows, ids, out),
    }
}

/// Asks the processor to fetch these values, which are read soon. Changes nothing else.
#[inline]
pub(crate) fn prefetch<T: Copy>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86_64::prefetch(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Returns the dot product of two vectors of the same width.
///
/// The order of the additions depends on the width and the processor only, so the same two
/// vectors give the same bits, in either order.
///
/// # Panics
/// If the widths differ.
#[inline]
pub(crate) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len(), "vectors must have the same width");
    match *KERNEL {
        Kernel::Scalar => scalar::dot_f32(left, right),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(avx2) => avx2.dot_f32(left, right),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512(avx512) => avx512.dot_f32(left, right),
    }
}

/// Names the instructions in use: `avx512-vnni`, `avx2` or `scalar`.
pub(crate) fn name() -> &'static str {
    match *KERNEL {
        Kernel::Scalar => "scalar",
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(_) => "avx2",
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512(_) => "avx512-vnni",
    }
}

/// The widest instruction set found, with the proof that it is there.
#[derive(Clone, Copy)]
enum Kernel {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86_64::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86_64::Avx512),
}

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx512) = x86_64::Avx512::detect() {
            return Kernel::Avx512(avx512);
        }
        if let Some(avx2) = x86_64::Avx2::detect() {
            return Kernel::Avx2(avx2);
        }
    }
    Kernel::Scalar
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs every path that this machine has.
    fn every_i8(query: &[i8], rows: &[i8]) -> Vec<(&'static str, Vec<i32>)> {
        let mut results = Vec::new();
        let n_rows = rows.len() / query.len();
        let mut run = |name, path: &dyn Fn(&mut [i32])| {
            let mut out = vec![0; n_rows];
            path(&mut out);
            results.push((name, out));
        };
        run("picked", &|out| dot_rows_i8(query, rows, out));
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx2) = x86_64::Avx2::detect() {
                run("avx2", &|out| avx2.dot_rows_i8(query, rows, out));
            }
            if let Some(avx512) = x86_64::Avx512::detect() {
                run("avx512", &|out| avx512.dot_rows_i8(query, rows, out));
            }
        }
        results
    }

    /// Each path for rows here and there gives what it gives for all rows.
    fn check_some_i8(query: &[i8], rows: &[i8], ids: &[u32]) {
        let mut all = vec![0; rows.len() / query.len()];
        scalar::dot_rows_i8(query, rows, &mut all);
        let expected: Vec<i32> = ids.iter().map(|id| all[*id as usize]).collect();
        let mut out = vec![7; 3];
        dot_some_i8(query, rows, ids, &mut out);
        assert_eq!(out, expected);
        let mut path = |dot: &dyn Fn(&mut [i32])| {
            out.fill(0);
            dot(&mut out);
            assert_eq!(out, expected);
        };
        path(&|out| scalar::dot_some_i8(query, rows, ids, out));
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx2) = x86_64::Avx2::detect() {
                path(&|out| avx2.dot_some_i8(query, rows, ids, out));
            }
            if let Some(avx512) = x86_64::Avx512::detect() {
                path(&|out| avx512.dot_some_i8(query, rows, ids, out));
            }
        }
    }

    fn every_f32(left: &[f32], right: &[f32]) -> Vec<(&'static str, f32)> {
        let mut results = vec![("picked", dot_f32(left, right))];
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx2) = x86_64::Avx2::detect() {
                results.push(("avx2", avx2.dot_f32(left, right)));
            }
            if let Some(avx512) = x86_64::Avx512::detect() {
                results.push(("avx512", avx512.dot_f32(left, right)));
            }
        }
        results
    }

    #[test]
    fn i8_sums_of_extreme_values_are_exact_at_every_width() {
        for dim in (1..200).chain([384, 768, 1023, 4096]) {
            for (left, right) in [
                (-128, -128),
                (-128, 127),
                (127, -128),
                (127, 127),
                (-127, 127),
            ] {
                let expected = i32::from(left) * i32::from(right) * i32::try_from(dim).unwrap();
                for (path, sums) in every_i8(&vec![left; dim], &vec![right; 3 * dim]) {
                    assert_eq!(
                        sums, [expected; 3],
                        "{path}, {dim} values, {left} times {right}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_vector_of_no_width_gives_zero() {
        let mut out = [7; 3];
        dot_rows_i8(&[], &[], &mut out);
        assert_eq!(out, [0; 3]);
        assert_eq!(dot_f32(&[], &[]).to_bits(), 0.0_f32.to_bits());
        let mut out = vec![7];
        dot_some_i8(&[], &[], &[3, 4], &mut out);
        assert_eq!(out, [0; 2]);
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_row_that_is_not_there_is_not_read() {
        dot_some_i8(&[1; 64], &[1; 128], &[1, 2], &mut Vec::new());
    }

    fn pair_of_i8() -> impl Strategy<Value = (Vec<i8>, Vec<i8>)> {
        (1_usize..300, 0_usize..5).prop_flat_map(|(dim, n_rows)| {
            (
                prop::collection::vec(any::<i8>(), dim),
                prop::collection::vec(any::<i8>(), dim * n_rows),
            )
        })
    }

    fn pair_of_f32() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        (0_usize..300).prop_flat_map(|dim| {
            (
                prop::collection::vec(-2.0_f32..2.0, dim),
                prop::collection::vec(-2.0_f32..2.0, dim),
            )
        })
    }

    proptest! {
        #[test]
        fn i8_paths_equal_the_scalar_path((query, rows) in pair_of_i8()) {
            let mut expected = vec![0; rows.len() / query.len()];
            scalar::dot_rows_i8(&query, &rows, &mut expected);
            for (path, sums) in every_i8(&query, &rows) {
                prop_assert_eq!(&sums, &expected, "{}", path);
            }
        }

        #[test]
        fn i8_paths_for_some_rows_equal_the_scalar_path(
            (query, rows) in pair_of_i8(),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let n_rows = rows.len() / query.len();
            let picks = picks.iter().filter(|_| n_rows > 0);
            let ids: Vec<u32> = picks.map(|pick| pick.index(n_rows) as u32).collect();
            check_some_i8(&query, &rows, &ids);
        }

        #[test]
        fn f32_paths_agree_to_rounding_and_commute((left, right) in pair_of_f32()) {
            let expected: f64 =
                left.iter().zip(&right).map(|(l, r)| f64::from(*l) * f64::from(*r)).sum();
            let size: f64 =
                left.iter().zip(&right).map(|(l, r)| f64::from((l * r).abs())).sum();
            // The bound of a sum of n rounded products (Higham 2002, section 3.1).
            let tolerance = (left.len() + 1) as f64 * f64::from(f32::EPSILON) * size;
            let scalar = ("scalar", scalar::dot_f32(&left, &right));
            for (path, sum) in every_f32(&left, &right).into_iter().chain([scalar]) {
                prop_assert!((f64::from(sum) - expected).abs() <= tolerance, "{}", path);
            }
            prop_assert_eq!(every_f32(&left, &right), every_f32(&right, &left));
        }
    }
}
