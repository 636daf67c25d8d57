//! One pass of some sequences through the layers.

use crate::cancel::CancelToken;
use crate::kernels::Aligned;
use crate::tokenizer::tokens::Tokens;

use super::float;
use super::int8::{self, split::Split, split::SplitScratch};
use super::shape::{RunLayer, Shape};

/// The layers, in one of the two arithmetics.
#[derive(Debug)]
pub(super) enum Layers {
    Float(Vec<float::Layer>),
    Int8(Vec<int8::Layer>),
}

/// The memory that a forward pass works in, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(super) rows: Aligned,
    pub(super) first_rows: Aligned,
    float: float::Scratch,
    int8: int8::Scratch,
    split: SplitScratch,
    /// Threads that one sequence may be spread over.
    n_threads: usize,
}

impl Workspace {
    /// Lets one sequence be spread over `n_threads` threads.
    pub(crate) fn set_threads(&mut self, n_threads: usize) {
        self.n_threads = n_threads;
    }
}

/// What all layers of a pass share.
pub(super) struct Pass<'a> {
    pub(super) shape: Shape,
    pub(super) sequences: &'a [&'a Tokens],
    /// This many layers run for all rows; the one after them, if there is one, runs for the first row of
    /// each sequence, where nobody reads the others.
    pub(super) n_full: usize,
    pub(super) cancel: &'a CancelToken,
}

impl Pass<'_> {
    /// Runs the layers over `workspace.rows`, in place, the last one into `workspace.first_rows`.
    ///
    /// Asks `cancel` before each layer, and returns `false` where it said so.
    pub(super) fn run(&self, layers: &Layers, workspace: &mut Workspace) -> bool {
        let Workspace {
            rows,
            first_rows,
            float,
            int8,
            split,
            n_threads,
        } = workspace;
        let n_rows: usize = self.sequences.iter().map(|sequence| sequence.len()).sum();
        let rows = rows.of_len(n_rows * self.shape.hidden);
        let first_rows = first_rows.of_len(self.sequences.len() * self.shape.hidden);
        match layers {
            Layers::Float(layers) => self.one_by_one(layers, rows, first_rows, float),
            Layers::Int8(layers) => {
                if let [sequence] = *self.sequences
                    && *n_threads > 1
                {
                    let pass = self.split(layers, sequence, *n_threads);
                    return pass.run(rows, first_rows, split, self.cancel);
                }
                if let Some(first) = layers.first() {
                    first.quantise(&self.shape, rows, int8);
                }
                self.one_by_one(layers, rows, first_rows, int8)
            }
        }
    }

    /// Runs one layer after the other on this thread.
    fn one_by_one<L: RunLayer>(
        &self,
        layers: &[L],
        rows: &mut [f32],
        first_rows: &mut [f32],
        scratch: &mut L::Scratch,
    ) -> bool {
        let (full, last) = layers.split_at(self.n_full);
        for layer in full {
            if self.cancel.should_stop() {
                return false;
            }
            layer.run(&self.shape, self.sequences, rows, scratch);
        }
        for layer in last {
            if self.cancel.should_stop() {
                return false;
            }
            layer.run_for_first(&self.shape, self.sequences, rows, first_rows, scratch);
        }
        true
    }

    /// The pass of the only sequence, to be spread over threads.
    fn split<'a>(
        &'a self,
        layers: &'a [int8::Layer],
        sequence: &'a Tokens,
        n_threads: usize,
    ) -> Split<'a> {
        let (full, last) = layers.split_at(self.n_full);
        Split {
            shape: &self.shape,
            sequence,
            n_threads,
            full,
            last: last.first(),
        }
    }
}
