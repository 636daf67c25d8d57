//! A matrix of int8 weights, packed in the order in which the product reads it.

use std::ops::Range;

use rayon::prelude::*;

use crate::kernels::aligned::Aligned;
use crate::kernels::huge_pages::{self, Packed};

use super::runs::PanelRuns;

/// The greatest word of an activation, where the length of the sums allows it.
const MAX_WORD: usize = 8191;

/// An int8 matrix `[n, k]` with its bias, in the order in which the product reads it.
#[derive(Debug)]
pub(crate) struct Int8Panels {
    /// `n / width` panels (rounded up) of `[k / group, width]`.
    pub(in crate::kernels) groups: Packed,
    /// How each panel is cut, where products are added up in pairs; else none.
    pub(in crate::kernels) runs: Vec<PanelRuns>,
    /// One value a column: the scale, the scaled sum of the weights, and the bias.
    pub(in crate::kernels) scales: Aligned,
    pub(in crate::kernels) sums: Aligned,
    pub(in crate::kernels) bias: Aligned,
    pub(in crate::kernels) width: usize,
    n: usize,
    k: usize,
    /// No value of a product is greater in magnitude, where that is known.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "GELU is in words there alone")
    )]
    reach: Option<f32>,
}

impl Int8Panels {
    /// Packs the matrix, of which `row` writes out a row and returns its scale; as many rows as
    /// `bias` has values. `k` is a multiple of 32.
    pub(in crate::kernels) fn pack<R>(
        width: usize,
        bytes: bool,
        k: usize,
        bias: &[f32],
        row: R,
    ) -> Self
    where
        R: Fn(usize, &mut [i8]) -> f32 + Sync,
    {
        let n = bias.len();
        let n_padded = n.next_multiple_of(width);
        let group = if bytes { 4 } else { 2 };
        let n_groups = k / group;
        let mut groups = Aligned::<i32>::zeroed(n_padded * n_groups);
        let columns: Vec<Vec<(f32, i32)>> = groups
            .par_chunks_mut(width * n_groups)
            .enumerate()
            .map_init(
                || vec![0; k],
                |unpacked, (number, panel)| {
                    let first = number * width;
                    let pack_column = |column: usize| {
                        let scale = row(first + column, unpacked);
                        for (at, weights) in unpacked.chunks_exact(group).enumerate() {
                            panel[at * width + column] = group_of(weights);
                        }
                        (
                            scale,
                            unpacked.iter().map(|&weight| i32::from(weight)).sum(),
                        )
                    };
                    (0..width.min(n - first)).map(pack_column).collect()
                },
            )
            .collect();
        let mut packed = Self {
            groups: Packed::Alone(groups),
            runs: Vec::new(),
            scales: Aligned::zeroed(n_padded),
            sums: Aligned::zeroed(n_padded),
            bias: Aligned::zeroed(n_padded),
            width,
            n,
            k,
            reach: None,
        };
        packed.bias[..n].copy_from_slice(bias);
        for (column, (scale, sum)) in columns.into_iter().flatten().enumerate() {
            packed.scales[column] = scale;
            packed.sums[column] = scale * sum as f32;
        }
        packed
    }

    /// Puts the groups, which are panels of `[n_groups, width]`, in another order.
    #[cfg(target_arch = "x86_64")]
    pub(in crate::kernels) fn reordered(
        mut self,
        order: impl Fn(&[i32], usize) -> Aligned<i32>,
    ) -> Self {
        let n_groups = self.groups.len() / self.scales.len().max(1);
        self.groups = Packed::Alone(order(&self.groups, n_groups));
        self
    }

    /// Cuts the panels, which are of bytes, into runs for [`Pairs`](super::Pairs).
    pub(in crate::kernels) fn in_runs(mut self) -> Self {
        let panel_len = self.k / 4 * self.width;
        let panels = self.groups.par_chunks_exact(panel_len);
        let packed: Vec<_> = panels
            .map(|panel| PanelRuns::pack(panel, self.width))
            .collect();
        let len = packed.iter().map(|(_, groups)| groups.len()).sum();
        let mut groups = Aligned::zeroed(len);
        let mut at = 0;
        for (mut runs, panel) in packed {
            groups[at..at + panel.len()].copy_from_slice(&panel);
            runs.begin_at(at);
            at += panel.len();
            self.runs.push(runs);
        }
        self.groups = Packed::Alone(groups);
        self
    }

    /// Moves the weights of all `matrices` side by side into memory that is quick to address. They
    /// are best in the order in which they are read.
    pub(crate) fn move_together<'a>(matrices: impl Iterator<Item = &'a mut Self>) {
        let mut groups: Vec<_> = matrices.map(|matrix| &mut matrix.groups).collect();
        huge_pages::move_together(&mut groups);
    }

    /// Puts a matrix `[n, k]` together from the groups, the scales, the sums and the bias of one that was
    /// packed before.
    pub(super) fn from_parts(
        groups: Packed,
        runs: Vec<PanelRuns>,
        [scales, sums, bias]: [Aligned; 3],
        width: usize,
        [n, k]: [usize; 2],
        reach: Option<f32>,
    ) -> Self {
        Self {
            groups,
            runs,
            scales,
            sums,
            bias,
            width,
            n,
            k,
            reach,
        }
    }

    /// What was said of the greatest value of a product.
    pub(super) fn reach(&self) -> Option<f32> {
        self.reach
    }

    /// The number of values in a row of results.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The number of values in a row of activations.
    pub(crate) fn k(&self) -> usize {
        self.k
    }

    /// The greatest word for activations, so that no sum leaves 32 bits.
    pub(crate) fn limit(&self) -> f32 {
        MAX_WORD.min(i32::MAX as usize / 128 / self.k.max(1)) as f32
    }

    /// Says that no value of a product will be greater than `reach` in magnitude, or hardly.
    pub(crate) fn with_reach(mut self, reach: f32) -> Self {
        self.reach = Some(reach);
        self
    }

    /// The bits below the point of words that hold all values of a product and a little more, where
    /// that leaves enough of them.
    #[cfg(target_arch = "x86_64")]
    pub(in crate::kernels) fn word_bits(&self) -> Option<u32> {
        const ENOUGH: u32 = 8;
        const MOST: u32 = 10;
        let reach = self.reach? * 1.05 + 1.0;
        (ENOUGH..=MOST)
            .rev()
            .find(|bits| reach * (1 << bits) as f32 <= 32_767.0)
    }

    /// Some of the columns of the result: from a multiple of 32 to a multiple of 32.
    pub(crate) fn columns(&self, columns: Range<usize>) -> Int8Columns<'_> {
        Int8Columns {
            panels: self,
            columns,
        }
    }
}

/// The part of a matrix that makes some columns of the result.
#[derive(Debug, Clone)]
pub(crate) struct Int8Columns<'a> {
    pub(in crate::kernels) panels: &'a Int8Panels,
    pub(in crate::kernels) columns: Range<usize>,
}

impl<'a> From<&'a Int8Panels> for Int8Columns<'a> {
    fn from(panels: &'a Int8Panels) -> Self {
        panels.columns(0..panels.n)
    }
}

/// Four bytes or two words as one group.
fn group_of(weights: &[i8]) -> i32 {
    match *weights {
        [low, high] => i32::from(low) & 0xFFFF | i32::from(high) << 16,
        [b0, b1, b2, b3] => i32::from_le_bytes([b0, b1, b2, b3].map(i8::cast_unsigned)),
        _ => unreachable!("groups are of four or of two"),
    }
}
