//! The arithmetic, behind a seam that knows rows and matrices but nothing of models.
//!
//! Kernels are written once over the trait `simd::Isa` and compiled for each instruction set; the
//! best one that the machine has is picked once, at run time. Results may differ in the last bits
//! between instruction sets, never within one: no sum depends on the rows beside it.
//!
//! [`Kernels`] knows all files below and none of them knows it: they take the instruction set as an
//! argument, and leave what needs a choice between instruction sets to this file.
#![allow(
    unsafe_code,
    reason = "intrinsics and the pointers of the innermost loops live here"
)]
#![allow(
    clippy::inline_always,
    reason = "only inlined code takes on the instruction set of the function around it"
)]

mod aligned;
#[cfg(target_arch = "x86_64")]
mod amx;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod between;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod emulator;
mod exp2;
mod huge_pages;
mod int_attention;
mod norm_rows;
mod pointwise;
mod portable;
mod product;
mod quantised;
mod questions;
mod simd;
#[cfg(target_arch = "x86_64")]
mod words;

use std::sync::OnceLock;

use crate::instruction_set::InstructionSet;

use self::attention::FloatAttention;
use self::norm_rows::NormRows;
use self::pointwise::{Activate, AddNorm};
use self::portable::Portable;
use self::quantised::{InRegisters, Int8Columns, Int8Linear, Layout, PanelLayout, Quantise};
use self::questions::{Groups, KindOfGroups, Peak, Width};
use self::simd::{Isa, Kernel};

pub(crate) use self::aligned::Aligned;
pub(crate) use self::attention::{Attention, AttentionScratch};
pub(crate) use self::between::{Activated, Between};
pub(crate) use self::int_attention::{HeadRows, IntAttention, IntAttentionScratch, RowAttention};
pub(crate) use self::norm_rows::Norm;
pub(crate) use self::pointwise::Activation;
pub(crate) use self::product::Panels;
pub(crate) use self::quantised::{
    After, Int8Panels, LAYOUT_VERSION, QuantisedPart, QuantisedRows, StoredInt8,
};

/// The kernels for one instruction set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels(Path);

#[derive(Debug, Clone, Copy)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(avx512::Avx512<true>),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512<false>),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(avx2::Avx2<true>),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2<false>),
    Portable(Portable),
}

impl Kernels {
    /// Returns the fastest kernels for this machine.
    pub(crate) fn detect() -> Self {
        static FASTEST: OnceLock<Kernels> = OnceLock::new();
        *FASTEST.get_or_init(|| Self::all()[0])
    }

