//! Products of bytes in pairs, for machines that have no instruction for four of them (AVX2 without
//! VNNI): `vpmaddubsw` multiplies bytes with signed bytes and adds two products up to one word, at
//! twice the rate of products of words. But a word is soon full: `255 * 127 * 2` does not fit, and is
//! cut off unseen.
//!
//! Activations are 0 to 255, so a sum of products stays within the word if the weights above 0 add up
//! to 128 at most and those below 0 too ([`MOST`]). The weights are known when they are packed, so
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

/// What the weights of one sign may add up to so that no sum of their products with bytes leaves a
/// word: `255 * 128 < 2^15`.
const MOST: u8 = 128;

/// The lengths of a run that are tried, from short to long.
const RUNS: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/// A line at the end of a panel takes the time of so many groups within a run.
const COST_OF_EXTRA: usize = 3;

/// How one panel is cut into runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kernels) struct PanelRuns {
    /// Where its groups begin.
    at: usize,
    /// Groups whose products are added up as words.
    len: usize,
    /// The groups of the lines at its end; a panel has 16,384 groups at most.
    extra: Vec<u16>,
}

impl PanelRuns {
    /// Tells whether the panel ends within `len` integers and all lines at its end are of one of
    /// its groups.
    pub(super) fn is_within(&self, n_groups: usize, width: usize, len: usize) -> bool {
        let n_lines = n_groups + self.extra.len();
        self.at + n_lines * width <= len
            && self.len > 0
            && self
                .extra
                .iter()
                .all(|&group| usize::from(group) < n_groups)
    }

    /// Cuts a panel of `[n_groups, width]`, four weights a group, into runs, and returns it with the
    /// lines at its end.
    pub(in crate::kernels) fn pack(panel: &[i32], width: usize) -> (Self, Vec<i32>) {
        let mut weights: Vec<[i8; 4]> = panel.iter().map(|&group| bytes(group)).collect();
        let len = best_len(&weights, width);
        let mut runs = Self {
            at: 0,
            len,
            extra: Vec::new(),
        };
        let mut moved = Vec::new();
        for (number, run) in weights.chunks_mut(len * width).enumerate() {
            let mut room = full(width);
            for (group, line) in run.chunks_exact_mut(width).enumerate() {
                let mut rest = fit(line, &mut room);
                while let Some(mut line) = rest {
                    rest = fit(&mut line, &mut full(width));
                    runs.extra.push((number * len + group) as u16);
                    moved.extend(line);
                }
            }
        }
        weights.extend(moved);
        let groups = weights.into_iter();
        let groups = groups.map(|four| i32::from_le_bytes(four.map(i8::cast_unsigned)));
        (runs, groups.collect())
    }

    /// A panel whose groups begin at `at`.
    pub(super) fn from_parts(at: usize, len: usize, extra: Vec<u16>) -> Self {
        Self { at, len, extra }
    }

    /// The groups of a run.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The groups of the lines at the end.
    pub(super) fn extra(&self) -> &[u16] {
        &self.extra
    }

    /// Says where the groups begin.
    pub(in crate::kernels) fn begin_at(&mut self, at: usize) {
        self.at = at;
    }
}

fn bytes(group: i32) -> [i8; 4] {
    group.to_le_bytes().map(u8::cast_signed)
}

/// The length of the runs with which a panel is read soonest.
fn best_len(weights: &[[i8; 4]], width: usize) -> usize {
    let loads: Vec<[u8; 4]> = weights.iter().copied().map(load).collect();
    let n_groups = weights.len() / width;
    let cost = |len: usize| {
        let n_extra = loads.chunks(len * width).map(|run| n_extra(run, width));
        n_groups.div_ceil(len) + COST_OF_EXTRA * n_extra.sum::<usize>()
    };
    let mut best = (cost(RUNS[0]), RUNS[0]);
    for len in &RUNS[1..] {
        let cost = cost(*len);
        if cost > best.0 {
            break;
        }
        best = (cost, *len);
    }
    best.1
}

/// What the first two and the last two weights of a group add up to, those above 0 and those below.
fn load(weights: [i8; 4]) -> [u8; 4] {
    let [a, b, c, d] = weights;
    let above = |a: i8, b: i8| a.max(0) as u8 + b.max(0) as u8;
    let below = |a: i8, b: i8| {
        a.min(0)
            .unsigned_abs()
            .saturating_add(b.min(0).unsigned_abs())
    };
    [above(a, b), below(a, b), above(c, d), below(c, d)]
}

/// The groups of a run of which something does not fit.
fn n_extra(run: &[[u8; 4]], width: usize) -> usize {
    let mut room = vec![[MOST; 4]; width];
    let overflows = |line: &[[u8; 4]]| {
        let mut any = false;
        for (room, load) in room.as_flattened_mut().iter_mut().zip(line.as_flattened()) {
            any |= load > room;
            *room = room.saturating_sub(*load);
        }
        any
    };
    run.chunks_exact(width)
        .map(overflows)
        .filter(|any| *any)
        .count()
}

/// The room for the weights of each column: of the first two and of the last two, above 0 and below.
type Room = Vec<[[u8; 2]; 2]>;

fn full(width: usize) -> Room {
    vec![[[MOST; 2]; 2]; width]
}

/// Takes what fits into the room that is left, and returns what does not, if anything.
fn fit(line: &mut [[i8; 4]], room: &mut Room) -> Option<Vec<[i8; 4]>> {
    let mut moved = None;
    let width = line.len();
    for (column, (weights, room)) in line.iter_mut().zip(room).enumerate() {
        for (at, weight) in weights.iter_mut().enumerate() {
            let room = &mut room[at / 2][usize::from(*weight < 0)];
            let fits = weight.unsigned_abs().min(*room);
            *room -= fits;
            let kept = (i16::from(fits) * i16::from(weight.signum())) as i8;
            if kept != *weight {
                let moved = moved.get_or_insert_with(|| vec![[0; 4]; width]);
                moved[column][at] = *weight - kept;
                *weight = kept;
            }
        }
    }
    moved
}

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
