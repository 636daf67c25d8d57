//! The first half of a feed-forward layer in tiles, with GELU in words.

use std::ops::Range;

use super::product::{TakeBlock, multiply_blocks};
use super::proof::Amx;
use super::tiles::{SIDE, Sums, Tiles};
use crate::kernels::quantised::{Int8Columns, QuantisedPart};
use crate::kernels::words::{GeluWords, ToWords};

impl Amx {
    /// Fills `out` with GELU of some columns of the product.
    pub(in crate::kernels) fn activate(
        self,
        columns: Int8Columns<'_>,
        rows: QuantisedPart<'_>,
        bits: u32,
        out: &mut GeluWords,
    ) {
        // SAFETY: `self` proves the features.
        unsafe { activate(self, columns, rows, bits, out) }
    }
}

#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx512vbmi,avx2,fma"
)]
fn activate(
    amx: Amx,
    columns: Int8Columns<'_>,
    rows: QuantisedPart<'_>,
    bits: u32,
    out: &mut GeluWords,
) {
    let to_words = ToWords::new(amx.isa(), &columns, rows, bits, out);
    let product = rows.times(columns);
    multiply_blocks(&Tiles::configure(amx), &product, BlockToWords(to_words));
}

struct BlockToWords<'a>(ToWords<'a>);

impl TakeBlock for BlockToWords<'_> {
    #[inline(always)]
    fn take(&mut self, rows: Range<usize>, first: usize, sums: &Sums) {
        let isa = self.0.isa();
        for half in 0..2 {
            let columns = self.0.columns(first + half * SIDE);
            for row in rows.clone().step_by(2) {
                let number = row - rows.start;
                let sums = [number, number + 1].map(|row| sums.register(isa, row, half));
                self.0.take_two_rows(row, &columns, sums);
            }
        }
    }
}