    /// Returns all kernels that this machine can run, the fastest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(amx::Amx::detect().map(Path::Amx));
            all.extend(avx512::Avx512::detect().map(Path::Avx512Vnni));
            all.extend(avx512::Avx512::detect().map(Path::Avx512));
            all.extend(avx2::Avx2::detect().map(Path::AvxVnni));
            all.extend(avx2::Avx2::detect().map(Path::Avx2));
        }
        all.push(Path::Portable(Portable));
        all.into_iter().map(Self).collect()
    }

    /// Returns the kernels for one instruction set, where the machine has it.
    pub(crate) fn of(set: InstructionSet) -> Option<Self> {
        Self::all()
            .into_iter()
            .find(|kernels| kernels.instruction_set() == set)
    }

    /// The instruction set.
    pub(crate) fn instruction_set(self) -> InstructionSet {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Amx(_) => InstructionSet::Amx,
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Vnni(_) => InstructionSet::Avx512Vnni,
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => InstructionSet::Avx512,
            #[cfg(target_arch = "x86_64")]
            Path::AvxVnni(_) => InstructionSet::AvxVnni,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => InstructionSet::Avx2,
            Path::Portable(_) => InstructionSet::Portable,
        }
    }

    /// Packs a matrix `[bias.len(), k]`, whose rows `row` writes out, for [`Self::linear`].
    pub(crate) fn pack<R>(self, k: usize, bias: &[f32], row: R) -> Panels
    where
        R: Fn(usize, &mut [f32]) + Sync,
    {
        Panels::pack(self.run(Width), k, bias, row)
    }

    /// `out = a * matrix^T + bias`, for `out.len() / n` rows.
    pub(crate) fn linear(self, matrix: &Panels, a: &[f32], out: &mut [f32]) {
        let rows = out.len() / matrix.n().max(1);
        self.run(matrix.product(rows, a, out));
    }

    /// Applies `activation` to every value.
    pub(crate) fn activate(self, activation: Activation, values: &mut [f32]) {
        self.run(Activate { activation, values });
    }

    /// Adds `delta` to `rows`, then normalises each row (Ba et al., arXiv:1607.06450).
    pub(crate) fn add_norm(self, rows: &mut [f32], delta: Option<&[f32]>, norm: &Norm) {
        let Norm {
            gain,
            shift,
            epsilon,
        } = norm;
        self.run(AddNorm {
            rows,
            delta,
            gain,
            shift,
            epsilon: *epsilon,
        });
    }

    /// Runs attention for one sequence.
    pub(crate) fn attend(self, attention: Attention<'_>, scratch: &mut AttentionScratch) {
        self.run(FloatAttention { attention, scratch });
    }

    /// Packs a matrix `[bias.len(), k]` of which `row` writes out a row and returns its scale, for
    /// [`Self::linear_int8`].
    pub(crate) fn pack_int8<R>(self, k: usize, bias: &[f32], row: R) -> Int8Panels
    where
        R: Fn(usize, &mut [i8]) -> f32 + Sync,
    {
        #[cfg(target_arch = "x86_64")]
        if let Path::Amx(_) = self.0 {
            let panels = Int8Panels::pack(amx::PANEL_WIDTH, true, k, bias, row);
            return panels.reordered(amx::in_tile_order);
        }
        let Groups { bytes, in_runs } = self.run(KindOfGroups);
        let panels = Int8Panels::pack(self.run(Width), bytes, k, bias, row);
        if in_runs { panels.in_runs() } else { panels }
    }

    /// How matrices `[n, k]` of these sizes, as [`Self::pack_int8`] packs them, become bytes.
    pub(crate) fn stored_int8(self, shapes: Vec<[usize; 2]>) -> StoredInt8 {
        #[cfg(target_arch = "x86_64")]
        if let Path::Amx(_) = self.0 {
            return StoredInt8::new(amx::PANELS, shapes);
        }
        let Groups { bytes, in_runs } = self.run(KindOfGroups);
        let layout = PanelLayout {
            width: self.run(Width),
            group: if bytes { 4 } else { 2 },
            step: 1,
            in_runs,
        };
        StoredInt8::new(layout, shapes)
    }

    /// Quantises rows to be multiplied with `matrix`, each by itself.
    pub(crate) fn quantise(self, rows: &[f32], matrix: &Int8Panels, to: &mut QuantisedRows) {
        self.quantise_from(rows, matrix, to, 0);
    }

    /// As [`Self::quantise`], into `to` from row `first` on. They become the last rows of `to`.
    pub(crate) fn quantise_from(
        self,
        rows: &[f32],
        matrix: &Int8Panels,
        to: &mut QuantisedRows,
        first: usize,
    ) {
        self.run(Quantise {
            rows,
            k: matrix.k(),
            limit: matrix.limit(),
            to,
            first,
        });
    }

    /// Normalises rows in place, and quantises them into `to`, from row `first` on, to be
    /// multiplied with `matrix`. They become the last rows of `to`.
    pub(crate) fn norm_and_quantise(
        self,
        rows: &mut [f32],
        norm: &Norm,
        matrix: &Int8Panels,
        to: &mut QuantisedRows,
        first: usize,
    ) {
        self.run(NormRows {
            rows,
            norm,
            limit: matrix.limit(),
            to,
            first,
        });
    }

    /// `out = rows * matrix^T + bias`, and what comes after; for a whole matrix, or some columns of
    /// the result, which then stand alone in `out`.
    pub(crate) fn linear_int8<'a>(
        self,
        matrix: impl Into<Int8Columns<'a>>,
        rows: impl Into<QuantisedPart<'a>>,
        after: After,
        out: &mut [f32],
    ) {
        self.multiply(Int8Linear {
            matrix: matrix.into(),
            rows: rows.into(),
            layout: Layout::Rows,
            after,
            out,
            by: InRegisters,
        });
    }

    /// As [`Self::linear_int8`], with the results head after head,
    /// `[columns / head_dim, rows, head_dim]`.
    pub(crate) fn linear_int8_by_heads<'a>(
        self,
        matrix: impl Into<Int8Columns<'a>>,
        rows: impl Into<QuantisedPart<'a>>,
        head_dim: usize,
        out: &mut [f32],
    ) {
        self.multiply(Int8Linear {
            matrix: matrix.into(),
            rows: rows.into(),
            layout: Layout::Heads(head_dim),
            after: After::Store,
            out,
            by: InRegisters,
        });
    }

    fn multiply(self, linear: Int8Linear<'_, InRegisters>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Amx(amx) => amx.run(linear.by(amx::ByTiles(amx))),
            _ => self.run(linear),
        }
    }

    /// Runs attention for one sequence, in integers; in bf16 where there are tiles, which have no
    /// words.
    pub(crate) fn attend_int8(self, attention: IntAttention<'_>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Amx(amx) => {
                let mut attention = attention;
                amx.attend(&mut attention);
            }
            _ => self.run(attention),
        }
    }

    /// Runs attention for whole sequences, from their quantised rows on: what
    /// [`Self::linear_int8_by_heads`] and then [`Self::attend_int8`] and
    /// [`Self::quantise_from`] give, bit for bit.
    pub(crate) fn attend_rows(self, attention: RowAttention<'_>) {
        let RowAttention {
            rows,
            reader,
            to,
            first,
            scratch,
            ..
        } = attention;
        let mut mixed = std::mem::take(&mut scratch.mixed);
        let context = mixed.of_len(rows.n_rows() * reader.k());
        let attention = RowAttention {
            scratch: &mut *scratch,
            to: &mut *to,
            ..attention
        };
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Amx(amx) => amx.attend_rows(attention, context),
            _ => self.attend_apart(attention, context),
        }
        self.quantise_from(context, reader, to, first);
        scratch.mixed = mixed;
    }

    /// Works out queries, keys and values, and then the attention of each sequence, into `out`,
    /// `[rows, n_heads * head_dim]`.
    fn attend_apart(self, attention: RowAttention<'_>, mut out: &mut [f32]) {
        let RowAttention {
            n_heads,
            head_dim,
            rows,
            scratch,
            ..
        } = attention;
        let (hidden, n_rows) = (n_heads * head_dim, rows.n_rows());
        let mut asked = std::mem::take(&mut scratch.asked);
        let mut offered = std::mem::take(&mut scratch.offered);
        let queries = asked.of_len(n_rows * hidden);
        self.linear_int8_by_heads(attention.query, rows, head_dim, queries);
        let keys_values = offered.of_len(2 * n_rows * hidden);
        self.linear_int8_by_heads(attention.keys_values, rows, head_dim, keys_values);
        let (keys, values) = keys_values.split_at(n_rows * hidden);
        let mut first = 0;
        for &len in attention.lens {
            let (own, later) = out.split_at_mut(len * hidden);
            out = later;
            let of = |values| HeadRows {
                values,
                n_rows,
                rows: first..first + len,
            };
            self.attend_int8(IntAttention {
                n_heads,
                head_dim,
                queries: of(queries),
                keys: of(keys),
                values: of(values),
                out: own,
                scratch: &mut *scratch,
            });
            first += len;
        }
        scratch.asked = asked;
        scratch.offered = offered;
    }

    /// Runs the first half of a feed-forward layer and its activation, and quantises what comes
    /// out for the second half.
    pub(crate) fn feed(self, between: Between<'_>) {
        let Between {
            up,
            activation,
            rows,
            down,
            to,
            scratch,
        } = between;
        self.activate_columns(up.into(), rows, activation, scratch);
        self.quantise_activated(scratch, up, activation, down, to);
    }

    /// The first part of [`Self::feed`], for some columns.
    pub(crate) fn activate_columns(
        self,
        columns: Int8Columns<'_>,
        rows: QuantisedPart<'_>,
        activation: Activation,
        to: &mut Activated,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(bits) = self.bits_of_words(columns.panels, activation) {
            match self.0 {
                Path::Amx(amx) => return amx.activate(columns, rows, bits, &mut to.words),
                Path::Avx512Vnni(isa) => return isa.activate(columns, rows, bits, &mut to.words),
                _ => {}
            }
        }
        let values = to.values_of(rows.n_rows(), columns.columns.len());
        self.linear_int8(columns, rows, After::Activate(activation), values);
    }

    /// Puts columns beside each other that [`Self::activate_columns`] has worked out apart: all those
    /// of `up`.
    pub(crate) fn join_activated<'a>(
        self,
        parts: impl Iterator<Item = &'a Activated>,
        up: &Int8Panels,
        activation: Activation,
        to: &mut Activated,
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.bits_of_words(up, activation).is_some() {
            return to.words.join(parts.map(|part| &part.words));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = activation;
        to.join_values(parts, up.n());
    }

    /// The second part of [`Self::feed`], when all columns of `up` are there.
    pub(crate) fn quantise_activated(
        self,
        activated: &Activated,
        up: &Int8Panels,
        activation: Activation,
        down: &Int8Panels,
        to: &mut QuantisedRows,
    ) {
        #[cfg(target_arch = "x86_64")]
        if self.bits_of_words(up, activation).is_some() {
            match self.0 {
                Path::Amx(amx) => return amx.quantise_words(&activated.words, to),
                Path::Avx512Vnni(isa) => return isa.quantise_words(&activated.words, to),
                _ => {}
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = activation;
        let values = &activated.values[..activated.n_rows * up.n()];
        self.quantise(values, down, to);
    }

    /// The bits below the point of the words in which the activation is worked out, if it is.
    #[cfg(target_arch = "x86_64")]
    fn bits_of_words(self, up: &Int8Panels, activation: Activation) -> Option<u32> {
        match (self.0, activation) {
            (Path::Amx(_) | Path::Avx512Vnni(_), Activation::Gelu) => up.word_bits(),
            _ => None,
        }
    }

    /// The operations a second (a multiplication and an addition are two) that one core of this
    /// machine reaches in registers alone: for linear layers, and for attention. Takes some
    /// milliseconds.
    #[allow(dead_code, reason = "the bench of the stages compares with it")]
    pub(crate) fn peaks(self) -> [f64; 2] {
        #[cfg(target_arch = "x86_64")]
        if let Path::Amx(amx) = self.0 {
            return amx.peaks();
        }
        let best = |bytes| {
            let rates = (0..200).map(|_| self.run(Peak { bytes }));
            rates.fold(0.0, f64::max)
        };
        let (linear, words) = (best(true), best(false));
        // Scores are products of what linear layers multiply too, and contexts of words.
        [linear, 2.0 / (1.0 / linear + 1.0 / words)]
    }

    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Amx(amx) => amx.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Vnni(isa) => isa.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(isa) => isa.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Path::AvxVnni(isa) => isa.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(isa) => isa.run(kernel),
            Path::Portable(isa) => isa.run(kernel),
        }
    }
}

impl InstructionSet {
    /// Those that this machine and its operating system allow, the fastest first.
    pub fn available() -> Vec<Self> {
        let all = Kernels::all().into_iter();
        all.map(Kernels::instruction_set).collect()
    }
}

#[cfg(test)]
mod tests;
