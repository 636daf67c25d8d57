//! The arithmetic, behind a seam that knows rows and matrices but nothing of models.
//!
//! Kernels are written once over the trait `simd::Isa` and compiled for each instruction set; the
//! best one that the machine has is picked once, at run time. Results may differ in the last bits
//! between instruction sets, never within one: no sum depends on the rows beside it.
#![allow(
    unsafe_code,
    reason = "intrinsics and the pointers of the innermost loops live here"
)]
#![allow(
    clippy::inline_always,
    reason = "only inlined code takes on the instruction set of the function around it"
)]

mod aligned;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod pointwise;
mod product;
mod scalar;
mod simd;

use std::sync::OnceLock;

use self::pointwise::{Activate, AddNorm};
use self::scalar::Scalar;
use self::simd::{Isa, Kernel};

pub(crate) use self::aligned::Aligned;
pub(crate) use self::attention::{Attention, AttentionScratch};
pub(crate) use self::pointwise::Activation;
pub(crate) use self::product::Panels;

/// The kernels for one instruction set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels(Path);

#[derive(Debug, Clone, Copy)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    Scalar(Scalar),
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
            all.extend(avx512::Avx512::detect().map(Path::Avx512));
            all.extend(avx2::Avx2::detect().map(Path::Avx2));
        }
        all.push(Path::Scalar(Scalar));
        all.into_iter().map(Self).collect()
    }

    /// The name of the instruction set.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "avx2",
            Path::Scalar(_) => "scalar",
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
    pub(crate) fn attend(self, attention: Attention<'_>) {
        self.run(attention);
    }

    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(isa) => isa.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(isa) => isa.run(kernel),
            Path::Scalar(isa) => isa.run(kernel),
        }
    }
}

/// The weights of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gain: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) epsilon: f32,
}

/// Asks for the width of a panel.
struct Width;

impl Kernel for Width {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, _: I) -> usize {
        I::WIDE * I::LANES
    }
}

#[cfg(test)]
mod tests;
