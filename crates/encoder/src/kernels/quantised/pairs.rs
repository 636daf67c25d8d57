//! Products of bytes in pairs, for machines that have no instruction for four of them (AVX2 without
//! VNNI): `vpmaddubsw` multiplies bytes with signed bytes and adds two products up to one word, at
//! twice the rate of products of words. But a word is soon full: `255 * 127 * 2` does not fit, and is
//! cut off unseen.
//!
//! Activations are 0 to 255, so a sum of products stays within the word if the weights above 0 add up
//! to 128 at most and those below 0 too ([`MOST`](super::runs)). The weights are known when they are packed, so
//! they say how many groups of a panel fit into words before these must be widened to 32 bits:
//!
//! ```text
//! panel      run groups      run groups            weights that were     each widened
//!            ┌─────┬─────┐   ┌─────┬─────┐         too great             at once
//!            │ g 0 │ g 1 │   │ g 2 │ g 3 │  ...    ┌─────┬─────┐
//!            └─────┴─────┘   └─────┴─────┘         │ g 7 │ g 30│
//!             words, widened  words, widened       └─────┴─────┘
//! ```
//!
//! The run is of one length in a panel, since a loop whose length changes all the time is predicted
//! badly. Where a run does not fit, what is too much moves from one of its groups to a line at the
//! panel's end, which is multiplied with the same activations. So the sums are exact: the very
//! integers that machines with instructions for bytes have.

use crate::kernels::simd::Isa;

use super::product::{AHEAD, AddUp, IntProduct, prefetch};

/// Bytes, of which pairs of products are added up as words for a run.
pub(in crate::kernels) struct Pairs;

impl AddUp for Pairs {
    #[inline(always)]
    unsafe fn add_up<I: Isa, const NV: usize, const MR: usize>(
        product: &IntProduct<'_>,
        isa: I,
        row: usize,
        column: usize,
    ) -> [[I::I; NV]; MR] {
        let (n_groups, width) = (product.n_groups, product.width);
        let runs = &product.runs[column / width];
        let a = product.a[row * product.a_stride..].as_ptr();
        let panel = product.panels[runs.at + column % width..].as_ptr();
        let ones = isa.splat_int(0x0001_0001);
        let mut sums = [[isa.splat_int(0); NV]; MR];
        let mut start = 0;
        while start < n_groups {
            let end = (start + runs.len).min(n_groups);
            let mut words = [[isa.splat_int(0); NV]; MR];
            for group in start..end {
                // SAFETY: `a` holds `MR` rows of `n_groups` groups, and `panel` as many lines, in
                // each of which `NV` registers follow.
                unsafe {
                    let line = panel.add(group * width);
                    if row == 0 {
                        for v in 0..NV {
                            prefetch(line.wrapping_add(v * I::LANES + AHEAD));
                        }
                    }
                    let mut weights = [isa.splat_int(0); NV];
                    for (v, weights) in weights.iter_mut().enumerate() {
                        *weights = isa.load_int(line.add(v * I::LANES));
                    }
                    for (row, words) in words.iter_mut().enumerate() {
                        let group = isa.splat_int(*a.add(row * product.a_stride + group));
                        for (words, &weights) in words.iter_mut().zip(&weights) {
                            *words = isa.add_words(*words, isa.dot_pairs(group, weights));
                        }
                    }
                }
            }
            for (sums, words) in sums.iter_mut().zip(&words) {
                for (sum, &words) in sums.iter_mut().zip(words) {
                    *sum = isa.dot_words(*sum, words, ones);
                }
            }
            start = end;
        }
        for (line, &group) in runs.extra.iter().enumerate() {
            // SAFETY: as above; the lines at the end follow those of the groups.
            unsafe {
                let line = panel.add((n_groups + line) * width);
                for (row, sums) in sums.iter_mut().enumerate() {
                    let group = *a.add(row * product.a_stride + usize::from(group));
                    let group = isa.splat_int(group);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let weights = isa.load_int(line.add(v * I::LANES));
                        *sum = isa.dot_words(*sum, isa.dot_pairs(group, weights), ones);
                    }
                }
            }
        }
        sums
    }
}
